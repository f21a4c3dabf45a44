"""The data-set window: pages of charts beside each other, or what to do to have them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QPalette, QShortcut
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.icons import program_icon
from app.texts import tr

if TYPE_CHECKING:  # charts are loaded late
    from app.dataset_view.page import Compute, Page
    from app.jobs.dataset_numbers import DatasetNumbers

PageMaker = Callable[["Compute"], "Page"]


class EmptyPage(QWidget):
    """Says what is missing, and offers the audit where that is all."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = QLabel(self)
        self.text.setWordWrap(True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setFixedWidth(60 * self.fontMetrics().averageCharWidth())
        self.run = QPushButton(tr("Run the audit"), self)
        self.run.setAutoDefault(True)
        layout = QVBoxLayout(self)
        layout.setSpacing(20)
        layout.addStretch(1)
        layout.addWidget(self.text, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(self.run, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(2)


class DatasetWindow(QWidget):
    """A window of its own, so that two screens can be used.

    Signals:
        run_wanted(), stop_wanted(): of the audit.
        face_wanted(face, index): go to that face of the audit and that landmark.
        export_wanted(part, kind): of a chart or table: "png", "svg" or "csv".
        shown(): it came to be seen.
    """

    run_wanted = Signal()
    stop_wanted = Signal()
    face_wanted = Signal(int, int)
    export_wanted = Signal(object, str)
    shown = Signal()

    def __init__(self, compute: Compute) -> None:
        super().__init__(None, Qt.WindowType.Window)
        self.setObjectName("dataset_window")
        self.setWindowTitle(tr("Data set – Starmark"))
        self.setWindowIcon(program_icon())
        self._compute = compute
        self._numbers: DatasetNumbers | None = None
        self._stale: set[int] = set()
        self._landmark = 0
        self.pages: dict[int, Page] = {}
        self.makers: list[PageMaker] = []
        self._compose()
        self.resize(1240, 800)
        QShortcut(QKeySequence(QKeySequence.StandardKey.Close), self, self.close)

    def _compose(self) -> None:
        self.title = QLabel(self)
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.progress = QProgressBar(self)
        self.progress.setMaximumWidth(180)
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(tr("Progress of the audit"))
        self.run = QPushButton(tr("&Run the audit"), self)
        self.run.setToolTip(tr("Compare every label with what the model predicts; what is not predicted yet is "
                               "predicted first."))
        self.stop = QPushButton(tr("S&top"), self)
        self.stop.setToolTip(tr("Stop; predictions made so far are kept."))
        for button in (self.run, self.stop):
            button.setAutoDefault(True)
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        for widget in (self.progress, self.stop, self.run):
            head.addWidget(widget)
        self.empty = EmptyPage(self)
        self.tabs = QTabWidget(self)
        self.tabs.setDocumentMode(True)
        self.stack = QStackedWidget(self)
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.tabs)
        self.status = QLabel(self)
        self.status.setTextFormat(Qt.TextFormat.PlainText)
        self.status.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 6)
        layout.addLayout(head)
        layout.addWidget(self.stack, 1)
        layout.addWidget(self.status)
        for button in (self.run, self.empty.run):
            button.clicked.connect(lambda _on=False: self.run_wanted.emit())
        self.stop.clicked.connect(lambda _on=False: self.stop_wanted.emit())
        self.tabs.currentChanged.connect(lambda _place: self._show_page())

    def add_pages(self, makers: list[tuple[str, str, PageMaker]]) -> None:
        """Tabs (title, tip, what makes the page); a page is made when it is first looked at."""
        for title, tip, maker in makers:
            room = QWidget(self.tabs)
            QVBoxLayout(room).setContentsMargins(0, 0, 0, 0)
            self.makers.append(maker)
            self.tabs.addTab(room, title)
            self.tabs.setTabToolTip(self.tabs.count() - 1, tip)

    # -- what is shown

    def show_head(self, title: str, can_run: bool, running: bool) -> None:
        """The line above: what the charts are of, and whether an audit may be or is being made."""
        self.title.setText(title)
        self.run.setEnabled(can_run and not running)
        self.empty.run.setVisible(can_run and not running)
        self.stop.setVisible(running)
        self.progress.setVisible(running)
        if not running:
            self.progress.reset()

    def show_progress(self, done: int, total: int) -> None:
        """How far the audit is."""
        self.progress.setRange(0, total)
        self.progress.setValue(done)

    def show_empty(self, text: str) -> None:
        """No charts, and why."""
        self._numbers = None
        self.empty.text.setText(text)
        self.stack.setCurrentWidget(self.empty)

    def show_numbers(self, numbers: DatasetNumbers) -> None:
        """Charts of these; the pages that are not looked at follow when they are."""
        self._numbers = numbers
        self._landmark = min(self._landmark, len(numbers.landmarks) - 1)
        self._stale = set(range(self.tabs.count()))
        self.stack.setCurrentWidget(self.tabs)
        self._show_page()

    def say(self, text: str) -> None:
        """A line below."""
        self.status.setText(text)
        self.status.setToolTip(text)

    def page(self) -> Page | None:
        """The page that is looked at."""
        return self.pages.get(self.tabs.currentIndex())

    def _show_page(self) -> None:
        place = self.tabs.currentIndex()
        if self._numbers is None or place < 0:
            return
        if place not in self.pages:
            self.pages[place] = self._make(place)
        page = self.pages[place]
        if place in self._stale:
            self._stale.discard(place)
            page.show_numbers(self._numbers)
        page.choose_landmark(self._landmark)

    def _make(self, place: int) -> Page:
        page = self.makers[place](self._compute)
        room = self.tabs.widget(place)
        layout = None if room is None else room.layout()
        assert layout is not None
        layout.addWidget(page)
        page.wanted.connect(self.face_wanted)
        page.landmark_chosen.connect(self._remember)
        for part in page.exportable():
            part.export_wanted.connect(lambda kind, part=part: self.export_wanted.emit(part, kind))
        return page

    def _remember(self, index: int) -> None:
        self._landmark = index

    def showEvent(self, event: object) -> None:  # noqa: N802
        """It may have to catch up."""
        super().showEvent(event)  # type: ignore[arg-type]
        self.shown.emit()
