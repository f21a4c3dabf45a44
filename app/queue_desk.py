"""Works through the review queue: from face to face, a key a decision, each remembered with the project."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from app.auditor import Auditor
from app.canvas.verdict_marks import VerdictMark
from app.document import Document
from app.edits import Judge
from app.face_state import FaceState
from app.jobs.audit import ProjectAudit
from app.jobs.judging import given
from app.jobs.pool import Job, WorkerPool
from app.jobs.store import count_text, error_text
from app.kept import Kept
from app.panels.queue import QueuePanel
from app.panels.queue_model import QueueRow, RowState
from app.place import Place, PlaceKeeper
from app.queue_telling import decided_text, face_told, point_told, row_state
from app.review_queue import DISAGREEMENT, RANDOM, Arranged, Progress, Wanted, annotators_apart, arrange, progress
from app.settings import Settings
from app.texts import tr, tr_count
from app.verdict_texts import sentence
from app.workbench import Workbench
from core.face import Label
from core.judgement import OVERRULING, Decision, Judgement, holding, with_judgements
from core.label_change import LabelChange
from core.moves import taking


@dataclass
class _Visit:
    """The face one is at: its label as it was when one came, and the points decided about since."""

    face_id: str
    label: Label
    label_set: str
    done: set[int] = field(default_factory=set)


class QueueDesk(QObject):
    """Keeps panel, canvas and decisions in step. The order stays while one works: nothing moves under one's hands.

    Signals:
        said(text): a note for the status line.
        conditions_changed(): an action may have become possible or impossible.
    """

    said = Signal(str)
    conditions_changed = Signal()

    def __init__(
        self,
        document: Document,
        bench: Workbench,
        auditor: Auditor,
        place: PlaceKeeper,
        kept: Kept,
        settings: Settings,
        panel: QueuePanel,
    ) -> None:
        super().__init__(bench)
        self._document, self._bench, self._auditor, self._place = document, bench, auditor, place
        self._kept, self._settings, self.panel = kept, settings, panel
        self._pool = WorkerPool(1, "queue", self)
        self._job: Job | None = None
        self._wanted = Wanted()
        self._arranged: Arranged | None = None
        self._visit: _Visit | None = None
        self._reached: str | None = None
        """The face that the queue led to last; from any other one it begins at its top."""
        self._given: dict[str, tuple[Judgement, ...]] = {}
        """Decisions that the audit does not know of yet, by face, with those from before."""
        self._asked: frozenset[str] = frozenset()
        """Faces of the audit that was sorted last."""
        panel.model.state, panel.model.thumbnail = self._row_state, self._thumbnail
        panel.snap.setChecked(bool(settings.value("queue_snap")))
        panel.snap.toggled.connect(lambda on: settings.set("queue_snap", on))
        panel.audit_wanted.connect(self.run_audit)
        panel.stop_wanted.connect(auditor.cancel)
        panel.chosen.connect(self.go)
        panel.filter.changed.connect(self._want)
        panel.filter.again.connect(self._arrange)
        kept.loaded.connect(self._kept_loaded)
        auditor.changed.connect(self._audited)
        auditor.state_changed.connect(self._show_state)
        auditor.progressed.connect(self._show_collected)
        bench.active_changed.connect(self._active_changed)
        bench.selection_changed.connect(self._show_verdicts)
        document.face_changed.connect(self._face_changed)
        bench.thumbnails.loaded.connect(lambda *_: panel.view.viewport().update())
        self._show_hint()

    def handlers(self) -> dict[str, Callable[[], object]]:
        """What each action of the queue does, by its id."""
        decisions = {"label_wrong": Decision.LABEL_WRONG, "acceptable": Decision.ACCEPTABLE,
                     "model_wrong": Decision.MODEL_WRONG}  # fmt: skip
        return {
            "run_audit": self.run_audit,
            **{name: partial(self.decide, decision) for name, decision in decisions.items()},
            **{f"{name}_face": partial(self.decide, decision, whole=True) for name, decision in decisions.items()},
            "queue_next": self.next,
            "queue_previous": self.previous,
        }

    def close(self) -> None:
        """Stop the thread."""
        self._pool.close()

    # -- the audit and the list

    @property
    def audit(self) -> ProjectAudit | None:
        """The audit that the queue is of."""
        return self._auditor.audit

    @property
    def rows(self) -> list[QueueRow]:
        """The queue as listed."""
        return self.panel.model.rows

    def run_audit(self) -> None:
        """Audit anew, and sort anew."""
        self._arranged = None
        self._auditor.run()

    def _audited(self) -> None:
        audit = self.audit
        self._given = {face: said for face, said in self._given.items() if self._auditor.waits_for(face)}
        if audit is None:
            self._given.clear()
            self._arranged = None
            self._stop_job()
            self.panel.model.reset([])
            self.panel.show_progress(None, False)
            self._show_hint()
        elif self._arranged is None or not audit.places.keys() <= self._asked:
            self._arrange()  # faces have come that the model had not looked at before
        else:
            self.panel.model.all_changed()
            self._count()
        self._show_state()
        self._show_verdicts()
        self.conditions_changed.emit()

    def _kept_loaded(self) -> None:
        self._wanted = Wanted.from_json(self._kept.get("queue"))
        self.panel.filter.show_wanted(self._wanted)
        if self._arranged is not None:
            self._arrange()

    def _want(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._kept.put("queue", wanted.to_json())
        self._arrange()

    def _arrange(self) -> None:
        audit, wanted, project = self.audit, self._wanted, self._document.project
        if audit is None or project is None:
            return
        self._asked = frozenset(audit.places)

        def work(_job: Job) -> tuple[Arranged, Progress]:
            arranged = arrange(audit, wanted, annotators_apart(project) if wanted.order == DISAGREEMENT else None)
            return arranged, progress(audit, arranged.rows, wanted.seed)

        self._submit(work, lambda found: self._take(*found))

    def _take(self, arranged: Arranged, counted: Progress) -> None:
        self._arranged, self._reached = arranged, None
        self.panel.model.reset(arranged.rows)
        self.panel.filter.offer(arranged.names)
        self.panel.show_progress(counted, arranged.wanted.order == RANDOM)
        self._show_hint()
        self.panel.view.scrollToTop()
        self._mark_current()
        self.conditions_changed.emit()

    def _count(self) -> None:
        audit, arranged = self.audit, self._arranged
        if audit is not None and arranged is not None:
            work = partial(progress, audit, arranged.rows, arranged.wanted.seed)
            random = arranged.wanted.order == RANDOM
            self._submit(lambda _job: work(), lambda found: self.panel.show_progress(found, random))

    def _submit(self, work: Callable[[Job], object], done: Callable[..., None]) -> None:
        self._stop_job()
        self._job = self._pool.submit(
            work, on_done=done, on_error=lambda error: self.said.emit(error_text(error))
        )

    def _stop_job(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._job = None

    # -- what is shown

    def _show_state(self) -> None:
        auditor, audit = self._auditor, self.audit
        text = auditor.text
        if not text and audit is not None:
            text = tr("{faces} audited", faces=count_text(len(audit.faces), "face"))
            if audit.unpredicted:
                text += tr(", {n:,} without a prediction", n=audit.unpredicted)
        self.panel.show_state(text, auditor.running and bool(auditor.text))
        if audit is None:
            self._show_hint()

    def _show_collected(self, done: int, total: int) -> None:
        if self._auditor.text:
            self.panel.state.setText(tr("Auditing {done:,} of {total:,} images…", done=done, total=total))

    def _show_hint(self) -> None:
        if self.audit is not None:
            hint = tr("No face fits: take conditions away, or list also what is settled.")
        elif self._auditor.running:
            hint = tr("The audit is being made. The faces most worth a look will be listed here.")
        elif self._document.rows:
            hint = tr(
                "An audit compares every label with the model's prediction and lists the faces most worth a look.\n\n"
                "Run audit starts it. Then {key} leads from face to face, and one key says what is wrong: the label, "
                "nothing, or the model.",
                key=self.panel.key("queue_next"),
            )
        else:
            hint = tr("Open a project with labels, then audit them here.")
        self.panel.show_rows(hint)

    def _row_state(self, row: QueueRow) -> RowState | None:
        audit = self.audit
        face = None if audit is None else audit.places.get(row.face_id)
        return None if audit is None or face is None else row_state(audit, face, self._judgements(row.face_id))

    def _thumbnail(self, image_id: str) -> QImage | None:
        return self._bench.images.model.thumbnail(image_id)

    def _judgements(self, face_id: str) -> tuple[Judgement, ...]:
        """All decisions about a face, those that are on their way to the disk too."""
        if face_id in self._given:
            return self._given[face_id]
        audit = self.audit
        face = None if audit is None else audit.places.get(face_id)
        if audit is not None and face is not None:
            return audit.faces[face].labelled.judgements
        state = self._document.faces.get(face_id)
        return () if state is None else state.judgements

    def _active_changed(self) -> None:
        face = self._bench.active_face()
        if face is None or face.label is None:
            self._visit = None
        elif self._visit is None or self._visit.face_id != face.face_id:
            self._visit = _Visit(face.face_id, face.label, face.label_set)
        self._mark_current()
        self._show_verdicts()

    def _face_changed(self, face_id: str) -> None:
        if face_id == self._bench.active:
            self._show_verdicts()

    def _mark_current(self) -> None:
        place = self._here()
        if place is None or self.panel.view.currentIndex().row() != place:
            self.panel.show_current(place)

    def _here(self) -> int | None:
        """Row of the active face."""
        return None if self._arranged is None else self._arranged.places.get(self._bench.active or "")

    def _show_verdicts(self) -> None:
        """The strip, and the rings on the canvas, both of the label as it is now."""
        audit, face = (None if self._document.blind else self.audit), self._bench.active_face()
        at = None if audit is None or face is None else audit.places.get(face.face_id)
        if audit is None or face is None or at is None or face.label is None:
            self._bench.canvas.set_verdicts(())
            hidden = tr("Verdicts are hidden while faces are labelled blind.")
            text = hidden if self._document.blind else tr("This face is not in the audit.")
            self.panel.strip.show_verdicts(None, None, text)
            return
        held = holding(self._judgements(face.face_id), face.label)
        selected = self._bench.selection[0] if self._bench.selection else None
        point = None if selected is None else point_told(audit, at, selected, face.label, held.get(selected))
        self.panel.strip.show_verdicts(face_told(audit, at, face.label, held.get(None)), point)
        self._bench.canvas.set_verdicts(_marks(audit, at, face.label, held))

    # -- going

    def go(self, row: int) -> None:
        """To a row of the queue: closely to its worst point, or to the whole face where that is to be judged."""
        audit, rows = self.audit, self.rows
        if audit is None or self._document.blind or not 0 <= row < len(rows):
            return
        one = rows[row]
        face = audit.places.get(one.face_id)
        if face is None or self._document.row(one.image_id) is None:
            self.said.emit(tr("This face is not in the audit any more."))
            return
        points = self._first_points(audit, face)
        if self._visit is not None and self._visit.face_id == one.face_id:
            self._visit = _Visit(one.face_id, self._visit.label, self._visit.label_set)
        self._reached = one.face_id
        self._place.go(Place(one.image_id, one.face_id, points, close=True))
        told = audit.audit.point(face, points[0]).text if points else audit.audit.findings[face].text
        place = tr("{n:,} of {total:,}", n=row + 1, total=len(rows))
        self.said.emit(f"{place} · {self.panel.keys()} – {sentence(told)}")

    def _first_points(self, audit: ProjectAudit, face: int) -> tuple[int, ...]:
        whole = audit.audit.findings[face].verdict != "ok"
        if whole or self._wanted.order == RANDOM:
            return ()  # the whole face is to be judged, and nothing shall catch the eye before
        return (audit.audit.worst_point(face),)

    def next(self) -> None:
        """To the next face that nobody has decided about."""
        here = self._here() if self._reached == self._bench.active else None
        start = 0 if here is None else here + 1
        rows = self.rows
        found = next((row for row in range(start, len(rows)) if not self._judgements(rows[row].face_id)), None)
        if found is not None:
            self.go(found)
            return
        left = sum(not self._judgements(row.face_id) for row in rows)
        text = tr("That was the last face of the queue.")
        if left:
            text += tr_count(
                " {n:,} face before it was skipped.", " {n:,} faces before it were skipped.", left
            )
        self.said.emit(text)

    def previous(self) -> None:
        """To the face before in the queue, whatever was decided about it."""
        here = self._here()
        self.go(len(self.rows) - 1 if here is None else here - 1)

    # -- deciding

    def can_decide(self) -> bool:
        """Whether there is a label on screen to decide about."""
        face = self._bench.active_face()
        labelled = face is not None and face.label is not None and not self._document.blind
        return labelled and self._bench.picture_ready and not self._document.read_only

    def decide(self, decision: Decision, *, whole: bool = False) -> None:
        """About the selected points, or the whole face where none is selected; then go on."""
        face, visit = self._bench.active_face(), self._visit
        if not self.can_decide() or face is None or face.label is None or visit is None:
            self.said.emit(tr("There is no label here to decide about."))
            return
        points: tuple[int | None, ...] = (None,) if whole or not self._bench.selection else self._bench.selection
        wrong = decision is Decision.LABEL_WRONG
        # A label that was mended by hand was wrong as it was before.
        label, label_set = (visit.label, visit.label_set) if wrong else (face.label, face.label_set)
        change = self._correction(face, points, visit) if wrong and self.panel.snap.isChecked() else None
        about = "face" if None in points else f"{len(points)} point" + ("s" if len(points) > 1 else "")
        kinds = {Decision.ACCEPTABLE: "label acceptable", Decision.LABEL_WRONG: "label wrong"}
        what = f"{kinds.get(decision, 'model wrong')}: {about}"
        edit = Judge(face.face_id, points, decision, label, label_set, what, change)
        if self.audit is not None and face.face_id in self.audit.places:
            said = given(edit, str(self._settings.value("author")))
            self._given[face.face_id] = with_judgements(self._judgements(face.face_id), said)
        visit.done.update(point for point in points if point is not None)
        self._document.apply(edit)
        self.panel.model.all_changed()
        self._say_decided(decision, points, change)
        if None in points or not self._next_point(face.face_id, visit):
            self._go_on()

    def _correction(self, face: FaceState, points: Sequence[int | None], visit: _Visit) -> LabelChange | None:
        """To the prediction: of these points, or the doubted ones of a whole face, those not moved by hand since."""
        prediction, label = face.fitting_prediction, face.label
        if prediction is None or label is None:
            return None
        wanted = {point for point in points if point is not None} | (self._doubted(face) if None in points else set())
        kept = [p for p in sorted(wanted) if np.array_equal(label.points[p], visit.label.points[p], equal_nan=True)]
        change = taking.snap(label, prediction, kept)
        return change if len(change) else None

    def _doubted(self, face: FaceState) -> set[int]:
        """Points that a wrong label of a whole face is about: all of them where the audit doubts the whole."""
        audit = self.audit
        at = None if audit is None else audit.places.get(face.face_id)
        if audit is None or at is None:
            return set()
        if audit.audit.findings[at].verdict != "ok":
            return set(range(len(audit.audit.scheme)))
        return set(np.flatnonzero(audit.audit.doubted[at]).tolist())

    def _say_decided(
        self, decision: Decision, points: Sequence[int | None], change: LabelChange | None
    ) -> None:
        text = decided_text(decision, None if None in points else len(points))
        if change is not None:
            text += tr_count(", {n} point put on the prediction", ", {n} points put on the prediction", len(change))
        self.said.emit(text)

    def _next_point(self, face_id: str, visit: _Visit) -> bool:
        """To the next doubted point of the face; whether there is one."""
        audit = self.audit
        at = None if audit is None else audit.places.get(face_id)
        if audit is None or at is None or self._wanted.order == RANDOM:
            return False
        held = holding(self._judgements(face_id), visit.label)
        scores = np.where(audit.audit.wrong()[at], audit.audit.evidence.point_scores[at], -1.0)
        for point in np.argsort(-scores).tolist():
            if scores[point] < 0:
                return False
            if point not in visit.done and point not in held:
                self._place.go(Place(str(self._document.current_id), face_id, (point,), close=True))
                return True
        return False

    def _go_on(self) -> None:
        if self._here() is not None:
            self.next()


def _marks(
    audit: ProjectAudit, face: int, label: Label, held: dict[int | None, Judgement]
) -> tuple[VerdictMark, ...]:
    """Of the doubted points that lie where they were judged, and that nobody has overruled."""
    if None in held and held[None].decision in OVERRULING:
        return ()
    judged = audit.audit.evidence.labels[face]
    found = []
    for point in np.flatnonzero(audit.audit.wrong()[face]).tolist():
        overruled = point in held and held[point].decision in OVERRULING
        if not overruled and len(label) == len(judged) and np.array_equal(label.points[point], judged[point]):
            x, y = judged[point].tolist()
            found.append(VerdictMark(x, y, str(audit.audit.verdicts[face, point])))
    return tuple(found)
