"""The columns and subsets in which papers report a model: those of STAR's tables for 300W, WFLW and COFW.

FR and AUC follow the reference's convention ("star" of `core.metrics`), so that they compare with its figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.formats.base import LabelledFace
from core.formats.wflw import ATTRIBUTES
from core.metrics import fr_auc, norm_distances
from training.evaluate import Evaluation

THRESHOLD = 0.1
_CHALLENGE = "ibug"
"""300W: the challenge subset is the folder of that name, everything else of the test set is the common one."""

_COLUMNS: dict[str, tuple[tuple[str, ...], bool]] = {
    "300w-68": (("ocular",), False),
    "wflw-98": (("ocular",), True),
    "cofw-29": (("ocular", "pupil"), False),
}
"""Normalisers of the NME columns, and whether there are FR and AUC, by scheme."""


@dataclass(frozen=True, slots=True)
class PaperRow:
    """A subset's figures.

    Attributes:
        subset: "full", or such as "challenge" or "largepose".
        faces: in it, measured or missed by the detector.
        nme: mean over measured faces (fraction) by normaliser; NaN where none is measured.
        fr, auc: at 0.1, missed faces being failures; None where the paper has no such column.
    """

    subset: str
    faces: int
    nme: dict[str, float]
    fr: float | None
    auc: float | None


def paper_rows(
    evaluation: Evaluation, faces: Sequence[LabelledFace], normaliser: str | None = None
) -> list[PaperRow]:
    """The rows of the paper's table for a data set of this kind; none for other schemes.

    Args:
        evaluation: of `faces`.
        normaliser: what the evaluation divided by; None for the scheme's.
    """
    scheme = evaluation.scheme
    if scheme.id not in _COLUMNS:
        return []
    names, rates = _COLUMNS[scheme.id]
    truths = np.stack([faces[index].label.points for index in evaluation.measured])
    used = norm_distances(truths, scheme, normaliser)
    nmes = {name: evaluation.nmes * used / norm_distances(truths, scheme, name) for name in names}
    rows = []
    for subset, belongs in _subsets(scheme.id, faces).items():
        inside = belongs[evaluation.measured]
        missed = int(belongs[evaluation.missed].sum())
        values = {name: _mean(each[inside]) for name, each in nmes.items()}
        fr = auc = None
        known = nmes[names[0]][inside]
        known = np.concatenate([known[np.isfinite(known)], np.full(missed, math.inf)])
        if rates and len(known):
            fr, auc = fr_auc(known, THRESHOLD, "star")
        rows.append(PaperRow(subset, int(inside.sum()) + missed, values, fr, auc))
    return [row for row in rows if row.faces]


def _subsets(scheme: str, faces: Sequence[LabelledFace]) -> dict[str, NDArray[np.bool_]]:
    """Which faces each subset has, (F,) by name."""
    found = {"full": np.ones(len(faces), bool)}
    if scheme == "300w-68":
        challenge = np.array([_CHALLENGE in (part.lower() for part in face.image.parts) for face in faces], bool)
        # One of the two alone is the full set.
        if challenge.any() and not challenge.all():
            found |= {"common": ~challenge, "challenge": challenge}
    elif scheme == "wflw-98":
        found |= {name: np.array([name in face.tags for face in faces], bool) for name in ATTRIBUTES}
    return found


def _mean(values: NDArray[np.float64]) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else math.nan


def paper_table(rows: Sequence[PaperRow]) -> list[str]:
    """Lines for people: NMEs and FR in percent, as papers print them."""
    if not rows:
        return []
    names = list(rows[0].nme)
    rates = rows[0].fr is not None
    titles = [f"NME {name}" for name in names] + (["FR10", "AUC10"] if rates else [])
    lines = [f"{'as in the STAR paper':<22}{'faces':>7}" + "".join(f"{title:>12}" for title in titles)]
    for row in rows:
        cells = [f"{100 * row.nme[name]:.2f}" for name in names]
        if rates:
            cells += ["-" if row.fr is None else f"{100 * row.fr:.2f}", "-" if row.auc is None else f"{row.auc:.3f}"]
        lines.append(f"{row.subset:<22}{row.faces:>7}" + "".join(f"{cell:>12}" for cell in cells))
    return lines


def paper_json(rows: Sequence[PaperRow]) -> list[dict[str, Any]]:
    """The rows for `evaluate --json`; fractions, null for what is not known."""
    return [
        {
            "subset": row.subset,
            "faces": row.faces,
            "nme": {name: value if math.isfinite(value) else None for name, value in row.nme.items()},
            "fr": row.fr,
            "auc": row.auc,
        }
        for row in rows
    ]
