"""Photos read at a fraction of their size: pixels, detections and landmarks stay where they are."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from core.images import read_image, read_reduced
from core.model.crops import crop_from_detection
from core.model.detector import FaceDetector
from core.model.device import choose_device
from core.model.library import load_model
from core.model.photo import Photo
from core.model.pipeline import ImageRequest, overlap, predict_images
from core.model.precision import _PROBE_FILE, LIMIT_PX
from core.model.predictor import Predictor
from core.transforms import Crop, apply, map_covariance

SPOT = (821.0, 367.0)


def save(path: Path, pixels: np.ndarray, orientation: int = 1, **options: object) -> Path:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(path, exif=exif, **options)  # type: ignore[arg-type]
    return path


def spot(width: int, height: int) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    value = 255 * np.exp(-((columns - SPOT[0]) ** 2 + (rows - SPOT[1]) ** 2) / (2 * 24.0**2))
    return np.repeat(value.round().astype(np.uint8)[..., None], 3, axis=2)


def centre(pixels: np.ndarray) -> np.ndarray:
    weight = pixels[..., 0].astype(float)
    weight[weight < 25] = 0
    rows, columns = np.mgrid[: weight.shape[0], : weight.shape[1]]
    return np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("min_side", "factor"), [(700, 2), (300, 4), (120, 8), (5000, 1)])
def test_a_spot_stays_where_it_is(tmp_path: Path, orientation: int, min_side: int, factor: int) -> None:
    path = save(tmp_path / "s.jpg", spot(1403, 1001), orientation, quality=95)
    whole = read_image(path)
    reduced = read_reduced(path.read_bytes(), str(path), min_side)
    assert reduced.factor == factor
    assert (reduced.height, reduced.width) == whole.shape[:2]
    assert max(reduced.pixels.shape) >= min(min_side, 1403)
    np.testing.assert_allclose(apply(reduced.to_image, centre(reduced.pixels)), centre(whole), atol=0.1 + 0.02 * factor)


def test_only_jpegs_are_reduced(tmp_path: Path) -> None:
    path = save(tmp_path / "s.png", spot(1403, 1001))
    reduced = read_reduced(path.read_bytes(), str(path), 300)
    assert (reduced.factor, reduced.pixels.shape) == (1, (1001, 1403, 3))
    np.testing.assert_array_equal(reduced.to_image, np.eye(3))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo of 12 megapixels with a face of about a third of its height, on its side as a phone stores it."""
    face = np.asarray(read_image(_PROBE_FILE))
    canvas = np.full((3000, 4000, 3), 90, np.uint8)
    canvas[900:2200, 1500:2800] = cv2.resize(face, (1300, 1300), interpolation=cv2.INTER_CUBIC)
    return save(tmp_path_factory.mktemp("large") / "large.jpg", np.rot90(canvas), 6, quality=92)


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector()


def test_detections_are_those_of_the_whole_photo(large: Path, detector: FaceDetector) -> None:
    photo = Photo(large)
    assert photo.size == (4000, 3000)
    assert photo.reduced().factor == 2
    (found,) = photo.detect(detector)
    (wanted,) = detector.detect(read_image(large))
    assert overlap(found.box, wanted.box) > 0.97
    np.testing.assert_allclose(found.five_points, wanted.five_points, atol=0.01 * wanted.box.w)


def test_landmarks_from_a_reduced_photo_are_those_of_the_whole(large: Path, detector: FaceDetector) -> None:
    predictor = Predictor(load_model(), choose_device("cpu"))
    whole = read_image(large)
    crop = crop_from_detection(detector.detect(whole)[0])
    photo = Photo(large)
    assert photo.for_crop(crop, predictor.input_size, antialias=True).factor == 2
    wanted = predictor.predict([(whole, crop)])[0]
    (got,) = predictor.predict_cuts([predictor.cut(photo, crop)])
    to_crop = crop.matrix(predictor.input_size)
    shift = np.linalg.norm(apply(to_crop, got.mean) - apply(to_crop, wanted.mean), axis=1)
    assert shift.max() < LIMIT_PX
    sizes = [np.sqrt(np.linalg.det(map_covariance(to_crop, p.covariance))) for p in (got, wanted)]
    np.testing.assert_allclose(*sizes, rtol=0.02)


def test_small_faces_and_published_weights_get_the_whole_photo(large: Path) -> None:
    photo = Photo(large)
    small = Crop.square(2000, 1500, 300)
    assert photo.for_crop(small, 128, antialias=True).factor == 1
    np.testing.assert_array_equal(photo.for_crop(small, 128, antialias=True).pixels, read_image(large))
    assert Photo(large).for_crop(Crop.square(2000, 1500, 3000), 128, antialias=False).factor == 1


def test_the_pipeline_places_landmarks_in_the_photos_own_pixels(large: Path, detector: FaceDetector) -> None:
    predictor = Predictor(load_model(), choose_device("cpu"))
    (result,) = predict_images([ImageRequest(large)], predictor, detector)
    assert (result.error, result.width, result.height, len(result.faces)) == (None, 4000, 3000, 1)
    mean = result.faces[0].prediction.mean
    assert (mean > [1500, 900]).all() and (mean < [2800, 2250]).all()
    assert np.ptp(mean, axis=0).min() > 700
