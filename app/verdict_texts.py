"""Verdicts and decisions in words, in the user's language. `core` has them in English, for files and servers."""

from __future__ import annotations

import re

from app.texts import SOURCE_LANGUAGE, shown_language, tr, tr_later
from core.judgement import Decision

DECISION_TEXTS = {
    Decision.LABEL_WRONG: tr_later("label wrong"),
    Decision.ACCEPTABLE: tr_later("acceptable"),
    Decision.MODEL_WRONG: tr_later("model wrong"),
}

POINT_VERDICTS = {
    "suspect": tr_later("suspect"),
    "swapped": tr_later("swapped"),
    "shifted": tr_later("shifted"),
    "unsure": tr_later("model unsure"),
    "ambiguous": tr_later("ambiguous"),
    "missing": tr_later("missing"),
    "ok": tr_later("ok"),
}
"""Of `core.verdicts.Verdict`, the worst first."""

FACE_VERDICTS = {
    "left and right swapped": tr_later("left and right swapped"),
    "mirrored image": tr_later("mirrored image"),
    "rotated image": tr_later("rotated image"),
    "wrong order": tr_later("wrong order"),
    "box mismatch": tr_later("box mismatch"),
    "wrong face": tr_later("wrong face"),
    "no label": tr_later("no label"),
}
"""Of `core.face_verdicts.FaceVerdict`, but for "ok", which both have."""

SENTENCES = (
    tr_later("{name} has no label."),
    tr_later("{name} and {partner} have changed places: each lies where the other is expected."),
    tr_later("{name} and its neighbours lie where the next point of the contour is expected."),
    tr_later("{name} is {far} px from where it is expected, {length} px of it along the contour: within what labels "
             "differ by there."),
    tr_later("{name} is {far} px from where it is expected, but the model itself is not sure of this point: look for "
             "yourself."),
    tr_later("{name} is {far} px from where it is expected, and {given} standard deviations from where the rest of the "
             "face puts it."),
    tr_later("{name} is {far} px from where it is expected, {d} standard deviations: more than ambiguity explains."),
    tr_later("{name} is {far} px from where it is expected, {d} standard deviations: no more than usual among so many "
             "points."),
)  # fmt: skip
"""What `core.verdicts.finding` says, with its numbers left open."""

_PATTERNS = tuple(
    (text, re.compile("".join(f"(?P<{part}>.+?)" if at % 2 else re.escape(part)
                              for at, part in enumerate(re.split(r"[{}]", text)))))
    for text in SENTENCES
)  # fmt: skip


def verdict_text(verdict: str) -> str:
    """The word for a verdict of a point or a face."""
    return tr((POINT_VERDICTS | FACE_VERDICTS).get(verdict, verdict))


def sentence(text: str) -> str:
    """A sentence about a point or a face, as `core` says it, in the user's language."""
    if shown_language() == SOURCE_LANGUAGE:
        return text
    for template, pattern in _PATTERNS:
        if found := pattern.fullmatch(text):
            return tr(template, **found.groupdict())
    return tr(text)
