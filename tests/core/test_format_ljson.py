"""Menpo's landmark files: all three versions, several groups, and bad ones."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import FormatError
from core.formats import detect_format, export_dataset, read_dataset
from core.scheme import get_scheme
from tests.core.format_samples import make_faces, save_image

SCHEME = get_scheme("300w-68")
POINTS = np.random.default_rng(1).uniform(5, 150, (68, 2)).round(3)
YX = POINTS[:, ::-1].tolist()


def _group(points: Any = YX, labels: Any = ()) -> dict[str, Any]:
    return {"landmarks": {"points": list(points), "connectivity": [[0, 1]]}, "labels": list(labels)}


def _write(folder: Path, data: Any, name: str = "a") -> Path:
    save_image(folder / f"{name}.png")
    path = folder / f"{name}.ljson"
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def test_version_3(tmp_path: Path) -> None:
    points = [*YX]
    points[4] = [None, None]
    labels = [{"label": "jaw", "mask": list(range(17))}, {"label": "all", "mask": list(range(68))}]
    path = _write(tmp_path, {"version": 3, "groups": {"PTS": _group(points, labels) | {"quality": 2}}})
    assert detect_format(path) == detect_format(tmp_path) == "ljson"
    result = read_dataset(tmp_path)
    (face,) = result.faces
    assert (result.scheme_id, result.index_base, face.extras) == ("300w-68", 0, {"quality": 2})
    assert np.isnan(face.label.points[4]).all()
    kept = np.delete(np.arange(68), 4)
    assert np.array_equal(face.label.points[kept], POINTS[kept])
    assert any("in the order of the scheme" in note for note in result.notes)
    assert not any("regions of that name" in note for note in result.notes)
    labels[0]["mask"] = list(range(10, 27))
    _write(tmp_path, {"version": 3, "groups": {"PTS": _group(points, labels)}})
    assert any("1 groups have labels of other points" in note for note in read_dataset(tmp_path).notes)


def test_versions_1_and_2(tmp_path: Path) -> None:
    def old(part: list[list[float]]) -> list[dict[str, Any]]:
        return [{"point": point} for point in part]

    first = {"version": 1, "groups": [
        {"label": "jaw", "landmarks": old(YX[:17]), "connectivity": [[0, 1]]},
        {"label": "rest", "landmarks": old(YX[17:])},
    ]}  # fmt: skip
    _write(tmp_path, first, "one")
    _write(tmp_path, {"version": 2, **_group()}, "two")
    faces = read_dataset(tmp_path).faces
    assert [face.image.name for face in faces] == ["one.png", "two.png"]
    assert all(np.array_equal(face.label.points, POINTS) for face in faces)


def test_labels_of_single_points_are_names(tmp_path: Path) -> None:
    order = np.random.default_rng(3).permutation(68)
    labels = [{"label": SCHEME.points[index].replace(" ", "_"), "mask": [place]} for place, index in enumerate(order)]
    _write(tmp_path, {"version": 3, "groups": {"LJSON": _group(POINTS[order][:, ::-1].tolist(), labels)}})
    result = read_dataset(tmp_path)
    assert np.array_equal(result.faces[0].label.points, POINTS)
    assert any("1 faces have a label for each point" in note for note in result.notes)


def test_groups_are_faces_in_the_order_of_people(tmp_path: Path) -> None:
    groups = {f"face_{n}": _group((POINTS[:, ::-1] + n).tolist()) for n in (10, 2, 0)}
    result = read_dataset(_write(tmp_path, {"version": 3, "groups": groups | {"few": _group(YX[:5])}}))
    assert np.allclose([face.label.points[0, 0] - POINTS[0, 0] for face in result.faces], [0, 2, 10])
    (entry,) = result.skipped
    assert entry.where.endswith("a.ljson, group 'few'")
    assert entry.reason == "has 5 points, scheme 300w-68 has 68"


def test_what_is_written(tmp_path: Path) -> None:
    faces = make_faces(tmp_path / "images", 4)
    faces[0] = replace(faces[0], extras={"camera": 3, "labels": "of somebody else"})
    export_dataset(faces, SCHEME, tmp_path / "out", "ljson", copy_images=True)
    data = json.loads((tmp_path / "out" / "face_00.ljson").read_text())
    (group,) = data["groups"].values()
    assert data["version"] == 3
    assert group["landmarks"]["points"][0] == faces[0].label.points[0, ::-1].tolist()
    assert group["labels"][0] == {"label": "jaw", "mask": list(range(17))}
    assert [48, 49] in group["landmarks"]["connectivity"]
    assert list(json.loads((tmp_path / "out" / "face_02.ljson").read_text())["groups"]) == ["face_0", "face_1"]
    assert read_dataset(tmp_path / "out").faces[0].extras == {"camera": 3}


def test_bad_files_are_left_out(tmp_path: Path) -> None:
    bad: dict[str, Any] = {
        "nothing": {},
        "version": {"version": 4, "groups": {}},
        "none": {"version": 3, "groups": {}},
        "kind": {"version": 3, "groups": []},
        "mesh": {"version": 3, "groups": {"LJSON": _group([[1, 2, 3]] * 68)}},
        "text": {"version": 3, "groups": {"LJSON": _group([["1", 2], *YX[1:]])}},
        "null": {"version": 3, "groups": {"LJSON": _group([[None, None]] * 68)}},
        "far": {"version": 3, "groups": {"LJSON": _group([[1e300, 2], *YX[1:]])}},
        "old": {"version": 1, "groups": [{"label": "jaw"}]},
        "list": [],
    }
    for name, data in bad.items():
        _write(tmp_path, data, name)
    _write(tmp_path, {"version": 3, "groups": {"LJSON": _group()}}, "good")
    (tmp_path / "alone.ljson").write_text("{}")
    result = read_dataset(tmp_path)
    assert [face.image.name for face in result.faces] == ["good.png"]
    text = "\n".join(f"{entry.where}: {entry.reason}" for entry in result.skipped)
    for expected in (
        "nothing.ljson: the file has no 'version'",
        "version.ljson: is of version 4",
        "none.ljson: has 0 groups of points",
        "kind.ljson: the file.groups is a list, not an object",
        "mesh.ljson: points[0] is three numbers: it is of a mesh, not [y, x]",
        "text.ljson: points[0][0]: '1' is not a number",
        "null.ljson: has no point that is not null",
        "far.ljson: points[0][0]: 1e+300 is far outside",
        "old.ljson: groups[0] has no 'landmarks'",
        "list.ljson: the file must be an object",
        "alone.ljson: there is no image of this name",
    ):
        assert expected in text
    assert len(result.skipped) == 11


def test_names_that_occur_twice(tmp_path: Path) -> None:
    labels = [{"label": SCHEME.points[max(place, 1)], "mask": [place]} for place in range(68)]
    labels[0]["label"] = "JAW 2"
    with pytest.raises(FormatError, match="occurs twice"):
        read_dataset(_write(tmp_path, {"version": 3, "groups": {"LJSON": _group(labels=labels)}}))
