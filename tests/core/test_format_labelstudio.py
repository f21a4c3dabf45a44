"""Label Studio's tasks: exports old and new, faces by their parents, choices and meta, and every spelling of a path."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import FormatError
from core.face import Label, Visibility
from core.formats import ImportResult, detect_format, export_dataset, read_dataset
from core.scheme import get_scheme
from tests.core.format_samples import make_faces, save_image

SCHEME = get_scheme("300w-68")
POINTS = np.random.default_rng(1).uniform(5, 150, (68, 2)).round(3)


def _region(name: str, point: Any, number: int = 0, parent: str | None = None, **more: Any) -> dict[str, Any]:
    value = {"x": point[0] / 2, "y": point[1] / 1.6, "width": 0.4, "keypointlabels": [name]}
    return {
        "id": f"{parent or ''}k{number}", "type": "keypointlabels", "from_name": "kp", "to_name": "img", "value": value,
        "original_width": 200, "original_height": 160, "image_rotation": 0, "origin": "manual",
        **({"parentID": parent} if parent else {}), **more,
    }  # fmt: skip


def _face(points: np.ndarray = POINTS, parent: str | None = None) -> list[dict[str, Any]]:
    named = zip(SCHEME.points, points.tolist(), strict=True)
    return [_region(name, point, number, parent) for number, (name, point) in enumerate(named)]


def _box(identity: str, x: float, y: float, w: float, h: float, **more: Any) -> dict[str, Any]:
    value = {"x": x, "y": y, "width": w, "height": h, "rotation": 0, "rectanglelabels": ["Face"], **more}
    return {
        "id": identity, "type": "rectanglelabels", "from_name": "box", "to_name": "img", "value": value,
        "original_width": 200, "original_height": 160, "image_rotation": 0,
    }  # fmt: skip


def _task(result: list[Any], image: str = "/data/upload/3/1a2b3c4d-a.png", **more: Any) -> dict[str, Any]:
    annotation = {"id": 5, "completed_by": 1, "was_cancelled": False, "ground_truth": False, "result": result}
    return {"id": 7, "annotations": [annotation], "predictions": [], "data": {"image": image}, **more}


def _write(folder: Path, tasks: Any, name: str = "tasks.json") -> Path:
    save_image(folder / "a.png")
    path = folder / name
    path.write_text(json.dumps(tasks), encoding="utf-8")
    return path


def _reasons(result: ImportResult) -> str:
    return "\n".join(f"{entry.where}: {entry.reason}" for entry in result.skipped)


def test_an_export_as_label_studio_writes_it(tmp_path: Path) -> None:
    result = [_box("b", 10, 20, 50, 60), *_face()]
    result[1]["meta"] = {"text": ["occluded"]}
    result[2]["value"]["hidden"] = True  # as its converter from COCO writes it
    result[3]["value"]["keypointlabels"].append("Outside")
    result.append({"id": "k3", "type": "choices", "from_name": "v", "to_name": "img", "value": {"choices": ["hidden"]}})
    result.append({"id": "t", "type": "choices", "from_name": "t", "to_name": "img", "value": {"choices": ["blur"]}})
    result.append({"id": "r", "type": "textarea", "from_name": "x", "to_name": "img", "value": {"text": ["hm"]}})
    path = _write(tmp_path, [_task(result)])
    assert detect_format(path) == "labelstudio"
    read = read_dataset(path)
    (face,) = read.faces
    assert (read.scheme_id, read.index_base, read.skipped, face.image) == ("300w-68", None, [], tmp_path / "a.png")
    assert np.allclose(face.label.points, POINTS, rtol=0, atol=1e-9)
    occluded = Visibility.OCCLUDED
    assert face.label.visibility[:5].tolist() == [occluded, occluded, Visibility.OUTSIDE, occluded, 0]
    assert face.box is not None
    assert np.allclose(face.box.to_list(), [20, 32, 100, 96])
    assert face.tags == ("blur",)
    assert face.extras["task"] == {"id": 7}
    assert face.extras["annotation"]["completed_by"] == 1
    export_dataset([face], SCHEME, tmp_path / "again.json", "labelstudio")
    (task,) = json.loads((tmp_path / "again.json").read_text())
    assert task["id"] == 7
    assert task["annotations"][0]["completed_by"] == 1
    assert read_dataset(tmp_path / "again.json").faces[0].extras == face.extras


def test_faces_below_a_region_each(tmp_path: Path) -> None:
    other = _face(POINTS + 4, "first")
    other[0] |= {"id": "first"}
    del other[0]["parentID"]
    deep = _face(POINTS + 8, "middle")
    middle = _box("middle", 0, 0, 5, 5) | {"parentID": "top"}
    result = [_box("b", 10, 20, 50, 60), *_face(POINTS, "b"), *other, middle, _box("top", 1, 2, 30, 40), *deep]
    read = read_dataset(_write(tmp_path, [_task(result)]))
    assert np.allclose([face.label.points[0, 0] - POINTS[0, 0] for face in read.faces], [0, 4, 8])
    boxes = [None if face.box is None else face.box.x for face in read.faces]
    assert boxes == [20, None, 2]
    assert read.faces[1].source.endswith("tasks.json, [0], face 1")


def test_faces_by_a_text_of_theirs(tmp_path: Path) -> None:
    result = [*_face(), *_face(POINTS + 4)]
    for number, region in enumerate(result):
        region |= {"id": f"r{number}", "meta": {"text": ["face A" if number < 68 else "face B"]}}
    assert len(read_dataset(_write(tmp_path, [_task(result)])).faces) == 2
    for region in result:
        del region["meta"]
    with pytest.raises(FormatError, match="occurs twice; put the points of each face below a region"):
        read_dataset(_write(tmp_path, [_task(result)]))


def test_which_annotation_counts(tmp_path: Path) -> None:
    def task(shift: int, **more: Any) -> dict[str, Any]:
        return {"result": _face(POINTS + shift), "created_at": f"2024-01-0{shift + 1}T00:00:00Z", **more}

    data = {"image": "a.png"}
    tasks = [
        {"data": data, "annotations": [task(0), task(2), task(1)]},
        {"data": data, "annotations": [task(0, ground_truth=True), task(3)]},
        {"data": data, "annotations": [task(4, was_cancelled=True), {"result": []}], "predictions": [task(5)]},
        {"data": data, "completions": [task(6)]},
        {"data": data, "annotations": [], "predictions": [{"result": []}, task(7)]},
        {"data": data, "annotations": [{"result": [_box("b", 1, 2, 3, 4)]}]},
    ]
    read = read_dataset(_write(tmp_path, tasks))
    assert np.allclose([face.label.points[0, 0] - POINTS[0, 0] for face in read.faces], [2, 0, 6, 7])
    notes = "\n".join(read.notes)
    assert "2 tasks have several annotations" in notes
    assert "1 tasks have no annotation; a model's prediction was taken" in notes
    assert "1 tasks are without an annotation" in notes
    assert "1 tasks have no keypoint labels" in notes


@pytest.mark.parametrize(
    "text",
    [
        "/data/upload/3/1a2b3c4d-a b.png",
        "upload/1a2b3c4d-a b.png",
        "/data/local-files/?d=a%20b.png",
        "http://localhost:8080/data/local-files/?d=some/where/a%20b.png",
        "https://example.org/pictures/a%20b.png?size=1#x",
        "s3://bucket/folder/a b.png",
        "a b.png",
        "/home/somebody/pictures/a b.png",
        "C:\\pictures\\a b.png",
    ],
)
def test_spellings_of_the_image(text: str, tmp_path: Path) -> None:
    image = save_image(tmp_path / "a b.png")
    task = _task(_face(), text)
    task["data"] = {"text": "https://example.org/", "img": text}
    assert read_dataset(_write(tmp_path, [task])).faces[0].image == image


def test_an_upload_may_have_kept_its_prefix(tmp_path: Path) -> None:
    image = save_image(tmp_path / "1a2b3c4d-b.png")
    assert read_dataset(_write(tmp_path, [_task(_face(), "/data/upload/3/1a2b3c4d-b.png")])).faces[0].image == image


def test_bad_tasks_and_faces_are_left_out(tmp_path: Path) -> None:
    bad: dict[str, Any] = {
        "nan": {"value": {"x": float("nan"), "y": 1, "keypointlabels": ["jaw 1"]}},
        "absent": {"value": {"x": 1, "keypointlabels": ["jaw 1"]}},
        "labels": {"value": {"x": 1, "y": 1, "keypointlabels": ["jaw 1", "jaw 2"]}},
        "unknown": {"value": {"x": 1, "y": 1, "keypointlabels": ["cat"]}},
        "turned": {"image_rotation": 90},
        "sizes": {"original_width": 100},
        "kind": {"type": 3},
        "twice": {"id": "k1"},
    }
    tasks = [_task([{**_face()[0], **change}, *_face()[1:]]) for change in bad.values()]
    large = [region | {"original_width": 100, "original_height": 100} for region in _face()]
    tasks += [_task(large), _task(_face(), "gone.png"), _task(_face(), "data:image/png;base64,aaaa"), _task(_face())]
    tasks += [{"annotations": []}, _task("x"), "task"]  # type: ignore[arg-type,list-item]
    read = read_dataset(_write(tmp_path, tasks))
    assert len(read.faces) == 1
    text = _reasons(read)
    for number, reason in enumerate(
        (
            "result[0].value.x: nan is not finite",
            "result[0].value has no 'y'",
            "result[0] has 2 labels that name a point",
            "'cat' is no point of scheme 300w-68",
            "result[0]: the image was turned",
            "its regions are of images of different sizes",
            "result[0].type is 3, not a text",
            "result[1]: the id 'k1' occurs twice",
            "the image is 200 x 160 px, the points are for 100 x 100",
            "there is no such file",
            "its image lies inside the file",
        )
    ):
        assert reason in text.replace(f"{tmp_path}/", "")
        assert f"tasks.json, [{number}]" in text
    assert "[12]: the task has no 'data'" in text
    assert "[13]: the annotation.result is 'x', not a list" in text
    assert "[14]: the task must be an object" in text


def test_files_of_one_task_or_annotation(tmp_path: Path) -> None:
    task = _task(_face(), "a.png")
    (tmp_path / "completions").mkdir()
    _write(tmp_path / "completions", {"data": task["data"], "completions": task["annotations"], "id": 0}, "0.json")
    annotation = {**task["annotations"][0], "task": {"id": 3, "data": task["data"]}}
    _write(tmp_path / "completions", annotation, "1.json")
    assert detect_format(tmp_path / "completions" / "0.json") == "labelstudio"
    assert detect_format(tmp_path / "completions") == "labelstudio"
    read = read_dataset(tmp_path / "completions")
    assert [face.extras["task"]["id"] for face in read.faces] == [0, 3]


def test_a_ring_of_parents_and_a_long_chain_end(tmp_path: Path) -> None:
    ring = _face()
    ring[0]["parentID"], ring[1]["parentID"] = "k1", "k0"
    chain = [_box(f"c{n}", 0, 0, 1, 1) | {"parentID": f"c{n + 1}"} for n in range(20_000)]
    face = [region | {"parentID": "c0"} for region in _face()]
    read = read_dataset(_write(tmp_path, [_task([*chain, *face]), _task(ring)]))
    assert len(read.faces) >= 1
    assert np.allclose(read.faces[0].label.points, POINTS)


def test_several_faces_there_and_back(tmp_path: Path) -> None:
    faces = make_faces(tmp_path / "images", 4)
    faces = [replace(face, extras={"n": n}, tags=(f"t{n}",), crop=(1.5, 2, n)) for n, face in enumerate(faces)]
    points = faces[0].label.points.copy()
    points[0] = np.nan  # so that the first region is another one
    faces[0] = replace(faces[0], label=Label(SCHEME.id, points), box=None)
    export_dataset(faces, SCHEME, tmp_path / "out.json", "labelstudio")
    again = read_dataset(tmp_path / "out.json", images_root=tmp_path / "images").faces
    for face, found in zip(faces, again, strict=True):
        assert (found.tags, found.extras, found.crop) == (face.tags, face.extras, face.crop)
        assert (found.box is None) == (face.box is None)


def test_a_box_that_is_turned_is_none(tmp_path: Path) -> None:
    read = read_dataset(_write(tmp_path, [_task([_box("b", 10, 20, 50, 60, rotation=30), *_face()])]))
    assert read.faces[0].box is None
    assert any("1 boxes are turned" in note for note in read.notes)
    assert read_dataset(_write(tmp_path, [_task([_box("b", 10, 20, 50, 60), *_face()])])).faces[0].box is not None
