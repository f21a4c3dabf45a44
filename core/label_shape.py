"""The shapes that labels have, without any picture: what a label's point should be, given its face's other points.

A prediction errs at each point by itself, while labels follow each other: a point that sticks out of its contour is
seen here first. A wrong face has a right shape, and is seen only beside the prediction (`core.evidence` asks both).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from core.error_odds import Seen
from core.face import FloatArray
from core.face_frame import face_frame
from core.face_modes import FaceModes, fit_modes
from core.scheme import Scheme

FACTORS = 32
COARSE_FACTORS = 16
_LEAST_NOISE = 1e-3
_MAD_NORMAL = 1.4826
_LEAST_SPREAD = 1e-3
_NORMAL_MEDIAN = math.sqrt(2 * math.log(2))
"""Median distance of a normal point in the plane from its centre."""


@dataclass(frozen=True, eq=False, slots=True)
class LabelShape:
    """A factor model of shapes, in the frame of the predicted face.

    Attributes:
        centre, spread: (N, 2) mean place and standard deviation, as shares of the face's size from its middle.
        modes: of places less `centre`, over `spread`.
        coarse: the same with fewer factors; None in calibrations from before there was one. How many factors a
            face has, nobody knows; asking both finds more errors than either (`benchmarks/label_errors.py`).
    """

    centre: FloatArray
    spread: FloatArray
    modes: FaceModes
    coarse: FaceModes | None = None

    def seen(self, label: ArrayLike, mean: ArrayLike, scheme: Scheme) -> list[Seen]:
        """How labels (F, N, 2) look beside the shapes, with predicted means (F, N, 2), image px: by `modes`, `coarse`.

        Labels that are all farther than those that the model was fitted on are rougher labels, or other faces, not
        wrong ones: their residuals have that much more variance.
        """
        whitened = (places(label, mean, scheme) - self.centre) / self.spread
        frame = face_frame(mean, scheme)
        units = frame.axes[:, None] / (self.spread[..., None] * frame.size[:, None, None, None])
        result = []
        for modes in (self.modes, self.coarse):
            if modes is not None:
                given = modes.given_rest(whitened)
                known = given.distance[np.isfinite(given.distance)]
                ratio = float(np.median(known)) / _NORMAL_MEDIAN if len(known) else 1.0
                result.append(Seen(modes, whitened, given, units, (modes.scale * max(ratio, 1.0)) ** 2))
        return result

    def to_json(self) -> dict[str, Any]:
        """For a model's header."""
        lists = {name: np.round(getattr(self, name).ravel(), 5).tolist() for name in ("centre", "spread")}
        coarse = {} if self.coarse is None else {"coarse": self.coarse.to_json()}
        return lists | {"modes": self.modes.to_json()} | coarse

    @classmethod
    def from_json(cls, data: Mapping[str, Any], count: int) -> LabelShape:
        """Inverse of `to_json`; KeyError, TypeError or ValueError for damage."""
        centre, spread = (np.array(data[name], np.float64).reshape(count, 2) for name in ("centre", "spread"))
        if not (np.isfinite(centre).all() and np.isfinite(spread).all() and (spread > 0).all()):
            raise ValueError("a shape must be finite and its spread positive")
        coarse = FaceModes.from_json(data["coarse"], count) if "coarse" in data else None
        return cls(centre, spread, FaceModes.from_json(data["modes"], count), coarse)


def places(label: ArrayLike, mean: ArrayLike, scheme: Scheme) -> FloatArray:
    """(F, N, 2) labels in the frame of the predicted face, from the middle of its bounding box."""
    means = np.asarray(mean, np.float64)
    middle = (means.min(axis=-2, keepdims=True) + means.max(axis=-2, keepdims=True)) / 2
    return face_frame(means, scheme).to_face(np.asarray(label, np.float64) - middle)


def fit_shape(label: ArrayLike, mean: ArrayLike, scheme: Scheme) -> LabelShape:
    """Fit to labels (F, N, 2) with their predictions (F, N, 2), and to their mirror images; ValueError for too few."""
    moved = places(label, mean, scheme)
    flip, mirror = list(scheme.flip), np.array([-1.0, 1.0])
    centre = np.nan_to_num(np.nanmedian(moved, axis=0))
    centre = (centre + centre[flip] * mirror) / 2
    spread = np.nan_to_num(np.nanmedian(np.abs(moved - centre), axis=0)) * _MAD_NORMAL
    spread = np.maximum((spread + spread[flip]) / 2, _LEAST_SPREAD)
    modes, coarse = (
        fit_modes((moved - centre) / spread, scheme, factors, _LEAST_NOISE) for factors in (FACTORS, COARSE_FACTORS)
    )
    return LabelShape(centre, spread, modes, coarse)
