"""The measures of benchmarks/ambiguity.py on covariances made by hand, and the command on drawn faces."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks.ambiguity import main, prepare
from benchmarks.ambiguity_data import annotators as group_of
from benchmarks.ambiguity_data import divide, labelled, read_truth
from benchmarks.ambiguity_jobs import Budget
from benchmarks.ambiguity_measures import (
    angle_errors,
    log_ratios,
    power,
    rank_correlations,
    residual_covariance,
    rotated,
    sizes,
    turned,
)
from core.errors import UsageError
from core.face import Visibility
from core.scheme import get_scheme
from tests.conftest import ROOT
from training.synthetic.annotators import COVERED, OUTSIDE, SEEN, SELF_HIDDEN

KNOWN = np.array([[[9.0, 0.0], [0.0, 1.0]], [[4.0, 1.9], [1.9, 1.2]], [[2.0, 0.0], [0.0, 6.0]]])
ROUND = np.eye(2) * 4


def test_identical_covariances_agree() -> None:
    assert angle_errors(KNOWN, KNOWN) == pytest.approx(0.0, abs=1e-9)
    along, across = log_ratios(KNOWN, KNOWN)
    assert along == pytest.approx(0.0, abs=1e-12) and across == pytest.approx(0.0, abs=1e-12)


def test_a_turn_of_30_degrees_is_an_error_of_30() -> None:
    for turn in (30, -30, 150, 390):
        assert angle_errors(turned(KNOWN, np.deg2rad(turn)), KNOWN) == pytest.approx(30.0)
    assert angle_errors(turned(KNOWN, np.deg2rad(95)), KNOWN) == pytest.approx(85.0)


def test_four_times_the_covariance_is_twice_each_sigma() -> None:
    along, across = log_ratios(4 * KNOWN, KNOWN)
    assert along == pytest.approx(np.log(2)) and across == pytest.approx(np.log(2))
    assert sizes(4 * KNOWN) == pytest.approx(2 * sizes(KNOWN))


def test_ratios_are_taken_along_the_known_axes() -> None:
    along, across = log_ratios(ROUND, KNOWN[0])
    assert along == pytest.approx(np.log(2 / 3)) and across == pytest.approx(np.log(2))
    quarter = turned(KNOWN[0], np.pi / 2)
    along, across = log_ratios(quarter, KNOWN[0])
    assert along == pytest.approx(np.log(1 / 3)) and across == pytest.approx(np.log(3))


def test_round_noise_has_no_angle() -> None:
    known = np.stack([ROUND, KNOWN[0], np.diag([2.24, 1.0]), np.diag([2.26, 1.0])])
    errors = angle_errors(np.broadcast_to(KNOWN[0], known.shape), known)
    assert np.isnan(errors).tolist() == [True, False, True, False]
    assert np.isnan(log_ratios(np.zeros((2, 2)), ROUND).along)


def test_ranks_and_power() -> None:
    values = np.array([[1.0, 3.0, 2.0, 8.0], [1.0, 1.0, 1.0, 1.0], [4.0, 3.0, 2.0, 1.0]])
    known = np.array([[1.0, 30.0, 20.0, 800.0], [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, np.nan]])
    found = rank_correlations(values, known)
    assert found[0] == pytest.approx(1.0) and np.isnan(found[1]) and found[2] == pytest.approx(-1.0)
    size = np.array([1.0, 2.0, 5.0, 9.0])
    assert power(3 * size ** (1 / 3), size) == pytest.approx(1 / 3)
    assert power(np.append(3 * size, 0.0), np.append(size, 1.0)) == pytest.approx(1.0)
    assert np.isnan(power(np.array([1.0, 0.0]), np.array([1.0, 2.0])))


def test_residuals_give_their_covariance_back() -> None:
    rng = np.random.default_rng(0)
    turn = np.broadcast_to(np.array([0.0, 0.7, -1.2]), (6000, 3))
    residual = rotated(rng.normal(size=(6000, 3, 2)) * [3.0, 1.0], turn)
    residual[::200] += 80.0  # gross errors
    residual[1::300] = np.nan  # not labelled
    upright = residual_covariance(residual, np.zeros_like(turn))
    assert upright == pytest.approx(turned(np.diag([9.0, 1.0]), turn[0]), abs=0.4)
    turning = residual_covariance(residual, turn)
    assert turning == pytest.approx(np.broadcast_to(np.diag([9.0, 1.0]), (3, 2, 2)), abs=0.4)


def test_parts_share_no_person(drawn_faces: Path) -> None:
    faces = read_truth(drawn_faces)
    parts = divide(faces, 20, 10, 10)
    people = [{face.person for face in part} for part in (parts.train, parts.choose, parts.test)]
    assert not people[0] & people[1] and not people[0] & people[2] and not people[1] & people[2]
    assert len(parts.train) == 20 and 0 < len(parts.test) <= 10
    with pytest.raises(UsageError, match="too few people"):
        divide(faces[:2], 20, 10, 10)


def test_labels_of_a_seed_differ_by_noise_alone(drawn_faces: Path) -> None:
    face = read_truth(drawn_faces)[0]
    scheme = get_scheme("300w-68")
    none, once, again, other = (
        labelled(face, group_of(noise), scheme, seed) for noise, seed in ((0, 0), (1, 0), (1, 0), (1, 1))
    )
    assert none is not None and once is not None and again is not None and other is not None
    assert np.array_equal(none.points, face.points)
    assert np.array_equal(once.points, again.points, equal_nan=True)
    assert not np.array_equal(once.points, other.points, equal_nan=True)


def test_rendered_faces_are_read(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for name in ("p00001_0", "p00002_1"):
        (tmp_path / "images" / f"{name}.jpg").touch()
    points = np.random.default_rng(0).uniform(0, 99, (2, 68, 2))
    visible, covered = np.zeros((2, 68), np.uint8), np.zeros((2, 68), bool)
    visible[1, :4] = [Visibility.OCCLUDED, Visibility.OCCLUDED, Visibility.OUTSIDE, Visibility.VISIBLE]
    covered[1, 1:3] = True
    truth = {"points_68": points, "visibility_68": visible, "covered_68": covered}
    np.savez(tmp_path / "truth.npz", names=["p00001_0", "p00002_1"], **truth)
    faces = read_truth(tmp_path)
    assert [face.person for face in faces] == ["p00001", "p00002"]
    assert np.array_equal(faces[1].points, points[1])
    assert faces[1].visibility[:5].tolist() == [SELF_HIDDEN, COVERED, OUTSIDE, SEEN, SEEN]
    (tmp_path / "images" / "p00002_1.jpg").unlink()
    with pytest.raises(UsageError, match="p00002_1"):
        read_truth(tmp_path)


@pytest.mark.slow
def test_the_benchmark_runs_resumes_and_reports(
    drawn_faces: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out, docs = tmp_path / "out", tmp_path / "docs"
    words = ["run", str(drawn_faces), "--out", str(out), "--noise", "1", "--seeds", "1", "--epochs", "1"]
    words += ["--width", "16", "--batch-size", "16", "--start-epochs", "1"]
    assert main([*words, "--methods", "star"]) == 0  # in a process of its own
    assert json.loads((out / "start.json").read_text())["method"] == "start"
    first = out / "runs" / "star_noise1_seed0.json"
    made = first.stat().st_mtime_ns
    job = json.dumps({"method": "l1", "noise": 1.0, "seed": 0})
    assert main(["one", str(drawn_faces), "--out", str(out), "--job", job]) == 0
    assert main([*words, "--methods", "star", "l1"]) == 0
    assert "2 trainings, 2 of them done" in capfd.readouterr().out
    assert first.stat().st_mtime_ns == made
    assert main([*words, "--epochs", "2"]) == 1
    assert "other faces or settings" in capfd.readouterr().err
    budget = Budget(**json.loads((out / "settings.json").read_text())["budget"])
    prepare(out, drawn_faces, read_truth(drawn_faces), budget, [2.0])
    with np.load(out / "truth.npz") as kept_truth:
        assert {"known_covariance_1", "known_covariance_2"} <= set(kept_truth.files)
    docs.mkdir()
    page = docs / "benchmark.md"
    page.write_text((ROOT / "docs" / "benchmark.md").read_text(encoding="utf-8"), encoding="utf-8")
    assert main(["report", "--out", str(out), "--docs", str(docs)]) == 0
    kept = json.loads((docs / "benchmark" / "ambiguity.json").read_text())
    assert list(kept["truth_nme"]["1"]) == ["star", "l1"]
    assert 0 <= kept["covariance"]["1"]["STAR: heatmap"]["angle"]["value"] <= 90
    assert "| L1 less STAR |" in page.read_text(encoding="utf-8")
    for name in ("ellipses", "sigma", "angle-1"):
        ElementTree.parse(docs / "benchmark" / f"{name}.svg")
