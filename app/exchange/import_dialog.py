"""Import: read a data set, look at its first faces and at what is odd, and only then take it into the project."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from app.exchange import work
from app.exchange.fields import PlaceField, ReportView, ask_file, ask_folder, base_box, labelled
from app.exchange.preview import FacePreview
from app.jobs.pool import Job, WorkerPool
from app.jobs.store import error_text
from app.settings import Settings
from app.texts import tr

WAIT_MS = 350
"""Reading begins once typing has paused."""


class ImportDialog(QDialog):
    """Nothing is kept before the user says so.

    Signals:
        chosen(Read, name of the label set): take this into the project.
        settled(): reading has come to an end, well or not.
    """

    chosen = Signal(object, str)
    settled = Signal()

    def __init__(self, settings: Settings, source: Path | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Import labelled faces"))
        self.setAcceptDrops(True)
        self._settings = settings
        self._pool = WorkerPool(1, "import", self)
        self._job: Job | None = None
        self.found: work.Read | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(WAIT_MS)
        self._timer.timeout.connect(self.read_now)
        self._build()
        self._wire()
        self.resize(1010, 740)
        if source is not None:
            self.source.edit.setText(str(source))
        self._show_nothing(tr("Choose a file or folder, or drop one here."))

    # -- composition

    def _build(self) -> None:
        settings = self._settings
        self.source = PlaceField(
            tr("a file or folder with labels"),
            (
                (tr("File…"), lambda: ask_file(self, settings, tr("Choose the file with the labels"))),
                (tr("Folder…"), lambda: ask_folder(self, settings, tr("Choose the folder with the labels"))),
            ),
            self,
        )
        self.images = PlaceField(
            tr("where the files say"),
            ((tr("Choose…"), lambda: ask_folder(self, settings, tr("Choose the image folder"))),),
            self,
        )
        self.images.setToolTip(tr("The folder that image paths in the files are relative to."))
        self.format = QComboBox(self)
        self.format.addItem(tr("Tell by looking"), "auto")
        self.base = base_box(self)
        self.scheme = QComboBox(self)
        self.scheme.setToolTip(tr("What the points mean. The number of points, or their names, usually tell."))
        self.outside = QCheckBox(tr("Image paths may lead out of the image folder"), self)
        self.outside.setToolTip(tr("Off: a path such as ../../x.jpg in somebody's file cannot reach your other files."))
        self.label_set = QLineEdit(self)
        self.label_set.setToolTip(tr("Labels are kept in sets, side by side; this is the name of the new one."))
        form = QFormLayout()
        form.addRow(tr("&Labels"), self.source)
        form.addRow(tr("&Images in"), self.images)
        line = QHBoxLayout()
        line.addWidget(self.format, 2)
        line.addWidget(QLabel(tr("First pixel is"), self))
        line.addWidget(self.base, 1)
        line.addWidget(QLabel(tr("Points"), self))
        line.addWidget(self.scheme, 1)
        form.addRow(labelled(tr("&Format"), self.format), line)
        form.addRow("", self.outside)
        form.addRow(tr("&Name of the label set"), self.label_set)
        self.preview = FacePreview(self)
        self.state = QLabel(self)
        self.state.setWordWrap(True)
        self.bar = QProgressBar(self)
        self.report = ReportView(self)
        group = QGroupBox(tr("What is in it"), self)
        inside = QVBoxLayout(group)
        inside.addWidget(self.state)
        inside.addWidget(self.bar)
        inside.addWidget(self.preview)
        inside.addWidget(self.report, 1)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.accept_button = self.buttons.addButton(tr("Import"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.accept_button.setDefault(True)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(group, 1)
        layout.addWidget(self.buttons)

    def _wire(self) -> None:
        self._fill_choices()
        self.source.edit.textChanged.connect(self._source_changed)
        self.images.edit.textChanged.connect(self._changed)
        for box in (self.format, self.base, self.scheme):
            box.currentIndexChanged.connect(self._changed)
        self.outside.toggled.connect(self._changed)
        self.label_set.textChanged.connect(self._update_button)
        self.buttons.accepted.connect(self._accept)
        self.buttons.rejected.connect(self.reject)
        self.finished.connect(self._end)

    def _fill_choices(self) -> None:
        from core.formats import FORMATS
        from core.scheme import known_schemes

        for name, known in FORMATS.items():
            self.format.addItem(known.title, name)
        self.format.addItem(tr("Starmark: corrections as a patch"), "patch")
        self.scheme.addItem(tr("as the files say"), "")
        for scheme in known_schemes().values():
            self.scheme.addItem(scheme.title, scheme.id)

    # -- dropping

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """A file or folder is welcome."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Take the first."""
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.source.edit.setText(paths[0])

    # -- reading

    def _source_changed(self) -> None:
        text = self.source.text()
        if text:
            self.label_set.setText(Path(text).stem)
        self._changed()

    def _changed(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._job = None
        self.found = None
        if self.source.text():
            self._show_nothing(tr("Reading…"))
            self._timer.start()
        else:
            self._timer.stop()
            self._show_nothing(tr("Choose a file or folder, or drop one here."))

    def read_now(self) -> None:
        """Read what the fields name, in the background."""
        question = work.Question(
            Path(self.source.text()).expanduser(), str(self.format.currentData()), self.images.text(),
            self.base.currentData(), str(self.scheme.currentData()), self.outside.isChecked(),
        )  # fmt: skip
        self.bar.setRange(0, 0)
        self.bar.show()
        self._job = self._pool.submit(
            partial(work.read, question), on_done=self._read, on_error=self._failed, on_progress=self._progressed
        )

    def _progressed(self, done: int, total: int, text: str) -> None:
        self.state.setText(f"{text}…")
        self.bar.setRange(0, total)
        self.bar.setValue(done)

    def _read(self, found: work.Read) -> None:
        self._job, self.found = None, found
        self.bar.hide()
        from core.formats import FORMATS

        title = FORMATS[found.format].title if found.format in FORMATS else tr("Starmark: corrections as a patch")
        self.state.setText(title)
        self.preview.show_faces([] if found.result is None else found.result.faces, found.scheme)
        self.preview.setVisible(found.result is not None)
        self.report.show_lines(found.lines)
        self._update_button()
        self.settled.emit()

    def _failed(self, error: Exception) -> None:
        self._job = None
        self._show_nothing(tr("This cannot be read as it is."))
        self.report.show_lines([error_text(error)])
        self.settled.emit()

    def _show_nothing(self, text: str) -> None:
        self.state.setText(text)
        self.bar.hide()
        self.preview.show_faces((), None)
        self.preview.show()
        self.report.show_lines([])
        self._update_button()

    def _update_button(self) -> None:
        count = 0 if self.found is None else len(self.found.result.faces if self.found.result else ())
        if self.found is not None and self.found.patch is not None:
            self.accept_button.setText(tr("Apply corrections"))
        else:
            self.accept_button.setText(tr("Import {count:,} faces", count=count) if count else tr("Import"))
        self.accept_button.setEnabled(self.found is not None and bool(self.label_set.text().strip()))

    # -- end

    def _accept(self) -> None:
        if self.found is not None:
            self.chosen.emit(self.found, self.label_set.text().strip())
            self.accept()

    def _end(self) -> None:
        self._timer.stop()
        self.preview.close_pool()
        self._pool.close()
