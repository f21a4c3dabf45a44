"""COCO keypoints: as COCO, CVAT and COCO-WholeBody have them, with bad entries, and by names in any order."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.errors import FormatError
from core.face import Box, Label, Visibility
from core.formats import ImportResult, detect_format, export_dataset, read_dataset
from core.formats.base import MAX_EXTRAS
from core.scheme import get_scheme
from tests.core.format_samples import make_faces, save_image

SCHEME = get_scheme("300w-68")
POINTS = np.random.default_rng(1).uniform(5, 150, (68, 2)).round(3)


def _keypoints(points: np.ndarray = POINTS, v: float = 2) -> list[float]:
    return [number for x, y in points.tolist() for number in (x, y, v)]


def _data(**annotation: Any) -> dict[str, Any]:
    """A file of one face, as COCO has it."""
    return {
        "info": {"description": "Faces of the house", "year": 2024},
        "licenses": [{"id": 4, "name": "CC BY 2.0", "url": "http://example.org/by"}],
        "images": [
            {"id": 17, "file_name": "a.png", "width": 200, "height": 160, "license": 4, "date_captured": "2024-01-02"}
        ],
        "annotations": [
            {"id": 900, "image_id": 17, "category_id": 1, "keypoints": _keypoints(), "num_keypoints": 68,
             "bbox": [20.5, 30, 110, 99.5], "area": 10945.0, "iscrowd": 0, "segmentation": [], **annotation}
        ],
        "categories": [
            {"id": 1, "name": "face", "supercategory": "person", "keypoints": list(SCHEME.points), "skeleton": [[1, 2]]}
        ],
    }  # fmt: skip


def _write(folder: Path, data: Any, name: str = "faces.json") -> Path:
    save_image(folder / "a.png")
    path = folder / name
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def _reasons(result: ImportResult) -> str:
    return "\n".join(f"{entry.where}: {entry.reason}" for entry in result.skipped)


def test_a_file_as_coco_has_it(tmp_path: Path) -> None:
    data = _data(attributes={"occluded": True, "blurred": False, "pose": "left"}, score=0.5)
    triples = data["annotations"][0]["keypoints"]
    triples[0:9] = [0, 0, 0, 11.5, 12, 1, 13, 14, 2]
    path = _write(tmp_path, data)
    assert detect_format(path) == "coco"
    result = read_dataset(path)
    (face,) = result.faces
    assert (result.scheme_id, result.index_base, result.skipped) == ("300w-68", 0, [])
    assert face.label.visibility[:3].tolist() == [Visibility.MISSING, Visibility.OCCLUDED, Visibility.VISIBLE]
    assert np.isnan(face.label.points[0]).all()
    assert face.label.points[1].tolist() == [11.5, 12]
    assert np.array_equal(face.label.points[3:], POINTS[3:])
    assert face.box == Box(20.5, 30, 110, 99.5)
    assert face.tags == ("occluded",)
    assert face.extras["attributes"] == {"blurred": False, "pose": "left"}
    assert face.extras["score"] == 0.5
    assert face.extras["license"]["name"] == "CC BY 2.0"
    assert any("Faces of the house" in note for note in result.notes)
    assert read_dataset(path, index_base=1).faces[0].label.points[1].tolist() == [10.5, 11]


def test_what_was_read_is_written_again(tmp_path: Path) -> None:
    data = _data(attributes={"occluded": True, "pose": "left"}, score=0.5)
    data["categories"][0]["name"] = "monkey"
    faces = read_dataset(_write(tmp_path, data)).faces
    export_dataset(faces, SCHEME, tmp_path / "again.json", "coco")
    again = json.loads((tmp_path / "again.json").read_text())
    old, new = data["annotations"][0], again["annotations"][0]
    assert new == {name: value for name, value in old.items() if name != "segmentation"}
    assert again["images"] == data["images"]
    assert again["licenses"] == data["licenses"]
    assert again["categories"][0]["name"] == "monkey"
    edges = again["categories"][0]["skeleton"]
    assert [1, 2] in edges  # counted from 1
    assert [68, 61] in edges  # the inner mouth is closed
    assert min(min(edge) for edge in edges) == 1
    assert read_dataset(tmp_path / "again.json").faces[0].extras == faces[0].extras


def test_names_decide_on_the_order(tmp_path: Path) -> None:
    data = _data()
    order = np.random.default_rng(2).permutation(68)
    data["categories"][0]["keypoints"] = [SCHEME.points[index].upper().replace(" ", "_") for index in order]
    data["annotations"][0]["keypoints"] = _keypoints(POINTS[order])
    result = read_dataset(_write(tmp_path, data))
    assert np.array_equal(result.faces[0].label.points, POINTS)
    assert any("another order" in note for note in result.notes)
    data["categories"][0]["keypoints"] = [str(number) for number in range(1, 69)]
    data["annotations"][0]["keypoints"] = _keypoints()
    assert np.array_equal(read_dataset(_write(tmp_path, data)).faces[0].label.points, POINTS)


def test_strange_names_are_taken_by_position_only_where_the_user_says_so(tmp_path: Path) -> None:
    data = _data()
    data["categories"][0]["keypoints"] = [f"strange {chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(68)]
    path = _write(tmp_path, data)
    with pytest.raises(FormatError, match="no known scheme"):
        read_dataset(path)
    result = read_dataset(path, scheme=SCHEME)
    assert np.array_equal(result.faces[0].label.points, POINTS)
    assert any("are not the scheme's" in note for note in result.notes)
    data["categories"][0]["keypoints"][5] = "jaw 1"  # one that is known, at another place
    with pytest.raises(FormatError, match="is none of scheme"):
        read_dataset(_write(tmp_path, data), scheme=SCHEME)
    del data["categories"]
    nameless = read_dataset(_write(tmp_path, data))
    assert np.array_equal(nameless.faces[0].label.points, POINTS)
    data["categories"] = [{"id": 1, "name": "face", "keypoints": [*SCHEME.points[:67], "jaw_1"]}]
    with pytest.raises(FormatError, match="occurs twice"):
        read_dataset(_write(tmp_path, data))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"keypoints": [1, 2]}, "has 2 numbers"),
        ({"keypoints": "no"}, "keypoints is 'no', not a list"),
        ({"keypoints": [float("nan"), *_keypoints()[1:]]}, r"keypoints\[0\]: nan is not finite"),
        ({"keypoints": [1, True, *_keypoints()[2:]]}, r"keypoints\[1\]: True is not a number"),
        ({"keypoints": [10**400, *_keypoints()[1:]]}, r"keypoints\[0\]: a number of many digits is far"),
        ({"keypoints": [1, 2, 3, *_keypoints()[3:]]}, "v must be 0, 1 or 2"),
        ({"keypoints": [0] * 204}, "every point has v = 0"),
        ({"image_id": 18}, "no image has the id 18"),
        ({"category_id": 2}, "there is no category 2"),
        ({"bbox": [1, 2, 3]}, "the box is a list, not four numbers"),
        ({"outside": [68]}, "outside: 68 is not a whole number from 0 to 67"),
    ],
)
def test_bad_annotations_are_left_out(change: dict[str, Any], reason: str, tmp_path: Path) -> None:
    data = _data()
    data["annotations"].insert(0, {**data["annotations"][0], "id": 1, **change})
    result = read_dataset(_write(tmp_path, data))
    assert [face.extras["id"] for face in result.faces] == [900]
    (entry,) = result.skipped
    assert entry.where.endswith("faces.json, annotations[0]")
    assert re.search(reason, entry.reason), entry.reason


def test_images_that_are_not_there_twice_or_elsewhere(tmp_path: Path) -> None:
    data = _data()
    one = data["annotations"][0]
    names = ["a.png", "gone.png", "../b.png", "/etc/passwd", "C:\\c.png", "a.png", "a.png"]
    data["images"] = [{"id": number, "file_name": name} for number, name in enumerate(names)]
    data["images"][5]["width"], data["images"][5]["height"] = 640, 480
    data["images"].append({"id": 6, "file_name": "other.png"})
    data["annotations"] = [{**one, "id": number, "image_id": number} for number in range(len(names))]
    result = read_dataset(_write(tmp_path, data))
    assert len(result.faces) == 1
    text = _reasons(result)
    assert "gone.png: there is no such file" in text
    assert text.count("leads out of the image folder") == 3
    assert "the image is 200 x 160 px, the points are for 640 x 480" in text
    assert "two images have the id 6" in text


def test_points_of_a_picture_as_stored_are_refused(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (200, 160)).save(tmp_path / "turned.jpg", exif=exif)
    data = _data()
    data["images"][0]["file_name"] = "turned.jpg"
    with pytest.raises(FormatError, match="stored turned"):
        read_dataset(_write(tmp_path, data))
    data["images"][0] |= {"width": 160, "height": 200}
    assert len(read_dataset(_write(tmp_path, data)).faces) == 1


def test_what_is_no_face_is_passed_over_and_counted(tmp_path: Path) -> None:
    data = _data()
    one = data["annotations"][0]
    more = [{"iscrowd": 1, "segmentation": {"counts": "x"}}, {"num_keypoints": 0, "keypoints": [0] * 204}]
    data["annotations"] += [{**one, **change} for change in more]
    result = read_dataset(_write(tmp_path, data))
    assert (len(result.faces), result.skipped) == (1, [])
    notes = " ".join(result.notes)
    assert "1 crowds" in notes
    assert "1 annotations without keypoints" in notes


def test_whole_body(tmp_path: Path) -> None:
    data = _data(face_kpts=_keypoints(v=0.7), face_box=[1, 2, 30, 40], face_valid=True, keypoints=[0] * 51)
    data["annotations"].append({**data["annotations"][0], "id": 5, "face_valid": False})
    data["categories"][0] |= {"name": "person", "keypoints": ["nose", *(f"part {chr(97 + n)}" for n in range(16))]}
    result = read_dataset(_write(tmp_path, data))
    (face,) = result.faces
    assert np.array_equal(face.label.points, POINTS)
    assert (face.box, face.label.visibility.max()) == (Box(1, 2, 30, 40), 0)
    assert "face_kpts" not in face.extras
    assert any("COCO-WholeBody" in note for note in result.notes)
    assert any("1 people without a valid face" in note for note in result.notes)


def test_outside_and_boxes_in_the_file(tmp_path: Path) -> None:
    points = POINTS.copy()
    points[2] = (-8.25, 20)
    states = np.zeros(68, np.uint8)
    states[2] = Visibility.OUTSIDE
    (face,) = make_faces(tmp_path / "images", 1)
    bare = replace(face, label=Label(SCHEME.id, points, states), box=None, crop=None)
    export_dataset([bare], SCHEME, tmp_path / "out.json", "coco")
    one = json.loads((tmp_path / "out.json").read_text())["annotations"][0]
    assert one["keypoints"][6:9] == [-8.25, 20, 1]
    assert one["outside"] == [2]
    assert one["bbox"][0] == -8.25
    assert read_dataset(tmp_path / "out.json", images_root=tmp_path / "images").faces[0].box is None


def test_ids_stay_and_are_unique(tmp_path: Path) -> None:
    faces = make_faces(tmp_path / "images", 4)
    given = [{"id": 2}, {}, {"id": 2}, {"id": -1}, {"id": "x"}]
    faces = [replace(face, extras=extras) for face, extras in zip(faces, given, strict=True)]
    export_dataset(faces, SCHEME, tmp_path / "out.json", "coco")
    data = json.loads((tmp_path / "out.json").read_text())
    ids = [one["id"] for one in data["annotations"]]
    assert ids[0] == 2
    assert len(set(ids)) == 5
    assert len({image["id"] for image in data["images"]}) == len(data["images"]) == 4


def test_extras_are_bounded_and_valid(tmp_path: Path) -> None:
    data = _data(huge="x" * MAX_EXTRAS, odd=float("nan"), small=[1, {"a": None}])
    (face,) = read_dataset(_write(tmp_path, data)).faces
    assert face.extras["small"] == [1, {"a": None}]
    assert not {"huge", "odd"} & set(face.extras)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{}", "no lists"),
        ("[]", "no lists"),
        ('{"images": [], "annotations": []}', "no annotation has keypoints"),
        ('{"images": [], "annotations": [1, 2]}', "must be an object"),
        ('{"images": [', "not valid JSON"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_files_that_are_none(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(FormatError, match=reason):
        read_dataset(path, "coco")


def test_byte_order_mark_and_line_ends(tmp_path: Path) -> None:
    path = _write(tmp_path, _data())
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(_data(), indent=1).replace("\n", "\r\n").encode())
    assert detect_format(path) == "coco"
    assert len(read_dataset(path).faces) == 1
