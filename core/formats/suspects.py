"""What looks wrong in a data set as a whole: sides swapped, faces twice. For people to look at; nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.face import FloatArray, overlap
from core.formats.base import LabelledFace
from core.scheme import Scheme

_LEAST_FACES = 5
_REVERSED_PAIRS = 0.3
"""Share of a face's left-right pairs that must run the other way than in most faces."""

_SHORT_PAIR = 0.05
"""Pairs closer together than this share of the face's size say nothing of their order."""

_SAME_BOX = 0.9
_SAME_POINTS = 1e-6


def swapped_sides(faces: Sequence[LabelledFace], scheme: Scheme) -> list[int]:
    """Indices of faces whose left and right points seem swapped, wholly or in part.

    Each face is turned, scaled and shifted onto the median face of the data set, never mirrored (Kabsch's solution,
    W. Kabsch, 1976, Acta Cryst. A32, 922); a pair is reversed if it then runs against the median's. Upside-down faces
    are therefore fine. Fewer than five whole faces give no median, and no answer.
    """
    left = [i for i, j in enumerate(scheme.flip) if i < j]
    right = [scheme.flip[i] for i in left]
    whole = [_normal(face.label.points) for face in faces if np.isfinite(face.label.points).all()]
    known = [points for points in whole if points is not None]
    if not left or len(known) < _LEAST_FACES:
        return []
    median = _median(known[:: max(1, len(known) // 500)])
    expected = median[right] - median[left]
    found = []
    for index, face in enumerate(faces):
        seen = np.asarray(np.isfinite(face.label.points).all(axis=1))
        turned = _turned(face.label.points, median, seen)
        if turned is None:
            continue
        run = turned[right] - turned[left]
        long = seen[left] & seen[right] & (np.linalg.norm(run, axis=1) > _SHORT_PAIR)
        against = ((run * expected).sum(axis=1) < 0) & long
        if against.sum() >= max(2, _REVERSED_PAIRS * long.sum()):
            found.append(index)
    return found


def _normal(points: FloatArray) -> FloatArray | None:
    """Centred, of norm sqrt(N); None for points all in one place."""
    centred = points - points.mean(axis=0)
    size = float(np.sqrt((centred**2).sum(axis=1).mean()))
    return centred / size if size > 0 else None


def _median(faces: Sequence[FloatArray]) -> FloatArray:
    """Median of faces turned onto the first; twice, since the first may be an odd one."""
    median = np.median(np.stack(faces), axis=0)
    every = np.ones(len(median), dtype=bool)
    for _ in range(2):
        turned = [t for face in faces if (t := _turned(face, median, every)) is not None]
        median = np.median(np.stack(turned), axis=0)
    return median


def _turned(points: FloatArray, onto: FloatArray, seen: NDArray[np.bool_]) -> FloatArray | None:
    """`points` by the best similarity without mirroring onto `onto`, judged by the points `seen` (N,) bool."""
    if seen.sum() < 3:
        return None
    source, target = points[seen], onto[seen]
    centre = source.mean(axis=0)
    normal = _normal(source)
    if normal is None:
        return None
    size = float(np.sqrt(((source - centre) ** 2).sum(axis=1).mean()))
    # The best rotation in the plane has the angle of the sum of conj(source) * target as complex numbers.
    turn = np.vdot(_complex(normal), _complex(target - target.mean(axis=0)))
    if abs(turn) == 0:
        return None
    turned = _complex((points - centre) / size) * (turn / abs(turn))
    return np.stack([turned.real, turned.imag], axis=1)


def _complex(points: FloatArray) -> NDArray[np.complex128]:
    return np.asarray(points[:, 0] + 1j * points[:, 1])


def duplicates(faces: Sequence[LabelledFace]) -> list[tuple[int, int]]:
    """Pairs (first, again) of faces that are the same: at one place of one image, or the same points in two images."""
    found = []
    by_image: dict[object, list[int]] = {}
    by_points: dict[bytes, int] = {}
    for index, face in enumerate(faces):
        twin = next((other for other in by_image.get(face.image, ()) if _same_place(faces[other], face)), None)
        content = face.label.points.tobytes()
        if twin is None and np.isfinite(face.label.points).any():
            twin = by_points.get(content)
        if twin is not None:
            found.append((twin, index))
        by_image.setdefault(face.image, []).append(index)
        by_points.setdefault(content, index)
    return found


def _same_place(one: LabelledFace, other: LabelledFace) -> bool:
    if len(one.label) == len(other.label) and np.allclose(
        one.label.points, other.label.points, rtol=0, atol=_SAME_POINTS, equal_nan=True
    ):
        return True
    return one.box is not None and other.box is not None and overlap(one.box, other.box) > _SAME_BOX


def outside_points(face: LabelledFace) -> int:
    """How many of its points lie outside the image's pixels; 0 where the image's size is not known."""
    if face.info is None:
        return 0
    points = face.label.points
    limit = (face.info.width - 0.5, face.info.height - 0.5)
    return int(((points < -0.5) | (points > limit)).any(axis=1).sum())
