"""The listening half of `app.instance`: later starts hand their paths to the window that is open."""

from __future__ import annotations

import os

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket
from PySide6.QtWidgets import QWidget

from app.instance import LIMIT_BYTES, Request, read_reply, reply_line

_TALK_MS = 5000
_MAX_TALKS = 16


class _Talk(QObject):
    """One connection: one line in, one line out, then the end.

    Signals:
        said(Request).
        over(): nothing more will come.
    """

    said = Signal(object)
    over = Signal()

    def __init__(self, socket: QLocalSocket, parent: QObject) -> None:
        super().__init__(parent)
        self._socket = socket
        self._heard = b""
        socket.setParent(self)
        self._limit = QTimer(self)  # who says nothing may not stay
        self._limit.setSingleShot(True)
        self._limit.timeout.connect(self.end)
        self._limit.start(_TALK_MS)
        socket.disconnected.connect(self.over)
        socket.readyRead.connect(self.read)

    def read(self) -> None:
        """Take what has come; answer a whole line."""
        self._heard += self._socket.readAll().data()
        if len(self._heard) > LIMIT_BYTES:
            self.end()
        elif b"\n" in self._heard:
            self._socket.readyRead.disconnect(self.read)
            self._answer(self._heard.partition(b"\n")[0])

    def _answer(self, line: bytes) -> None:
        try:
            request = Request.from_line(line)
        except (ValueError, RecursionError):
            request = None
        self._socket.write(reply_line(request is not None))
        self._socket.flush()
        self._socket.disconnectFromServer()
        if request is not None:
            self.said.emit(request)

    def end(self) -> None:
        """Hang up."""
        self._socket.abort()


class InstanceServer(QObject):
    """Listens as long as the window is open. Only this user's processes can connect.

    Signals:
        asked(Request): a later start wants something opened, or just the window in front.
    """

    asked = Signal(object)

    def __init__(self, address: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._connected)
        QLocalServer.removeServer(address)  # left by a process that was killed: we hold the lock, so it is nobody's
        self.listening = self._server.listen(address)

    def _connected(self) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            if len(self._talks()) >= _MAX_TALKS:
                socket.abort()
                socket.deleteLater()
                continue
            talk = _Talk(socket, self)
            talk.said.connect(self.asked)
            talk.over.connect(talk.deleteLater)
            talk.read()

    def _talks(self) -> list[_Talk]:
        return self.findChildren(_Talk)

    def close(self) -> None:
        """Listen no more; a start that is waiting for an answer finds out and becomes the first."""
        self._server.close()
        for talk in self._talks():
            talk.end()


def hand_over(address: str, line: bytes, patience: float) -> bool:
    """Whether the first has taken the line within `patience` seconds; for systems without plain local sockets."""
    socket = QLocalSocket()
    milliseconds = max(1, int(1000 * patience))
    socket.connectToServer(address)
    if not socket.waitForConnected(milliseconds):
        return False
    socket.write(line)
    answer = b""
    while not answer.endswith(b"\n"):
        if not socket.waitForReadyRead(milliseconds):
            break
        answer += socket.readAll().data()
    return read_reply(answer)


def bring_to_front(window: QWidget, token: str = "") -> None:
    """Show the window above all others, also if it was minimised. `token`: the desktop's leave to do so."""
    if token:
        os.environ["XDG_ACTIVATION_TOKEN"] = token  # read by Qt on Wayland, which refuses without one
    if window.isMinimized():
        window.setWindowState(window.windowState() & ~Qt.WindowState.WindowMinimized)
    window.show()
    window.raise_()
    window.activateWindow()
