"""Windows without Qt: tkinter, zenity, kdialog or a terminal, whichever is there. Standard library only.

The set-up depends on none of them. Each runs as a process of its own, so that it stays alive whatever becomes of this
one, and so that its end tells that the user closed it.
"""

from __future__ import annotations

import contextlib
import html
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Protocol

from app.setup import system
from app.setup.console import SetupError
from app.setup.pip import NO_CONSOLE

_APPEAR_SECONDS = 20.0
_LOOK_SECONDS = 0.2
_END_SECONDS = 5.0
_HERE = Path(__file__).resolve().parent

# Terminal -> the words before the command that it shall run. The first is Debian's name for the user's choice.
TERMINALS: dict[str, tuple[str, ...]] = {
    "x-terminal-emulator": ("-e",),
    "konsole": ("-e",),
    "gnome-terminal": ("--",),
    "ptyxis": ("--",),
    "xfce4-terminal": ("-x",),
    "mate-terminal": ("-x",),
    "alacritty": ("-e",),
    "kitty": (),
    "foot": (),
    "xterm": ("-T", "Starmark", "-e"),
}


class Viewer(Protocol):
    """A window that is open."""

    def send(self, message: dict[str, object]) -> None:
        """A message as `viewer_tk` describes it. OSError if the window has gone."""

    def wait(self) -> None:
        """Until the user closed it."""

    def end(self) -> None:
        """Close it."""


def _line(message: dict[str, object]) -> bytes:
    return json.dumps(message).encode("ascii") + b"\n"


class _Tk:
    """`viewer_tk`, which reads from a pipe."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(_HERE / "viewer_tk.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            creationflags=NO_CONSOLE,
        )

    def appears(self, message: dict[str, object]) -> bool:
        """Whether it can be seen, with `message` in it."""
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):
            self.send(message)
            return self._process.stdout.readline().strip() == b"shown"
        return False

    def send(self, message: dict[str, object]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(_line(message))
        self._process.stdin.flush()

    def wait(self) -> None:
        self._process.wait()

    def end(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.send({"done": True})
        _end(self._process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """See a viewer off: it has a moment to go by itself."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def open_tk(first: dict[str, object] | None = None) -> Viewer | None:
    """A window of tkinter's with `first` in it, where this Python has it."""
    if getattr(sys, "frozen", False) or not all(map(importlib.util.find_spec, ("tkinter", "_tkinter"))):
        return None
    viewer = _Tk()
    if viewer.appears(first or {"status": "Starting…", "fraction": None}):
        return viewer
    viewer.end()
    return None


class _Zenity:
    """GNOME's dialog program: a progress dialog, or a text that can be selected."""

    def __init__(self) -> None:
        self._steps: list[str] = []
        words = ["--progress", "--title=Starmark", "--text=Setting up Starmark…", "--width=560", "--cancel-label=Stop"]
        self._process = subprocess.Popen(
            ["zenity", *words], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def send(self, message: dict[str, object]) -> None:
        if "fail" in message:
            self.end()
            show_with_zenity(str(message["title"]), failure_text(message))
            return
        assert self._process.stdin is not None
        lines = []
        if "line" in message:
            self._steps = [*self._steps[-5:], str(message["line"]).strip()]
            lines.append(f"# {_markup(self._steps)}")
        else:
            fraction = message.get("fraction")
            if isinstance(fraction, float):
                lines.append(str(min(99, round(100 * fraction))))
            lines.append(f"# {_markup([*self._steps, str(message['status'])])}")
        self._process.stdin.write(("\n".join(lines) + "\n").encode())
        self._process.stdin.flush()

    def wait(self) -> None:
        self._process.wait()

    def end(self) -> None:
        self._process.terminate()
        _end(self._process)


def _markup(lines: list[str]) -> str:
    """Zenity reads a label as markup with backslash escapes."""
    return "\\n".join(html.escape(line, quote=False).replace("\\", "\\\\") for line in lines)


def open_zenity() -> Viewer | None:
    """Zenity's progress dialog, where it is there."""
    return _Zenity() if shutil.which("zenity") else None


def open_terminal() -> Viewer | None:
    """A terminal window. It may belong to another process, so that it is talked to over a socket."""
    if not hasattr(socket, "AF_UNIX") or getattr(sys, "frozen", False):
        return None
    for terminal, words in TERMINALS.items():
        found = shutil.which(terminal)
        viewer = None if found is None else _in_terminal([found, *words])
        if viewer is not None:
            return viewer
    return None


def _in_terminal(command: list[str]) -> Viewer | None:
    with tempfile.TemporaryDirectory(prefix="starmark-") as folder, socket.socket(socket.AF_UNIX) as listener:
        address = str(Path(folder) / "socket")
        listener.bind(address)
        listener.listen()
        listener.settimeout(_LOOK_SECONDS)
        words = [sys.executable, "-I", str(_HERE / "viewer_text.py"), address]
        terminal = subprocess.Popen(
            [*command, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that Ctrl-C there or here is not meant for both
        )
        for _ in range(round(_APPEAR_SECONDS / _LOOK_SECONDS)):
            try:
                channel, _ = listener.accept()
            except TimeoutError:
                if terminal.poll():  # it failed; one that ended well gave the work to another process
                    return None
                continue
            channel.setblocking(True)
            return _Terminal(channel, terminal)
    _end(terminal)
    return None


class _Terminal:
    """`viewer_text` in a terminal, at the other end of a socket."""

    def __init__(self, channel: socket.socket, terminal: subprocess.Popen[bytes]) -> None:
        self._channel = channel
        self._terminal = terminal

    def send(self, message: dict[str, object]) -> None:
        self._channel.sendall(_line(message))

    def wait(self) -> None:
        self._channel.recv(1)  # it says nothing, so this returns when it has gone

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self.send({"done": True})
            self._channel.settimeout(_END_SECONDS)
            self.wait()
        self._channel.close()
        _end(self._terminal)


def show_with_zenity(title: str, text: str) -> bool:
    """A text that can be selected; returns when it was closed."""
    words = ["--text-info", f"--title={title}", "--width=680", "--height=360", "--ok-label=Close", "--cancel-label=OK"]
    return _ask(["zenity", *words], text)


def show_with_kdialog(title: str, text: str) -> bool:
    """An error box; returns when it was closed."""
    return _ask(["kdialog", "--title", title, "--error", html.escape(text).replace("\n", "<br>")])


def show_with_macos(title: str, text: str) -> bool:
    """The system's alert; returns when it was closed."""
    script = "on run argv\ndisplay alert (item 1 of argv) message (item 2 of argv) as critical\nend run"
    return _ask(["osascript", "-e", script, title, text])


def show_with_windows(title: str, text: str) -> bool:
    """The system's message box, whose text Ctrl+C copies; returns when it was closed."""
    if sys.platform != "win32":
        return False
    import ctypes

    error_icon, in_front = 0x10, 0x10000
    ctypes.windll.user32.MessageBoxW(None, text, title, error_icon | in_front)
    return True


def _ask(command: list[str], text: str = "") -> bool:
    """Whether the program was there and ran."""
    if shutil.which(command[0]) is None:
        return False
    try:
        done = subprocess.run(command, input=text.encode(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except OSError:
        return False
    return done.returncode in (0, 1)  # closed by its button or otherwise


def failure_text(message: dict[str, object]) -> str:
    """Reason and log in one text."""
    log = f"\n\nEverything that was printed is in {message['log']}" if message.get("log") else ""
    return f"{message['fail']}{log}"


def has_screen() -> bool:
    """Whether any window can be shown."""
    try:
        system.check_display({name: value for name, value in os.environ.items() if name != "QT_QPA_PLATFORM"})
    except SetupError:
        return False
    return True


def open_progress() -> Viewer | None:
    """The first kind of window that works here; None where none does."""
    if has_screen():
        for kind in (open_tk, open_zenity, open_terminal):
            with contextlib.suppress(OSError):
                viewer = kind()
                if viewer is not None:
                    return viewer
    return None


def show_failure(title: str, text: str, log: str) -> bool:
    """Show why the program did not start, until the user closes it. False where no window can be shown."""
    message: dict[str, object] = {"fail": text, "title": title, "log": log}
    if not has_screen():
        return False
    plain = failure_text(message)
    with contextlib.suppress(OSError):
        if (viewer := open_tk(message)) is not None:
            viewer.wait()
            viewer.end()
            return True
    if any(show(title, plain) for show in (show_with_windows, show_with_macos, show_with_zenity, show_with_kdialog)):
        return True
    with contextlib.suppress(OSError):
        if (viewer := open_terminal()) is not None:
            viewer.send(message)
            viewer.wait()
            viewer.end()
            return True
    return False
