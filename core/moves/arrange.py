"""Putting the points of one curve in order: spread along it, or smooth it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from core.face import FloatArray, Label
from core.label_change import LabelChange
from core.moves.movable import locked, places
from core.moves.rail import Rail, rail
from core.scheme import Region

_EMPTY = LabelChange(np.zeros(0, np.intp))


def spread(
    label: Label,
    region: Region,
    chosen: Iterable[int] = (),
    like: FloatArray | None = None,
    shares: FloatArray | None = None,
) -> LabelChange:
    """Points at even distances along the region's smooth curve.

    The ends stay: of an open curve its first and last present point, of a closed one the two points farthest apart
    (the corners of an eye or a mouth). Locked points stay too, and the points between two that stay share the arc
    between them.

    Args:
        chosen: with two points of the region or more, only what lies between them moves, the first and the last of
            them stay; otherwise the whole curve is spread.
        like: (N, 2) px of another face or a prediction, whose distances along its curve are taken instead of even
            ones; None for even ones.
        shares: (K,) of the region's points, the part of the way from each to the next, instead of `like`.
    """
    track = rail(label.points, region)
    if track is None:
        return _EMPTY
    parts = _shares(track, region, like) if shares is None else _of_present(track, region, shares)
    arcs = track.arcs.copy()
    for run in _runs(track, label, region, chosen):
        first, last = track.arcs[run[0]], track.arcs[run[-1]]
        length = last - first if last > first or not track.closed else last - first + track.contour.length
        steps = parts[run[:-1]]
        arcs[run[1:-1]] = first + length * np.cumsum(steps)[:-1] / steps.sum()
    return _with(label, track, track.place(arcs), arcs != track.arcs)


def smooth(label: Label, region: Region, amount: float = 0.5, chosen: Iterable[int] = ()) -> LabelChange:
    """Points of the region's curve moved so that its bending changes less; the points that stay are as in `spread`.

    Least squares on the places against their third differences (second ones of three points), as in Whittaker's
    smoother (Eilers 2003, Analytical Chemistry 75): a curve that bends evenly is left as it is, rather than shrunk.

    Args:
        amount: in (0, 1); small changes little, towards 1 each run between two points that stay bends evenly.
    """
    if not 0 < amount < 1:
        raise ValueError("the amount must lie between 0 and 1")
    track = rail(label.points, region)
    if track is None:
        return _EMPTY
    at = label.points[track.indices].copy()
    moved = np.zeros(len(at), np.bool_)
    for run in _runs(track, label, region, chosen):
        at[run[1:-1]] = _smoothed(at[run], amount / (1 - amount))[1:-1]
        moved[run[1:-1]] = True
    return _with(label, track, at, moved)


def _smoothed(run: FloatArray, strength: float) -> FloatArray:
    """(K, 2) px: `run`, its ends fixed, against its third differences times `strength`."""
    count = len(run)
    differences = np.diff(np.eye(count), n=min(3, count - 1), axis=0)
    penalty = strength * differences.T @ differences
    inner = slice(1, count - 1)
    left = np.eye(count - 2) + penalty[inner, inner]
    right = run[inner] - penalty[inner][:, [0, count - 1]] @ run[[0, count - 1]]
    result = run.copy()
    result[inner] = np.linalg.solve(left, right)
    return result


def _shares(track: Rail, region: Region, like: FloatArray | None) -> FloatArray:
    """(K,) > 0: the part of the way from each point to the next, to any scale."""
    count = len(track.indices)
    if like is None:
        return np.ones(count)
    model = rail(like, region)
    if model is None or not np.array_equal(model.indices, track.indices):
        return np.ones(count)  # it has not the same points
    gaps = model.gaps()
    return np.maximum(np.resize(gaps, count), 1e-3 * max(gaps.max(), 1e-9))


def _of_present(track: Rail, region: Region, shares: FloatArray) -> FloatArray:
    """(K,) > 0: `shares` of the region's points, those across missing points together, for the points on the rail."""
    at = np.array([region.indices.index(int(index)) for index in track.indices])
    starts = np.concatenate([[0.0], np.cumsum(np.maximum(shares, 1e-3 * shares.max()))])
    steps: FloatArray = np.diff(starts[at], append=starts[-1] + starts[at[0]])
    return steps


def _runs(track: Rail, label: Label, region: Region, chosen: Iterable[int]) -> list[NDArray[np.intp]]:
    """Positions on the rail, from one point that stays to the next, where anything lies between."""
    count = len(track.indices)
    wanted = set(chosen)
    picked = [k for k in range(count) if int(track.indices[k]) in wanted]
    held = np.flatnonzero(locked(label)[track.indices]).tolist()
    if len(picked) >= 2 and len(picked) < count:
        order = _shortest_run(picked, count) if track.closed else list(range(picked[0], picked[-1] + 1))
        stays = {order[0], order[-1], *(k for k in held if k in order)}
    elif track.closed:
        corners = farthest_pair(label.points[track.indices])
        order = [(corners[0] + k) % count for k in range(count + 1)]
        stays = {*corners, *held}
    else:
        order, stays = list(range(count)), {0, count - 1, *held}
    cuts = [n for n, k in enumerate(order) if k in stays]
    pairs = itertools.pairwise(cuts)
    return [np.array(order[start : stop + 1]) for start, stop in pairs if stop - start >= 2]


def _shortest_run(picked: list[int], count: int) -> list[int]:
    """Positions round a closed curve from the first to the last of `picked` that leave out the widest gap."""
    gaps = [((picked[(n + 1) % len(picked)] - k) % count or count, n) for n, k in enumerate(picked)]
    _, widest = max(gaps)
    start = picked[(widest + 1) % len(picked)]
    length = (picked[widest] - start) % count
    return [(start + k) % count for k in range(length + 1)]


def farthest_pair(points: FloatArray) -> tuple[int, int]:
    """Rows of the two points of (K, 2) that are farthest apart, K >= 2, the smaller row first."""
    gap = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    first, second = np.unravel_index(int(gap.argmax()), gap.shape)
    return int(min(first, second)), int(max(first, second))


def _with(label: Label, track: Rail, at: FloatArray, moved: NDArray[np.bool_]) -> LabelChange:
    points = np.full(label.points.shape, np.nan)
    points[track.indices[moved]] = at[moved]
    return places(label, points)
