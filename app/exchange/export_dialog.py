"""Export: choose labels and a format, see what would be written and what lost, then write, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.exchange import work
from app.exchange.fields import PlaceField, ReportView, ask_folder, base_box, labelled
from app.exchange.preview import FacePreview
from app.jobs.pool import Job, WorkerPool
from app.jobs.store import error_text
from app.settings import Settings
from app.texts import tr

if TYPE_CHECKING:
    from core.formats.report import Report
    from core.project import Project

_SHOWN, _PATCH = "", "\0patch"


class ExportDialog(QDialog):
    """Reads the project, and writes one file or folder.

    Signals:
        settled(): gathering or writing has come to an end, well or not.
    """

    settled = Signal()

    def __init__(self, project: Project, author: str, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Export labels"))
        self._project, self._author, self._settings = project, author, settings
        self._pool = WorkerPool(1, "export", self)
        self._job: Job | None = None
        self.gathered: work.Gathered | None = None
        self.report: Report | None = None
        self._build()
        self._fill_choices()
        self._wire()
        self.resize(1010, 740)
        self._choice_changed()

    # -- composition

    def _build(self) -> None:
        settings = self._settings
        self.labels = QComboBox(self)
        self.labels.setToolTip(tr("A set of labels, or of each face the one that the window shows."))
        self.format = QComboBox(self)
        self.to_scheme = QComboBox(self)
        self.to_scheme.setToolTip(tr("Points of another scheme, where it is known how they follow from these."))
        self.target = PlaceField(tr("where to"), ((tr("Choose…"), self._ask_target),), self)
        self.images = PlaceField(
            tr("the folder that holds all images"),
            ((tr("Choose…"), lambda: ask_folder(self, settings, tr("Choose the image folder"))),),
            self,
        )
        self.images.setToolTip(tr("Image paths are written relative to this folder."))
        self.copy = QCheckBox(tr("Copy the images along"), self)
        self.base = base_box(self)
        form = QFormLayout()
        form.addRow(tr("&Labels"), self.labels)
        line = QHBoxLayout()
        line.addWidget(self.format, 2)
        line.addWidget(QLabel(tr("Points"), self))
        line.addWidget(self.to_scheme, 1)
        line.addWidget(QLabel(tr("First pixel is"), self))
        line.addWidget(self.base, 1)
        form.addRow(labelled(tr("&Format"), self.format), line)
        form.addRow(tr("&Write to"), self.target)
        form.addRow(tr("&Image paths from"), self.images)
        form.addRow("", self.copy)
        self.form = form
        self.preview = FacePreview(self)
        self.state = QLabel(self)
        self.state.setWordWrap(True)
        self.bar = QProgressBar(self)
        self.lines = ReportView(self)
        group = QGroupBox(tr("What will be written"), self)
        self.group = group
        inside = QVBoxLayout(group)
        inside.addWidget(self.state)
        inside.addWidget(self.bar)
        inside.addWidget(self.preview)
        inside.addWidget(self.lines, 1)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        self.keep = QPushButton(tr("Save report…"), self)
        self.keep.hide()
        self.buttons.addButton(self.keep, QDialogButtonBox.ButtonRole.ActionRole)
        self.write_button = self.buttons.addButton(tr("Export"), QDialogButtonBox.ButtonRole.ActionRole)
        self.write_button.setDefault(True)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(group, 1)
        layout.addWidget(self.buttons)

    def _fill_choices(self) -> None:
        from core.formats import EXPORTERS
        from core.scheme import known_schemes

        self.labels.addItem(tr("as shown: your own first, then what others corrected, then imports"), _SHOWN)
        kinds = {
            "import": tr("imported"), "annotator": tr("annotator"), "model": tr("model"), "consensus": tr("consensus"),
            "blind": tr("blind"),
        }  # fmt: skip
        for one in self._project.label_sets():
            self.labels.addItem(f"{one.name} ({kinds[one.kind]})", one.name)
        self.labels.addItem(tr("only what differs from the import, as a patch to share"), _PATCH)
        for name, exporter in EXPORTERS.items():
            self.format.addItem(exporter.title, name)
        last = self.format.findData(self._settings.value("export_format"))
        self.format.setCurrentIndex(max(0, last))
        self.to_scheme.addItem(tr("as they are"), "")
        for scheme in known_schemes().values():
            self.to_scheme.addItem(scheme.title, scheme.id)

    def _wire(self) -> None:
        for box in (self.labels, self.format, self.to_scheme):
            box.currentIndexChanged.connect(self._choice_changed)
        self.target.edit.textChanged.connect(self._update_button)
        self.write_button.clicked.connect(lambda: self.export(overwrite=False))
        self.keep.clicked.connect(self._save_report)
        self.buttons.rejected.connect(self.reject)
        self.finished.connect(self._end)

    # -- gathering

    @property
    def is_patch(self) -> bool:
        """Whether corrections alone are to be written."""
        return bool(self.labels.currentData() == _PATCH)

    def _choice_changed(self) -> None:
        self._stop()
        self.gathered, self.report = None, None
        self.keep.hide()
        self.preview.show_faces((), None)
        self.lines.show_lines([])
        for field in (self.format, self.to_scheme, self.base, self.images, self.copy):
            field.setEnabled(not self.is_patch)
        self.preview.setVisible(not self.is_patch)
        if self.is_patch:
            self.state.setText(
                tr(
                    "Points that differ from the imported labels, with the hash of each image instead of the image: "
                    "whoever has the same data set can apply it by importing it."
                )
            )
            self.bar.hide()
            self._update_button()
            self.settled.emit()
            return
        choice = work.Choice(
            str(self.labels.currentData()), str(self.format.currentData()), str(self.to_scheme.currentData())
        )
        self.state.setText(tr("Gathering labels…"))
        self._run(partial(work.gather, self._project, self._author, choice), self._gathered)

    def _gathered(self, gathered: work.Gathered) -> None:
        self._job, self.gathered = None, gathered
        self.bar.hide()
        self.state.setText(gathered.lines[0])
        self.lines.show_lines(gathered.lines[1:] or [tr("The format holds everything these labels say.")])
        self.preview.show_faces(gathered.faces, gathered.scheme)
        self._update_button()
        self.settled.emit()

    # -- writing

    def export(self, overwrite: bool) -> None:
        """Write to the target; asks before anything there is replaced."""
        target = Path(self.target.text()).expanduser()
        if self.is_patch:
            self._run(
                partial(work.write_corrections, self._project, self._author, target, overwrite), self._written_patch
            )
        elif self.gathered is not None:
            self._settings.set("export_format", self.gathered.choice.format)
            write = partial(
                work.write, self.gathered, target, self.images.text(), self.base.currentData(), self.copy.isChecked(),
                overwrite,
            )  # fmt: skip
            self._run(write, self._written)
        self.state.setText(tr("Writing…"))

    def _written(self, report: Report) -> None:
        self._job, self.report = None, report
        self._done(report.lines())
        self.keep.show()

    def _written_patch(self, lines: list[str]) -> None:
        self._job = None
        self._done(lines)

    def _done(self, lines: list[str]) -> None:
        self.bar.hide()
        self.state.setText(tr("Written: {text}", text=self.target.text()))
        self.lines.show_lines(lines)
        self._update_button()
        self.settled.emit()

    def _failed(self, error: Exception) -> None:
        self._job = None
        self.bar.hide()
        self.state.setText(tr("Nothing was written."))
        self.lines.show_lines([error_text(error)])
        self._update_button()
        self.settled.emit()
        if "there already" in str(error) and self._asks_to_replace():
            self.export(overwrite=True)

    def _asks_to_replace(self) -> bool:
        answer = QMessageBox.question(
            self,
            tr("Replace?"),
            tr(
                "{path} is there already. Replace it? In a folder, files of the same names are replaced and others "
                "stay.",
                path=self.target.text(),
            ),
        )
        return answer == QMessageBox.StandardButton.Yes

    def _save_report(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, tr("Save report"), "export-report.txt", tr("Text (*.txt)"))
        if name and self.report is not None:
            from core.errors import StarmarkError
            from core.files import write_atomic

            try:
                write_atomic(name, "\n".join(self.report.lines()) + "\n")
            except StarmarkError as error:
                self.state.setText(error_text(error))

    # -- inside

    def _ask_target(self) -> str:
        from core.formats import EXPORTERS

        start = str(self._settings.value("image_folder"))
        exporter = None if self.is_patch else EXPORTERS[str(self.format.currentData())]
        if exporter is not None and exporter.kind == "folder":
            return QFileDialog.getExistingDirectory(self, tr("Choose an empty folder to write to"), start)
        suffix = ".json" if exporter is None else exporter.suffix
        options = QFileDialog.Option.DontConfirmOverwrite  # asked for later, when it is certain
        name, _ = QFileDialog.getSaveFileName(self, tr("Export to"), start, f"*{suffix}", options=options)
        return name if not name or name.lower().endswith(suffix) else name + suffix

    def _run(self, task: Callable[[Job], Any], done: Callable[[Any], None]) -> None:
        self.bar.setRange(0, 0)
        self.bar.show()
        self._job = self._pool.submit(task, on_done=done, on_error=self._failed, on_progress=self._progressed)
        self._update_button()

    def _progressed(self, done: int, total: int, text: str) -> None:
        self.state.setText(f"{text}…")
        self.bar.setRange(0, total)
        self.bar.setValue(done)

    def _update_button(self) -> None:
        ready = self._job is None and bool(self.target.text()) and (self.is_patch or self.gathered is not None)
        self.write_button.setEnabled(ready)

    def _stop(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._job = None

    def _end(self) -> None:
        self.preview.close_pool()
        self._pool.close()
