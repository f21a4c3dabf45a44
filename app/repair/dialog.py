"""Bulk repair: choose a rule, see each face that it would change, then change them all in one step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSlider,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.auditor import Auditor
from app.document import Document
from app.jobs.pool import Job, WorkerPool
from app.jobs.repair import TAKE_BACK, Habits, Outcome, PlannedFace, carry_out, find_habits, plan
from app.jobs.store import count_text, error_text
from app.repair.choices import Choices
from app.repair.grid import SIDES, FaceGrid
from app.repair.model import PlanModel, State
from app.repair.picture import AFTER, BEFORE, GONE, WEIGHED
from app.texts import tr, tr_count
from core.face import Label

PLAN_DELAY_MS = 150
"""After a change of settings; several in a row make one plan."""


class RepairDialog(QDialog):
    """Stays open after a repair, so that single faces can be taken back.

    Signals:
        settled(): a plan is there, or something was carried out, well or not.
    """

    settled = Signal()
    _compared = Signal(int, int)

    def __init__(self, document: Document, auditor: Auditor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Bulk repair"))
        self._document, self._auditor = document, auditor
        self._pool = WorkerPool(1, "repair", self)
        self._looks = WorkerPool(1, "repair-looks", self)
        self._job: Job | None = None
        self._kind = ""
        self.outcome: Outcome | None = None
        self._applied = False
        self._ended = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PLAN_DELAY_MS)
        self._timer.timeout.connect(self._plan)
        self.model = PlanModel(self)
        self._build()
        self._wire()
        self.resize(1250, 800)
        self._audit_changed()

    # -- composition

    def _build(self) -> None:
        self.choices = Choices(self)
        self.grid = FaceGrid(self.model, self)
        self.state = QLabel(self)
        self.state.setWordWrap(True)
        self.bar = QProgressBar(self)
        self.stop = QPushButton(tr("Stop"), self)
        self.stop.setAutoDefault(False)
        self.all, self.none = QToolButton(self), QToolButton(self)
        for button, text in ((self.all, tr("Tick all")), (self.none, tr("Tick none"))):
            button.setText(text)
        self.size_ = QSlider(Qt.Orientation.Horizontal, self)
        self.size_.setRange(0, len(SIDES) - 1)
        self.size_.setValue(1)
        self.size_.setPageStep(1)
        self.size_.setFixedWidth(90)
        self.size_.setToolTip(tr("Size of the pictures"))
        self.size_.setAccessibleName(tr("Size of the pictures"))
        right = QWidget(self)
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        top = QHBoxLayout()
        top.addWidget(self.state, 1)
        for widget in (self.all, self.none, self.size_):
            top.addWidget(widget)
        column.addLayout(top)
        working = QHBoxLayout()
        working.addWidget(self.bar, 1)
        working.addWidget(self.stop)
        column.addLayout(working)
        self.legend = QLabel(self)
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        column.addWidget(self.legend)
        column.addWidget(self.grid, 1)
        split = QSplitter(self)
        split.addWidget(self.choices)
        split.addWidget(right)
        split.setStretchFactor(1, 1)
        split.setChildrenCollapsible(False)
        split.setSizes([330, 900])
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self._empty_page())
        self.pages.addWidget(split)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        self.take_back = QPushButton(tr("&Take back for this face"), self)
        self.take_back.setToolTip(tr("The selected faces get the labels that they had before."))
        self.apply = QPushButton(self)
        self.apply.setDefault(True)
        for button in (self.take_back, self.apply):
            self.buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
        layout = QVBoxLayout(self)
        layout.addWidget(self.pages, 1)
        layout.addWidget(self.buttons)

    def _empty_page(self) -> QWidget:
        page = QWidget(self)
        self.audit_text = QLabel(page)
        self.audit_text.setWordWrap(True)
        self.audit_text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.audit_text.setFixedWidth(520)
        self.audit_button = QPushButton(tr("&Audit the project"), page)
        self.audit_bar = QProgressBar(page)
        self.audit_bar.setFixedWidth(320)
        layout = QVBoxLayout(page)
        layout.setSpacing(14)
        layout.addStretch(1)
        for widget in (self.audit_text, self.audit_bar, self.audit_button):
            layout.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(2)
        return page

    def _wire(self) -> None:
        self.choices.changed.connect(self._choice_changed)
        self.model.chosen_changed.connect(self._update_buttons)
        self.grid.selectionModel().selectionChanged.connect(lambda *_: self._update_buttons())
        self.all.clicked.connect(lambda: self.model.set_wanted(range(len(self.model.faces)), True))
        self.none.clicked.connect(lambda: self.model.set_wanted(range(len(self.model.faces)), False))
        self.size_.valueChanged.connect(self.grid.set_size)
        self.stop.clicked.connect(self._stop)
        self.apply.clicked.connect(self._apply)
        self.take_back.clicked.connect(self._take_back)
        self.buttons.rejected.connect(self.reject)
        self.finished.connect(self._end)
        self.audit_button.clicked.connect(self._auditor.run)
        self._auditor.changed.connect(self._audit_changed)
        self._auditor.state_changed.connect(self._show_audit_state)
        self._auditor.progressed.connect(self._audit_progressed)
        self._auditor.failed.connect(self._audit_failed)
        self._document.opened.connect(self.reject)
        self._compared.connect(self._progressed)

    # -- the audit that everything rests on

    def _audit_changed(self) -> None:
        found = self._auditor.audit
        self.pages.setCurrentIndex(0 if found is None else 1)
        self._show_audit_state()
        if found is None:
            self.choices.show_habits(None)
            self.model.show_faces([])
            self._update_buttons()
            return
        self.choices.show_scheme(found.audit.scheme)
        self._looks.cancel_all()
        self._looks.submit(partial(find_habits, found), on_done=self._habits_found, on_error=self._failed)
        if not self._applied and self.outcome is None:
            self._plan_soon()

    def _habits_found(self, habits: Habits) -> None:
        self.choices.show_habits(habits)
        if self.choices.rule in ("offset", "dialect") and not self._applied:
            self._plan_soon()
        self.settled.emit()

    def _show_audit_state(self) -> None:
        if self.pages.currentIndex():
            return
        running = self._auditor.running
        self.audit_text.setText(
            self._auditor.text
            if running
            else tr(
                "Repairs rest on an audit: every label is compared with what the model expects. It takes a while for "
                "images that are not predicted yet."
            )
        )
        self.audit_bar.setVisible(running)
        self.audit_button.setVisible(not running)
        if not running:
            self.audit_bar.setRange(0, 0)

    def _audit_progressed(self, done: int, total: int) -> None:
        self.audit_bar.setRange(0, total)
        self.audit_bar.setValue(done)

    def _audit_failed(self, text: str) -> None:
        self._show_audit_state()
        self.audit_text.setText(text)

    # -- planning

    def _choice_changed(self) -> None:
        self._applied = False
        self._plan_soon()

    def _plan_soon(self) -> None:
        if self.outcome is None:  # while labels are being changed there is nothing to plan on
            self._timer.start()

    def _plan(self) -> None:
        found, repair = self._auditor.audit, self.choices.repair()
        self._cancel_job()
        self.model.show_faces([])
        self._show_legend()
        if found is None or repair is None:
            self._show_work("")
            self.state.setText(self.choices.hint())
            self.settled.emit()
            return
        self._kind = repair.kind
        self._show_work(tr("Looking at each face…"))
        self._job = self._pool.submit(
            lambda job: plan(found, repair, job), on_done=self._planned, on_error=self._failed,
            on_progress=lambda done, total, _text: self._progressed(done, total),
        )  # fmt: skip

    def _show_legend(self) -> None:
        parts = [legend_entry(AFTER, "●", tr("after"))]
        if self.choices.rule == "drop":
            parts = [legend_entry(GONE, "✕", tr("dropped"))]
        elif self.choices.rule == "weigh":
            parts = [legend_entry(WEIGHED, "○", tr("weighs less"))]
        else:
            parts.insert(0, legend_entry(BEFORE, "●", tr("before")))
        self.legend.setText("&nbsp;&nbsp;&nbsp;".join(parts))
        self.legend.setVisible(bool(self.model.faces))

    def _planned(self, faces: list[PlannedFace]) -> None:
        self._job = None
        self._show_work("")
        self.model.show_faces(faces)
        self.grid.scrollToTop()
        self.state.setText(self._sentence(faces))
        self._show_legend()
        self._update_buttons()
        self.settled.emit()

    def _sentence(self, faces: Sequence[PlannedFace]) -> str:
        found = self._auditor.audit
        total = 0 if found is None else len(found.audit)
        if not faces:
            return tr("Nothing to repair: none of {faces} would change.", faces=count_text(total, "face"))
        points = sum(len(face.repair.touched) for face in faces)
        farthest = max(float(face.repair.moves.max()) for face in faces)
        text = tr_count(
            "{n:,} of {total} would change, {points} in all", "{n:,} of {total} would change, {points} in all",
            len(faces), total=count_text(total, "face"), points=count_text(points, "point"),
        )  # fmt: skip
        return text + (tr(", by up to {px:.1f} px. The largest change comes first.", px=farthest) if farthest else ".")

    def _failed(self, error: Exception) -> None:
        self._job = None
        self._show_work("")
        self.state.setText(error_text(error))
        self._update_buttons()
        self.settled.emit()

    # -- carrying out

    def _apply(self) -> None:
        wanted = self.model.wanted()
        if wanted:
            steps = [(face.face_id, face.repair.before, face.repair.after) for face in wanted]
            self._carry_out(steps, self._kind, self._carried_out)

    def _take_back(self) -> None:
        faces = [self.model.faces[row] for row in self._applied_rows()]
        if faces:
            steps = [(face.face_id, face.repair.after, face.repair.before) for face in faces]
            self._carry_out(steps, TAKE_BACK, self._taken_back)

    def _carry_out(self, steps: list[tuple[str, Label, Label]], kind: str, then: Callable[[Outcome], None]) -> None:
        outcome = self.outcome = Outcome()
        self._timer.stop()
        self._cancel_job()
        self._show_work(tr("Changing the labels…"))
        work = partial(carry_out, faces=steps, kind=kind, outcome=outcome, progress=self._compared.emit)

        def done() -> None:
            if self._ended:
                return
            self.outcome = None
            self._show_work("")
            if outcome.problem or outcome.stopped:
                self.state.setText(outcome.problem or tr("Stopped. No label was changed."))
            else:
                self._applied = True
                then(outcome)
            self._update_buttons()
            self.settled.emit()

        self._document.edit(work, done)

    def _carried_out(self, outcome: Outcome) -> None:
        self.model.set_state(outcome.done, State.APPLIED)
        self.model.set_state(outcome.left_out, State.LEFT_OUT)
        text = tr_count(
            "{n:,} face was repaired, as one step: Undo takes all of it back.",
            "{n:,} faces were repaired, as one step: Undo takes all of it back.", len(outcome.done),
        )  # fmt: skip
        if outcome.left_out:
            text += " " + tr_count(
                "{n:,} was left out, for its label was changed meanwhile.",
                "{n:,} were left out, for their labels were changed meanwhile.", len(outcome.left_out),
            )  # fmt: skip
        self.state.setText(text)

    def _taken_back(self, outcome: Outcome) -> None:
        self.model.set_state(outcome.done, State.TAKEN_BACK)
        self.model.set_state(outcome.left_out, State.LEFT_OUT)
        self.state.setText(
            tr_count(
                "{n:,} face has its label from before again.", "{n:,} faces have their labels from before again.",
                len(outcome.done),
            )
        )  # fmt: skip

    # -- inside

    def _applied_rows(self) -> list[int]:
        return [row for row in self.grid.selected_rows() if self.model.state(row) is State.APPLIED]

    def _stop(self) -> None:
        if self.outcome is not None:
            self.outcome.stop.set()
        elif self._job is not None:
            self._cancel_job()
            self._show_work("")
            self.state.setText(tr("Stopped. Change a setting to look again."))

    def _cancel_job(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._job = None

    def _show_work(self, text: str) -> None:
        self.bar.setRange(0, 0)
        self.bar.setVisible(bool(text))
        self.stop.setVisible(bool(text))
        self.choices.setEnabled(self.outcome is None)
        if text:
            self.state.setText(text)
        self._update_buttons()

    def _progressed(self, done: int, total: int) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)

    def _update_buttons(self) -> None:
        count = len(self.model.wanted())
        free = self.outcome is None and self._job is None
        writable = not self._document.read_only
        self.apply.setText(tr_count("Apply to {n:,} face", "Apply to {n:,} faces", count))
        self.apply.setVisible(self._auditor.audit is not None)
        self.apply.setEnabled(bool(count) and free and writable)
        self.apply.setToolTip("" if writable else tr("The project is open for reading only."))
        applied = self.model.count(State.APPLIED)
        self.take_back.setVisible(bool(applied))
        self.take_back.setEnabled(bool(self._applied_rows()) and free)
        for button in (self.all, self.none):
            button.setEnabled(self.model.count(State.PLANNED) > 0)

    def _end(self) -> None:
        self._ended = True
        if self.outcome is not None:
            self.outcome.stop.set()
        self._timer.stop()
        self.grid.pictures.close()
        self._looks.close()
        self._pool.close()


def legend_entry(colour: str, mark: str, text: str) -> str:
    """Rich text: a coloured mark and what it means."""
    return f"<span style='color:{colour}'>{mark}</span> {text}"
