"""The pipeline: order, batches over several images, and one image's failure staying its own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from core.errors import CheckpointError
from core.face import Box, Label, Prediction, overlap
from core.formats.base import LabelledFace
from core.images import ImageInfo
from core.model import device, pipeline
from core.model.checkpoint import save_model
from core.model.crops import crop_from_box
from core.model.detector import Detection, FaceDetector
from core.model.device import choose_device
from core.model.header import ModelHeader
from core.model.library import LoadedModel, load_model
from core.model.network import StarNet, preset_config
from core.model.pipeline import (
    MIN_OVERLAP,
    FaceRequest,
    ImageRequest,
    ImageResult,
    best_overlapping,
    predict_images,
)
from core.model.predictor import Cut, Predictor
from core.model.requests import project_requests, requests_for
from core.project import Project
from core.scheme import get_scheme
from core.transforms import Crop, crop_from_points

SCHEME = get_scheme("300w-68")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = preset_config("lite", SCHEME)
        path = tmp_path_factory.mktemp("model") / "raw.safetensors"
        save_model(path, StarNet(config), ModelHeader(scheme=SCHEME.id, preset="lite", config=config))
    return load_model(path)


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector()


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Five readable pictures of different sizes."""
    paths = []
    for number in range(5):
        picture = np.random.default_rng(number).integers(0, 256, (90 + number, 100 + number, 3), np.uint8)
        paths.append(tmp_path / f"{number}.png")
        paths[-1].write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    return paths


class Noted(Predictor):
    """Notes how many faces it gets at once, and fails on crops around x = 13."""

    def __init__(self, model: LoadedModel, batch_size: int) -> None:
        super().__init__(model, choose_device("cpu"), batch_size)
        self.batches: list[int] = []

    def predict_cuts(self, cuts: Sequence[Cut]) -> list[Prediction]:
        self.batches.append(len(cuts))
        if any(crop.cx == 13 for _, crop in cuts):
            raise CheckpointError("values that are not finite")
        return super().predict_cuts(cuts)


def asked(path: Path, *centres: float) -> ImageRequest:
    """A request for faces around (x, 40)."""
    return ImageRequest(path, tuple(FaceRequest(Box(x - 20, 20, 40, 40), Crop.square(x, 40, 60)) for x in centres))


def test_results_come_in_order_and_faces_share_batches(
    model: LoadedModel, detector: FaceDetector, pictures: list[Path]
) -> None:
    predictor = Noted(model, batch_size=4)
    requests = [asked(path, *range(30, 30 + faces)) for path, faces in zip(pictures, (1, 2, 0, 3, 1), strict=True)]
    results = list(predict_images(requests, predictor, detector))
    assert [result.path for result in results] == pictures
    assert [len(result.faces) for result in results] == [1, 2, 0, 3, 1]
    assert [(result.width, result.height) for result in results] == [(100 + n, 90 + n) for n in range(5)]
    assert predictor.batches == [6, 1]
    alone = Predictor(model, choose_device("cpu"))
    for request, result in zip(requests, results, strict=True):
        picture = cv2.imread(str(request.path), cv2.IMREAD_COLOR_RGB)
        for number, face in enumerate(result.faces):
            assert face.request == number
            assert face.score is None
            assert face.crop == request.faces[number].crop  # type: ignore[index]
            (expected,) = alone.predict([(picture, face.crop)])
            np.testing.assert_allclose(face.prediction.mean, expected.mean, atol=1e-3)


def test_a_bad_image_is_its_own_error(
    model: LoadedModel, detector: FaceDetector, pictures: list[Path], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_text("no", encoding="utf-8")
    paths = [pictures[0], bad, tmp_path / "gone.png", tmp_path, pictures[1]]
    requests = [ImageRequest(path) if path in (bad, tmp_path) else asked(path, 40) for path in paths]
    results = list(predict_images(requests, Noted(model, 8), detector))
    assert [result.error is None for result in results] == [True, False, False, False, True]
    assert [len(result.faces) for result in results] == [1, 0, 0, 0, 1]
    assert all(str(result.path) not in (result.error or "") for result in results)


def test_a_face_that_breaks_the_batch_costs_only_its_image(
    model: LoadedModel, detector: FaceDetector, pictures: list[Path]
) -> None:
    requests = [asked(pictures[0], 40), asked(pictures[1], 30, 13), asked(pictures[2], 50)]
    results = list(predict_images(requests, Noted(model, 8), detector))
    assert [len(result.faces) for result in results] == [1, 0, 1]
    assert results[1].error == "values that are not finite"
    assert results[1].width == 101


def test_requests_are_taken_as_needed_and_cancel_stops(
    model: LoadedModel, detector: FaceDetector, pictures: list[Path]
) -> None:
    taken = count()

    def endless() -> object:
        while True:
            yield asked(pictures[next(taken) % 5], 40)

    results: list[ImageResult] = []
    stream = predict_images(
        endless(),  # type: ignore[arg-type]
        Noted(model, 2),
        detector,
        cancelled=lambda: len(results) >= 4,
    )
    results.extend(stream)
    assert 4 <= len(results) <= 6
    assert next(taken) < 15
    # Leaving the loop early ends the thread as well; the leak check of every test watches that.
    next(predict_images(endless(), Noted(model, 2), detector))  # type: ignore[arg-type]


def test_a_small_network_leaves_a_core_to_the_photos(model: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    predictor = Predictor(model, choose_device("cpu"))
    monkeypatch.setattr(pipeline, "core_count", lambda: 6)
    monkeypatch.setattr(device, "core_count", lambda: 6)
    try:
        pipeline.share_cores(predictor)
        assert torch.get_num_threads() == 5
        monkeypatch.setattr(pipeline, "_LARGE_NETWORK", 1000)
        pipeline.share_cores(predictor)
        assert torch.get_num_threads() == 6
    finally:
        torch.set_num_threads(before)


def detection(x: float, y: float, side: float, score: float) -> Detection:
    return Detection(Box(x, y, side, side), score, np.zeros((5, 2)))


def test_overlap_and_the_best_of_several_detections() -> None:
    assert overlap(Box(0, 0, 10, 10), Box(0, 0, 10, 10)) == 1
    assert overlap(Box(0, 0, 10, 10), Box(5, 0, 10, 10)) == pytest.approx(50 / 150)
    assert overlap(Box(0, 0, 10, 10), Box(10, 0, 10, 10)) == 0
    assert overlap(Box(0, 0, 10, 10), Box(30, 30, 1, 1)) == 0
    wanted = Box(100, 100, 50, 50)
    far, near = detection(0, 0, 50, 0.99), detection(105, 95, 50, 0.7)
    assert best_overlapping([far, near], wanted) is near
    assert best_overlapping([far], wanted) is None
    assert best_overlapping([], wanted) is None
    touching = detection(145, 145, 50, 0.9)
    assert 0 < overlap(touching.box, wanted) < MIN_OVERLAP
    assert best_overlapping([touching], wanted) is None


def labelled(path: Path, **known: object) -> LabelledFace:
    points = np.stack([np.linspace(20, 60, 68), np.linspace(30, 90, 68)], axis=1)
    values = {"box": None, "crop": None} | known
    info = ImageInfo(100, 100, "PNG", 1)
    return LabelledFace(path, Label(SCHEME.id, points), tags=(), source=str(path), info=info, **values)  # type: ignore[arg-type]


def test_a_data_sets_own_crop_comes_first_then_its_box_then_the_label() -> None:
    one, two = Path("one.png"), Path("two.png")
    faces = [
        labelled(one, crop=(0.5, 40.0, 50.0)),
        labelled(two, box=Box(10, 10, 60, 80)),
        labelled(one, crop=(0.25, 10.0, 20.0), box=Box(0, 0, 9, 9)),
    ]
    own = requests_for(faces)
    assert own.crops == "landmarks"
    assert [request.path for request in own.requests] == [one, two]
    assert own.faces == [[0, 2], [1]]
    crops = [[face.crop for face in request.faces or ()] for request in own.requests]
    assert crops[0] == [Crop(0.5, 40.0, 50.0), Crop(0.25, 10.0, 20.0)]
    assert crops[1][0] is not None and crops[1][0].size_px == pytest.approx(1.3 * 80)
    mixed = [*faces, labelled(two)]
    assert requests_for(mixed).crops == "detector"
    assert all(face.crop is None for request in requests_for(mixed).requests for face in request.faces or ())
    by_label = requests_for(mixed, "landmarks", factor=2.0).requests[1].faces
    assert by_label is not None and by_label[1].crop == crop_from_points(mixed[3].label.points, 2.0)


def test_a_label_without_points_cannot_be_placed() -> None:
    nowhere = Label(SCHEME.id, np.full((68, 2), np.nan))
    face = LabelledFace(Path("x.png"), nowhere, None, None, (), "x", ImageInfo(100, 100, "PNG", 1))
    for crops in ("landmarks", "detector"):
        found = requests_for([face, labelled(Path("y.png"))], crops)  # type: ignore[arg-type]
        assert found.unusable == [0]
        assert found.faces == [[1]]


def test_a_fallback_serves_where_the_detector_finds_nothing(
    model: LoadedModel, detector: FaceDetector, pictures: list[Path]
) -> None:
    box, crop = Box(20, 20, 50, 50), Crop.square(45, 45, 70)
    request = ImageRequest(pictures[0], (FaceRequest(box), FaceRequest(box, fallback=crop)))
    (result,) = predict_images([request], Noted(model, 8), detector)
    (face,) = result.faces
    assert (face.request, face.crop, face.score, face.box) == (1, crop, None, box)


def test_a_project_is_predicted_as_its_window_does(tmp_path: Path, pictures: list[Path]) -> None:
    points = np.stack([np.linspace(20, 60, 68), np.linspace(30, 70, 68)], axis=1)
    info = ImageInfo(100, 90, "PNG", 1)
    imported = LabelledFace(pictures[1], Label(SCHEME.id, points), None, None, (), "x.pts", info)
    with Project.create(tmp_path / "p.starmark") as project:
        first, _, third, _ = project.add_images([pictures[0], *pictures[2:]])
        project.add_face(first.id, Box(1, 2, 30, 40), (0.5, 20.0, 30.0))
        project.add_face(third.id, Box(1, 2, 30, 40), source="drawn")
        project.import_dataset([imported], "labels", author="me")
        requests = {request.path: request.faces for request in project_requests(project, factor=2.0)}
    assert list(requests) == [pictures[0], pictures[2], pictures[3], pictures[4], pictures[1]]
    assert requests[pictures[0]] == (FaceRequest(Box(1, 2, 30, 40), Crop(0.5, 20.0, 30.0)),)
    assert requests[pictures[2]] is None
    (drawn,) = requests[pictures[3]] or ()
    assert drawn.crop is None and drawn.fallback == crop_from_box(Box(1, 2, 30, 40))
    (known,) = requests[pictures[1]] or ()
    assert known.crop is None and known.fallback == crop_from_points(points, 2.0)


@pytest.mark.shared
def test_the_detectors_faces_are_predicted_where_they_are(
    faces68: Path, model: LoadedModel, detector: FaceDetector
) -> None:
    paths = sorted(faces68.glob("*.jpg"))[:3]
    results = list(predict_images([ImageRequest(path) for path in paths], Noted(model, 2), detector))
    for result in results:
        assert result.error is None
        assert result.faces
        face = result.faces[0]
        assert face.request is None
        assert face.score is not None and face.score > 0.8
        assert overlap(face.box, Box(0, 0, result.width, result.height)) > 0.1
