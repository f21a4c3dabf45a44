"""NME, FR, AUC and CED as the reference computed them, and by hand; bootstrap intervals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import simpson as scipy_simpson

from core import metrics
from core.errors import SchemeError
from core.metrics import bootstrap_interval, ced, fr_auc, nme, per_point, per_region, point_errors, summarise
from core.scheme import get_scheme

ROOT = Path(__file__).resolve().parents[2]
_SHARED = ROOT.parent / "shared/golden/metrics.npz"
GOLDEN = _SHARED if _SHARED.is_file() else ROOT / "tests/data/golden/metrics.npz"
SCHEME = get_scheme("300w-68")


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN) as file:
        return dict(file)


@pytest.mark.parametrize("name", ["ocular", "pupil"])
def test_nme_as_the_reference(golden: dict[str, np.ndarray], name: str) -> None:
    values = nme(golden["prediction"], golden["truth"], SCHEME, name)
    assert np.abs(values - golden[f"nme/300W_{name}"]).max() < 1e-7
    alone = nme(golden["prediction"][3], golden["truth"][3], SCHEME, name)
    assert float(alone) == values[3]


@pytest.mark.parametrize("name", ["ocular", "pupil"])
@pytest.mark.parametrize(
    ("key", "threshold"),
    [("300W", 0.05), ("WFLW", 0.1), ("COFW", 0.1), ("thres_0.05", 0.05), ("thres_0.07", 0.07), ("thres_0.08", 0.08),
     ("thres_0.1", 0.1)],
)  # fmt: skip
def test_fr_and_auc_as_the_reference(golden: dict[str, np.ndarray], name: str, key: str, threshold: float) -> None:
    values = nme(golden["prediction"], golden["truth"], SCHEME, name)
    assert tuple(fr_auc(values, threshold, "star")) == tuple(golden[f"fr_auc/300W_{name}/{key}"])


@pytest.mark.parametrize("threshold", [0.05, 0.07, 0.08, 0.1])
def test_grid_as_the_reference(golden: dict[str, np.ndarray], threshold: float) -> None:
    grid = metrics.star_grid(threshold)
    count, last = golden[f"grid/{threshold}"]
    assert (len(grid), grid[-1]) == (count, pytest.approx(last, abs=1e-12))


@pytest.mark.parametrize("count", [*range(1, 12), 501, 502])
def test_simpson_as_scipy(count: int) -> None:
    values = np.random.default_rng(count).normal(size=count)
    assert metrics.simpson(values, 0.1) == pytest.approx(scipy_simpson(values, dx=0.1), abs=1e-13)


def test_both_conventions_agree_up_to_the_grid() -> None:
    values = np.random.default_rng(0).gamma(2, 0.03, 500)
    exact, star = fr_auc(values, 0.1), fr_auc(values, 0.1, "star")
    assert exact.fr == pytest.approx(star.fr, abs=1e-4)
    assert exact.auc == pytest.approx(star.auc, abs=1e-3)


def test_exact_figures_by_hand() -> None:
    assert fr_auc([0.02, 0.1, 0.3], 0.1) == (pytest.approx(1 / 3), pytest.approx(0.8 / 3))
    assert fr_auc([0.0], 0.1) == (0.0, 1.0)
    assert fr_auc([0.05, np.inf], 0.1) == (0.5, pytest.approx(0.25))
    assert fr_auc([0.05, np.inf], 0.1, "star").fr == 0.5


def test_nme_by_hand_with_missing_points() -> None:
    truth = np.zeros((2, 68, 2))
    truth[:, 36], truth[:, 45] = (0, 0), (30, 40)  # 50 px between the eyes
    pred = truth + np.array([3, 4])  # 5 px off everywhere
    assert nme(pred, truth, SCHEME).tolist() == pytest.approx([0.1, 0.1])
    pred[0, 0] += (30, 40)
    pred[0, 1] = truth[1, 2] = np.nan
    errors = point_errors(pred, truth, SCHEME)
    assert errors.shape == (2, 68)
    assert np.isnan(errors[0, 1])
    assert np.isnan(errors[1, 2])
    assert nme(pred, truth, SCHEME).tolist() == pytest.approx([0.1 + 1 / 67, 0.1])
    assert per_point(errors)[[0, 1, 2, 3]].tolist() == pytest.approx([0.6, 0.1, 0.1, 0.1])
    regions = per_region(errors, SCHEME)
    assert list(regions) == [region.name for region in SCHEME.regions]
    jaw, *others = regions.values()
    assert jaw == pytest.approx(0.1 + 1 / 32)
    assert others == pytest.approx([0.1] * len(others))


def test_faces_without_denominator_have_no_nme() -> None:
    truth = np.random.default_rng(0).uniform(0, 9, (3, 68, 2))
    truth[0, 45] = np.nan
    truth[1, 45] = truth[1, 36]
    values = nme(truth + 1, truth, SCHEME)
    assert np.isnan(values).tolist() == [True, True, False]
    with pytest.raises(ValueError, match="NaN"):
        fr_auc(values, 0.1)


def test_every_scheme_has_its_normalisers() -> None:
    for name, left, right in (("wflw-98", 60, 72), ("cofw-29", 16, 17), ("300w-68", 36, 45)):
        scheme = get_scheme(name)
        truth = np.zeros((1, len(scheme), 2))
        truth[0, left], truth[0, right] = (1, 0), (11, 0)
        assert nme(truth + np.array([0, 2]), truth, scheme).tolist() == pytest.approx([0.2])
    with pytest.raises(SchemeError, match="normaliser 'nose'"):
        nme(np.zeros((1, 68, 2)), np.zeros((1, 68, 2)), SCHEME, "nose")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 0.3), min_size=1, max_size=60), st.sampled_from([0.05, 0.08, 0.1]))
def test_curves_are_monotone_and_agree(values: list[float], threshold: float) -> None:
    grid, share = ced(values, threshold)
    assert (grid[0], grid[-1], len(grid)) == (0.0, threshold, 1001)
    assert (np.diff(share) >= 0).all()
    fr, auc = fr_auc(values, threshold)
    assert fr == pytest.approx(1 - share[-1])
    assert auc == pytest.approx(np.trapezoid(share, grid) / threshold, abs=2e-3)


def test_summary() -> None:
    assert summarise([0.1, 0.2, 0.3, 0.4, 0.5]) == pytest.approx((0.3, 0.3, 0.46))


@pytest.mark.parametrize(
    "call",
    [
        lambda: fr_auc([], 0.1),
        lambda: fr_auc([[0.1]], 0.1),
        lambda: fr_auc([0.1], 0.0),
        lambda: fr_auc([0.1], float("nan")),
        lambda: fr_auc([0.1], 0.1, "other"),  # type: ignore[arg-type]
        lambda: nme(np.zeros((1, 67, 2)), np.zeros((1, 67, 2)), SCHEME),
        lambda: nme(np.zeros((2, 68, 2)), np.zeros((1, 68, 2)), SCHEME),
        lambda: summarise([0.1, np.inf]),
        lambda: bootstrap_interval([0.1, 0.2], ["a"]),
        lambda: bootstrap_interval([0.1], ["a"], "mode"),  # type: ignore[arg-type]
        lambda: bootstrap_interval([0.1], ["a"], level=1.0),
        lambda: bootstrap_interval([np.inf], ["a"]),
    ],
)
def test_senseless_requests_are_refused(call: object) -> None:
    with pytest.raises(ValueError):
        call()  # type: ignore[operator]


def _sample() -> tuple[np.ndarray, list[str]]:
    rng = np.random.default_rng(5)
    sizes = rng.integers(1, 20, 40)
    level = np.repeat(rng.gamma(4, 0.012, 40), sizes)
    return level + rng.gamma(2, 0.004, len(level)), [f"id{i}" for i in np.repeat(np.arange(40), sizes)]


@pytest.mark.parametrize(
    ("statistic", "function"),
    [("mean", np.mean), ("median", np.median), ("p90", lambda values: np.quantile(values, 0.9))],
)
def test_bootstrap_shortcuts_equal_the_plain_way(statistic: str, function: object) -> None:
    values, groups = _sample()
    quick = bootstrap_interval(values, groups, statistic, 3, resamples=300)  # type: ignore[arg-type]
    plain = bootstrap_interval(values, groups, function, 3, resamples=300)  # type: ignore[arg-type]
    assert quick == pytest.approx(plain, abs=1e-12)
    assert quick.low < function(values) < quick.high  # type: ignore[operator]


def test_bootstrap_is_repeatable_also_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    values, groups = _sample()
    whole = bootstrap_interval(values, groups, "mean", 7, resamples=500)
    assert bootstrap_interval(values, groups, "mean", 7, resamples=500) == whole
    assert bootstrap_interval(values, groups, "mean", 8, resamples=500) != whole
    monkeypatch.setattr(metrics, "_CHUNK", 10 * len(values))
    assert bootstrap_interval(values, groups, "mean", 7, resamples=500) == pytest.approx(whole, abs=1e-12)


def test_bootstrap_draws_groups_not_faces() -> None:
    values, groups = _sample()
    by_group = bootstrap_interval(values, groups, "mean", 0)
    by_face = bootstrap_interval(values, list(range(len(values))), "mean", 0)
    assert by_group.high - by_group.low > 1.3 * (by_face.high - by_face.low)
    assert bootstrap_interval([0.1, 0.2], ["a", "a"]) == pytest.approx((0.15, 0.15))


def test_bootstrap_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    hits = 0
    for trial in range(100):
        values = np.repeat(rng.normal(0.05, 0.01, 60), 3) + rng.normal(0, 0.002, 180)
        low, high = bootstrap_interval(values, np.repeat(np.arange(60), 3), "mean", trial, resamples=400)
        hits += low <= 0.05 <= high
    assert 86 <= hits <= 100
