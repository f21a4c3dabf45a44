"""Exported models: run by others, they must say what this program says."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from core.calibration import Calibration
from core.errors import CheckpointError, FileError, UsageError
from core.face import Box, Prediction
from core.model import export, onnx_file
from core.model.checkpoint import read_header, save_model
from core.model.crops import crop_from_box
from core.model.device import choose_device
from core.model.export import NOTES, NOTES_FILE, export_model
from core.model.exported_network import ExportedNetwork, scaled_along_axes
from core.model.header import ModelHeader
from core.model.library import load_model
from core.model.network import StarNet, preset_config
from core.model.onnx_file import RUNTIME, WRITERS, onnx_runner
from core.model.predictor import Predictor
from core.scheme import get_scheme
from core.transforms import Crop

ROOT = Path(__file__).resolve().parents[3]
SCHEME = get_scheme("cofw-29")
SIZE = 32
FACTOR = 1.28


@pytest.fixture(scope="module")
def needs_onnx() -> None:
    """Skip without the packages for ONNX, or fail where they are promised to be there."""
    missing = [name for name in (*WRITERS, RUNTIME) if importlib.util.find_spec(name) is None]
    if missing:
        reason = f"{', '.join(missing)} missing: pip install --no-deps -r requirements-onnx.lock"
        if os.environ.get("CI", "").lower() in ("true", "1"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained network with a made-up calibration, different for each landmark and axis."""
    rng = np.random.default_rng(0)
    scales = Calibration(rng.uniform(0.1, 2.0, (29, 2)), np.zeros((29, 2)), about={"data": "none"})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = preset_config("lite", SCHEME, width=8, levels=1, input_size=SIZE)
        header = ModelHeader(SCHEME.id, "custom", config, crop_factor=FACTOR, calibration=scales.to_json())
        path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
        save_model(path, StarNet(config), header)
    return path


@pytest.fixture(scope="module")
def onnx_model(model: Path, needs_onnx: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("onnx") / "tiny.onnx"
    made = export_model(model, "onnx", target)
    assert made.checked.startswith("checked in ONNX Runtime")
    return target


@pytest.fixture(scope="module")
def program(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("program") / "tiny.pt2"
    export_model(model, "torch-export", target)
    return target


@pytest.fixture(scope="module")
def loaded_program(program: Path) -> torch.nn.Module:
    with onnx_file.quiet_torch():
        return torch.export.load(io.BytesIO(program.read_bytes())).module()


def pictures(count: int) -> np.ndarray:
    """(count, SIZE, SIZE, 3) uint8: smooth, as faces are."""
    rng = np.random.default_rng(count)
    coarse = rng.integers(0, 256, (count, 6, 6, 3), np.uint8)
    return np.stack([cv2.resize(picture, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC) for picture in coarse])


def own(model: Path, crops: np.ndarray) -> list[Prediction]:
    """What the program predicts for whole pictures."""
    device = choose_device("cpu")
    whole = Crop.square((SIZE - 1) / 2, (SIZE - 1) / 2, SIZE)
    return Predictor(load_model(model, device), device).predict([(crop, whole) for crop in crops])


def assert_same(outputs: list[np.ndarray], model: Path, crops: np.ndarray) -> None:
    landmarks, covariances, calibrated = outputs
    predicted = own(model, crops)
    calibration = Calibration.from_json(read_header(model).calibration, 29)
    assert calibration is not None
    np.testing.assert_allclose(landmarks, np.stack([p.mean for p in predicted]), atol=1e-3)
    np.testing.assert_allclose(covariances, np.stack([p.covariance for p in predicted]), atol=1e-2, rtol=1e-4)
    np.testing.assert_allclose(calibrated, calibration.covariance(covariances), atol=1e-2, rtol=1e-4)


@pytest.mark.parametrize("count", [1, 3])
def test_onnx_gives_this_programs_landmarks_for_batches_of_any_size(onnx_model: Path, model: Path, count: int) -> None:
    crops = pictures(count)
    assert_same(onnx_runner(onnx_model.read_bytes())(crops), model, crops)


def test_opencv_runs_the_onnx_file_too(onnx_model: Path, model: Path) -> None:
    crops = pictures(2)
    net = cv2.dnn.readNetFromONNX(str(onnx_model))
    net.setInput(crops, "crops")
    assert_same(list(net.forward(["landmarks", "covariances", "calibrated_covariances"])), model, crops)


@pytest.mark.parametrize("count", [1, 3])
def test_a_program_of_torch_export_gives_the_same(loaded_program: torch.nn.Module, model: Path, count: int) -> None:
    crops = pictures(count)
    with torch.no_grad():
        assert_same([value.numpy() for value in loaded_program(torch.from_numpy(crops))], model, crops)


def test_files_say_what_the_numbers_mean_and_nothing_of_this_machine(
    onnx_model: Path, program: Path, model: Path
) -> None:
    import onnx

    written = onnx.load(str(onnx_model))
    notes = json.loads({entry.key: entry.value for entry in written.metadata_props}[NOTES])
    kept = {NOTES_FILE: ""}
    with onnx_file.quiet_torch():
        torch.export.load(io.BytesIO(program.read_bytes()), extra_files=kept)
    assert json.loads(kept[NOTES_FILE]) == notes
    assert notes["points"] == list(SCHEME.points)
    assert notes["sha256"] == load_model(model).hash
    assert (notes["scheme"], notes["input"]["size"], notes["crop"]["factor"]) == (SCHEME.id, SIZE, FACTOR)
    assert list(notes["outputs"]) == [output.name for output in written.graph.output]
    assert notes["calibration"]["about"] == {"data": "none"}
    for path in (onnx_model, program):
        assert str(ROOT).encode() not in path.read_bytes()
        assert b"exported_network.py" not in path.read_bytes()


def test_the_example_finds_the_same_landmarks_in_a_photo(onnx_model: Path, model: Path, tmp_path: Path) -> None:
    # Edges of the crop lie on edges of pixels, so that nothing is resampled; it reaches over the photo's lower edge.
    photo = np.full((45, 90, 3), 128, np.uint8)
    photo[15:, 17:49] = pictures(1)[0, :30]
    Image.fromarray(photo).save(tmp_path / "photo.png")
    box = (20.0, 20.5, 25.0, 20.0)
    done = subprocess.run(
        [sys.executable, ROOT / "docs/examples/onnx_predict.py", onnx_model, "photo.png", *map(str, box)],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    device = choose_device("cpu")
    (wanted,) = Predictor(load_model(model, device), device).predict([(photo, crop_from_box(Box(*box), factor=FACTOR))])
    assert [name for name, *_ in rows] == list(SCHEME.points)
    np.testing.assert_allclose([[float(x), float(y)] for _, x, y, *_ in rows], wanted.mean, atol=0.02)
    assert (tmp_path / "photo.landmarks.png").is_file()


def test_a_model_file_stays_the_same_to_the_byte(model: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.safetensors"
    assert export_model(model, "safetensors", target).outputs == ()
    assert target.read_bytes() == model.read_bytes()


def test_a_checkpoint_becomes_a_model_file(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STARMARK_HOME", str(tmp_path / "home"))
    network = StarNet(read_header(model).config)
    torch.save({"net": network.state_dict()}, tmp_path / "published.pkl")
    export_model(tmp_path / "published.pkl", "safetensors", tmp_path / "model.safetensors")
    header = read_header(tmp_path / "model.safetensors")
    assert (header.scheme, header.antialias, header.calibration) == (SCHEME.id, False, None)


@pytest.mark.parametrize("kind", ["safetensors", "torch-export"])
def test_a_file_that_is_there_is_only_replaced_when_asked_to(kind: str, model: Path, tmp_path: Path) -> None:
    target = tmp_path / "mine"
    target.write_text("precious")
    with pytest.raises(FileError, match="there already"):
        export_model(model, kind, target)
    assert target.read_text() == "precious"
    if kind == "safetensors":
        export_model(model, kind, target, overwrite=True)
        assert target.read_bytes() == model.read_bytes()


@pytest.mark.parametrize(("output", "change"), [(0, 0.05), (1, 5.0), (2, 5.0), (0, np.nan)])
def test_an_export_that_computes_something_else_is_refused(model: Path, output: int, change: float) -> None:
    source = export._load(model)
    network = ExportedNetwork(source.network, source.calibration)

    def run(crops: np.ndarray) -> list[np.ndarray]:
        with torch.no_grad():
            outputs = [value.numpy() for value in network(torch.from_numpy(crops))]
        outputs[output][-1, 7] += change  # one landmark of one face
        return outputs

    with pytest.raises(CheckpointError, match=r"something else in a test: landmarks move by .* Nothing was written"):
        export._compared(source, "a test", run)


def test_missing_packages_are_named_in_one_line(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="needs onnx and onnxscript") as caught:
        export_model(model, "onnx", tmp_path / "tiny.onnx")
    assert "pip install --no-deps -r" in str(caught.value)
    assert str(ROOT / "requirements-onnx.lock") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_kinds_are_refused(model: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="onnx, torch-export"):
        export_model(model, "torchscript", tmp_path / "tiny.pt")


def test_scaling_along_the_axes_is_the_calibrations() -> None:
    rng = np.random.default_rng(1)
    root = rng.normal(size=(5, 4, 2, 2))
    covariance = root @ root.swapaxes(-1, -2)
    covariance[0, 0], covariance[0, 1], covariance[0, 2] = np.eye(2) * 3, np.diag([4.0, 1.0]), np.diag([1.0, 4.0])
    covariance[0, 3] = 0.0
    calibration = Calibration(rng.uniform(0.1, 3, (4, 2)), np.zeros((4, 2)))
    scaled = scaled_along_axes(torch.from_numpy(covariance), torch.from_numpy(calibration.scales.copy()))
    np.testing.assert_allclose(scaled.numpy(), calibration.covariance(covariance), atol=1e-12)
