"""What there is to draw of a face, as numbers: curves, ellipses, flags, and the facts about one point. No Qt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.canvas.model import FaceView, Layers
from core.ambiguity import anisotropy, eigen, split_deviation
from core.face import FloatArray, Prediction, Visibility

SOURCES = (
    "label, being moved", "prediction, not labelled", "label, occluded", "label, outside the image", "label",
)  # fmt: skip
"""What the place of a point can be."""

_EPS = 1e-9


@dataclass(frozen=True, eq=False, slots=True)
class Ellipses:
    """The 1-sigma ellipses of a prediction; rows that cannot be drawn are NaN.

    Attributes:
        centre: (N, 2) float64, image px.
        major, minor: (N,) float64, standard deviations along and across, image px.
        angle: (N,) float64, radians, of the major axis, from +x towards +y (down).
        anisotropy: (N,) float64, >= 1.
    """

    centre: FloatArray
    major: FloatArray
    minor: FloatArray
    angle: FloatArray
    anisotropy: FloatArray

    def half_extent(self) -> FloatArray:
        """(N, 2) float64, image px: half the width and height of each 1-sigma ellipse's bounding box."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        x = np.hypot(self.major * cos, self.minor * sin)
        y = np.hypot(self.major * sin, self.minor * cos)
        return np.stack([x, y], axis=1)


def ellipses(prediction: Prediction) -> Ellipses:
    """The ellipses of a prediction's means (N, 2) and covariances (N, 2, 2), image px."""
    good = np.isfinite(prediction.mean).all(axis=1) & np.isfinite(prediction.covariance).all(axis=(1, 2))
    bad: np.ndarray = np.logical_not(good)
    covariance = np.where(bad[:, None, None], np.nan, prediction.covariance)
    found = eigen(covariance)
    centre = np.where(bad[:, None], np.nan, prediction.mean)
    return Ellipses(centre, np.sqrt(found.major), np.sqrt(found.minor), found.angle, anisotropy(covariance))


def flagged(face: FaceView, layers: Layers) -> np.ndarray:
    """(N,) bool: the points whose prediction is at or above the ambiguity threshold of `layers`."""
    count = len(face.scheme)
    if face.prediction is None or layers.ambiguous_threshold is None:
        return np.zeros(count, bool)
    found = ellipses(face.prediction)
    value = found.anisotropy if layers.ambiguous_measure == "anisotropy" else found.major
    return np.nan_to_num(value, nan=-np.inf) >= layers.ambiguous_threshold


def bezier_runs(points: FloatArray, closed: bool) -> list[FloatArray]:
    """A smooth curve through `points` (K, 2), image px, as cubic Bezier pieces.

    The same curve as `core.geometry.spline`, a centripetal Catmull-Rom spline (Yuksel, Schaefer and Keyser 2011), in
    the form that Qt paints at any zoom. It goes through every point without cusps or loops, and moving one point
    changes no more than the two pieces on either side of it, so that a drag redraws little.

    Returns one array (3 S + 1, 2) a run: start, then two controls and an end for each of its S pieces. Missing points
    (NaN) end a run; a run of one point is left out; two points make a straight piece.
    """
    known = np.isfinite(points).all(axis=1)
    if closed and known.all() and len(points) >= 3:
        return [_pieces(points, closed=True)]
    if closed and len(points):
        # Start after a gap, so that a run across the seam stays in one piece.
        first_gap = int(np.argmin(known))
        points, known = np.roll(points, -first_gap, axis=0), np.roll(known, -first_gap)
    runs = []
    edges = np.flatnonzero(np.diff(np.concatenate([[0], known.astype(np.int8), [0]])))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        run = points[start:stop]
        if len(run) >= 2:
            runs.append(_pieces(run, closed=False))
    return runs


def _pieces(points: FloatArray, closed: bool) -> FloatArray:
    """Bezier form of the spline through `points` (K, 2), K >= 2: inner slopes by Catmull-Rom's rule on uneven knots,
    free ends with the slope of the parabola through the three last points."""
    nodes = np.concatenate([points, points[:1]]) if closed else points
    chord = np.diff(nodes, axis=0)
    step = np.maximum(np.sqrt(np.hypot(*chord.T)), _EPS)[:, None]
    rate = chord / step
    if closed:
        rate_in, step_in = np.roll(rate, 1, axis=0), np.roll(step, 1, axis=0)
        inner = (rate_in * step + rate * step_in) / (step_in + step)
        slope = np.concatenate([inner, inner[:1]])
    else:
        inner = (rate[:-1] * step[1:] + rate[1:] * step[:-1]) / (step[:-1] + step[1:])
        first, last = (inner[:1], inner[-1:]) if len(inner) else (rate, rate)
        slope = np.concatenate([2 * rate[:1] - first, inner, 2 * rate[-1:] - last])
    leave, arrive = nodes[:-1] + step * slope[:-1] / 3, nodes[1:] - step * slope[1:] / 3
    return np.concatenate([nodes[:1], np.stack([leave, arrive, nodes[1:]], axis=1).reshape(-1, 2)])


def spacing(points: FloatArray) -> float:
    """Median distance to the nearest other point of `points` (N, 2), image px; infinity for fewer than two."""
    known = points[np.isfinite(points).all(axis=1)]
    if len(known) < 2:
        return math.inf
    gap = np.hypot(*(known[:, None] - known[None]).transpose(2, 0, 1))
    np.fill_diagonal(gap, np.inf)
    return float(np.median(gap.min(axis=1)))


def bounds(*clouds: FloatArray) -> tuple[float, float, float, float] | None:
    """(left, top, right, bottom), image px, around the finite rows of all (K, 2) arrays; None if there are none."""
    known = [cloud[np.isfinite(cloud).all(axis=1)] for cloud in clouds]
    joined = np.concatenate(known) if known else np.zeros((0, 2))
    if len(joined) == 0:
        return None
    low, high = joined.min(axis=0), joined.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def extent(face: FaceView) -> tuple[float, float, float, float] | None:
    """(left, top, right, bottom), image px, of a face's box, label and prediction; None if it has none of them."""
    box = face.box
    corners = np.zeros((0, 2)) if box is None else np.array([[box.x, box.y], [box.x + box.w, box.y + box.h]])
    return bounds(face.label_points, face.predicted_points, corners)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the callout says of one point; a value that does not exist is None.

    Lengths in image px, angle in degrees in [-90, 90) from +x towards +y (down); along and across are signed parts of
    label minus predicted mean on the major and the minor axis.
    """

    index: int
    name: str
    region: str | None
    source: str
    x: float
    y: float
    sigma_along: float | None = None
    sigma_across: float | None = None
    anisotropy: float | None = None
    angle_deg: float | None = None
    along: float | None = None
    across: float | None = None
    distance: float | None = None
    mahalanobis: float | None = None
    second_share: float | None = None
    ambiguous: bool = False


def facts(face: FaceView, index: int, layers: Layers, moved: Sequence[float] | None = None) -> Facts | None:
    """The facts about point `index`; `moved` (x, y) replaces the label's place during a drag. None for no point."""
    label = face.label_points[index] if moved is None else np.asarray(moved, np.float64)
    has_label = bool(np.isfinite(label).all())
    prediction = face.prediction
    has_mean = prediction is not None and bool(np.isfinite(prediction.mean[index]).all())
    if not has_label and not has_mean:
        return None
    at = label if has_label else face.predicted_points[index]
    region = face.scheme.region_of(index)
    found: dict[str, float] = {}
    if prediction is not None and has_mean:
        found = _spread(prediction, index, label if has_label else None)
    return Facts(
        index=index,
        name=face.scheme.points[index],
        region=None if region is None else region.name,
        source=_source(face, index, moved is not None, has_label),
        x=float(at[0]),
        y=float(at[1]),
        ambiguous=bool(flagged(face, layers)[index]),
        **found,
    )


def _source(face: FaceView, index: int, moving: bool, has_label: bool) -> str:
    """One of `SOURCES`; in English, for this module knows no Qt."""
    if moving:
        return SOURCES[0]
    if not has_label:
        return SOURCES[1]
    assert face.label is not None
    kind = Visibility(int(face.label.visibility[index]))
    return {Visibility.OCCLUDED: SOURCES[2], Visibility.OUTSIDE: SOURCES[3]}.get(kind, SOURCES[4])


def _spread(prediction: Prediction, index: int, label: FloatArray | None) -> dict[str, float]:
    covariance = prediction.covariance[index]
    values: dict[str, float] = {}
    if np.isfinite(covariance).all():
        found = eigen(covariance)
        values["sigma_along"], values["sigma_across"] = math.sqrt(found.major), math.sqrt(found.minor)
        values["anisotropy"] = float(anisotropy(covariance))
        values["angle_deg"] = math.degrees(found.angle)
        if label is not None:
            parts = split_deviation(label, prediction.mean[index], covariance)
            values["along"], values["across"] = float(parts.along), float(parts.across)
            values["mahalanobis"] = float(parts.mahalanobis)
    if label is not None:
        values["distance"] = float(np.hypot(*(label - prediction.mean[index])))
    if prediction.second_share[index] > 0:
        values["second_share"] = float(prediction.second_share[index])
    return values


def touched_by(points: FloatArray, indices: Sequence[int], closed: bool, index: int) -> FloatArray:
    """Control points (K, 2), image px, around all of a region's curve that depends on point `index`.

    Args:
        points: (N, 2) of the face.
        indices: the region's points in order, `index` among them.
        closed: whether the region is.
    """
    at = indices.index(index)
    near = indices if closed else indices[max(at - 3, 0) : at + 4]
    runs = bezier_runs(points[list(near)], closed)
    return np.concatenate([points[[index]], *runs])
