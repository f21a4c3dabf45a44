"""Landmark schemes: the built-in ones against the published definitions, user files against the rules."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import SchemeError
from core.scheme import (
    Scheme,
    builtin_schemes,
    get_scheme,
    known_schemes,
    load_scheme,
    parse_scheme,
    user_schemes_dir,
)

# STAR_SPEC.md section 12: edge groups, O open and C closed, as the reference draws them.
EDGES = {
    "300w-68": "O 0-16; O 17-21; O 22-26; O 27-30; O 31-35; C 36-41; C 42-47; C 48-59; C 60-67",
    "wflw-98": "O 0-32; C 33-41; C 42-50; O 51-54; O 55-59; C 60-67; C 68-75; C 76-87; C 88-95",
    "cofw-29": "C 0,4,2,5; C 1,6,3,7; C 8,12,10,13; O 9,14,11,15; C 18,20,19,21; C 22,26,23,27; C 22,24,23,25",
}
FLIPS = {
    "300w-68": "0-16 1-15 2-14 3-13 4-12 5-11 6-10 7-9 17-26 18-25 19-24 20-23 21-22 31-35 32-34 36-45 37-44 38-43 "
    "39-42 40-47 41-46 48-54 49-53 50-52 58-56 59-55 60-64 61-63 67-65",
    "wflw-98": "0-32 1-31 2-30 3-29 4-28 5-27 6-26 7-25 8-24 9-23 10-22 11-21 12-20 13-19 14-18 15-17 33-46 34-45 "
    "35-44 36-43 37-42 38-50 39-49 40-48 41-47 60-72 61-71 62-70 63-69 64-68 65-75 66-74 67-73 55-59 "
    "56-58 76-82 77-81 78-80 87-83 86-84 88-92 89-91 95-93 96-97",
    "cofw-29": "0-1 4-6 2-3 5-7 8-9 10-11 12-14 16-17 13-15 18-19 22-23",
}
NORMALISERS = {
    "300w-68": {"ocular": ((36,), (45,)), "pupil": (tuple(range(36, 42)), tuple(range(42, 48)))},
    "wflw-98": {"ocular": ((60,), (72,)), "pupil": ((96,), (97,))},
    "cofw-29": {"pupil": ((16,), (17,)), "ocular": ((8,), (9,))},
}
EVERY = pytest.mark.parametrize("name", sorted(EDGES))


def _indices(text: str) -> tuple[int, ...]:
    if "-" in text:
        first, last = map(int, text.split("-"))
        return tuple(range(first, last + 1))
    return tuple(map(int, text.split(",")))


def test_exactly_these_are_built_in() -> None:
    assert {name: len(scheme) for name, scheme in builtin_schemes().items()} == {
        "300w-68": 68,
        "wflw-98": 98,
        "cofw-29": 29,
        "300w-51": 51,
        "face-5": 5,
    }


@EVERY
def test_edges_as_published(name: str) -> None:
    expected = [(part[0] == "C", _indices(part[2:])) for part in EDGES[name].split("; ")]
    groups = get_scheme(name).edge_groups
    assert [(group.edge_closed, group.indices) for group in groups] == expected


@EVERY
def test_flips_as_published(name: str) -> None:
    expected = list(range(len(get_scheme(name))))
    for pair in FLIPS[name].split():
        a, b = map(int, pair.split("-"))
        expected[a], expected[b] = b, a
    assert list(get_scheme(name).flip) == expected


@EVERY
def test_normalisers_as_published(name: str) -> None:
    scheme = get_scheme(name)
    assert {n.name: (n.left, n.right) for n in scheme.normalisers} == NORMALISERS[name]
    assert scheme.normaliser().name == next(iter(NORMALISERS[name]))


@pytest.mark.parametrize("name", sorted(builtin_schemes()))
def test_flipping_swaps_sides_in_names_regions_and_normalisers(name: str) -> None:
    scheme = get_scheme(name)
    flip = scheme.flip
    assert [flip[flip[i]] for i in range(len(scheme))] == list(range(len(scheme)))
    for index, point in enumerate(scheme.points):
        sides = point.startswith("right"), point.startswith("left")
        other = scheme.points[flip[index]]
        assert (other.startswith("left"), other.startswith("right")) == sides
    regions = {frozenset(region.indices) for region in scheme.regions}
    assert {frozenset(flip[i] for i in region) for region in regions} == regions
    for pair in scheme.normalisers:
        assert {flip[i] for i in pair.left} == set(pair.right)


def test_51_points_are_300w_without_the_jaw() -> None:
    whole, part = get_scheme("300w-68"), get_scheme("300w-51")
    assert part.points == whole.points[17:]
    assert part.flip == tuple(index - 17 for index in whole.flip[17:])
    assert [(region.name, region.closed) for region in part.regions] == [(r.name, r.closed) for r in whole.regions[1:]]
    for mine, other in zip(part.regions, whole.regions[1:], strict=True):
        assert mine.indices == tuple(index - 17 for index in other.indices)
    for name in ("ocular", "pupil"):
        assert part.normaliser(name).left == tuple(index - 17 for index in whole.normaliser(name).left)
        assert part.normaliser(name).right == tuple(index - 17 for index in whole.normaliser(name).right)


def test_left_eye_of_cofw_is_closed_for_people_and_open_for_the_published_weights() -> None:
    eye = next(region for region in get_scheme("cofw-29").regions if region.name == "left eye")
    assert (eye.closed, eye.edge_closed) == (True, False)


@EVERY
def test_points_without_a_region(name: str) -> None:
    scheme = get_scheme(name)
    alone = [i for i in range(len(scheme)) if scheme.region_of(i) is None]
    assert alone == {"300w-68": [], "wflw-98": [96, 97], "cofw-29": [16, 17, 28]}[name]


def test_norm_distance() -> None:
    points = np.zeros((68, 2))
    points[45] = (3, 4)
    assert get_scheme("300w-68").norm_distance(points) == 5
    assert get_scheme("300w-68").norm_distance(points, "pupil") == pytest.approx(5 / 6)
    points[36] = np.nan
    assert np.isnan(get_scheme("300w-68").norm_distance(points))


# User schemes

GOOD = """
id = "mine"
title = "Five points"
points = ["right eye", "left eye", "nose", "right mouth corner", "left mouth corner"]
flip = [[0, 1], [3, 4]]
default_normaliser = "eyes"

[normalisers]
mouth = [[3], [4]]
eyes = [[0], [1]]

[[regions]]
name = "mouth"
indices = [3, 4]
closed = false

[[regions]]
name = "all"
indices = [0, 1, 4, 3]
closed = true
edge = false
"""


def _write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_user_scheme(tmp_path: Path) -> None:
    path = _write(tmp_path, GOOD)
    scheme = load_scheme(path)
    assert (scheme.id, len(scheme), scheme.flip) == ("mine", 5, (1, 0, 2, 4, 3))
    assert [n.name for n in scheme.normalisers] == ["eyes", "mouth"]
    assert [region.name for region in scheme.edge_groups] == ["mouth"]
    assert get_scheme(str(path)) == scheme
    assert load_scheme(_write(tmp_path, "\ufeff" + GOOD)) == scheme
    with pytest.raises(SchemeError, match="there is no scheme 'mine'. Use one of 300w-51"):  # noqa: RUF043
        get_scheme("mine")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('id = "mine"', "", "key 'id' is missing"),
        ('id = "mine"', 'id = " "', "key 'id' must be a text"),
        ('id = "mine"', "id = 5", "key 'id' must be a text"),
        ('id = "mine"', 'id = "mine"\ncolour = "red"', "key 'colour' is unknown"),
        ('"nose"', '"left eye"', "the name 'left eye' twice"),
        ('"nose"', "3", "key 'points[2]' must be a text"),
        ("[[0, 1], [3, 4]]", "[[0, 5], [3, 4]]", "key 'flip[0]' has 5, which is no point index from 0 to 4"),
        ("[[0, 1], [3, 4]]", "[[0, -1], [3, 4]]", "key 'flip[0]' has -1"),
        ("[[0, 1], [3, 4]]", "[[0, 1], [1, 4]]", "key 'flip[1]' names a point that already has a partner"),
        ("[[0, 1], [3, 4]]", "[[0, 1, 2]]", "key 'flip[0]' must be a pair"),
        ("[[0, 1], [3, 4]]", "[[0, 0]]", "key 'flip[0]' names a point twice"),
        ("[[0, 1], [3, 4]]", "[[0, 1.0]]", "key 'flip[0]' has 1.0"),
        ("[[0, 1], [3, 4]]", "[[0, true]]", "key 'flip[0]' has True"),
        ("[[0, 1], [3, 4]]", "5", "key 'flip' must be a list"),
        ("indices = [3, 4]", "indices = [3]", "key 'regions[0].indices' has too few points"),
        ("indices = [0, 1, 4, 3]", "indices = [0, 1]", "key 'regions[1].indices' has too few points"),
        ("indices = [3, 4]", "indices = []", "key 'regions[0].indices' must be a list"),
        ("closed = false", 'closed = "no"', "key 'regions[0].closed' must be true or false"),
        ("closed = false", "", "key 'regions[0].closed' is missing"),
        ("closed = false", "closed = false\nwidth = 2", "key 'regions[0].width' is unknown"),
        ('name = "all"', 'name = "mouth"', "two regions of the same name"),
        ("eyes = [[0], [1]]", "eyes = [[0]]", "key 'normalisers.eyes' must be a pair"),
        ("eyes = [[0], [1]]", "eyes = [[0], [9]]", "key 'normalisers.eyes' has 9"),
        ('default_normaliser = "eyes"', 'default_normaliser = "nose"', "names 'nose', which is not in 'normalisers'"),
        ("[normalisers]", "[normalisers", "not valid TOML"),
    ],
)
def test_each_mistake_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    path = _write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(SchemeError) as caught:
        load_scheme(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.remedy


def test_unreadable_scheme_files(tmp_path: Path) -> None:
    with pytest.raises(SchemeError, match="no such file"):
        load_scheme(tmp_path / "gone.toml")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SchemeError, match="not UTF-8"):
        load_scheme(tmp_path / "b.toml")
    with pytest.raises(SchemeError, match="nested too deeply"):
        load_scheme(_write(tmp_path, "a = " + "[" * 50_000))


def test_too_many_or_no_points() -> None:
    data = {"id": "x", "title": "x", "regions": [], "flip": [], "normalisers": {"a": [[0], [1]]}}
    for count in (0, 1001):
        with pytest.raises(SchemeError, match=f"has {count} names"):
            parse_scheme({**data, "points": [str(i) for i in range(count)]}, "x.toml")
    assert isinstance(parse_scheme({**data, "points": ["a", "b"]}, "x.toml"), Scheme)


def test_a_users_scheme_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STARMARK_HOME", str(tmp_path))
    text = 'id = "five"\ntitle = "Five"\npoints = ["a", "b", "c", "d", "e"]\nregions = []\nflip = [[0, 1]]\n'
    text += "[normalisers]\neyes = [[0], [1]]\n"
    user_schemes_dir().mkdir()
    (user_schemes_dir() / "five.toml").write_text(text)
    assert len(get_scheme("five")) == 5
    assert set(known_schemes()) == {*builtin_schemes(), "five"}
    (user_schemes_dir() / "six.toml").write_text(text)
    with pytest.raises(SchemeError, match="'five', but the file is named 'six'"):
        get_scheme("six")
    with pytest.raises(SchemeError, match="there is no scheme"):
        get_scheme("../schemes/five")
