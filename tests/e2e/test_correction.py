"""A whole correction of a real face in the real program, by mouse and keyboard on a screen of its own.

What the window did is compared with the curve through the points before, as the project file has them afterwards.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.settings import Settings
from core.face import FloatArray, Visibility
from core.geometry import spline
from core.project import Project
from core.scheme import get_scheme
from tests.e2e.program import ROOT, finish, milestone, program
from tests.screen import needs_xvfb, screen

BUNDLED = sorted((ROOT / "resources" / "models").glob("*.safetensors"))
FACES = 3
MOST_OWN_WORK_MS = 400
"""Generous, since tests run on any machine: the benchmarks have the figures."""
SAMPLES = 1000
ON_THE_CURVE_PX = 0.1
"""The program follows its curve in short straight pieces; the hand strays ten times as far from it."""


def on_curve(points: FloatArray, curve: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Arc length (K,) along `curve` of the place nearest to each of `points`, and the distance (K,) to it, px."""
    arcs = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(curve, axis=0).T))])
    away = np.hypot(*(points[:, None] - curve[None]).transpose(2, 0, 1))
    nearest = away.argmin(axis=1)
    return arcs[nearest], away.min(axis=1)


def points_of(said: dict[str, Any]) -> FloatArray:
    return np.array(said["points"])


def faces_folder(faces68: Path, folder: Path) -> Path:
    """A few photos of different people with their labels."""
    folder.mkdir()
    labels = sorted(faces68.glob("*.pts"))
    for label in labels[:: len(labels) // FACES][:FACES]:
        for suffix in (".pts", ".jpg"):
            shutil.copy(label.with_suffix(suffix), folder)
    return folder


@needs_xvfb
@pytest.mark.shared
@pytest.mark.skipif(not BUNDLED, reason="no model is bundled with this checkout")
def test_one_face_is_corrected_whole(faces68: Path, tmp_path: Path) -> None:
    folder = faces_folder(faces68, tmp_path / "faces")
    with screen(tmp_path) as shown, program("correct", str(folder), environ=shown.environ()) as process:
        found, done, left = milestone(process), milestone(process), milestone(process)
        assert "Traceback" not in finish(process)
    check_moves(found, done)
    print(left["report"])
    assert left["asked"] > 20
    assert left["own_ms"] < MOST_OWN_WORK_MS, left["report"]
    assert left["next"] != found["name"]
    assert left["left"].startswith(f"{FACES - 1} left")

    with screen(tmp_path) as shown, program("look_again", environ=shown.environ()) as process:
        back, corrected = milestone(process), milestone(process)
        assert "Traceback" not in finish(process)
    assert (back["name"], back["selection"]) == (left["next"], left["selection"])
    assert back["view"][0] == pytest.approx(left["view"][0], rel=1e-3)
    assert back["view"][1:] == pytest.approx(left["view"][1:], abs=1.0)
    assert (corrected["name"], corrected["review"], corrected["status"]) == (found["name"], "accepted", "Done")
    assert corrected["points"] == done["occluded"]["points"]
    check_file(found["name"], found["point"], done["occluded"])


def check_moves(found: dict[str, Any], done: dict[str, Any]) -> None:
    """The slide kept to the curve, the spread made its gaps even, and undo and redo led to and fro between them."""
    region = next(region for region in get_scheme("300w-68").regions if region.name == found["region"])
    order, point = list(region.indices), found["point"]
    before, slid, spread = points_of(found), points_of(done["slid"]), points_of(done["spread"])

    assert np.flatnonzero((slid != before).any(axis=1)).tolist() == [point]
    _, away = on_curve(slid[[point]], spline(before[order], region.closed, SAMPLES))
    assert away[0] < ON_THE_CURVE_PX
    assert np.hypot(*(slid - before)[point]) > 1

    moved = (spread != slid).any(axis=1)
    assert set(np.flatnonzero(moved)) <= set(order) and moved.sum() > 1
    curve = spline(slid[order], region.closed, SAMPLES)
    arcs, away = on_curve(spread[order], curve)
    assert away.max() < ON_THE_CURVE_PX
    check_even(arcs, ~moved[order], region.closed, float(np.hypot(*np.diff(curve, axis=0).T).sum()))

    same = ("undone", "slid"), ("undone_twice", None), ("redone", "slid"), ("redone_twice", "spread")
    for name, as_in in same:
        assert done[name]["points"] == (found["points"] if as_in is None else done[as_in]["points"]), name
    assert done["occluded"]["points"] == done["spread"]["points"]
    changed = np.array(done["occluded"]["visibility"]) != np.array(done["spread"]["visibility"])
    assert np.flatnonzero(changed).tolist() == [point]
    assert done["occluded"]["visibility"][point] == Visibility.OCCLUDED


def check_even(arcs: FloatArray, stayed: np.ndarray, closed: bool, length: float) -> None:
    """Between two points that stayed, the way along the curve is the same from point to point."""
    stays = np.flatnonzero(stayed).tolist()
    assert len(stays) >= 2
    ends = zip(stays, [*stays[1:], stays[0] + len(arcs)] if closed else stays[1:], strict=False)
    for first, last in ends:
        run = arcs[np.arange(first, last + 1) % len(arcs)]
        gaps = np.mod(np.diff(run), length) if closed else np.diff(run)
        assert gaps == pytest.approx(gaps.mean(), rel=0.01, abs=ON_THE_CURVE_PX)


def check_file(name: str, point: int, last: dict[str, Any]) -> None:
    """What the project file says, opened without the program."""
    (path,) = (Path(os.environ["STARMARK_HOME"]) / "scratch").glob("*.starmark")
    author = str(Settings().value("author"))
    with Project.open(path) as project:
        (record,) = [record for record in project.images() if record.path.name == name]
        (face,) = project.faces(record.id)
        label = project.current_label(face.id, author)
        assert label is not None
        assert label.label.points.tolist() == last["points"]
        assert label.label.visibility.tolist() == last["visibility"]
        assert label.label.visibility[point] == Visibility.OCCLUDED
        assert face.review == "accepted"
        others = [project.faces(other.id)[0].review for other in project.images() if other.id != record.id]
        assert others == [""] * (FACES - 1)
        assert project.verify() == []
