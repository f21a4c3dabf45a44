"""The main window: composes docks, canvas, actions and bars around the document. What they do is elsewhere."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QByteArray, QSize, Qt, QTimer
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDropEvent, QPaintEvent
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.actions import ActionSet
from app.annotator import Annotator
from app.auditor import Auditor
from app.bindings import bind_actions, conditions, switch_layers
from app.blind import BlindDesk
from app.canvas.gestures import Tool
from app.canvas.view import CanvasView
from app.command_palette import CommandPalette
from app.document import Document
from app.edit_texts import shown_edit
from app.face_desk import FaceDesk
from app.flow import Flow
from app.flow_wiring import FlowWiring
from app.jobs.predict import BatchOutcome, ModelState
from app.kept import Kept
from app.menus import build_menus, build_toolbar
from app.opening import Opening
from app.panels.blind_bar import BlindBar
from app.panels.face import FacePanel
from app.panels.history import HistoryPanel
from app.panels.images import ImagePanel
from app.panels.landmarks import LandmarkPanel
from app.panels.message_bar import Message, MessageBar, Tone
from app.panels.name_bar import NameBar
from app.panels.status import StatusLine
from app.panels.steps import StepsPanel
from app.panels.view_options import ViewPanel
from app.panels.welcome import ProblemPage, WelcomePage
from app.places_to_go import PlacesToGo
from app.points_desk import PointsDesk
from app.scores import ScoreKeeper
from app.seeing import Seeing
from app.settings import Settings
from app.shortcuts import read
from app.steps_desk import StepsDesk
from app.texts import tr, tr_later
from app.theme import apply_theme
from app.tour.guide import Guide
from app.upkeep.keeper import Keeper
from app.workbench import LAYERS, Workbench
from core.paths import project_name


class MainWindow(QMainWindow):
    """One window, one project."""

    def __init__(self, settings: Settings, paths: Sequence[Path] = (), project: Path | str | None = None) -> None:
        super().__init__()
        self.settings = settings
        self._first_paths = list(paths)
        self._first_project = project
        self._started = False
        self._batch_text = ""
        self.document = Document(lambda: str(settings.value("author")), self)
        self.actions_ = ActionSet(self, read(str(settings.value("shortcuts"))))
        self.canvas = CanvasView(self)
        self.images = ImagePanel(self)
        self.landmarks = LandmarkPanel(self)
        self.view_options = ViewPanel(self.actions_.__getitem__, settings, self)
        self.messages = MessageBar(self)
        self.status = StatusLine(self.actions_["cancel"], self.actions_["author"], self)
        self.setStatusBar(self.status)
        self.workbench = Workbench(
            self.document, settings, self.canvas, self.images, self.landmarks, self.view_options, self
        )
        self.desk = FaceDesk(self.document, self.workbench, self.canvas, FacePanel(self), HistoryPanel(self))
        self.annotator = Annotator(settings, self.workbench, NameBar(self))
        self.kept = Kept(self.document, lambda: self.annotator.name, self)
        self.flow = Flow(self.document, self.workbench, self.images, self.kept)
        bar = BlindBar(self)
        self.blind = BlindDesk(self.document, self.workbench, self.images, self.flow.place, settings, bar)
        self.scores = ScoreKeeper(self.document, self.workbench.predictions, self)
        self.auditor = Auditor(self.document, self.workbench.predictions, lambda: self.annotator.name, self)
        self.steps = StepsDesk(self.document, lambda: self.annotator.name, StepsPanel(self), self)
        self.seeing = Seeing(
            self, self.workbench, self.canvas, self.desk, self.view_options, self.actions_, settings
        )
        self.points = PointsDesk(
            self.document, settings, self.workbench, self.canvas, self.desk, self.actions_, self.status
        )
        self.keeper = Keeper(self.document, settings, self.desk, self)
        self.opening = Opening(self.document, settings, self)
        self.opening.expect(project, paths)
        places = PlacesToGo(self.document, self.actions_, settings, self.opening)
        self.commands = CommandPalette(places.entries, places.found, self)
        self._compose()
        self.guide = Guide(self, settings)
        bind_actions(self)
        self._wire()
        self._restore()
        self._update_conditions()
        self._show_page()

    # -- composition

    def _compose(self) -> None:
        self.setWindowTitle("Starmark")
        self.setAcceptDrops(True)
        self.setDockNestingEnabled(True)
        self.setIconSize(QSize(20, 20))
        ways = [self.actions_[name] for name in ("open_folder", "import_data", "open_project")]
        self.welcome = WelcomePage(ways, self.opening.open_recent, self)
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self.welcome)
        self.pages.addWidget(self.canvas)
        self.problem = ProblemPage(self)
        self.pages.addWidget(self.problem)
        centre = QWidget(self)
        layout = QVBoxLayout(centre)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.messages)
        layout.addWidget(self.annotator.bar)
        layout.addWidget(self.blind.bar)
        layout.addWidget(self.pages, 1)
        self.setCentralWidget(centre)
        left, right = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
        self._docks = [
            self._dock(tr_later("Images"), self.images, left),
            self._dock(tr_later("View"), self.view_options, right),
            self._dock(tr_later("Landmarks"), self.landmarks, right),
            self._dock(tr_later("Face"), self.desk.face, right),
            self._dock(tr_later("History"), self.desk.history, right),
            self._dock(tr_later("My edits"), self.steps.panel, right),
        ]
        for dock in self._docks[3:]:
            self.tabifyDockWidget(self._docks[2], dock)
        self._docks[2].raise_()
        self.resizeDocks(self._docks[:3], [270, 370, 370], Qt.Orientation.Horizontal)
        self.resizeDocks(self._docks[1:3], [430, 410], Qt.Orientation.Vertical)
        self.recent_menu = build_menus(self, self.actions_, self._docks, self.points.take_menu)
        self.recent_menu.aboutToShow.connect(self._fill_recent)
        build_toolbar(self, self.actions_)
        self.resize(1400, 900)

    def _dock(self, title: str, widget: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(tr(title), self)
        dock.setObjectName(f"dock_{title.lower().replace(' ', '_')}")
        dock.setWidget(widget)
        self.addDockWidget(area, dock)
        return dock

    def _wire(self) -> None:
        document, bench = self.document, self.workbench
        document.opened.connect(self._project_opened)
        document.named.connect(self._project_opened)
        document.rows_changed.connect(self._show_page)
        document.current_changed.connect(self._show_page)
        document.undo_changed.connect(self._update_conditions)
        document.save_changed.connect(self.status.show_saved)
        document.busy_changed.connect(self._busy_changed)
        document.progressed.connect(self._progressed)
        document.noticed.connect(self._noticed)
        document.failed.connect(lambda text, details: self._say(text, details, Tone.ERROR))
        self.opening.said.connect(self._say)
        self.keeper.said.connect(self._say)
        self.guide.said.connect(self._say)
        self.flow.said.connect(self._say)
        self.blind.said.connect(self._say)
        self.blind.withdrawn.connect(self.messages.withdraw)
        self.blind.changed.connect(self._update_conditions)
        self.auditor.failed.connect(lambda text: self._say(text, "", Tone.ERROR))
        self.keeper.withdrawn.connect(self.messages.withdraw)
        self.opening.settled.connect(self._show_page)
        self._flow_wiring = FlowWiring(self)
        bench.conditions_changed.connect(self._update_conditions)
        bench.image_failed.connect(self._image_failed)
        bench.no_face.connect(self._no_face)
        document.current_changed.connect(lambda: self.messages.withdraw("no face"))
        bench.predictions.model_changed.connect(self._model_changed)
        bench.predictions.batch_progressed.connect(self._batch_progressed)
        bench.predictions.batch_finished.connect(self._batch_finished)
        bench.predictions.failed.connect(lambda text: self._say(text, "", Tone.ERROR))
        self.canvas.viewChanged.connect(self._view_changed)
        self.canvas.cursorMoved.connect(self.status.show_position)
        self.canvas.toolChanged.connect(lambda tool: self.actions_["draw_box"].setChecked(tool is Tool.BOX))
        self.settings.changed.connect(self._setting_changed)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.styleHints().colorSchemeChanged.connect(lambda _scheme: self._setting_changed("theme"))

    # -- start and end

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Once the window has painted itself, the slow parts may be loaded."""
        super().paintEvent(event)
        if not self._started:
            self._started = True
            QTimer.singleShot(0, self._start)

    def _start(self) -> None:
        self.opening.start(self._first_project, self._first_paths, self.workbench.start_model)

    def _restore(self) -> None:
        for name in (*LAYERS, "follow", "loupe_drag"):
            self.actions_[name].setChecked(bool(self.settings.value(name)))
        switch_layers(self)
        self.images.set_order(str(self.settings.value("image_sort")))
        self.welcome.show_recent(self.settings.value("recent"))
        state = self.settings.window_state
        geometry, docks = state.value("geometry"), state.value("docks")
        if isinstance(geometry, QByteArray):
            self.restoreGeometry(geometry)
        if isinstance(docks, QByteArray):
            self.restoreState(docks)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Wait for the last edit to be on disk, stop the rest, keep the window's shape."""
        state = self.settings.window_state
        state.setValue("geometry", self.saveGeometry())
        state.setValue("docks", self.saveState())
        self.opening.close_dialogs()
        self._flow_wiring.close()
        self.hide()  # what follows may take a second, if the network is busy
        self.keeper.close()
        self.steps.close()
        self.scores.close()
        self.auditor.close()
        self.flow.close()
        self.workbench.close()
        self.document.close()
        self.settings.sync()
        event.accept()

    def _fill_recent(self) -> None:
        self.recent_menu.clear()
        for path in self.settings.value("recent"):
            action = QAction(project_name(path), self.recent_menu)
            action.setToolTip(path)
            action.triggered.connect(lambda _on=False, path=path: self.opening.open_recent(path))
            self.recent_menu.addAction(action)
        if self.recent_menu.isEmpty():
            self.recent_menu.addAction(tr("No recent projects")).setEnabled(False)

    # -- dropping

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Files and folders are welcome."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Open what was dropped."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.opening.take_in(paths)

    # -- what changed

    def _project_opened(self) -> None:
        self.setWindowTitle(tr("{project_title} – Starmark", project_title=self.opening.project_title()))
        self.opening.remember()
        self.welcome.show_recent(self.settings.value("recent"))
        self._update_conditions()
        self._show_page()

    def _show_page(self) -> None:
        images = self.document.rows or self.opening.expecting
        self.pages.setCurrentWidget(self.canvas if images else self.welcome)

    def _update_conditions(self) -> None:
        self.actions_.enable(conditions(self))
        self.blind.restrict(self.actions_)
        document, undo, redo = self.document, self.actions_["undo"], self.actions_["redo"]
        undo.setText(tr("&Undo {edit}", edit=shown_edit(document.undo_text)) if document.undo_text else tr("&Undo"))
        redo.setText(tr("&Redo {edit}", edit=shown_edit(document.redo_text)) if document.redo_text else tr("&Redo"))

    def _busy_changed(self, text: str) -> None:
        self.status.show_work(text, 0, 0)
        self._update_conditions()

    def _progressed(self, done: int, total: int, text: str) -> None:
        self.status.show_work(text, done, total)

    def _batch_progressed(self, done: int, total: int) -> None:
        self.status.show_work(tr("Predicting"), done, total)
        self._update_conditions()

    def _batch_finished(self, outcome: BatchOutcome) -> None:
        self.status.show_work("", 0, 0)
        self._update_conditions()
        self.images.resort()
        names = [(self.document.row(image_id), reason) for image_id, reason in outcome.errors]
        details = "\n".join(f"{row.path}: {reason}" for row, reason in names if row is not None)
        text = (
            tr("Stopped after {done:,} of {total:,} images.", done=outcome.done, total=outcome.total)
            if outcome.stopped
            else tr("Predicted {done:,} of {total:,} images.", done=outcome.done, total=outcome.total)
        )
        if outcome.errors:
            text += tr(" {errors} could not be used.", errors=len(outcome.errors))
        self._say(text, details, Tone.WARNING if outcome.errors else Tone.INFO, "notice")

    def _model_changed(self, state: ModelState) -> None:
        self.status.show_model(state)
        self.messages.withdraw("model")
        if state.kind in ("missing", "failed"):
            text = (
                tr(
                    "Nothing can be predicted for now: {text} A model is chosen under Edit > Settings; labels can be "
                    "looked at and corrected all the same.",
                    text=state.text,
                )
            )
            self._say(text, "", Tone.WARNING, "model")

    def _view_changed(self, zoom: float) -> None:
        self.status.show_zoom(zoom if self.workbench.picture_ready else None)

    def _image_failed(self, text: str) -> None:
        self.problem.show_text(tr("This image cannot be shown"), text, tr("The other images are not affected."))
        self.pages.setCurrentWidget(self.problem)

    def _no_face(self) -> None:
        text = tr("No face was found in this image. Press B and draw a box around one, from the brows to the chin.")
        self._say(text, "", Tone.INFO, "no face")

    def report_unexpected(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """An exception nobody caught: on stderr as ever, and where the user sees it. Fits `sys.excepthook`."""
        sys.__excepthook__(kind, error, trace)
        text = tr(
            "Something unexpected happened ({kind}: {error}). What is called saved is safe.",
            kind=kind.__name__,
            error=error,
        )
        self._say(text, "".join(traceback.format_exception(kind, error, trace)), Tone.ERROR, "unexpected")

    def _noticed(self, text: str, details: str, incomplete: bool) -> None:
        self._say(text, details, Tone.WARNING if incomplete else Tone.INFO, "notice")

    def _say(self, text: str, details: str, tone: Tone, key: str = "") -> None:
        self.messages.show_message(Message(text, details, tone, key))

    def _setting_changed(self, key: str) -> None:
        app = QApplication.instance()
        if key == "theme" and isinstance(app, QApplication):
            apply_theme(app, str(self.settings.value("theme")))
            self.actions_.refresh_icons()
            self.messages.refresh()
            self.images.bar.refresh()
        elif key == "shortcuts":
            self.actions_.set_keys(read(str(self.settings.value(key))))
        elif key in ("model", "device"):
            self.workbench.load_model()
        elif key == "author":
            self.document.reload_faces()
            self.document.reload_undo()
            self.kept.reload()
