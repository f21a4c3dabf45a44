"""Simulated annotators: true landmarks in, labels out, and apart from those what was done to each point.

An annotator's ordinary noise is a slide along the contour (a dialect that is always the same, and a slip that is not)
and a jitter in every direction; the points stay on the curve through the true landmarks but for the jitter. Now and
then comes what is no noise: gross errors, exchanged sides, points one place further along, points left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.ambiguity import ROUNDING_VARIANCE
from core.face import ByteArray, FloatArray, Label, Visibility
from core.geometry import Contour, region_contour
from core.scheme import Region, Scheme
from training.synthetic.annotator_spec import OTHER, AnnotatorSpec, PartNoise, face_unit, part_of_points

Rng = np.random.Generator

SLIPPED = 2.0
"""Standard deviations of the slip from which on a point counts as slipped (5 % of all)."""

SEEN, SELF_HIDDEN, COVERED, OUTSIDE = 1, 0, -1, -2
"""Visibility of a rendered point: seen; hidden by the face itself; by something before it; outside of the image."""

_SAMPLES = 16
_NODES = 21
_NOBODY: NDArray[np.intp] = np.zeros(0, np.intp)
_SILENT = PartNoise(0.0, 0.0)


class Kind(IntEnum):
    """What was done to a point; where several things were, the last of them in this order."""

    NONE = 0
    SLIP = 1
    """Ordinary noise of an unusual size: `SLIPPED` standard deviations along the contour or more."""
    SHIFT = 2
    SWAP = 3
    GROSS = 4
    MISSING = 5


class Expected(NamedTuple):
    """The law of an annotator's ordinary labels: `offset` (N, 2) px, mean less truth; `covariance` (N, 2, 2) px^2.

    Without what is no noise (`Kind` from SHIFT on). NaN where the truth is missing.
    """

    offset: FloatArray
    covariance: FloatArray


@dataclass(frozen=True, eq=False, slots=True)
class Annotation:
    """A simulated label and, apart from it, what nobody who learns from it may know.

    Attributes:
        label: what the annotator hands in. It has no trace of the rest.
        kind: (N,) uint8 of `Kind`.
        slide: (N,) px along the contour from the true place, dialect and slip together; of ordinary noise alone.
        expected: mean offset and covariance of this annotator's ordinary labels of this face.
    """

    label: Label
    kind: ByteArray
    slide: FloatArray
    expected: Expected


def as_seen(visibility: NDArray[np.integer], covered: NDArray[np.bool_]) -> NDArray[np.int8]:
    """`SEEN` and so on (...) from a rendered face's `core.face.Visibility` (...) and what lies before it (...)."""
    seen = np.where(visibility == Visibility.VISIBLE, SEEN, SELF_HIDDEN)
    seen = np.where(covered, COVERED, seen)
    return np.where(visibility == Visibility.OUTSIDE, OUTSIDE, seen).astype(np.int8)


def annotate(
    truth: FloatArray, visibility: NDArray[np.integer] | None, scheme: Scheme, spec: AnnotatorSpec, rng: Rng
) -> Annotation:
    """Label a face as the annotator `spec` would.

    The same draws are used whatever the spec says, so that one generator state gives comparable labels at several
    noise levels.

    Args:
        truth: (N, 2) image px; NaN where nothing is known, which stays missing.
        visibility: (N,) `SEEN`, `SELF_HIDDEN`, `COVERED` or `OUTSIDE`; None: all are seen.
        scheme: of the points.
        spec: the annotator.
        rng: decides everything else.
    """
    face = _Face(truth, visibility, scheme, spec)
    count = len(scheme)
    normal, jitter = rng.normal(size=count), rng.normal(size=(count, 2))
    gross, turn, far, missed = rng.random(count), rng.random(count), rng.random(count), rng.random(count)
    slip = face.slip * normal
    slide = face.dialect + slip
    kind = np.full(count, Kind.NONE, np.uint8)
    kind[(np.abs(normal) >= SLIPPED) & (face.slip > 0)] = Kind.SLIP
    shifts = _shifts(face, rng)
    kind[shifts != 0] = Kind.SHIFT
    points = face.moved(slide + shifts) + face.jitter[:, None] * jitter
    points, swapped = _swap(points, scheme, spec.swap_rate, rng)
    kind[swapped] = Kind.SWAP
    length = spec.gross_size * face.unit * (0.5 + far)
    away = length[:, None] * np.stack([np.cos(2 * np.pi * turn), np.sin(2 * np.pi * turn)], axis=-1)
    wrong = gross < spec.gross_rate
    points[wrong] += away[wrong]
    kind[wrong] = Kind.GROSS
    gone = (missed < np.where(face.hidden, spec.hidden_missing_rate, spec.missing_rate)) | ~face.known
    points[gone] = np.nan
    kind[gone] = Kind.MISSING
    if spec.whole_px:
        points = np.round(points)
    label = Label(scheme.id, points, _said(face, gone))
    return Annotation(label, kind, slide, face.expected())


def expected_labels(
    truth: FloatArray, visibility: NDArray[np.integer] | None, scheme: Scheme, spec: AnnotatorSpec
) -> Expected:
    """The law of the annotator's ordinary labels of a face; arguments as for `annotate`."""
    return _Face(truth, visibility, scheme, spec).expected()


def pooled(laws: Sequence[Expected]) -> Expected:
    """The law of a label by any one of several annotators, each as likely: their dialects become part of the spread."""
    offsets = np.stack([law.offset for law in laws])
    mean = offsets.mean(axis=0)
    apart = offsets - mean
    between = np.einsum("...i,...j->...ij", apart, apart).mean(axis=0)
    return Expected(mean, np.stack([law.covariance for law in laws]).mean(axis=0) + between)


class _Face:
    """A true face as one annotator handles it: curves, places on them, and standard deviations in px."""

    def __init__(
        self, truth: FloatArray, visibility: NDArray[np.integer] | None, scheme: Scheme, spec: AnnotatorSpec
    ) -> None:
        truth = np.asarray(truth, np.float64)
        if truth.shape != (len(scheme), 2):
            raise ValueError(f"points of scheme {scheme.id} must be ({len(scheme)}, 2), not {truth.shape}")
        seen = np.full(len(scheme), SEEN) if visibility is None else np.asarray(visibility)
        if seen.shape != (len(scheme),):
            raise ValueError(f"visibility must be ({len(scheme)},), not {seen.shape}")
        self.truth, self.visibility, self.scheme, self.spec = truth, seen, scheme, spec
        self.known: NDArray[np.bool_] = np.asarray(np.isfinite(truth).all(axis=1))
        self.hidden = seen != SEEN
        self.unit = face_unit(truth, scheme)
        parts = part_of_points(scheme)
        noise = [spec.noise.get(part, spec.noise.get(OTHER, _SILENT)) for part in parts]
        factor = self.unit * np.where(self.hidden, spec.hidden_factor, 1.0)
        self.slip = factor * np.array([part.slip for part in noise])
        self.jitter = factor * np.array([part.jitter for part in noise])
        self.dialect = self.unit * dialect_signs(scheme) * np.array([spec.dialect.get(part, 0.0) for part in parts])
        self.curves, self.arcs = self._curves()
        self.on_curve = np.zeros(len(scheme), np.bool_)
        for _, _, indices in self.curves:
            self.on_curve[indices] = True
        self.slip[~self.on_curve] = self.dialect[~self.on_curve] = 0.0

    def _curves(self) -> tuple[list[tuple[Region, Contour, NDArray[np.intp]]], FloatArray]:
        """Regions, contours and the points they are the first region of; each point's arc length (N,) there, px."""
        curves: list[tuple[Region, Contour, NDArray[np.intp]]] = []
        arcs = np.zeros(len(self.scheme))
        placed: NDArray[np.bool_] = np.logical_not(self.known)
        for region in self.scheme.regions:
            curve = region_contour(self.truth, region, _SAMPLES)
            indices = np.array([index for index in region.indices if not placed[index]], np.intp)
            if curve is None or not len(indices):
                continue
            # The nearest of the curve's nodes, not of its sides: closed lids and lips touch each other.
            apart = curve.vertices[::_SAMPLES] - self.truth[indices][:, None]
            arcs[indices] = curve.arcs[::_SAMPLES][np.hypot(apart[..., 0], apart[..., 1]).argmin(axis=1)]
            placed[indices] = True
            curves.append((region, curve, indices))
        return curves, arcs

    def moved(self, slide: FloatArray) -> FloatArray:
        """The points (N, ..., 2) px after a `slide` (N, ...) px along their contours."""
        start = self.truth.reshape(len(self.scheme), *(1,) * (slide.ndim - 1), 2)
        points = np.broadcast_to(start, (*slide.shape, 2)).copy()
        for _, curve, indices in self.curves:
            arcs = self.arcs[indices].reshape(-1, *(1,) * (slide.ndim - 1))
            points[indices] = along(curve, arcs + slide[indices])
        return points

    def expected(self) -> Expected:
        """Mean and covariance by Gauss-Hermite quadrature along the curve, so that bends count.

        Rounding is taken as evenly spread, which it is where the rest is half a px or more.
        """
        nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
        weights = weights / weights.sum()
        places = self.moved(self.dialect[:, None] + self.slip[:, None] * nodes)
        mean = np.einsum("k,nkc->nc", weights, places)
        apart = places - mean[:, None]
        covariance = np.einsum("k,nkc,nkd->ncd", weights, apart, apart)
        rounding = ROUNDING_VARIANCE if self.spec.whole_px else 0.0
        round_about = np.where(self.known, self.jitter**2 + rounding, np.nan)
        return Expected(mean - self.truth, covariance + round_about[:, None, None] * np.eye(2))


def along(curve: Contour, arcs: FloatArray | float) -> FloatArray:
    """Points (..., 2) at `arcs` (...) px from the start of a contour.

    An open contour goes on straight beyond its ends, as annotators do who place the last point too far out.
    """
    at = np.asarray(arcs, np.float64)
    inner = np.mod(at, curve.length) if curve.closed and curve.length > 0 else at
    points = np.stack([np.interp(inner, curve.arcs, curve.vertices[:, axis]) for axis in (0, 1)], axis=-1)
    if curve.closed or len(curve.vertices) < 2:
        return points
    for beyond, one, other in (
        (np.minimum(at, 0.0), curve.vertices[0], curve.vertices[1]),
        (np.maximum(at - curve.length, 0.0), curve.vertices[-2], curve.vertices[-1]),
    ):
        points = points + beyond[..., None] * (other - one) / np.hypot(*(other - one))
    return points


def dialect_signs(scheme: Scheme) -> FloatArray:
    """Direction (N,), -1, 0 or 1 along its contour, in which a point follows a dialect; 0 in no region.

    Mirrored points move as mirror images: contours that run towards the other side are walked backwards there, and the
    middle of a contour that is its own mirror image stays.
    """
    signs = np.zeros(len(scheme))
    for region in reversed(scheme.regions):
        twin = _twin(region, scheme)
        place = {index: k for k, index in enumerate(region.indices)}
        for index in region.indices:
            partner = scheme.flip[index]
            if twin is None or (twin is region and all(scheme.flip[i] == i for i in region.indices)):
                signs[index] = 1.0
            elif twin is region:
                signs[index] = np.sign(place[partner] - place[index])
            elif scheme.regions.index(twin) > scheme.regions.index(region):
                signs[index] = 1.0
            else:
                signs[index] = -1.0 if _runs_backwards(region, twin, scheme) else 1.0
    return signs


def _twin(region: Region, scheme: Scheme) -> Region | None:
    """The region of the mirrored points, which may be the same one; None if there is none."""
    mirrored = {scheme.flip[index] for index in region.indices}
    return next((other for other in scheme.regions if set(other.indices) == mirrored), None)


def _runs_backwards(region: Region, twin: Region, scheme: Scheme) -> bool:
    """Whether the mirror image of `region` runs against the order of `twin`."""
    places = [twin.indices.index(scheme.flip[index]) for index in region.indices]
    steps = np.diff(places)
    return bool((steps < 0).sum() > (steps > 0).sum())


def _shifts(face: _Face, rng: Rng) -> FloatArray:
    """Slide (N,) px that takes points of one contour, from somewhere on, to their neighbours' places.

    At an open end the last point goes one span beyond; on a closed contour all points move on.
    """
    shifts = np.zeros(len(face.scheme))
    happens, which = rng.random(), int(rng.integers(max(len(face.scheme.regions), 1)))
    start, forward = rng.random(), rng.random() < 0.5
    if happens >= face.spec.shift_rate or not face.scheme.regions:
        return shifts
    chosen = face.scheme.regions[which]
    region, curve, indices = next((entry for entry in face.curves if entry[0] is chosen), (chosen, None, _NOBODY))
    if curve is None or len(indices) < 3:
        return shifts
    if not forward:
        indices = indices[::-1]
    arcs = face.arcs[indices]
    if region.closed:
        steps = np.roll(arcs, -1) - arcs
        half = curve.length / 2
        steps = np.mod(steps + half, curve.length) - half  # the short way, where it leads over the start
    else:
        steps = np.append(np.diff(arcs), arcs[-1] - arcs[-2])
        steps[: int(start * (len(indices) - 1))] = 0.0
    shifts[indices] = steps
    return shifts


def _swap(
    points: FloatArray, scheme: Scheme, rate: float, rng: Rng
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """With probability `rate` one part, and its mirror image, have left and right exchanged; which points (N,)."""
    happens, which = rng.random(), int(rng.integers(max(len(scheme.regions), 1)))
    flip = np.array(scheme.flip)
    swapped = np.zeros(len(scheme), np.bool_)
    if happens < rate and scheme.regions:
        part = list(scheme.regions[which].indices)
        swapped[part] = swapped[flip[part]] = True
        swapped &= flip != np.arange(len(scheme))
    return np.where(swapped[:, None], points[flip], points), swapped


def _said(face: _Face, gone: NDArray[np.bool_]) -> ByteArray:
    """What the label says of each point's visibility; annotators see what is covered, and not what the face hides."""
    said = np.full(len(face.scheme), Visibility.VISIBLE, np.uint8)
    said[face.visibility == COVERED] = Visibility.OCCLUDED
    said[face.visibility == OUTSIDE] = Visibility.OUTSIDE
    said[gone] = Visibility.MISSING
    return said
