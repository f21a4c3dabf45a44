"""The face detector: on real faces where they are at hand, and on images without any."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from core.errors import DeviceError
from core.face import Box
from core.images import read_image
from core.model import detector as detector_module
from core.model.detector import Detection, FaceDetector

FACES = Path(__file__).resolve().parents[4] / "shared" / "data" / "faces68"


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector()


def points_of(path: Path) -> np.ndarray:
    body = path.read_text().split("{")[1].split("}")[0]
    return np.array(body.split(), float).reshape(-1, 2) - 1


def face(name: str) -> tuple[np.ndarray, np.ndarray]:
    return read_image(FACES / f"{name}.jpg"), points_of(FACES / f"{name}.pts")


def overlap(box: Box, points: np.ndarray) -> float:
    other = Box.around(points)
    w = min(box.x + box.w, other.x + other.w) - max(box.x, other.x)
    h = min(box.y + box.h, other.y + other.h) - max(box.y, other.y)
    both = max(w, 0) * max(h, 0)
    return both / (box.w * box.h + other.w * other.h - both)


def best(found: list[Detection], points: np.ndarray) -> Detection:
    assert found, "no face was found"
    one = max(found, key=lambda d: overlap(d.box, points))
    assert overlap(one.box, points) > 0.35
    return one


def check_five(detection: Detection, points: np.ndarray) -> None:
    """The five points lie near the labelled eyes, nose tip and mouth corners."""
    truth = np.stack([points[36:42].mean(0), points[42:48].mean(0), points[30], points[48], points[54]])
    apart = np.hypot(*(truth[1] - truth[0]))
    error = np.hypot(*(detection.five_points - truth).T) / apart
    assert np.median(error) < 0.2
    assert error.max() < 0.5


NAME = "Abdullah_Gul_10"


@pytest.mark.shared
def test_every_face_of_a_sample_is_found(detector: FaceDetector) -> None:
    paths = sorted(FACES.glob("*.jpg"))[::60]
    assert len(paths) > 40
    missed = []
    for path in paths:
        points = points_of(path.with_suffix(".pts"))
        found = detector.detect(read_image(path))
        if not found or overlap(found[0].box, points) < 0.35:
            missed.append(path.stem)
        else:
            check_five(found[0], points)
    assert missed == []


@pytest.mark.shared
def test_several_faces_largest_first(detector: FaceDetector) -> None:
    image, points = face(NAME)
    canvas = np.full((900, 1600, 3), 120, np.uint8)
    truths = []
    for scale, x, y in [(1.0, 100, 100), (2.0, 700, 200), (0.6, 1300, 600)]:
        size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
        canvas[y : y + size[1], x : x + size[0]] = cv2.resize(image, size)
        truths.append(points * scale + [x, y])
    found = detector.detect(canvas)
    assert len(found) == 3
    for detection, truth in zip(found, [truths[1], truths[0], truths[2]], strict=True):
        assert overlap(detection.box, truth) > 0.4
        check_five(detection, truth)


@pytest.mark.shared
def test_a_large_photo_gives_places_in_its_own_pixels(detector: FaceDetector) -> None:
    image, points = face(NAME)
    k = 1200 / image.shape[0]
    canvas = np.full((3000, 4000, 3), 90, np.uint8)
    big = cv2.resize(image, None, fx=k, fy=k, interpolation=cv2.INTER_CUBIC)
    canvas[1500 : 1500 + big.shape[0], 2300 : 2300 + big.shape[1]] = big
    truth = (points + 0.5) * k - 0.5 + [2300, 1500]
    check_five(best(detector.detect(canvas), truth), truth)


@pytest.mark.shared
def test_a_tiny_face_in_a_large_photo_is_found_by_the_second_pass(detector: FaceDetector) -> None:
    image, points = face(NAME)
    k = 80 / np.ptp(points, axis=0).max()
    small = cv2.resize(image, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
    canvas = np.full((1800, 2400, 3), 140, np.uint8)
    canvas[300 : 300 + small.shape[0], 1900 : 1900 + small.shape[1]] = small
    truth = points * k + [1900, 300]
    assert best(detector.detect(canvas), truth).box.w < 150


@pytest.mark.shared
def test_a_face_cut_by_the_border_is_found(detector: FaceDetector) -> None:
    image, points = face(NAME)
    nose = points[30]
    for x_cut, y_cut in [(round(points[0, 0] + 0.25 * (nose[0] - points[0, 0])), 0), (0, round(points[36, 1] - 12))]:
        cut = np.ascontiguousarray(image[y_cut:, x_cut:])
        truth = points - [x_cut, y_cut]
        best(detector.detect(cut), truth)


@pytest.mark.shared
def test_a_face_filling_the_frame_is_found(detector: FaceDetector) -> None:
    image, points = face(NAME)
    low, high = points.min(0).astype(int), points.max(0).astype(int)
    tight = np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]])
    best(detector.detect(tight), points - low)
    large = cv2.resize(tight, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
    best(detector.detect(large), (points - low) * 8)


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (11, 11), (64, 64), (480, 640), (2000, 30), (1500, 2500)])
def test_nothing_is_found_where_there_is_nothing(detector: FaceDetector, shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    assert detector.detect(np.full((*shape, 3), 128, np.uint8)) == []
    assert detector.detect(noise) == []


def test_detect_refuses_what_is_not_an_rgb_image(detector: FaceDetector) -> None:
    for bad in (np.zeros((10, 10), np.uint8), np.zeros((10, 10, 3), np.float32), np.zeros((10, 10, 4), np.uint8)):
        with pytest.raises(ValueError, match="uint8"):
            detector.detect(bad)


def test_missing_or_damaged_networks_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detector_module, "_model_folder", lambda: tmp_path)
    with pytest.raises(DeviceError, match="damaged") as caught:
        FaceDetector()
    assert "pnet.onnx" in str(caught.value)
    (tmp_path / "pnet.onnx").write_bytes(b"not a network")
    with pytest.raises(DeviceError, match="damaged"):
        FaceDetector()


def test_suppression_keeps_the_best_of_each_cluster() -> None:
    boxes = np.array([[0, 0, 10, 10, 0.6], [1, 0, 11, 10, 0.9], [30, 30, 40, 40, 0.5], [2, 2, 5, 5, 0.8]], np.float32)
    assert detector_module._suppress(boxes, 0.5).tolist() == [1, 3, 2]
    assert detector_module._suppress(boxes, 0.5, smaller=True).tolist() == [1, 2]
    assert detector_module._suppress(boxes[:0], 0.5).tolist() == []
