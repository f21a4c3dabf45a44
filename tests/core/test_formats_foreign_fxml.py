"""What we write, loaded by the programs that the formats belong to. Skipped where a package is not there."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from core.face import Visibility
from core.formats import LabelledFace, export_dataset, read_dataset
from core.scheme import get_scheme
from tests.core.format_samples import make_faces

SCHEME = get_scheme("300w-68")


@pytest.fixture
def faces(tmp_path: Path) -> list[LabelledFace]:
    """Fractional, missing and outside points; several faces in one image; a name that is no ASCII."""
    return make_faces(tmp_path / "images")


def test_dlib_loads_it(faces: list[LabelledFace], tmp_path: Path) -> None:
    dlib = pytest.importorskip("dlib")
    export_dataset(faces, SCHEME, tmp_path / "out.xml", "dlib", images_root=tmp_path / "images")
    data = dlib.image_dataset_metadata.load_image_dataset_metadata(str(tmp_path / "out.xml"))
    boxes = [(image, box) for image in data.images for box in image.boxes]
    assert len(boxes) == len(faces)
    for (image, box), face in zip(boxes, faces, strict=True):
        assert tmp_path / "images" / image.filename == face.image
        there = np.flatnonzero(np.isfinite(face.label.points[:, 0]))
        assert sorted(box.parts) == [f"{index:02d}" for index in there]  # as the trainer sorts them
        found = np.array([(box.parts[name].x, box.parts[name].y) for name in sorted(box.parts)])
        assert np.abs(found - face.label.points[there]).max() <= 0.5
        if face.box is not None:
            assert abs(box.rect.left() - face.box.x) <= 0.5
            assert abs(box.rect.width() - face.box.w) <= 1


def test_what_dlib_writes_is_read(faces: list[LabelledFace], tmp_path: Path) -> None:
    dlib = pytest.importorskip("dlib")
    export_dataset(faces, SCHEME, tmp_path / "out.xml", "dlib", images_root=tmp_path / "images")
    ours = read_dataset(tmp_path / "out.xml", images_root=tmp_path / "images").faces
    metadata = dlib.image_dataset_metadata
    data = metadata.load_image_dataset_metadata(str(tmp_path / "out.xml"))
    metadata.save_image_dataset_metadata(data, str(tmp_path / "theirs.xml"))
    theirs = read_dataset(tmp_path / "theirs.xml", images_root=tmp_path / "images").faces
    assert [(face.image, face.label, face.box) for face in theirs] == [(f.image, f.label, f.box) for f in ours]


def test_pandas_loads_deeplabcuts_files_as_deeplabcut_does(faces: list[LabelledFace], tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    single = [face for face in faces if sum(other.image == face.image for other in faces) == 1]
    for kept, levels in ((single, 3), (faces, 4)):
        target = tmp_path / f"CollectedData_{levels}.csv"
        export_dataset(kept, SCHEME, target, "deeplabcut", images_root=tmp_path / "images")
        frame = pandas.read_csv(target, header=list(range(levels)), index_col=0)
        assert frame.columns.names[0] == "scorer"
        seen: dict[str, int] = {}
        for face in kept:
            name = face.image.relative_to(tmp_path / "images").as_posix()
            individual = seen[name] = seen.get(name, 0) + 1
            row = frame.loc[name]["starmark"]
            row = row[f"face{individual}"] if levels == 4 else row
            found = np.array([[row[point]["x"], row[point]["y"]] for point in SCHEME.points], dtype=float)
            assert np.array_equal(found, face.label.points, equal_nan=True)


def test_pandas_loads_tables(faces: list[LabelledFace], tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    export_dataset(faces, SCHEME, tmp_path / "out.csv", "csv", images_root=tmp_path / "images")
    export_dataset(faces, SCHEME, tmp_path / "out.parquet", "parquet", images_root=tmp_path / "images")
    frame = pandas.read_csv(tmp_path / "out.csv")
    table = pandas.read_parquet(tmp_path / "out.parquet")
    assert list(table["image"]) == list(frame["image"])
    for index, face in enumerate(faces):
        found = [[frame[f"{axis}{i}"][index] for axis in "xy"] for i in range(68)]
        assert np.allclose(np.array(found), face.label.points, rtol=1e-14, atol=0, equal_nan=True)
        lists = np.array([table["x"][index], table["y"][index]], dtype=float).T
        assert np.array_equal(lists, face.label.points, equal_nan=True)
    back = table.drop(columns=["visibility"])
    back.to_parquet(tmp_path / "again.parquet")
    again = read_dataset(tmp_path / "again.parquet", images_root=tmp_path / "images").faces
    assert np.array_equal(again[1].label.points, faces[1].label.points, equal_nan=True)


def test_datumaro_loads_cvats_file(faces: list[LabelledFace], tmp_path: Path) -> None:
    """It knows no skeletons, but reads their elements, boxes and labels by the rules of CVAT's own loader."""
    datumaro = pytest.importorskip("datumaro")
    shutil.copytree(tmp_path / "images", tmp_path / "set" / "images")
    export_dataset(faces, SCHEME, tmp_path / "set" / "annotations.xml", "cvat", images_root=tmp_path / "images")
    data = datumaro.Dataset.import_from(str(tmp_path / "set" / "annotations.xml"), "cvat")
    labels = data.categories()[datumaro.AnnotationType.label]
    assert {labels[index].name for index in range(len(labels))} == {"face", "face box", *SCHEME.points}
    for item in data:
        name = Path(item.media.path).relative_to(tmp_path / "set" / "images")
        there = [face for face in faces if face.image == tmp_path / "images" / name]
        points = [found for found in item.annotations if found.type == datumaro.AnnotationType.points]
        expected = np.concatenate([face.label.points for face in there])
        states = np.concatenate([face.label.visibility for face in there])
        assert len(points) == len(expected)
        assert [labels[found.label].name for found in points] == [*SCHEME.points] * len(there)
        found = np.array([found.points for found in points])
        seen = states != Visibility.MISSING
        assert np.abs(found[seen] - expected[seen]).max() <= 0.01  # it rounds to hundredths
        occluded = [found.attributes["occluded"] for found in points]
        assert occluded == (states == Visibility.OCCLUDED).tolist()
        boxes = [found for found in item.annotations if found.type == datumaro.AnnotationType.bbox]
        assert [list(box.get_bbox()) for box in boxes] == [
            pytest.approx(face.box.to_list(), abs=0.02) for face in there if face.box is not None
        ]
