"""Compute the mean shapes that ship with Starmark: `python benchmarks/mean_shapes.py FACES68`.

The mean of the training people's labels (`training.split`), one mean a person first, so that people with many pictures
count no more, by generalised Procrustes analysis (Gower 1975): each shape is laid over the mean by a similarity, the
mean taken anew, until it stands. It is then made symmetric, since people are not turned to one side on average. Other
schemes follow from the 68 points by their scheme maps; what the 98 points have beyond them lies on the curves between.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from core.face import FloatArray, Label
from core.formats.pts import read_pts
from core.moves.mean_shape import SHAPE_DIR
from core.moves.rail import rail
from core.moves.symmetry import mid_line, reflected
from core.scheme import get_scheme
from core.scheme_map import convert_label, find_map
from core.similarity import similarity
from training.split import Part, identity_of, part_of

ROUNDS = 20
_LOWER_BROW = 0.2
"""Part of the way from the upper edge of a brow to the middle of the eye at which its lower edge is taken."""


def shapes(folder: Path) -> list[FloatArray]:
    """(68, 2) of each training person: their labels' mean after laying them over the first."""
    people: dict[str, list[FloatArray]] = defaultdict(list)
    for file in sorted(folder.glob("*.pts")):
        identity = identity_of(file)
        if part_of(identity) is Part.TRAIN:
            people[identity].append(read_pts(file))
    return [procrustes(own) for own in people.values()]


def procrustes(clouds: list[FloatArray]) -> FloatArray:
    """The mean (N, 2) of `clouds`, each (N, 2), centred and of unit root mean square radius."""
    mean = _unit(clouds[0])
    for _ in range(ROUNDS):
        laid = [fit(cloud) for cloud in clouds if (fit := similarity(cloud, mean)) is not None]
        mean = _unit(np.mean(laid, axis=0))
    return mean


def _unit(points: FloatArray) -> FloatArray:
    centred = points - points.mean(axis=0)
    return centred / np.sqrt((centred**2).sum(axis=1).mean())


def upright(points: FloatArray) -> FloatArray:
    """Made symmetric and turned so that the mid line is the y axis."""
    scheme = get_scheme("300w-68")
    line = mid_line(points, scheme)
    assert line is not None
    centre, angle = line
    even = (points + reflected(points, centre, angle)[list(scheme.flip)]) / 2
    turn = np.pi / 2 - angle
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    even = _unit(even @ matrix.T)
    return even if even[8, 1] > even[27, 1] else -even  # the chin below the nose


def wflw(points: FloatArray) -> FloatArray:
    """(98, 2) from the 68 points."""
    scheme, source = get_scheme("wflw-98"), get_scheme("300w-68")
    table = find_map("wflw-98", "300w-68")
    result = np.full((98, 2), np.nan)
    for target, entry in enumerate(table.entries):
        ((origin, _weight),) = entry
        result[origin] = points[target]
    for region in scheme.regions:
        indices = list(region.indices)
        if region.name.endswith("brow"):
            eye = points[list(next(r for r in source.regions if r.name == region.name.replace("brow", "eye")).indices)]
            _lower_edge(result, indices, float(eye[:, 1].mean()), mirrored=region.name.startswith("left"))
        track = rail(result, region)
        assert track is not None
        place = dict(zip(track.indices.tolist(), track.arcs.tolist(), strict=True))
        count = len(indices)
        for at, index in enumerate(indices):
            if index not in place:  # in the middle between its neighbours, both of which the 68 points have
                before, after = place[indices[at - 1]], place[indices[(at + 1) % count]]
                after += track.contour.length if after < before else 0.0
                result[index] = track.contour.at((before + after) / 2)
    for pupil, name in ((96, "right eye"), (97, "left eye")):
        eye_points = next(list(r.indices) for r in scheme.regions if r.name == name)
        result[pupil] = result[eye_points].mean(axis=0)
    return result


def _lower_edge(result: FloatArray, brow: list[int], eye: float, mirrored: bool) -> None:
    """Four points below a brow's upper edge of five, backwards; `eye` is the height of the eye's middle."""
    upper, lower = brow[:5], brow[5:]
    for index, above in zip(lower, upper[:0:-1] if not mirrored else upper[3::-1], strict=True):
        x, y = result[above]
        result[index] = x, y + _LOWER_BROW * (eye - y)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path, help="folder of 300W .pts files of known people")
    options = parser.parse_args()
    people = shapes(options.faces)
    base = upright(procrustes(people))
    found = {"300w-68": base, "wflw-98": wflw(base)}
    for target in ("300w-51", "cofw-29", "face-5"):
        found[target] = convert_label(Label("300w-68", base), find_map("300w-68", target)).points
    SHAPE_DIR.mkdir(parents=True, exist_ok=True)
    for name, points in found.items():
        rows = [[round(float(x), 5), round(float(y), 5)] for x, y in _unit(points)]
        text = json.dumps({"source": f"mean of {len(people)} people, see benchmarks/mean_shapes.py", "points": rows})
        (SHAPE_DIR / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        print(f"{name}: {len(points)} points")


if __name__ == "__main__":
    main()
