"""Keeps the data-set window in step with the audit, and does what is asked for in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QByteArray, QObject
from PySide6.QtWidgets import QMainWindow

from app.auditor import Auditor
from app.dataset_view.exporting import Kind, ask_file, csv_text, png_bytes, svg_text, writer
from app.dataset_view.tables import TitledTable
from app.dataset_view.window import DatasetWindow, PageMaker
from app.document import Document
from app.jobs.audit import ProjectAudit
from app.jobs.pool import Job, WorkerPool
from app.jobs.predict import PredictionService
from app.jobs.store import error_text
from app.place import Place, PlaceKeeper
from app.settings import Settings
from app.texts import tr

if TYPE_CHECKING:
    from app.dataset_view.plot import Plot
    from app.jobs.dataset_numbers import DatasetNumbers

GEOMETRY = "dataset_geometry"


class DatasetDesk(QObject):
    """Makes the window when it is first asked for; charts are loaded in the background."""

    def __init__(
        self,
        document: Document,
        auditor: Auditor,
        predictions: PredictionService,
        places: PlaceKeeper,
        settings: Settings,
        main: QMainWindow,
    ) -> None:
        super().__init__(main)
        self._document, self._auditor, self._predictions = document, auditor, predictions
        self._places, self._settings, self._main = places, settings, main
        self._pool = WorkerPool(1, "dataset", self)
        self._jobs: dict[str, Job] = {}
        self._asked = False
        self._ready = False
        self._shown: ProjectAudit | None = None
        self.numbers: DatasetNumbers | None = None
        self.window: DatasetWindow | None = None
        auditor.changed.connect(self._update)
        auditor.state_changed.connect(self._update)
        auditor.progressed.connect(self._progressed)
        auditor.failed.connect(self._say)
        predictions.batch_progressed.connect(self._progressed)
        predictions.model_changed.connect(lambda _state: self._update())
        for changed in (document.opened, document.named, document.rows_changed):
            changed.connect(self._update)

    @property
    def working(self) -> bool:
        """Whether numbers are being worked out."""
        return bool(self._jobs)

    def open(self) -> None:
        """Show the window, in front."""
        if self.window is None:
            self.window = self._make()
            self.compute("charts", _load_charts, self._add_pages)
        window = self.window
        window.show()
        if window.isMinimized():
            window.showNormal()
        window.raise_()
        window.activateWindow()

    def close(self) -> None:
        """Keep the window's shape, close it, and end the thread."""
        if self.window is not None:
            self._settings.window_state.setValue(GEOMETRY, self.window.saveGeometry())
            self.window.close()
            self.window.deleteLater()
            self.window = None
        self._pool.close()

    def compute(self, name: str, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Do `work` in the background; of the same name, what was asked for last counts."""
        before = self._jobs.pop(name, None)
        if before is not None:
            before.cancel()

        def ended(result: Any) -> None:
            self._jobs.pop(name, None)
            if self.window is not None:
                done(result)

        def failed(error: Exception) -> None:
            self._jobs.pop(name, None)
            self._say(error_text(error))

        self._jobs[name] = self._pool.submit(lambda _job: work(), on_done=ended, on_error=failed)

    def _make(self) -> DatasetWindow:
        window = DatasetWindow(self.compute)
        geometry = self._settings.window_state.value(GEOMETRY)
        if isinstance(geometry, QByteArray):
            window.restoreGeometry(geometry)
        window.run_wanted.connect(self._run)
        window.stop_wanted.connect(self._auditor.cancel)
        window.face_wanted.connect(self._go)
        window.export_wanted.connect(self._export)
        window.shown.connect(self._update)
        return window

    def _add_pages(self, pages: Sequence[tuple[str, str, PageMaker]]) -> None:
        assert self.window is not None
        self._ready = True
        self.window.add_pages([(tr(title), tr(tip), maker) for title, tip, maker in pages])
        self._update()

    # -- what is shown

    def _run(self) -> None:
        self._asked = True
        self._auditor.run()

    def _progressed(self, done: int, total: int) -> None:
        if self.window is not None and self._auditor.running:
            self.window.show_progress(done, total)

    def _say(self, text: str) -> None:
        if self.window is not None:
            self.window.say(text)

    def _update(self) -> None:
        """Everything as it is now; numbers are worked out only while somebody looks."""
        window, audit = self.window, self._auditor.audit
        if audit is None:
            self._shown = self.numbers = None
        if window is None or not window.isVisible():
            return
        window.show_head(self._title(audit), self._can_run(), self._auditor.running)
        if audit is None:
            window.show_empty(self._why_empty())
        elif not self._ready:
            window.show_empty(tr("Loading the charts…"))
        elif audit is not self._shown:
            self._shown = audit
            if self.numbers is None:
                window.show_empty(tr("Working out the numbers…"))
            self._work_out(audit)

    def _work_out(self, audit: ProjectAudit) -> None:
        project = self._document.project

        def work() -> DatasetNumbers:
            from app.jobs.dataset_numbers import dataset_numbers

            return dataset_numbers(audit, project)

        self.compute("numbers", work, self._show)

    def _show(self, numbers: DatasetNumbers) -> None:
        if self.window is not None and numbers.source is self._shown:
            self.numbers = numbers
            self.window.show_numbers(numbers)

    def _title(self, audit: ProjectAudit | None) -> str:
        name = self._document.name
        if audit is None:
            return self._auditor.text or name
        count, people = len(audit.audit), _people(audit)
        parts = [tr("{name}: {count:,} faces of {people:,} people", name=name, count=count, people=people)]
        if audit.unpredicted:
            parts.append(tr("{count:,} not predicted", count=audit.unpredicted))
        if audit.other_scheme:
            parts.append(tr("{count:,} in another scheme", count=audit.other_scheme))
        if not audit.audit.calibrated:
            parts.append(tr("the model has no calibration: ellipses and verdicts cannot be trusted"))
        if self._auditor.running:
            parts.append(self._auditor.text or tr("judging your last edits…"))
        return " · ".join(parts)

    def _can_run(self) -> bool:
        return bool(self._document.rows) and self._predictions.state.kind == "ready"

    def _why_empty(self) -> str:
        state = self._predictions.state
        if self._auditor.running:
            return tr("The audit is being made: every label is compared with what the model predicts.")
        if not self._document.rows:
            return tr("There are no images yet. Open a folder of labelled photos, or import labels, in the main "
                      "window.")
        if state.kind in ("none", "loading"):
            return tr("The model is being loaded; then the audit can be made.")
        if state.kind != "ready":
            return tr("There is no model to audit with: {text}", text=state.text)
        if self._asked:
            return tr("There was nothing to judge: no face has a label in the model's scheme that the model can "
                      "look at.")
        return tr(
            "These pages show where labels are ambiguous, how they differ between sources, and how far they are "
            "off.\n\n"
            "Run the audit first: it compares every label with what the model predicts. On a computer without a "
            "graphics "
            "card it takes about a minute for a thousand faces that are not predicted yet."
        )

    # -- what is asked for

    def _go(self, face: int, index: int) -> None:
        audit = self._shown
        if audit is None or not 0 <= face < len(audit.faces):
            return
        there = audit.faces[face]
        points = (index,) if index >= 0 else ()
        self._places.go(Place(there.image_id, there.face_id, points, close=bool(points)))
        if self._main.isMinimized():
            self._main.showNormal()
        self._main.raise_()
        self._main.activateWindow()

    def _export(self, part: Plot | TitledTable, kind: Kind) -> None:
        window = self.window
        if window is None:
            return
        path = ask_file(window, self._settings, part.title, kind)
        if path is not None:
            work = writer(path, _content(part, kind))
            self._pool.submit(
                lambda _job: work(), on_done=self._exported, on_error=lambda error: self._say(error_text(error))
            )

    def _exported(self, path: Path) -> None:
        self._say(tr("Saved: {path}", path=path))


def _load_charts() -> Sequence[tuple[str, str, PageMaker]]:
    """In a thread: pyqtgraph and SciPy take a second or two."""
    import app.jobs.dataset_numbers  # noqa: F401
    from app.dataset_view.pages import PAGES

    return PAGES


def _people(audit: ProjectAudit) -> int:
    from training.split import groups_of

    return len(set(groups_of([one.labelled.image for one in audit.faces])))


def _content(part: Plot | TitledTable, kind: Kind) -> Callable[[], bytes]:
    """What is drawn is drawn here and now; the rest may be done elsewhere."""
    if kind == "csv" or isinstance(part, TitledTable):
        table = part.table()
        return lambda: csv_text(table).encode("utf-8")
    if kind == "svg":
        drawn, title, size = part.as_svg(), part.title, part.view.size()
        return lambda: svg_text(drawn, title, size.width(), size.height()).encode("utf-8")
    image = part.as_image()
    return lambda: png_bytes(image)
