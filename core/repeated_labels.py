"""Labels of the same faces by several annotators, side by side, and the frames that they are compared in.

Lengths are percent of the distance that NMEs are divided by, the median of the annotators'. At each landmark of their
median face the first axis runs along its contour, in the order of the contour's points, and the second across it (the
first turned by 90 degrees, from x towards y). A landmark on no contour has the face's own axes (`core.face_frame`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.errors import UsageError
from core.face import ByteArray, FloatArray, Visibility
from core.face_frame import face_frame
from core.geometry import tangent_angles
from core.metrics import norm_distances
from core.scheme import Scheme


@dataclass(frozen=True, eq=False, slots=True)
class LocalFrames:
    """Where labels lie within each landmark's own frame.

    Attributes:
        origin: (F, N, 2) px, the annotators' median.
        axes: (F, N, 2, 2), rows: unit vectors along the contour and across it.
        norm: (F,) px, what NMEs are divided by; NaN where a face has none.
        offsets: (F, A, N, 2) %, label less origin along and across; NaN where missing.
    """

    origin: FloatArray
    axes: FloatArray
    norm: FloatArray
    offsets: FloatArray

    def to_image(self, offsets: FloatArray) -> FloatArray:
        """Places (F, N, 2) px of offsets (F, N, 2) %."""
        turned: FloatArray = np.einsum("fnij,fni->fnj", self.axes, offsets)
        return self.origin + turned * (self.norm / 100)[:, None, None]

    def spread_to_image(self, covariance: FloatArray) -> FloatArray:
        """Covariances (F, N, 2, 2) px^2 of those along and across (F, N, 2, 2) %^2."""
        turned: FloatArray = np.einsum("fnij,fnik,fnkl->fnjl", self.axes, covariance, self.axes)
        return turned * ((self.norm / 100) ** 2)[:, None, None, None]

    def spread_from_image(self, covariance: FloatArray) -> FloatArray:
        """Covariances (F, N, 2, 2) %^2 along and across of those in px^2 (F, N, 2, 2)."""
        turned: FloatArray = np.einsum("fnij,fnjk,fnlk->fnil", self.axes, covariance, self.axes)
        return turned / ((self.norm / 100) ** 2)[:, None, None, None]


@dataclass(frozen=True, eq=False)
class RepeatedLabels:
    """Labels of F faces by A annotators, who need not have labelled all of them.

    Attributes:
        scheme: of N points.
        names: (A,) of the annotators, all different.
        points: (F, A, N, 2) image px; NaN where a point, or the whole label, is missing.
        visibility: (F, A, N) of `Visibility`; MISSING where the point is.
        labelled: (F, A) whether there is a label, be it without a point.

    Raises:
        UsageError: fewer than two annotators, or two of one name. ValueError for arrays that do not fit.
    """

    scheme: Scheme
    names: tuple[str, ...]
    points: FloatArray
    visibility: ByteArray
    labelled: NDArray[np.bool_]

    def __post_init__(self) -> None:
        if len(self.names) < 2 or len(set(self.names)) < len(self.names):
            raise UsageError("labels of at least two annotators are needed", remedy="Name two label sets or more")
        shape = (len(self.labelled), len(self.names), len(self.scheme))
        if (self.points.shape, self.visibility.shape, self.labelled.shape) != ((*shape, 2), shape, shape[:2]):
            raise ValueError(f"points must be (F, A, N, 2) with A, N = {shape[1:]}, not {self.points.shape}")

    def __len__(self) -> int:
        return len(self.points)

    @property
    def present(self) -> NDArray[np.bool_]:
        """(F, A, N): points that an annotator has placed."""
        return all_known(self.points)

    @cached_property
    def frames(self) -> LocalFrames:
        """The landmarks' frames, and the labels in them."""
        origin = median_known(self.points)
        # Of each label, for one with exchanged sides would bring the eyes of the median face together.
        norm = median_known(norm_distances(self.points, self.scheme)[..., None, None])[:, 0, 0]
        upright = face_frame(origin, self.scheme).axes
        angle = np.stack([tangent_angles(face, self.scheme) for face in origin]) if len(self) else origin[..., 0]
        angle = np.where(np.isnan(angle), np.arctan2(upright[:, 0, 1], upright[:, 0, 0])[:, None], angle)
        cos, sin = np.cos(angle), np.sin(angle)
        axes = np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], -2)
        apart = (self.points - origin[:, None]) / (norm / 100)[:, None, None, None]
        return LocalFrames(origin, axes, norm, np.einsum("fnij,fanj->fani", axes, apart))

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Every two annotators (a, b), a < b."""
        return ((a, b) for a in range(len(self.names)) for b in range(a + 1, len(self.names)))

    def majority(self) -> ByteArray:
        """(F, N) what most of those who labelled a face say of a point; of two views held by as many, the plainer one.

        A point is MISSING only where more than half say so.
        """
        votes = np.stack(
            [((self.visibility == kind) & self.labelled[..., None]).sum(axis=1) for kind in sorted(Visibility)], -1
        )
        most = votes[..., : Visibility.MISSING].argmax(axis=-1).astype(np.uint8)
        gone = 2 * votes[..., Visibility.MISSING] > votes.sum(axis=-1)
        return np.where(gone | (votes.sum(axis=-1) == 0), np.uint8(Visibility.MISSING), most)


def all_known(values: FloatArray, axis: int | tuple[int, ...] = -1) -> NDArray[np.bool_]:
    """Whether all of `values` along an axis, or several, are finite."""
    return np.asarray(np.isfinite(values).all(axis=axis))


def median_known(points: FloatArray) -> FloatArray:
    """Median (F, N, K) over annotators of `points` (F, A, N, K), each coordinate by itself; NaN of nothing."""
    known = np.isfinite(points)
    anybody = np.asarray(known.any(axis=1))
    filled = np.where(known | ~anybody[:, None], np.where(known, points, 0.0), np.nan)
    result: FloatArray = np.where(anybody, np.nanmedian(np.where(anybody[:, None], filled, 0.0), axis=1), np.nan)
    return result
