"""The command line: exit codes, one-line errors, files in the promised shape."""

from __future__ import annotations

import csv
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.entry import guarded, main
from app.setup.commands import COMMANDS
from core.errors import ImageError
from core.formats import read_dataset, write_pts
from core.metrics import nme
from core.model.checkpoint import save_model
from core.model.device import choose_device
from core.model.header import ModelHeader
from core.model.library import load_model
from core.model.network import StarNet, preset_config
from core.model.predictor import Predictor
from core.scheme import get_scheme
from core.transforms import crop_from_points

ROOT = Path(__file__).resolve().parents[2]
SCHEME = get_scheme("300w-68")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained network: its points mean nothing, everything around them does."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = preset_config("lite", SCHEME)
        path = tmp_path_factory.mktemp("model") / "raw.safetensors"
        save_model(path, StarNet(config), ModelHeader(scheme=SCHEME.id, preset="lite", config=config))
    return path


def shape_points(seed: int, size: int) -> np.ndarray:
    """68 points (68, 2), whole px, spread over a picture of that size."""
    rng = np.random.default_rng(seed)
    return np.round(rng.uniform(0.2 * size, 0.8 * size, (68, 2)))


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Six pictures of three people with .pts files, in which no detector finds a face."""
    folder = tmp_path / "set ä"
    folder.mkdir()
    for number in range(6):
        rng = np.random.default_rng(number)
        picture = cv2.GaussianBlur(rng.integers(0, 256, (120, 140, 3), np.uint8), (0, 0), 5)
        stem = f"person_{number // 2}_{number % 2}"
        (folder / f"{stem}.png").write_bytes(cv2.imencode(".png", picture)[1].tobytes())
        write_pts(folder / f"{stem}.pts", shape_points(number, 120))
    return folder


def call(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def one_line(err: str) -> str:
    assert err.startswith("starmark: ")
    assert err.endswith("\n")
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "train"])
def test_help_has_an_example_and_loads_nothing_heavy(command: str) -> None:
    check = (
        "import sys; from app.entry import main; code = main([sys.argv[1], '--help']);"
        "heavy = {'torch', 'PySide6', 'cv2', 'scipy'} & set(sys.modules); assert not heavy, heavy; sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", check, command], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"example:\n  python3 main.py {command}" in done.stdout


def test_general_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "--help")
    assert code == 0
    assert all(f"  {name} " in out for name in COMMANDS)
    code, out, _ = call(capsys, "train", "--help")
    assert code == 0
    assert "--dataset" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["predict"], "required: IN, -o/--output"),
        (["predict", "x.jpg", "-o", "out.json", "--batch-size", "0"], "whole number"),
        (["predict", "x.jpg", "-o", "out.json", "--device", "tpu"], "invalid choice: 'tpu'"),
        (["predict", "gone.jpg", "-o", "out.json"], "gone.jpg: there is no such file"),
        (["predict", "gone.jpg", "-o", "out.txt"], "must be a .json or .csv file"),
        (["predict", "gone.jpg", "-o", "nowhere/out.json"], "folder is missing"),
        (["predict", "gone", "-o", "out.json", "--format", "coco3"], "there is no format 'coco3'"),
        (["evaluate", "--dataset", "gone"], "gone: there is no such file or folder"),
        (["evaluate", "--dataset", "gone", "--threshold", "7"], "at most 1"),
        (["models"], "required: list | add"),
        (["models", "add", "gone.pkl"], "gone.pkl"),
        (["models", "export", "gone", "--to", "torch-export", "-o", "gone.pt2"], "there is no model 'gone'"),
        (["models", "export", "gone", "--to", "torchscript", "-o", "gone.pt"], "invalid choice: 'torchscript'"),
        (["--nonsense"], "unrecognized arguments"),
        (["evalute"], "Did you mean 'evaluate'?"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = call(capsys, *words)
    assert code == 2
    assert said in one_line(err)
    assert out == ""
    assert list(tmp_path.iterdir()) == []


def test_every_kind_of_error_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(error: BaseException) -> tuple[int, str]:
        def body() -> int:
            raise error

        code = guarded(body, debug=False)
        return code, one_line(capsys.readouterr().err)

    assert fail(ImageError("two\nlines", where="x.jpg")) == (2, "starmark: x.jpg: two lines\n")
    assert fail(KeyboardInterrupt()) == (130, "starmark: interrupted\n")
    assert fail(PermissionError(13, "Permission denied", "y.json"))[0] == 2
    assert fail(MemoryError())[0] == 2
    code, text = fail(RuntimeError("odd"))
    assert code == 1
    assert "RuntimeError: odd" in text and "--debug" in text


def test_debug_shows_where(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = call(capsys, "predict", tmp_path / "gone.jpg", "-o", tmp_path / "o.json", "--debug")
    assert code == 2
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("starmark: ")


def test_predict_writes_the_promised_json(
    dataset: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    words = ["--format", "300w", "--crops", "landmarks", "--model", model, "--device", "cpu", "--batch-size", "4"]
    code, said, err = call(capsys, "predict", dataset, "-o", out, *words)
    assert (code, err) == (0, "")
    assert "6 images, 6 faces" in said
    data = json.loads(out.read_text(encoding="utf-8"))
    assert (data["version"], data["model"], data["scheme"]) == (1, "raw", "300w-68")
    assert [Path(image["path"]).name for image in data["images"]] == sorted(p.name for p in dataset.glob("*.png"))
    predictor = Predictor(load_model(model), choose_device("cpu"))
    for image, face in zip(data["images"], read_dataset(dataset, "300w").faces, strict=True):
        assert (image["width"], image["height"], image["error"]) == (140, 120, None)
        (found,) = image["faces"]
        picture = cv2.imdecode(np.fromfile(image["path"], np.uint8), cv2.IMREAD_COLOR_RGB)
        (expected,) = predictor.predict([(picture, crop_from_points(face.label.points))])
        np.testing.assert_allclose(found["points"], expected.mean, atol=1e-3)
        np.testing.assert_allclose(found["covariances"], expected.covariance, rtol=1e-3, atol=1e-3)
        assert found["score"] is None
        assert len(found["box"]) == 4
        values, vectors = np.linalg.eigh(expected.covariance)
        np.testing.assert_allclose(found["anisotropy"], np.sqrt(values[:, 1] / values[:, 0]), rtol=1e-2)
        angle = np.degrees(np.arctan2(vectors[:, 1, 1], vectors[:, 0, 1]))
        apart = (np.array(found["angle_deg"]) - angle + 90) % 180 - 90
        assert np.abs(apart).max() < 1.0
        assert all(-90 <= a < 90 for a in found["angle_deg"])


def test_predict_goes_on_past_bad_images(
    dataset: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (dataset / "bad.png").write_text("not an image", encoding="utf-8")
    whole = (dataset / "person_0_0.png").read_bytes()
    (dataset / "cut.png").write_bytes(whole[: len(whole) // 2])
    (dataset / "empty.jpg").touch()
    out = tmp_path / "out.csv"
    code, said, err = call(capsys, "predict", dataset, "-o", out, "--model", model, "--device", "cpu")
    assert code == 1
    assert "9 images" in said and "3 failed" in said
    assert sorted(Path(line.split(": ")[1]).name for line in err.splitlines()) == ["bad.png", "cut.png", "empty.jpg"]
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {Path(row["image"]).name for row in rows if row["error"]} == {"bad.png", "cut.png", "empty.jpg"}
    assert len({row["image"] for row in rows}) == 9


def test_predict_takes_a_project(
    dataset: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from core.project import Project

    path = tmp_path / "faces.starmark"
    words = ["-o", tmp_path / "o.json", "--model", model, "--device", "cpu"]
    with Project.create(path) as project:
        pass
    code, _, err = call(capsys, "predict", path, *words)
    assert code == 2
    assert "the project has no images" in one_line(err)
    with Project.open(path) as project:
        project.import_dataset(read_dataset(dataset, "300w").faces, "labels", author="me")
    before = path.read_bytes()
    code, said, err = call(capsys, "predict", path, *words)
    assert (code, err) == (0, "")
    assert "6 images, 6 faces" in said
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.glob("faces*")] == ["faces.starmark"]


def test_csv_has_a_row_a_point(dataset: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--format", "300w", "--crops", "landmarks", "--model", model, "--device", "cpu"]
    for suffix in ("json", "csv"):
        assert call(capsys, "predict", dataset, "-o", tmp_path / f"o.{suffix}", *words)[0] == 0
    with (tmp_path / "o.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6 * 68
    images = json.loads((tmp_path / "o.json").read_text(encoding="utf-8"))["images"]
    points = [point for image in images for point in image["faces"][0]["points"]]
    assert [[float(row["x"]), float(row["y"])] for row in rows] == points
    assert [row["name"] for row in rows[:68]] == list(SCHEME.points)


def test_nothing_is_overwritten_and_nothing_half_written(
    dataset: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    out.write_text("mine", encoding="utf-8")
    words = ["--model", model, "--device", "cpu"]
    code, _, err = call(capsys, "predict", dataset / "person_0_0.png", "-o", out, *words)
    assert code == 2
    assert "Add --force" in one_line(err)
    assert out.read_text(encoding="utf-8") == "mine"
    assert call(capsys, "predict", dataset / "person_0_0.png", "-o", out, *words, "--force")[0] == 0
    assert json.loads(out.read_text(encoding="utf-8"))["images"][0]["faces"] == []
    bad = tmp_path / "bad.jpg"
    bad.write_text("no image", encoding="utf-8")
    code, _, err = call(capsys, "predict", bad, bad.with_name("bad.jpg"), "-o", tmp_path / "new.json", *words)
    assert code == 2
    assert "bad.jpg: not an image" in one_line(err)
    code, _, err = call(capsys, "predict", bad, "-o", out, *words, "--force")
    assert code == 2
    assert json.loads(out.read_text(encoding="utf-8"))["images"], "the old file must survive"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.jpg", "out.json", "set ä"]


def test_a_device_that_is_not_there_is_said(
    dataset: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    absent = "mps" if torch.cuda.is_available() or not torch.backends.mps.is_available() else "cuda"
    words = ["--model", model, "--device", absent]
    code, _, err = call(capsys, "predict", dataset, "-o", tmp_path / "o.json", *words)
    assert code == 2
    assert f"'{absent}' cannot be used" in one_line(err)


def test_evaluate_measures_what_the_metrics_say(
    dataset: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "figures.json"
    words = ["--crops", "landmarks", "--model", model, "--device", "cpu", "--threshold", "1", "--json", out]
    code, table, err = call(capsys, "evaluate", "--dataset", dataset, "--format", "300w", *words)
    assert (code, err) == (0, "")
    data = json.loads(out.read_text(encoding="utf-8"))
    predictor = Predictor(load_model(model), choose_device("cpu"))
    nmes = []
    for face in read_dataset(dataset, "300w").faces:
        picture = cv2.imdecode(np.fromfile(face.image, np.uint8), cv2.IMREAD_COLOR_RGB)
        (prediction,) = predictor.predict([(picture, crop_from_points(face.label.points))])
        nmes.append(float(nme(prediction.mean, face.label.points, SCHEME)))
    assert data["nme"]["mean"] == pytest.approx(np.mean(nmes), rel=1e-4)
    assert data["nme"]["median"] == pytest.approx(np.median(nmes), rel=1e-4)
    assert data["fr"] == pytest.approx(np.mean(np.array(nmes) > 1.0))
    assert data["auc"] == pytest.approx(np.mean(np.maximum(0, 1 - np.array(nmes))), abs=1e-4)
    assert (data["version"], data["faces"], data["crops"], data["threshold"]) == (1, 6, "landmarks", 1.0)
    assert data["missed"] == {"no_face": 0, "errors": 0, "unlabelled": 0}
    assert set(data["per_region"]) == {region.name for region in SCHEME.regions}
    assert len(data["per_point"]) == 68
    for name in ("mean", "median", "p90"):
        low, high = data["intervals"]["nme"][name]
        assert low <= data["nme"][name] <= high
    assert f"NME mean         {100 * data['nme']['mean']:6.2f} %" in table
    code, _, err = call(capsys, "evaluate", "--dataset", dataset, "--model", model, "--json", out)
    assert code == 2
    assert "Add --force" in one_line(err)


def test_evaluate_without_any_detection_says_so(dataset: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, "evaluate", "--dataset", dataset, "--model", model, "--device", "cpu")
    assert code == 2
    assert "not one of 6 faces could be measured" in one_line(err)


def test_models_are_added_and_listed(
    model: Path, isolated_home: Path, capsys: pytest.CaptureFixture[str], dataset: Path, tmp_path: Path
) -> None:
    code, out, _ = call(capsys, "models", "add", model, "--name", "mine")
    assert code == 0
    assert "--model mine" in out
    code, out, _ = call(capsys, "models", "list")
    assert code == 0
    assert any(line.startswith("mine  300w-68") for line in out.splitlines())
    code, out, _ = call(capsys, "models", "list", "--json")
    (entry,) = [entry for entry in json.loads(out)["models"] if entry["name"] == "mine"]
    assert entry["header"]["scheme"] == "300w-68"
    assert not entry["bundled"]
    code, _, err = call(capsys, "models", "add", model, "--name", "mine")
    assert code == 2
    assert "already" in one_line(err)
    words = ["--model", "mine", "--device", "cpu"]
    assert call(capsys, "predict", dataset / "person_0_0.png", "-o", tmp_path / "o.json", *words)[0] == 0


def test_models_are_exported(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "given.safetensors"
    words = ("models", "export", model, "--to", "safetensors", "-o", target)
    code, out, err = call(capsys, *words)
    assert (code, err) == (0, "")
    assert out.startswith(f"{target}: ")
    assert target.read_bytes() == model.read_bytes()
    target.write_text("mine")
    code, _, err = call(capsys, *words)
    assert code == 2
    assert "Add --force" in one_line(err)
    assert target.read_text() == "mine"
    assert call(capsys, *words, "--force")[0] == 0
    assert target.read_bytes() == model.read_bytes()


def test_doctor_reports_and_works(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capsys, "doctor")
    assert (code, err) == (0, "")
    for text in ("Starmark 0.", "Python:", "torch:", "auto:", "face detector:", "environment:", "Everything works."):
        assert text in out


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small checkout whose lint fails and whose test passes."""
    from app.cli import checks

    monkeypatch.setattr(checks, "ROOT", tmp_path)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_fine.py").write_text("def test_fine():\n    assert True\n", encoding="utf-8")
    (tmp_path / "bad.py").write_text("import os\n", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.mypy]\nfiles = ["bad.py"]\n[tool.importlinter]\nroot_package = "bad"\n', encoding="utf-8"
    )
    yield tmp_path


def test_test_runs_everything_and_ends_with_pytests_summary(checkout: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["test", "-q", "-p", "no:cacheprovider"]) == 1
    out = capfd.readouterr().out.rstrip().splitlines()
    assert "1 passed" in out[-1]
    failed = next(line for line in out if line.startswith("FAILED: "))
    assert "lint (ruff)" in failed and "types" not in failed
    assert out.index(failed) < out.index("== tests (pytest)")
    (checkout / "tests" / "test_fine.py").write_text("def test_fine():\n    assert False\n", encoding="utf-8")
    (checkout / "bad.py").write_text("", encoding="utf-8")
    assert main(["test", "-q", "-p", "no:cacheprovider"]) == 1
    assert "1 failed" in capfd.readouterr().out.rstrip().splitlines()[-1]


@pytest.mark.shared
def test_a_missed_face_is_a_failure_but_not_in_the_nme(
    faces68: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "some"
    folder.mkdir()
    for path in sorted(faces68.glob("*.jpg"))[:5]:
        for file in (path, path.with_suffix(".pts")):
            (folder / file.name).symlink_to(file)
    label = sorted(folder.glob("*.pts"))[0].read_bytes()
    grey = np.full((250, 250, 3), 127, np.uint8)
    (folder / "Nobody_Here_1.png").write_bytes(cv2.imencode(".png", grey)[1].tobytes())
    (folder / "Nobody_Here_1.pts").write_bytes(label)
    out = tmp_path / "figures.json"
    words = ["--model", model, "--device", "cpu", "--threshold", "1", "--json", out]
    code, _, _ = call(capsys, "evaluate", "--dataset", folder, *words)
    assert code == 0
    data = json.loads(out.read_text(encoding="utf-8"))
    assert data["crops"] == "detector"
    assert data["faces"] == 6
    assert data["missed"]["no_face"] == 1
    assert data["measured"] == 5
    assert data["fr"] >= 1 / 6
    assert math.isfinite(data["nme"]["mean"])


def test_output_that_nobody_reads_ends_quietly() -> None:
    read, write = os.pipe()
    os.close(read)
    check = "from app.entry import main; import sys; sys.exit(main(['models', 'list']))"
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert done.stderr == ""
    assert done.returncode == 141


def test_predictions_as_a_data_set(
    dataset: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--format", "300w", "--crops", "landmarks", "--model", model, "--device", "cpu"]
    code, _, err = call(capsys, "predict", dataset, "-o", tmp_path / "o.json", *words)
    assert code == 0, err
    code, _, err = call(capsys, "predict", dataset, "-o", tmp_path / "out", "--to", "300w", *words)
    assert code == 0, err
    images = json.loads((tmp_path / "o.json").read_text(encoding="utf-8"))["images"]
    expected = {Path(image["path"]).name: image["faces"][0]["points"] for image in images}
    faces = read_dataset(tmp_path / "out", images_root=dataset).faces
    assert len(faces) == 6
    for face in faces:
        assert np.allclose(face.label.points, expected[face.image.name], rtol=0, atol=1e-9)
    code, _, err = call(capsys, "predict", dataset, "-o", tmp_path / "out", "--to", "300w", *words)
    assert code == 2
    assert "there already" in one_line(err)
