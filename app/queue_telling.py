"""What the review queue says of faces, points and decisions: from an audit to the texts of rows and of the strip."""

from __future__ import annotations

import numpy as np

from app.canvas.overlays import signed
from app.jobs.audit import ProjectAudit
from app.panels.queue_model import RowState
from app.panels.verdict_strip import Told
from app.texts import tr, tr_count
from app.verdict_texts import DECISION_TEXTS, sentence, verdict_text
from core.face import Label
from core.judgement import Decision, Judgement, holding

_OK = "ok"
_MARGIN = 0.25


def row_state(audit: ProjectAudit, face: int, judgements: tuple[Judgement, ...]) -> RowState:
    """What a row of the queue shows; `judgements`: all about the face."""
    whole = audit.audit.findings[face].verdict.value
    worst = audit.audit.worst_point(face)
    point = str(audit.audit.verdicts[face, worst])
    verdict = point if whole == _OK else whole
    words = verdict_text(verdict)
    if whole == _OK:
        words = f"{words} · {audit.audit.scheme.points[worst]}"
    return RowState(verdict, words, _decision(audit, face, judgements), _area(audit, face))


def _decision(audit: ProjectAudit, face: int, judgements: tuple[Judgement, ...]) -> Decision | None:
    """Of several kinds the one that asks for most: a wrong label, then a wrong model."""
    held = {one.decision for one in holding(judgements, audit.faces[face].labelled.label).values()}
    if any(one.decision is Decision.LABEL_WRONG for one in judgements):
        held.add(Decision.LABEL_WRONG)  # found, though it may be mended by now
    order = (Decision.LABEL_WRONG, Decision.MODEL_WRONG, Decision.ACCEPTABLE)
    return next((decision for decision in order if decision in held), None)


def _area(audit: ProjectAudit, face: int) -> tuple[float, float, float, float] | None:
    one = audit.faces[face]
    points = one.labelled.label.points
    known = points[np.isfinite(points).all(axis=1)]
    if one.size is None or not len(known):
        return None
    low, high = known.min(axis=0), known.max(axis=0)
    margin = _MARGIN * float((high - low).max())
    (x, y), (w, h) = (low - margin) / one.size, (high - low + 2 * margin) / one.size
    return float(x), float(y), float(w), float(h)


def face_told(audit: ProjectAudit, face: int, label: Label, decision: Judgement | None) -> Told:
    """The verdict of a face for the strip; it may be about the label as it was a moment ago."""
    found = audit.audit.findings[face]
    doubted = int(audit.audit.wrong()[face].sum())
    if found.verdict.value != _OK:
        verdict, text = found.verdict.value, sentence(found.text)
    elif doubted:
        verdict = str(audit.audit.verdicts[face, audit.audit.worst_point(face)])
        verdict = verdict if verdict in ("suspect", "swapped", "shifted") else "suspect"
        text = tr_count("{n} point of it is called wrong.", "{n} points of it are called wrong.", doubted)
    else:
        verdict, text = _OK, sentence(found.text)
    numbers = "" if np.isnan(found.misfit) else tr(
        "misfit {misfit:.1f} (right labels: 2), score {score:.1f}", misfit=found.misfit, score=found.score
    )  # fmt: skip
    title = tr("Face: {verdict}", verdict=verdict_text(verdict))
    return Told(verdict, title, text, numbers, _said(decision))


def point_told(audit: ProjectAudit, face: int, point: int, label: Label, decision: Judgement | None) -> Told | None:
    """The verdict of a point for the strip; None for a point that the audit does not know."""
    if point >= len(audit.audit.scheme):
        return None
    found = audit.audit.point(face, point)
    title = f"{point}: {verdict_text(found.verdict.value)}"
    if not np.array_equal(label.points[point], audit.audit.evidence.labels[face, point], equal_nan=True):
        return Told(_OK, f"{point}", tr("It was moved: the audit follows."), "", _said(decision))
    numbers = ""
    if not np.isnan(found.d):
        numbers = tr(
            "d {d:.1f}, along {along} px, across {across} px, p {p:.1g}",
            d=found.d, along=signed(found.along), across=signed(found.across), p=found.p,
        )  # fmt: skip
    return Told(found.verdict.value, title, sentence(found.text), numbers, _said(decision))


def _said(decision: Judgement | None) -> str:
    if decision is None:
        return ""
    return tr("{decision} ({author})", decision=tr(DECISION_TEXTS[decision.decision]), author=decision.author)


def decided_text(decision: Decision, points: int | None) -> str:
    """What was just decided, about that many points, or the face for None."""
    about = tr("Face") if points is None else tr_count("{n} point", "{n} points", points)
    return f"{about}: {tr(DECISION_TEXTS[decision])}"
