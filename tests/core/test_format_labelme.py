"""LabelMe files: as LabelMe writes them, old and new, with several faces, bad shapes and images elsewhere."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import FormatError
from core.face import Box, Visibility
from core.formats import EXPORTERS, ImportResult, detect_format, export_dataset, read_dataset
from core.scheme import get_scheme
from tests.core.format_samples import assert_same, make_faces, save_image

SCHEME = get_scheme("300w-68")
POINTS = np.random.default_rng(1).uniform(5, 150, (68, 2)).round(3)


def _shape(label: str, *points: list[float], kind: str = "point", group: int | None = None, **more: Any) -> dict:
    return {
        "label": label, "points": list(points), "group_id": group, "description": "", "shape_type": kind,
        "flags": {}, "mask": None, **more,
    }  # fmt: skip


def _face(points: np.ndarray = POINTS, group: int | None = None) -> list[dict]:
    return [_shape(name, point, group=group) for name, point in zip(SCHEME.points, points.tolist(), strict=True)]


def _write(folder: Path, shapes: list[Any], name: str = "a", image: str | None = None, **more: Any) -> Path:
    """A file as LabelMe writes it, with its image."""
    save_image(folder / f"{name}.png")
    path = folder / f"{name}.json"
    data = {
        "version": "5.4.1", "flags": {}, "shapes": shapes, "imagePath": image or f"{name}.png", "imageData": None,
        "imageHeight": 160, "imageWidth": 200, **more,
    }  # fmt: skip
    path.write_text(json.dumps(data, indent=2), encoding="utf-8")
    return path


def _reasons(result: ImportResult) -> str:
    return "\n".join(f"{entry.where}: {entry.reason}" for entry in result.skipped)


def test_a_file_as_labelme_writes_it(tmp_path: Path) -> None:
    shapes = _face()[::-1]  # in any order
    shapes[0]["flags"] = {"occluded": True, "blurred": False}
    shapes[0]["description"] = "under the hair"
    del shapes[5]
    shapes.append(_shape("head", [90, 20], [10.5, 120], kind="rectangle"))
    shapes.append(_shape("hat", [1, 2], [3, 4], [5, 1], kind="polygon"))
    path = _write(tmp_path, shapes, flags={"indoor": True, "night": False}, lineColor=[0, 255, 0, 128])
    assert detect_format(path) == detect_format(tmp_path) == "labelme"
    result = read_dataset(tmp_path)
    (face,) = result.faces
    assert (result.scheme_id, result.skipped, face.image) == ("300w-68", [], tmp_path / "a.png")
    assert face.label.visibility[62] == Visibility.MISSING
    assert face.label.visibility[67] == Visibility.OCCLUDED
    kept = [index for index in range(68) if index != 62]
    assert np.array_equal(face.label.points[kept], POINTS[kept])
    assert face.box == Box(10.5, 20, 79.5, 100)
    assert face.tags == ("indoor",)
    assert face.extras["points"] == {SCHEME.points[67]: {"description": "under the hair", "flags": {"blurred": False}}}
    assert face.extras["other"] == {"lineColor": [0, 255, 0, 128]}
    notes = " ".join(result.notes)
    assert "1 shapes other than points" in notes
    assert "1 faces do not have all 68 points" in notes
    export_dataset([face], SCHEME, tmp_path / "out", "labelme", copy_images=True)
    again = json.loads((tmp_path / "out" / "a.json").read_text())
    assert again["flags"] == {"indoor": True}
    assert again["lineColor"] == [0, 255, 0, 128]
    assert again["shapes"][66]["flags"] == {"occluded": True, "blurred": False}
    assert again["shapes"][66]["description"] == "under the hair"
    assert read_dataset(tmp_path / "out").faces[0].extras == face.extras


def test_faces_are_told_apart_by_group(tmp_path: Path) -> None:
    shapes = [*_face(POINTS, 3), *_face(POINTS + 5, 1), _shape("b", [1, 2], [30, 40], kind="rectangle", group=1)]
    path = _write(tmp_path, shapes)
    result = read_dataset(path)
    assert [face.label.points[0, 0] for face in result.faces] == [POINTS[0, 0], POINTS[0, 0] + 5]
    assert [face.box for face in result.faces] == [None, Box(1, 2, 29, 38)]
    assert result.faces[1].source.endswith("a.json, group_id 1")
    for shape in shapes:
        shape["group_id"] = None
    with pytest.raises(FormatError, match="occurs twice; give the points of each face a group_id"):
        read_dataset(_write(tmp_path, shapes))


def test_tags_crops_and_extras_of_several_faces(tmp_path: Path) -> None:
    faces = make_faces(tmp_path / "images", 4)
    image = {"other": {"x": 1}}
    given = [{"a": 1}, {}, {"points": {"jaw 1": {"difficult": 1}}, **image}, {**image, "b": [2]}, {}]
    tags = [("one",), (), ("both", "first"), ("both", "second"), ()]
    faces = [replace(face, extras=e, tags=t) for face, e, t in zip(faces, given, tags, strict=True)]
    export_dataset(faces, SCHEME, tmp_path / "out", "labelme", copy_images=True)
    data = json.loads((tmp_path / "out" / "face_02.json").read_text())
    assert data["flags"] == {"both": True}
    again = read_dataset(tmp_path / "out").faces
    by_image = {face.image.name: [f for f in again if f.image.name == face.image.name] for face in faces}
    for face in faces:
        found = by_image[face.image.name].pop(0)
        assert set(found.tags) == set(face.tags)
        assert found.crop == face.crop
        assert found.extras == face.extras


def test_images_are_found_where_the_file_says_or_beside_it(tmp_path: Path) -> None:
    _write(tmp_path / "labels", _face(), "a", "..\\images\\a.png")
    (tmp_path / "images").mkdir()
    (tmp_path / "labels" / "a.png").rename(tmp_path / "images" / "a.png")
    with pytest.raises(FormatError, match="leads out of the image folder"):
        read_dataset(tmp_path / "labels")
    assert read_dataset(tmp_path / "labels", outside=True).faces[0].image.name == "a.png"
    elsewhere = read_dataset(tmp_path / "labels", images_root=tmp_path / "images")
    assert elsewhere.faces[0].image == tmp_path / "images" / "a.png"
    assert read_dataset(tmp_path).faces[0].image == tmp_path / "images" / "a.png"
    _write(tmp_path / "labels", _face(), "a", "C:\\photos\\a.png")  # from another machine; its image lies beside it
    beside = read_dataset(tmp_path / "labels")
    assert beside.faces[0].image == tmp_path / "labels" / "a.png"
    assert any("found beside their .json file" in note for note in beside.notes)
    (tmp_path / "labels" / "secret.png").write_bytes((tmp_path / "images" / "a.png").read_bytes())
    _write(tmp_path / "labels", _face(), "a", "/etc/secret.png")  # but no other one
    with pytest.raises(FormatError, match="leads out"):
        read_dataset(tmp_path / "labels")


def test_bad_files_and_faces_are_left_out(tmp_path: Path) -> None:
    _write(tmp_path, _face(), "good")
    bad: dict[str, Any] = {
        "count": _shape("jaw 1", [1, 2], [3, 4]),
        "nan": _shape("jaw 1", [float("nan"), 2]),
        "text": _shape("jaw 1", ["1", 2]),
        "name": {"points": [[1, 2]], "shape_type": "point"},
        "group": _shape("jaw 1", [1, 2], group="x"),  # type: ignore[arg-type]
        "object": [1, 2],
        "unknown": _shape("nose tip of the cat", [1, 2]),
        "twice": _shape("JAW_2", [1, 2]),
    }
    for name, shape in bad.items():
        _write(tmp_path, [shape, *_face()[1:]], name)
    _write(tmp_path, [], "empty")
    _write(tmp_path, _face(), "size", imageWidth=400)
    _write(tmp_path, _face(), "gone", "nowhere.png", imageData="iVBORw0KGgo=")
    (tmp_path / "settings.json").write_text('{"a": 1}')
    (tmp_path / "torn.json").write_text('{"shapes": [')
    result = read_dataset(tmp_path, "labelme")
    assert [face.image.name for face in result.faces] == ["good.png"]
    text = _reasons(result)
    for expected in (
        "count.json: shapes[0].points is not 1 pairs",
        "nan.json: shapes[0].points[0]: nan is not finite",
        "text.json: shapes[0].points[0]: '1' is not a number",
        "name.json: shapes[0] has no 'label'",
        "group.json: shapes[0].group_id is 'x', not a whole number",
        "object.json: shapes[0] must be an object",
        "unknown.json: 'nose tip of the cat' is no point of scheme 300w-68",
        "twice.json: the point 'jaw 2' occurs twice",
        "size.json: the image is 200 x 160 px, the points are for 400 x 160",
        "gone.json: its image 'nowhere.png' is not there; the copy inside the file is not read",
        "settings.json: is no LabelMe file",
        "torn.json, line 1: the file is not valid JSON",
    ):
        assert expected in text
    assert len(result.skipped) == 12
    assert any("1 files have no point" in note for note in result.notes)


def test_points_named_by_number(tmp_path: Path) -> None:
    shapes = [_shape(f"p{number + 1:02d}", point) for number, point in enumerate(POINTS.tolist())]
    result = read_dataset(_write(tmp_path, shapes))
    assert np.array_equal(result.faces[0].label.points, POINTS)
    assert any("by number, the first being 1" in note for note in result.notes)
    part = _write(tmp_path, shapes[:40])  # of which scheme, and from where they are counted, nobody knows
    with pytest.raises(FormatError, match="no known scheme"):
        read_dataset(part)


def test_images_of_one_name_share_no_file(tmp_path: Path) -> None:
    first, second, *_ = make_faces(tmp_path / "images", 2, nested=False)
    twin = replace(second, image=save_image(first.image.with_suffix(".bmp")))
    with pytest.raises(FormatError, match="would share"):
        export_dataset([first, twin], SCHEME, tmp_path / "out", "labelme", images_root=tmp_path / "images")
    export_dataset([first, second], SCHEME, tmp_path / "images", "labelme", overwrite=True)  # beside the images
    assert_same([first, second], read_dataset(tmp_path / "images").faces, EXPORTERS["labelme"].holds)
