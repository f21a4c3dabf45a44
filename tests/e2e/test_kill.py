"""The real program, killed at the worst moment: what the window called saved is there afterwards."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.app.faces import face_points, write_dataset
from tests.e2e.program import ROOT, finish, milestone, program

BUNDLED = sorted((ROOT / "resources" / "models").glob("*.safetensors"))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_a_saved_drag_survives_kill_9_and_is_undone_after_reopening(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "set with ümlaut", 2)
    with program("drag", str(folder)) as process:
        said = milestone(process)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=60)
        assert process.returncode == -signal.SIGKILL
    assert said["saved"].startswith("All changes saved ")
    assert said["before"] == pytest.approx(list(face_points()[30]))
    moved = [after - before for after, before in zip(said["after"], said["before"], strict=True)]
    assert moved[0] > 1 and moved[1] < -1

    with program("reopen") as process:
        found = milestone(process)
        assert found["name"] == said["name"] == "a_0.png"
        assert found["found"] == said["after"]
        assert milestone(process)["now"] == pytest.approx(said["before"])  # undone
        assert milestone(process)["now"] == said["after"]  # and done again
        errors = finish(process)
    assert "Traceback" not in errors
    assert "QThread" not in errors
    scratch = Path(os.environ["STARMARK_HOME"]) / "scratch"
    assert not list(scratch.glob("*-wal")), "a closed project is one file again"


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_image_zoom_and_selection_survive_kill_9(tmp_path: Path) -> None:
    with program("place", str(write_dataset(tmp_path / "set", 2))) as process:
        said = milestone(process)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=60)
    assert (said["name"], said["selection"]) == ("a_1.png", [30]) and said["view"][0] > 4
    with program("place_again") as process:
        found = milestone(process)
        assert "Traceback" not in finish(process)
    assert (found["name"], found["selection"]) == (said["name"], said["selection"])
    assert found["view"][0] == pytest.approx(said["view"][0], rel=1e-3)
    assert found["view"][1:] == pytest.approx(said["view"][1:], abs=1.0)


def test_the_window_paints_before_anything_heavy_is_loaded(tmp_path: Path) -> None:
    with program("start") as process:
        loaded = milestone(process)["loaded"]
        assert loaded == []
        assert milestone(process)["open"].endswith(".starmark")
        assert "Traceback" not in finish(process)


@pytest.mark.skipif(not BUNDLED, reason="no model is bundled with this checkout")
def test_the_last_image_has_its_ellipses_back_before_torch_is_loaded(tmp_path: Path) -> None:
    with program("predicted", str(write_dataset(tmp_path / "set", 2))) as process:
        before = milestone(process)
        finish(process)
    with program("recalled") as process:
        after = milestone(process)
        finish(process)
    assert after["mean"] == before["mean"]
    assert after["loaded"] == []


@pytest.mark.skipif(os.name != "posix", reason="signals of this kind are POSIX's")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_the_window_properly(number: signal.Signals) -> None:
    with program("idle") as process:
        assert milestone(process)["open"]
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 128 + number
    assert "Traceback" not in errors
    scratch = Path(os.environ["STARMARK_HOME"]) / "scratch"
    assert [path.name for path in scratch.iterdir() if path.suffix == ".starmark"] == ["scratch.starmark"]
    assert not list(scratch.glob("*-wal"))
