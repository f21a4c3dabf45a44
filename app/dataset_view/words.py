"""Words that several pages use."""

from __future__ import annotations

from app.texts import tr, tr_later
from core.scheme import Scheme
from core.verdicts import WRONG, Verdict

VERDICTS = {
    Verdict.OK: tr_later("ok"),
    Verdict.AMBIGUOUS: tr_later("ambiguous"),
    Verdict.SUSPECT: tr_later("suspect"),
    Verdict.SWAPPED: tr_later("swapped"),
    Verdict.SHIFTED: tr_later("shifted"),
    Verdict.MISSING: tr_later("missing"),
    Verdict.UNSURE: tr_later("unsure"),
}

CLASSES = {
    "ok": tr_later("ok"), "ambiguous": tr_later("ambiguous"), "unsure": tr_later("unsure"), "wrong": tr_later("wrong"),
}  # fmt: skip
"""What verdicts are drawn as."""


def verdict_text(verdict: str) -> str:
    """A verdict in the user's language."""
    return tr(VERDICTS[Verdict(verdict)])


def class_of(verdict: str) -> str:
    """One of `CLASSES`, or "missing"."""
    return "wrong" if Verdict(verdict) in WRONG else verdict


_NORMS = {
    "ocular": tr_later("% of the distance between the outer eye corners"),
    "pupil": tr_later("% of the distance between the pupils"),
}


def percent_of(scheme: Scheme) -> str:
    """What lengths are given in, for axes."""
    return tr(_NORMS.get(scheme.normaliser().name, _OTHER_NORM))


_OTHER_NORM = tr_later("% of the distance that NMEs are divided by")
