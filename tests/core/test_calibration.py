"""Calibration and coverage, on labels whose distribution is known."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from core.ambiguity import eigen
from core.calibration import Calibration, fit_calibration, plain_calibration, shrink
from core.coverage import OVERALL, coverage
from core.errors import CheckpointError
from core.face import FloatArray, Prediction
from core.face_frame import face_frame
from core.face_modes import fit_modes
from core.misfit import TYPICAL, WHOLE, misfits
from core.model.checkpoint import read_header
from core.model.library import ModelLibrary
from core.scheme import get_scheme
from core.tail import NORMAL, Tail, fit_tail

SCHEME = get_scheme("300w-68")
FACES, PEOPLE = 240, 40


def some_faces(seed: int) -> tuple[FloatArray, FloatArray, list[str]]:
    """Means (F, N, 2) of turned faces of several sizes, raw covariances, and their people."""
    rng = np.random.default_rng(seed)
    shape = np.random.default_rng(99).uniform(-0.5, 0.5, (len(SCHEME), 2))
    shape[36], shape[45] = (-0.3, 0.0), (0.3, 0.0)
    roll = rng.uniform(-0.6, 0.6, FACES)
    turn = np.stack([np.stack([np.cos(roll), np.sin(roll)], -1), np.stack([-np.sin(roll), np.cos(roll)], -1)], -2)
    means = (shape @ turn) * rng.uniform(80, 300, FACES)[:, None, None] + 400
    angle = rng.uniform(-np.pi / 2, np.pi / 2, (FACES, len(SCHEME)))
    axes = np.stack([np.stack([np.cos(angle), np.sin(angle)], -1), np.stack([-np.sin(angle), np.cos(angle)], -1)], -2)
    sigmas = rng.uniform(15, 40, (FACES, len(SCHEME), 1)) * np.array([1.6, 1.0])
    covariance = np.einsum("fnki,fnk,fnkj->fnij", axes, sigmas**2, axes)
    return means, covariance, [str(i % PEOPLE) for i in range(FACES)]


def some_labels(
    seed: int, means: FloatArray, covariance: FloatArray, scales: FloatArray, offset: FloatArray
) -> FloatArray:
    rng = np.random.default_rng(seed + 1)
    major, minor, angle = eigen(covariance)
    along, across = rng.standard_normal((2, *angle.shape))
    along, across = along * np.sqrt(major) * scales[:, 0], across * np.sqrt(minor) * scales[:, 1]
    cos, sin = np.cos(angle), np.sin(angle)
    moved = np.stack([cos * along - sin * across, sin * along + cos * across], -1)
    return means + face_frame(means, SCHEME).to_image(offset) + moved


def true_scales() -> FloatArray:
    scales = np.full((len(SCHEME), 2), 0.15)
    scales[list(SCHEME.regions[0].indices)] = (0.4, 0.2)
    return scales


def true_offset() -> FloatArray:
    offset = np.zeros((len(SCHEME), 2))
    offset[:, 0] = 0.02
    return offset


def test_scales_offset_and_coverage_come_back_in_spite_of_wrong_labels() -> None:
    means, covariance, groups = some_faces(1)
    scales, offset = true_scales(), true_offset()
    labels = some_labels(1, means, covariance, scales, offset)
    wrong = np.random.default_rng(5).random(labels.shape[:2]) < 0.02
    labels[wrong] += 300.0
    labels[3, 7] = np.nan
    made = fit_calibration(labels, means, covariance, groups, SCHEME, {"data": "made up"})
    assert np.median(np.abs(np.log(made.scales / scales))) < 0.06
    assert np.abs(np.log(made.scales / scales)).max() < 0.35
    assert np.abs(made.offset - offset).max() < 0.008
    assert made.about == {"data": "made up"}

    means, covariance, groups = some_faces(2)
    labels = some_labels(2, means, covariance, scales, offset)
    after = coverage(made.deviation(labels, means, covariance, SCHEME).mahalanobis, made.tail, groups, SCHEME)
    assert [figure.region for figure in after[:4]] == [OVERALL] * 4
    assert len(after) == 4 * (1 + len(SCHEME.regions))
    assert [figure for figure in after if abs(figure.real - figure.nominal) > 0.05] == []
    assert after[0].good
    raw = plain_calibration(len(SCHEME)).deviation(labels, means, covariance, SCHEME).mahalanobis
    before = coverage(raw, NORMAL, groups, SCHEME)
    assert before[0].real > 0.95
    assert not before[0].good


def test_applied_scales_each_axis_and_leaves_the_raw_prediction_alone() -> None:
    means, covariance, _ = some_faces(3)
    made = Calibration(true_scales(), true_offset(), Tail(8))
    nothing = np.zeros(len(SCHEME))
    raw = Prediction(
        SCHEME.id, means[0], covariance[0], nothing, nothing, np.full((68, 2), np.nan), nothing, np.ones(3)
    )
    shown = made.applied(raw)
    old, new = eigen(raw.covariance), eigen(shown.covariance)
    inner = slice(17, None)
    assert np.allclose(new.major[inner], old.major[inner] * 0.15**2)
    assert np.allclose(new.minor[:17], old.minor[:17] * 0.2**2)
    assert np.allclose(new.angle, old.angle)
    assert np.array_equal(shown.mean, raw.mean)
    assert np.array_equal(raw.covariance, covariance[0])


def test_fitted_modes_shapes_and_misfits_survive_the_header() -> None:
    means, covariance, groups = some_faces(1)
    labels = some_labels(1, means, covariance, true_scales(), true_offset())
    made = fit_calibration(labels, means, covariance, groups, SCHEME)
    again = Calibration.from_json(json.loads(json.dumps(made.to_json())), len(SCHEME))
    assert again is not None
    assert again.modes is not None
    assert again.shape is not None
    asked = made.whitened(labels[:9], means[:9], covariance[:9], SCHEME)
    distance = made.deviation(labels[:9], means[:9], covariance[:9], SCHEME).mahalanobis
    assert np.allclose(np.hypot(asked[..., 0], asked[..., 1]), distance)
    assert np.allclose(again.modes.given_rest(asked).distance, made.modes.given_rest(asked).distance, rtol=0.01)
    asked[0, 5] = np.nan
    given = again.modes.given_rest(asked)
    assert np.isnan(given.distance[0, 5])
    assert np.isfinite(given.distance[0, 6])
    shape = [one.shape.seen(labels[:9], means[:9], SCHEME)[1].distance for one in (made, again)]
    assert np.allclose(*shape, rtol=0.02, atol=0.02)
    p = again.misfit.p(misfits(made.deviation(labels, means, covariance, SCHEME).mahalanobis, SCHEME))
    assert set(p) == {WHOLE, TYPICAL, *(region.name for region in SCHEME.regions)}
    assert all(0.3 < np.median(values) < 0.7 for values in p.values())


def test_what_a_point_shares_with_its_face_is_taken_off() -> None:
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((400, 1, 2)) * 2
    whitened = shared + rng.standard_normal((400, len(SCHEME), 2)) * 0.3
    modes = fit_modes(whitened, SCHEME, 4)
    given = modes.given_rest(whitened)
    assert np.abs(given.residual).std() < 0.4
    assert abs(np.mean(given.distance <= NORMAL.radius(0.9)) - 0.9) < 0.03
    whitened[0, 7] += 2.0  # no farther than others of all faces, but not with its own
    assert modes.given_rest(whitened).distance[0, 7] > 5


def test_a_calibration_survives_the_header() -> None:
    made = Calibration(true_scales(), true_offset(), Tail(8), about={"faces": 3})
    again = Calibration.from_json(made.to_json(), len(SCHEME))
    assert again is not None
    assert np.allclose(again.scales, made.scales, atol=1e-5)
    assert np.allclose(again.offset, made.offset, atol=1e-5)
    assert (again.tail, again.about) == (Tail(8), {"faces": 3})
    plain = plain_calibration(5)
    assert math.isinf(Calibration.from_json(plain.to_json(), 5).tail.nu)  # type: ignore[union-attr]


@pytest.mark.parametrize("data", [None, {}, {"scale": 1.2}, {"version": 2}])
def test_a_model_without_a_calibration_of_this_kind_has_none(data: dict[str, Any] | None) -> None:
    assert Calibration.from_json(data, 68) is None


@pytest.mark.parametrize(
    "change",
    [
        {"along": "x"}, {"along": [1.0]}, {"across": [0.0] * 68}, {"across": [float("nan")] * 68}, {"offset": [9.0]},
        {"offset": [[9.0, 0.0]] * 68}, {"tail": -1}, {"tail": "x"}, {"tail": [1]}, {"modes": {}}, {"modes": [1]},
        {"modes": {"loadings": [[1.0]], "noise": [1.0], "tail": None, "scale": 1.0}}, {"shape": {"centre": [1.0]}},
        {"misfit": {"all": [0.0, 0.0]}}, {"misfit": {"all": [0.0]}}, {"misfit": [1]},
    ],
)  # fmt: skip
def test_a_damaged_calibration_is_refused(change: dict[str, Any]) -> None:
    data = Calibration(true_scales(), true_offset()).to_json() | change
    with pytest.raises(CheckpointError, match="calibration is damaged"):
        Calibration.from_json(data, 68, "m.safetensors")
    with pytest.raises(CheckpointError, match="not 29"):
        Calibration.from_json(Calibration(true_scales(), true_offset()).to_json(), 29)


def test_the_bundled_model_is_calibrated() -> None:
    header = read_header(ModelLibrary().resolve(None))
    made = Calibration.from_json(header.calibration, header.config.points)
    assert made is not None
    assert ((made.scales > 0.05) & (made.scales < 0.5)).all()
    assert made.about["people"] > 20


def test_too_few_faces_are_refused() -> None:
    means, covariance, groups = some_faces(1)
    with pytest.raises(ValueError, match="at least"):
        fit_calibration(means[:5], means[:5], covariance[:5], groups[:5], SCHEME)


def test_shrinking_keeps_what_is_certain_and_pools_what_is_not() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=len(SCHEME))
    assert np.allclose(shrink(values, 0.0, SCHEME), values)
    jaw = list(SCHEME.regions[0].indices)
    pooled = shrink(values, 100.0, SCHEME)
    assert np.ptp(pooled[jaw]) < 1e-9
    values[jaw[3]] = np.nan
    assert np.isfinite(shrink(values, 0.1, SCHEME)).all()


@pytest.mark.parametrize("nu", [3.0, 8.0, math.inf])
def test_tail_radius_and_probability_are_inverse_and_right(nu: float) -> None:
    tail = Tail(nu)
    shares = np.array([0.0, 0.5, 0.9, 0.99])
    assert np.allclose(tail.p(tail.radius(shares)), 1 - shares)
    rng = np.random.default_rng(1)
    draws = rng.standard_normal((400_000, 2))
    if math.isfinite(nu):
        draws /= np.sqrt(rng.chisquare(nu, len(draws)) / nu)[:, None]
    distance = np.hypot(*draws.T)
    assert np.allclose([(distance > d).mean() for d in tail.radius(shares)], 1 - shares, atol=4e-3)
    found, scale = fit_tail(distance[:40_000] * 3)
    assert abs(scale - 3) < 0.15
    assert abs(1 / found.nu - 1 / nu) < 0.06


def test_frames_turn_and_scale_with_the_face() -> None:
    points = np.zeros((68, 2))
    points[36], points[45], points[8] = (10, 10), (10, 50), (-70, 30)
    frame = face_frame(points, SCHEME)
    assert frame.size == pytest.approx(80)
    vectors = np.tile([0.0, 8.0], (68, 1))  # down the image is to the right of this face
    inside = frame.to_face(vectors)
    assert np.allclose(inside, [0.1, 0.0])
    assert np.allclose(frame.to_image(inside), vectors)
    assert np.allclose(face_frame(np.ones((68, 2)), SCHEME).axes, np.eye(2))
    assert np.isnan(face_frame(np.ones((68, 2)), SCHEME).size)
