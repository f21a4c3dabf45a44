"""A change of some points of one label: what every editing move comes to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.face import ByteArray, FloatArray, Label, Visibility


@dataclass(frozen=True, eq=False, slots=True)
class LabelChange:
    """New values for some points; what is None stays as it is, and so do all other points.

    Attributes:
        indices: (K,) intp, the points, each once.
        points: (K, 2) float64, image px, NaN for a point taken away; a point that was missing becomes visible.
        visibility: (K,) uint8 of `Visibility`. MISSING takes a point away.
        flags: (K,) uint8 of `PointFlag` bits.
        weights: (K,) float32 >= 0.

    Raises:
        ValueError: shapes differ, or an index comes twice or is negative.
    """

    indices: NDArray[np.intp]
    points: FloatArray | None = None
    visibility: ByteArray | None = None
    flags: ByteArray | None = None
    weights: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        indices = np.array(self.indices, dtype=np.intp).reshape(-1)
        if len(np.unique(indices)) != len(indices) or (indices < 0).any():
            raise ValueError("indices must differ and not be negative")
        object.__setattr__(self, "indices", indices)
        shapes: dict[str, tuple[tuple[int, ...], type[np.generic]]] = {
            "points": ((len(indices), 2), np.float64),
            "visibility": ((len(indices),), np.uint8),
            "flags": ((len(indices),), np.uint8),
            "weights": ((len(indices),), np.float32),
        }
        for name, (shape, dtype) in shapes.items():
            given = getattr(self, name)
            if given is None:
                continue
            value: NDArray[Any] = np.array(given, dtype=dtype)
            if value.shape != shape:
                raise ValueError(f"{name} must be {shape}, not {value.shape}")
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.indices)

    def applied_to(self, label: Label) -> Label:
        """The label with this change.

        Raises:
            ValueError: the label has no such points.
        """
        if len(self) and int(self.indices.max()) >= len(label):
            raise ValueError(f"the label has {len(label)} points, and point {int(self.indices.max())} is to change")
        points, visibility = label.points.copy(), label.visibility.copy()
        if self.points is not None:
            points[self.indices] = self.points
            placed = self.indices[np.isfinite(self.points).all(axis=1)]
            visibility[placed[visibility[placed] == Visibility.MISSING]] = Visibility.VISIBLE
        if self.visibility is not None:
            visibility[self.indices] = self.visibility
        points[visibility == Visibility.MISSING] = np.nan
        gone = np.isnan(points).any(axis=1)
        visibility[gone] = Visibility.MISSING
        changes: dict[str, Any] = {"points": points, "visibility": visibility}
        for name in ("flags", "weights"):
            value = getattr(self, name)
            if value is not None:
                changes[name] = getattr(label, name).copy()
                changes[name][self.indices] = value
        return replace(label, **changes)


def difference(before: Label, after: Label) -> LabelChange:
    """The change that turns `before` into `after`, labels of one scheme; of no points where they are equal.

    Raises:
        ValueError: their schemes or lengths differ.
    """
    if before.scheme != after.scheme or len(before) != len(after):
        raise ValueError("labels of two schemes have no difference")
    same = (
        ((before.points == after.points) | (np.isnan(before.points) & np.isnan(after.points))).all(axis=1)
        & (before.visibility == after.visibility)
        & (before.flags == after.flags)
        & (before.weights == after.weights)
    )
    at = np.flatnonzero(~same)
    return LabelChange(at, after.points[at], after.visibility[at], after.flags[at], after.weights[at])
