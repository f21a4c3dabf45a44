"""The rule from detections to crops."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import ConfigError
from core.face import Box
from core.images import read_image
from core.model.crops import crop_difference, crop_from_box, crop_from_detection, detection_features, read_rule
from core.model.detector import Detection, FaceDetector
from core.transforms import LANDMARK_CROP_FACTOR, crop_from_points

FACES = Path(__file__).resolve().parents[4] / "shared" / "data" / "faces68"

FIVE = np.array([[138.0, 145.0], [176.0, 143.0], [160.0, 168.0], [143.0, 189.0], [175.0, 187.0]])


BOX = Box(110, 95, 90, 118)


def detection(box: Box = BOX, five: np.ndarray = FIVE) -> Detection:
    return Detection(box, 0.99, five)


def test_the_crop_is_around_the_face() -> None:
    crop = crop_from_detection(detection())
    assert abs(crop.cx - 155) < 12
    assert abs(crop.cy - 154) < 20
    assert 110 < crop.size_px < 190


def test_the_rule_moves_and_scales_with_the_image() -> None:
    crop = crop_from_detection(detection())
    moved = crop_from_detection(detection(Box(110 * 3 + 7, 95 * 3 - 2, 270, 354), FIVE * 3 + [7, -2]))
    assert (moved.cx, moved.cy) == pytest.approx((crop.cx * 3 + 7, crop.cy * 3 - 2))
    assert moved.size_px == pytest.approx(3 * crop.size_px)


def test_the_rule_is_symmetric_under_mirroring() -> None:
    crop = crop_from_detection(detection())
    mirrored = np.stack([300 - FIVE[:, 0], FIVE[:, 1]], axis=1)[[1, 0, 2, 4, 3]]
    other = crop_from_detection(detection(Box(300 - 110 - 90, 95, 90, 118), mirrored))
    assert (other.cx, other.cy, other.size_px) == pytest.approx((300 - crop.cx, crop.cy, crop.size_px))


def test_wild_points_do_not_send_the_crop_away() -> None:
    crop = crop_from_detection(detection(five=FIVE * 50))
    side = np.sqrt(90 * 118)
    assert abs(crop.cx - 155) <= 0.5 * side
    assert abs(crop.cy - 154) <= 0.5 * side
    assert 0.5 * side < crop.size_px < 3 * side


def test_a_box_drawn_around_the_landmarks_gives_their_crop() -> None:
    points = np.array([[20.0, 30.0], [120.0, 45.0], [70.0, 160.0]])
    crop = crop_from_box(Box.around(points))
    np.testing.assert_allclose(crop_difference(crop, crop_from_points(points)), 0, atol=1e-12)
    assert crop.size_px == pytest.approx(LANDMARK_CROP_FACTOR * 130)


def test_a_model_trained_on_other_crops_gets_its_factor() -> None:
    wide, usual = crop_from_detection(detection(), factor=2.6), crop_from_detection(detection())
    assert (wide.cx, wide.cy, wide.size_px) == pytest.approx((usual.cx, usual.cy, 2 * usual.size_px))
    assert crop_from_box(BOX, factor=1.05).size_px == pytest.approx(1.05 * 118)


def test_difference_is_in_sides_of_the_other_crop() -> None:
    one = crop_from_box(Box(0, 0, 100, 100))
    other = replace(one, scale=one.scale * 2, cx=one.cx - 26)
    np.testing.assert_allclose(crop_difference(one, other), [0.1, 0, -np.log(2)])


def test_every_coefficient_belongs_to_a_feature() -> None:
    rule = read_rule(Path(__file__).resolve().parents[3] / "resources" / "models" / "crop_rule.toml")
    features = detection_features(detection())
    for name, table in rule.items():
        assert set(table) == set(features[name])


def test_a_damaged_rule_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rule.toml"
    for text in ("", "dx = 3", "[dx]\na='b'\n[dy]\n[log_side]", "[[["):
        path.write_text(text)
        with pytest.raises(ConfigError, match=r"rule\.toml"):
            read_rule(path)


@pytest.mark.shared
def test_detector_crops_agree_with_landmark_crops() -> None:
    detector = FaceDetector()
    differences = []
    for path in sorted(FACES.glob("*.jpg"))[11::70]:
        body = path.with_suffix(".pts").read_text().split("{")[1].split("}")[0]
        truth = crop_from_points(np.array(body.split(), float).reshape(-1, 2) - 1)
        differences.append(crop_difference(crop_from_detection(detector.detect(read_image(path))[0]), truth))
    d = np.array(differences)
    assert len(d) > 35
    assert np.median(np.hypot(d[:, 0], d[:, 1])) < 0.035
    assert np.median(np.abs(d[:, 2])) < 0.06
    assert abs(np.median(d[:, 2])) < 0.03
