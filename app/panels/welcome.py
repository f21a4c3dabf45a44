"""What the window shows while there is nothing to show: where to start."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from app.texts import tr
from core.paths import project_name

_RECENT_SHOWN = 5


class ProblemPage(QWidget):
    """Says why there is no picture."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines = [QLabel(self) for _ in range(3)]
        font = self._lines[0].font()
        font.setPointSizeF(font.pointSizeF() * 1.4)
        self._lines[0].setFont(font)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(48, 32, 48, 32)
        layout.setSpacing(12)
        layout.addStretch(2)
        for line in self._lines:
            line.setAlignment(Qt.AlignmentFlag.AlignCenter)
            line.setTextFormat(Qt.TextFormat.PlainText)
            line.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            line.setWordWrap(True)
            layout.addWidget(line)
        layout.addStretch(3)

    def show_text(self, title: str, what: str, hint: str) -> None:
        """A title, what is wrong, and what follows from it."""
        for line, text in zip(self._lines, (title, what, hint), strict=True):
            line.setText(text)

    def text(self) -> str:
        """All that is shown."""
        return "\n".join(line.text() for line in self._lines)


class WelcomePage(QWidget):
    """Three ways in, the drop hint, and recent projects."""

    def __init__(
        self, ways: Sequence[QAction], open_recent: Callable[[str], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._open_recent = open_recent
        title = QLabel(tr("See where landmarks are certain, and where labels are wrong"), self)
        font = title.font()
        font.setPointSizeF(font.pointSizeF() * 1.6)
        title.setFont(font)
        title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        title.setWordWrap(True)
        buttons = QHBoxLayout()
        buttons.setSpacing(16)
        buttons.addStretch(1)
        for action in ways:
            buttons.addWidget(self._way(action))
        buttons.addStretch(1)
        hint = QLabel(tr("or drop photos, a folder, a data set or a .starmark project anywhere on this window"), self)
        hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        hint.setWordWrap(True)
        self._recent_box = QFrame(self)
        self._recent = QVBoxLayout(self._recent_box)
        self._recent.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(32, 32, 32, 32)
        layout.setSpacing(20)
        layout.addStretch(2)
        layout.addWidget(title)
        layout.addLayout(buttons)
        layout.addWidget(hint)
        self._more = QVBoxLayout()
        layout.addLayout(self._more)
        layout.addWidget(self._recent_box)
        layout.addStretch(3)

    def _way(self, action: QAction) -> QToolButton:
        button = QToolButton(self)
        button.setText(action.text().replace("&", ""))
        button.setToolTip(action.toolTip())
        button.setIcon(action.icon())
        button.clicked.connect(action.trigger)
        action.changed.connect(lambda: button.setIcon(action.icon()))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setIconSize(QSize(48, 48))
        button.setMinimumSize(150, 108)
        button.setObjectName("way")
        button.setStyleSheet("QToolButton#way { border: 1px solid palette(mid); border-radius: 8px; padding: 10px; }")
        return button

    def add(self, widget: QWidget) -> None:
        """Something else to begin with, below the ways in."""
        self._more.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)

    def show_recent(self, paths: Sequence[str]) -> None:
        """List recent projects, newest first."""
        while (item := self._recent.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        self._recent_box.setVisible(bool(paths))
        if not paths:
            return
        heading = QLabel(tr("Recent"), self._recent_box)
        heading.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._recent.addWidget(heading)
        for path in list(paths)[:_RECENT_SHOWN]:
            button = QPushButton(project_name(path), self._recent_box)
            button.setFlat(True)
            button.setToolTip(path)
            button.setCursor(Qt.CursorShape.PointingHandCursor)
            button.clicked.connect(lambda _on=False, path=path: self._open_recent(path))
            self._recent.addWidget(button)
