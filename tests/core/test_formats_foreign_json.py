"""What is written loads in the tools the formats are of, with the same numbers; skips where a tool is not installed."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from core.face import Box, Label, Visibility
from core.formats import LabelledFace, export_dataset, read_dataset
from core.scheme import get_scheme

FACES = Path(__file__).resolve().parents[3] / "shared/data/faces68"
SCHEME = get_scheme("300w-68")
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not FACES.is_dir(), reason="the shared faces are not here"),
    pytest.mark.filterwarnings("ignore"),  # those of the foreign packages
]


def _tool(name: str) -> ModuleType:
    """The package, if it is there and whole: some are installed without all they need."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, exc_type=ImportError)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def faces() -> list[LabelledFace]:
    """Twenty real faces with fractions; some points missing or occluded, some boxes."""
    rng = np.random.default_rng(4)
    found = []
    for number, path in enumerate(sorted(FACES.glob("*.pts"))[::140][:20]):
        face = read_dataset(path).faces[0]
        points = face.label.points + rng.uniform(-0.5, 0.5, (68, 2))
        visibility = np.zeros(68, np.uint8)
        if number % 3 == 1:
            points[4] = np.nan
            visibility[9] = Visibility.OCCLUDED
        box = Box(5.5, 6.25, 70, 60.5) if number % 2 else None
        found.append(replace(face, label=Label(SCHEME.id, points, visibility), box=box))
    return found


def test_pycocotools_reads_coco(faces: list[LabelledFace], tmp_path: Path) -> None:
    tool = _tool("pycocotools.coco")
    export_dataset(faces, SCHEME, tmp_path / "faces.json", "coco", images_root=FACES)
    data = tool.COCO(str(tmp_path / "faces.json"))
    (category,) = data.loadCats(data.getCatIds())
    assert category["keypoints"] == list(SCHEME.points)
    annotations = data.loadAnns(data.getAnnIds(iscrowd=False))
    assert len(annotations) == len(data.anns) == 20
    for face, one in zip(faces, annotations, strict=True):
        assert data.loadImgs(one["image_id"])[0]["file_name"] == face.image.name
        found = np.array(one["keypoints"], np.float64).reshape(-1, 3)
        assert np.array_equal(found[:, :2], np.nan_to_num(face.label.points))
        assert found[:, 2].tolist() == [{0: 2, 1: 1, 3: 0}[state] for state in face.label.visibility.tolist()]
        assert one["num_keypoints"] == int((found[:, 2] > 0).sum())


def test_labelme_reads_its_files(faces: list[LabelledFace], tmp_path: Path) -> None:
    tool = _tool("labelme._label_file")
    export_dataset(faces, SCHEME, tmp_path / "there", "labelme", images_root=FACES)
    for face in faces:  # the images stay where they are: the path in the file must lead to them
        file = tool.LabelFile(str(tmp_path / "there" / f"{face.image.stem}.json"))
        assert file.image_data == face.image.read_bytes()
        points = {shape["label"]: shape for shape in file.shapes if shape["shape_type"] == "point"}
        seen = [index for index in range(68) if face.label.visibility[index] != Visibility.MISSING]
        assert list(points) == [SCHEME.points[index] for index in seen]
        found = np.array([shape["points"][0] for shape in points.values()])
        assert np.array_equal(found, face.label.points[seen])
        assert [shape["flags"].get("occluded", False) for shape in points.values()] == [
            face.label.visibility[index] == Visibility.OCCLUDED for index in seen
        ]
        assert sum(shape["shape_type"] == "rectangle" for shape in file.shapes) == (face.box is not None)


def test_what_labelme_saves_is_read_again(faces: list[LabelledFace], tmp_path: Path) -> None:
    tool = _tool("labelme._label_file")
    tagged = [replace(face, tags=("blur",), extras={"source": "camera 3"}) for face in faces]
    export_dataset(tagged, SCHEME, tmp_path / "there", "labelme", images_root=FACES, copy_images=True)
    for path in (tmp_path / "there").glob("*.json"):
        file = tool.LabelFile(str(path))
        shapes = [{**shape, **shape.pop("other_data")} for shape in file.shapes]
        size = read_dataset(path).faces[0].info
        assert size is not None
        tool.LabelFile().save(
            str(path), shapes, file.image_path, size.height, size.width, flags=file.flags, other_data=file.other_data
        )
    again = {face.image.name: face for face in read_dataset(tmp_path / "there").faces}
    for face in tagged:
        found = again[face.image.name]
        assert found.label == face.label
        assert (found.tags, found.extras, found.box) == (face.tags, face.extras, face.box)


def test_label_studio_takes_the_tasks(faces: list[LabelledFace], tmp_path: Path) -> None:
    tool = _tool("label_studio_sdk.label_interface")
    export_dataset(faces, SCHEME, tmp_path / "tasks.json", "labelstudio", images_root=FACES)
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    labels = "".join(f'<Label value="{name}" model_index="{index}"/>' for index, name in enumerate(SCHEME.points))
    config = tool.LabelInterface(
        '<View><Image name="image" value="$image"/>'
        f'<KeyPointLabels name="points" toName="image">{labels}</KeyPointLabels>'
        '<RectangleLabels name="box" toName="image"><Label value="face"/></RectangleLabels></View>'
    )
    assert len(tasks) == 20
    for face, task in zip(faces, tasks, strict=True):
        assert config.validate_task({"data": task["data"]}) is True
        (annotation,) = task["annotations"]
        assert config.validate_annotation(annotation) is True
        assert face.info is not None
        regions = [region for region in annotation["result"] if region["type"] == "keypointlabels"]
        found = np.array([[region["value"]["x"], region["value"]["y"]] for region in regions])
        found *= np.array([face.info.width, face.info.height]) / 100
        seen = np.isfinite(face.label.points[:, 0])
        assert np.allclose(found, face.label.points[seen], rtol=0, atol=1e-9)


def test_menpo_reads_ljson(faces: list[LabelledFace], tmp_path: Path) -> None:
    tool = _tool("menpo.io")
    export_dataset(faces, SCHEME, tmp_path / "there", "ljson", images_root=FACES)
    for face in faces:
        groups = tool.import_landmark_file(tmp_path / "there" / f"{face.image.stem}.ljson")
        (shape,) = groups.values()
        assert np.array_equal(shape.points[:, ::-1], face.label.points, equal_nan=True)
        assert list(shape.labels) == [region.name for region in SCHEME.regions]


def test_what_menpo_writes_is_read(faces: list[LabelledFace], tmp_path: Path) -> None:
    tool = _tool("menpo.io")
    shapes = _tool("menpo.shape")
    (tmp_path / faces[0].image.name).write_bytes(faces[0].image.read_bytes())
    path = tmp_path / f"{faces[0].image.stem}.ljson"
    tool.export_landmark_file(shapes.PointCloud(faces[1].label.points[:, ::-1]), path)
    (found,) = read_dataset(path).faces
    assert np.array_equal(found.label.points, faces[1].label.points, equal_nan=True)
