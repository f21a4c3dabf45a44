"""From scheme to scheme: the built-in maps by their geometry, states of points, chains, and the user's own files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import SchemeError
from core.face import Label, PointFlag, Visibility
from core.scheme import Scheme, builtin_schemes, get_scheme
from core.scheme_map import MAP_DIR, SchemeMap, convert_label, find_map, known_maps, load_map, parse_map, user_maps_dir
from tests.core.format_samples import shape_of

PAIRS = {
    ("wflw-98", "300w-68"), ("300w-68", "300w-51"), ("300w-68", "face-5"), ("300w-51", "face-5"), ("cofw-29", "face-5"),
    ("wflw-98", "cofw-29"), ("300w-68", "cofw-29"),
}  # fmt: skip
EVERY = pytest.mark.parametrize(("source", "target"), [*sorted(PAIRS), ("wflw-98", "300w-51"), ("wflw-98", "face-5")])
SHARED = Path(__file__).resolve().parents[3] / "shared/data/faces68"


def _mirrored(label: Label, scheme: Scheme) -> Label:
    points = label.points[list(scheme.flip)] * (-1, 1) + (300, 0)
    return Label(scheme.id, points, label.visibility[list(scheme.flip)])


def test_exactly_these_are_built_in() -> None:
    assert {(known.source.id, known.target.id) for known in known_maps()} == PAIRS
    assert len(list(MAP_DIR.glob("*.toml"))) == len(PAIRS)


@EVERY
def test_a_mirrored_face_becomes_the_mirrored_face(source: str, target: str) -> None:
    known = find_map(source, target)
    label = Label(source, shape_of(known.source, 3))
    once = convert_label(_mirrored(label, known.source), known)
    other = _mirrored(convert_label(label, known), known.target)
    assert np.allclose(once.points, other.points, rtol=0, atol=1e-9)
    assert {known.target.flip[index] for index in known.approximate} == set(known.approximate)


@EVERY
def test_maps_follow_shifts_turns_and_scales(source: str, target: str) -> None:
    known = find_map(source, target)
    points = shape_of(known.source, 1)
    turn = np.array([[1.5, -0.7], [0.7, 1.5]])
    moved = convert_label(Label(source, points @ turn + (40, -7)), known).points
    assert np.allclose(moved, convert_label(Label(source, points), known).points @ turn + (40, -7), atol=1e-9)


@EVERY
def test_points_keep_their_side_and_their_region(source: str, target: str) -> None:
    known = find_map(source, target)
    words = ("jaw", "brow", "nose", "eye", "mouth", "lip")
    for name, entry in zip(known.target.points, known.entries, strict=True):
        origins = [known.source.points[index] for index, _ in entry]
        assert sum(weight for _, weight in entry) == pytest.approx(1)
        if name in ("chin", "right nostril", "left nostril"):
            continue
        for side in ("right", "left"):
            if side in name.split():
                assert all(side in origin.split() for origin in origins)
        kind = next(word for word in words if word in name.replace("pupil", "eye"))
        allowed = {"brow": ("brow", "eye"), "eye": ("eye", "pupil")}.get(kind, (kind,))
        assert all(any(word in origin for word in allowed) for origin in origins), (name, origins)


def test_the_known_indices_of_98_and_68() -> None:
    entries = find_map("wflw-98", "300w-68").entries
    single = [entry[0][0] for entry in entries]
    assert all(len(entry) == 1 and entry[0][1] == 1 for entry in entries)
    assert single[:17] == list(range(0, 33, 2))
    assert single[36:42] == [60, 61, 63, 64, 65, 67]
    assert single[42:48] == [68, 69, 71, 72, 73, 75]
    assert single[48:] == list(range(76, 96))
    corners = {36, 39, 42, 45}
    assert set(find_map("wflw-98", "300w-68").approximate) == {*range(17, 27), *range(36, 48)} - corners
    assert find_map("300w-68", "300w-51").approximate == ()
    assert find_map("300w-68", "300w-51").target.points == get_scheme("300w-68").points[17:]


def test_two_steps_are_one_map_with_the_approximations_of_both() -> None:
    chain = find_map("wflw-98", "300w-51")
    label = Label("wflw-98", shape_of(get_scheme("wflw-98")))
    middle = convert_label(label, find_map("wflw-98", "300w-68"))
    assert convert_label(label, chain) == convert_label(middle, find_map("300w-68", "300w-51"))
    assert chain.approximate == tuple(i - 17 for i in find_map("wflw-98", "300w-68").approximate)
    assert find_map("wflw-98", "face-5").approximate == (0, 1)
    assert "18 of 51 points are approximations: right brow 1, " in chain.notes()[1]
    assert len(find_map("300w-68", "300w-51").notes()) == 1


def test_states_of_points() -> None:
    known = find_map("300w-68", "face-5")
    points = shape_of(known.source)
    points[37] = np.nan
    visibility = np.zeros(68, np.uint8)
    visibility[[44, 30]] = Visibility.OCCLUDED
    visibility[[45, 48]] = Visibility.OUTSIDE
    visibility[38] = Visibility.OCCLUDED
    flags = np.zeros(68, np.uint8)
    flags[47] = PointFlag.MARKED
    weights = np.linspace(0.5, 1, 68).astype(np.float32)
    converted = convert_label(Label("300w-68", points, visibility, flags, weights), known)
    assert converted.visibility.tolist() == [3, 1, 1, 2, 0]
    assert np.isnan(converted.points[0]).all()
    assert np.allclose(converted.points[1], points[42:48].mean(axis=0))
    assert converted.flags.tolist() == [0, 1, 0, 0, 0]
    assert converted.weights.tolist() == weights[[36, 42, 30, 48, 54]].tolist()
    with pytest.raises(SchemeError, match="the label follows wflw-98"):
        convert_label(Label("wflw-98", np.zeros((98, 2))), known)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the shared faces")
@pytest.mark.parametrize("target", ["300w-51", "face-5", "cofw-29"])
def test_real_faces_keep_the_order_of_their_parts(target: str) -> None:
    """Upright faces: eyes above the nose tip above the mouth, right of the face left in the picture."""
    from core.formats import read_pts

    known = find_map("300w-68", target)
    mean = np.mean([read_pts(path) for path in sorted(SHARED.glob("*.pts"))[::40]], axis=0)
    found = dict(zip(known.target.points, convert_label(Label("300w-68", mean), known).points, strict=True))
    tip = found["nose bridge 4" if target == "300w-51" else "nose tip"]
    for side, sign in (("right", -1), ("left", 1)):
        eye = next(point for name, point in found.items() if name.startswith(f"{side} eye"))
        mouth = found[f"mouth {side} corner"]
        assert sign * (eye[0] - tip[0]) > 0
        assert sign * (mouth[0] - tip[0]) > 0
        assert eye[1] < tip[1] < mouth[1]
    if target == "cofw-29":
        for side in ("right", "left"):
            heights = [found[f"{side} {name}"][1] for name in ("brow upper middle", "brow lower middle", "pupil")]
            assert heights == sorted(heights)
            assert found[f"{side} eye upper lid"][1] < found[f"{side} pupil"][1] < found[f"{side} eye lower lid"][1]
        lips = [found[n][1] for n in ("upper lip top", "upper lip bottom", "lower lip top", "lower lip bottom", "chin")]
        assert lips == sorted(lips)


# The user's own

GOOD: dict[str, Any] = {
    "source": "300w-68",
    "target": "face-5",
    "approximate": ["nose tip"],
    "points": {
        "right eye centre": [36, "right eye inner corner"],
        "left eye centre": {"of": [45, 42], "weights": [3, 1]},
        "nose tip": "nose base 3",
        "mouth right corner": 48,
        "mouth left corner": 54,
    },
}


def _with(**points: object) -> dict[str, Any]:
    return GOOD | {"points": GOOD["points"] | {name.replace("_", " "): value for name, value in points.items()}}


def test_a_users_map_goes_before_the_built_in_one() -> None:
    folder = user_maps_dir()
    folder.mkdir(parents=True)
    text = 'source = "300w-68"\ntarget = "face-5"\napproximate = ["nose tip"]\n[points]\n"nose tip" = 33\n'
    text += '"right eye centre" = [36, 39]\n"mouth right corner" = "mouth right corner"\n"mouth left corner" = 54\n'
    text += '"left eye centre" = { of = [45, 42], weights = [3, 1] }\n'
    (folder / "mine.toml").write_text(text)
    mine = find_map("300w-68", "face-5")
    assert mine == load_map(folder / "mine.toml")
    assert mine.entries == (((36, 0.5), (39, 0.5)), ((42, 0.25), (45, 0.75)), ((33, 1.0),), ((48, 1.0),), ((54, 1.0),))
    assert mine.approximate == (2,)
    (folder / "mine.toml").write_text(text.replace("33", "68"))
    with pytest.raises(SchemeError, match=r"mine\.toml: key 'points\.nose tip' has 68, .*\(0 to 67\)\. Correct the"):
        find_map("wflw-98", "300w-68")


def test_unknown_ways_are_told_with_the_known_ones() -> None:
    with pytest.raises(SchemeError, match=r"not known how points of 'face-5' become .*300w-68 to 300w-51.*scheme_maps"):
        find_map("face-5", "wflw-98")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (GOOD | {"sauce": 1}, "key 'sauce' is unknown; known are approximate, points"),
        ({"source": "300w-68", "points": {}}, "key 'target' is missing"),
        (GOOD | {"source": "999"}, "key 'source': there is no scheme '999'"),
        (GOOD | {"source": 3}, "key 'source' must be the id"),
        (GOOD | {"source": "x" * 300}, "key 'source': there is no scheme"),
        (GOOD | {"points": [1]}, "key 'points' must be a table"),
        (GOOD | {"points": {}}, "key 'points.right eye centre' is missing"),
        (_with(ear=3), "key 'points.ear' is no point of face-5"),
        (_with(nose_tip="ear"), "names 'ear', which is no point of 300w-68"),
        (_with(nose_tip=True), "no point of 300w-68 by name or index"),
        (_with(nose_tip=1.0), "no point of 300w-68 by name or index"),
        (_with(nose_tip=-1), "no point of 300w-68 by name or index"),
        (_with(nose_tip=[]), "must name at least one"),
        (_with(nose_tip=[30, "nose bridge 4"]), "names a point twice"),
        (_with(nose_tip={"of": [1, 2]}), "must have 'of' and 'weights'"),
        (_with(nose_tip={"of": 1, "weights": [1]}), "key 'points.nose tip.of' must be a list"),
        (_with(nose_tip={"of": [1, 2], "weights": [1]}), "must be a list of 2 numbers"),
        (_with(nose_tip={"of": [1], "weights": [0]}), "has 0, which is no number"),
        (_with(nose_tip={"of": [1], "weights": [float("nan")]}), "has nan, which is no number"),
        (GOOD | {"approximate": "all"}, "key 'approximate' must be a list"),
        (GOOD | {"approximate": ["ear"]}, "has 'ear', which is no point of face-5"),
        (_with(**{"x" * 5000: 1}), "is no point of face-5"),
    ],
)
def test_wrong_maps(data: dict[str, Any], message: str) -> None:
    assert isinstance(parse_map(GOOD, "m.toml"), SchemeMap)
    with pytest.raises(SchemeError) as caught:
        parse_map(data, "m.toml")
    assert message in str(caught.value)
    assert len(str(caught.value)) < 900


def test_every_scheme_can_be_reached_or_is_a_source() -> None:
    named = {known.source.id for known in known_maps()} | {known.target.id for known in known_maps()}
    assert named == set(builtin_schemes())
