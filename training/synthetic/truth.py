"""What is known of each rendered face: the true landmarks, and what can be seen of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import FormatError
from core.face import ByteArray, FloatArray
from core.files import read_limited, write_atomic

TRUTH_FILE = "truth.npz"
SCHEMES = ("300w-68", "wflw-98")
_MAX_BYTES = 1_000_000
_DECIMALS = 4


@dataclass(frozen=True, eq=False, slots=True)
class TruePoints:
    """One face in one scheme.

    Attributes:
        points: (N, 2) float64, image px; every point has its place, also where it cannot be seen.
        visibility: (N,) uint8 of `core.face.Visibility`: VISIBLE, OCCLUDED by the head itself or by `covered`, OUTSIDE.
        covered: (N,) bool, whether hair, glasses, a hand or another thing lies before the point.
    """

    points: FloatArray
    visibility: ByteArray
    covered: NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class Truth:
    """All faces of a rendered folder.

    Attributes:
        names: stems of the pictures, "pPERSON_PHOTO".
        faces: by scheme: points (n, N, 2) float64 image px, visibility (n, N) uint8, covered (n, N) bool.
    """

    names: tuple[str, ...]
    faces: dict[str, TruePoints]


def write_face(path: Path, faces: dict[str, TruePoints], facts: dict[str, Any]) -> None:
    """Write what is known of one face, whole or not at all; `facts` are of its head and view, for statistics."""
    data: dict[str, Any] = {"facts": facts}
    for scheme, face in faces.items():
        data[scheme] = {
            "points": np.round(face.points, _DECIMALS).tolist(),
            "visibility": face.visibility.tolist(),
            "covered": face.covered.astype(int).tolist(),
        }
    write_atomic(path, json.dumps(data, separators=(",", ":")) + "\n")


def gather(folder: Path, names: Sequence[str]) -> Truth:
    """Put the faces' files together.

    Raises:
        FileError, FormatError: one of them is missing or damaged.
    """
    found = [_read(folder / f"{name}.json") for name in names]
    return Truth(tuple(names), {scheme: _stack([one[scheme] for one in found]) for scheme in SCHEMES})


def save_truth(path: Path, truth: Truth) -> None:
    """Write everything as one NumPy archive."""
    arrays: dict[str, NDArray[Any]] = {"names": np.array(truth.names)}
    for scheme, face in truth.faces.items():
        count = scheme.rsplit("-", 1)[1]
        arrays[f"points_{count}"] = face.points
        arrays[f"visibility_{count}"] = face.visibility
        arrays[f"covered_{count}"] = face.covered
    write_atomic(path, lambda stream: np.savez_compressed(stream, allow_pickle=False, **arrays))


def load_truth(folder: Path) -> Truth:
    """Read the truth of a rendered folder.

    Raises:
        FormatError: it is missing or damaged.
    """
    path = folder / TRUTH_FILE
    try:
        with np.load(path, allow_pickle=False) as data:
            names = tuple(str(name) for name in data["names"])
            faces = {}
            for scheme in SCHEMES:
                count = scheme.rsplit("-", 1)[1]
                faces[scheme] = TruePoints(
                    data[f"points_{count}"], data[f"visibility_{count}"], data[f"covered_{count}"]
                )
    except (OSError, ValueError, KeyError) as error:
        raise FormatError(
            f"the truth of the faces cannot be read ({error})", where=path, remedy="Render the faces again"
        ) from error
    return Truth(names, faces)


def _read(path: Path) -> dict[str, TruePoints]:
    try:
        data = json.loads(read_limited(path, _MAX_BYTES, FormatError))
        return {
            scheme: TruePoints(
                np.array(data[scheme]["points"], np.float64),
                np.array(data[scheme]["visibility"], np.uint8),
                np.array(data[scheme]["covered"], bool),
            )
            for scheme in SCHEMES
        }
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError("is no description of a face", where=path, remedy="Delete it and render again") from error


def _stack(faces: Sequence[TruePoints]) -> TruePoints:
    return TruePoints(
        np.stack([face.points for face in faces]),
        np.stack([face.visibility for face in faces]),
        np.stack([face.covered for face in faces]),
    )
