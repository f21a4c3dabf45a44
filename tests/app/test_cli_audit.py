"""`audit`: verdicts as files in the promised shape, and nothing computed twice."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import core.model.cached as cached
from app.entry import main
from core.formats import write_pts
from core.formats.pts import read_pts
from core.model.pipeline import ImageRequest
from core.model.pipeline import predict_images as real_predict_images
from core.scheme import get_scheme

SCHEME = get_scheme("300w-68")


def call(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def predicted(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The images that the network was really asked about."""
    asked: list[Path] = []

    def watch(requests: Iterable[ImageRequest], *rest: Any) -> Any:
        requests = list(requests)
        asked.extend(request.path for request in requests)
        return real_predict_images(requests, *rest)

    monkeypatch.setattr(cached, "predict_images", watch)
    return asked


@pytest.fixture
def faces(tmp_path: Path, faces68: Path) -> Path:
    """Seven real faces; one with the outer corners of its eyes exchanged, one with its whole sides."""
    folder = tmp_path / "sét"
    folder.mkdir()
    for path in sorted(faces68.rglob("*.pts"))[:42:6]:
        image = next(p for p in path.parent.glob(f"{path.stem}.*") if p.suffix != ".pts")
        shutil.copy(image, folder)
        shutil.copy(path, folder)
    labels = sorted(folder.glob("*.pts"))
    spoil(labels[0], [(36, 45)])
    spoil(labels[1], [(i, f) for i, f in enumerate(SCHEME.flip) if i < f])
    return folder


def spoil(path: Path, pairs: list[tuple[int, int]]) -> None:
    """Exchange points of a label file."""
    points = np.array(read_pts(path))
    for one, other in pairs:
        points[[one, other]] = points[[other, one]]
    write_pts(path, points, overwrite=True)


@pytest.mark.shared
def test_swaps_are_found_and_written_in_the_promised_shape(
    faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], predicted: list[Path]
) -> None:
    out, table, cache = tmp_path / "audit.json", tmp_path / "audit.csv", tmp_path / "kept"
    names = sorted(path.stem for path in faces.glob("*.pts"))
    words = ["audit", "--dataset", faces, "--cache", cache, "--device", "cpu"]
    code, shown, err = call(capsys, *words, "--json", out, "--csv", table)
    assert (code, err) == (0, "")
    assert len(predicted) == len(names)
    data = json.loads(out.read_text(encoding="utf-8"))
    assert (data["version"], data["model"], data["scheme"]) == (1, "lite-300w-68", "300w-68")
    assert data["calibrated"] is True
    assert (data["audited"], data["left_out"]) == (len(names), [])
    assert sum(data["verdicts"]["points"].values()) == 68 * len(names)
    assert len(data["landmarks"]) == 68
    scores = [face["score"] for face in data["faces"]]
    assert scores == sorted(scores, reverse=True)
    by_name = {Path(face["image"]).stem: face for face in data["faces"]}
    assert by_name[names[1]]["verdict"] == "left and right swapped"
    assert by_name[names[0]]["verdict"] == "swapped"
    assert {Path(face["image"]).stem for face in data["faces"][:2]} == set(names[:2])
    points = by_name[names[0]]["points"]
    assert [point["index"] for point in points] == list(range(68))
    assert {"index", "verdict", "d", "along", "across", "p"} <= set(points[0])
    assert [point["index"] for point in points if point["verdict"] == "swapped"] == [36, 45]
    assert "left and right swapped" in shown

    with table.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 68 * len(names)
    assert {row["verdict"] for row in rows if row["name"] == "right eye outer corner"} >= {"swapped"}

    code, again, _ = call(capsys, *words)
    assert (code, again) == (0, shown)
    assert len(predicted) == len(names)  # all of it was kept

    code, _, err = call(capsys, *words, "--json", out)
    assert code == 2
    assert "there already" in err
    code, _, _ = call(capsys, *words, "--json", out, "--force", "--verdict", "swapped", "--region", "left eye")
    filtered = [Path(face["image"]).stem for face in json.loads(out.read_text(encoding="utf-8"))["faces"]]
    assert names[0] in filtered
    assert len(filtered) < len(names)
    code, _, err = call(capsys, *words, "--verdict", "wrong")
    assert code == 2
    assert "there is no verdict 'wrong'" in err


@pytest.mark.shared
def test_a_project_is_only_read_and_a_bad_image_is_named(
    faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], predicted: list[Path]
) -> None:
    project = tmp_path / "p.starmark"
    call(capsys, "import", faces, "-p", project)
    before = project.read_bytes()
    broken = sorted(path for path in faces.iterdir() if path.suffix != ".pts")[3]
    broken.write_bytes(b"no picture")
    out = tmp_path / "audit.json"
    code, _, err = call(capsys, "audit", "-p", project, "--json", out, "--order", "random", "--limit", "3")
    assert code == 1
    assert broken.name in err
    data = json.loads(out.read_text(encoding="utf-8"))
    assert len(data["faces"]) == 3
    assert [one["image"] for one in data["left_out"]] == [str(broken)]
    assert project.read_bytes() == before
    assert project.with_suffix(".starmark-cache").exists()
    count = len(predicted)
    call(capsys, "audit", "-p", project)
    assert len(predicted) == count


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["audit"], "one of the arguments"),
        (["audit", "-p", "a", "--dataset", "b"], "not allowed with"),
        (["audit", "--dataset", "gone"], "there is no such file or folder"),
        (["audit", "--dataset", "gone", "--author", "me"], "are for projects"),
        (["audit", "-p", "gone.starmark", "--cache", "x"], "are for data sets"),
        (["audit", "-p", "gone.starmark", "--rate", "2"], "at most 1"),
    ],
)
def test_wrong_words(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, *words)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1


def test_the_list_of_models_leaves_out_a_calibrations_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "models", "list", "--json")
    calibration = json.loads(out)["models"][0]["header"]["calibration"]
    assert code == 0
    assert set(calibration) == {"version", "about"}
    assert calibration["about"]["people"] == 34
