"""Models for others: as ONNX, as a program of torch.export, or as the model file itself.

What was made is run before it is written, and must agree with this program's own predictions.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.export import Dim, ExportedProgram

from core.calibration import Calibration
from core.errors import CheckpointError, UsageError
from core.face import ByteArray
from core.files import exists_error, write_atomic
from core.model.checkpoint import is_zip, load_network, model_bytes, read_header
from core.model.exported_network import CALIBRATED, COVARIANCES, CROPS, LANDMARKS, ExportedNetwork
from core.model.header import ModelHeader
from core.model.inference import InferenceNet
from core.model.library import ModelLibrary, scheme_of
from core.model.network import StarNet
from core.model.onnx_file import (
    Outputs,
    check_writers,
    has_runtime,
    install_remedy,
    onnx_bytes,
    onnx_runner,
    quiet_torch,
)
from core.model.precision import probe_crops
from core.model.runner import Runner
from core.scheme import Scheme
from core.transforms import apply, denormalise_matrix, map_covariance
from core.version import VERSION

SAFETENSORS, ONNX, TORCH_EXPORT = "safetensors", "onnx", "torch-export"
KINDS = {SAFETENSORS: ".safetensors", ONNX: ".onnx", TORCH_EXPORT: ".pt2"}
"""What a model can be exported to, with the usual ending of its name. No TorchScript, which torch deprecates."""

NOTES = "starmark"
"""Key of the metadata in an ONNX file: JSON, as `description` makes it."""
NOTES_FILE = "starmark.json"
"""The same beside the program in a .pt2 archive."""
NOTES_VERSION = 1

PARITY_PX = 0.02
"""Largest difference of a landmark from this program's own, px of the crop."""
PARITY_SHARE = 0.005
"""Largest difference in a covariance, of the sum of both variances."""

Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Parity:
    """How far an exported model was from this program on the views of a portrait (`precision.probe_crops`).

    Attributes:
        where: what ran it.
        landmarks: largest difference, px of the crop.
        covariances: largest difference, of the sum of both variances.
    """

    where: str
    landmarks: float
    covariances: float

    def __str__(self) -> str:
        figures = f"landmarks within {self.landmarks:.1g} px, covariances within {self.covariances:.1g} of their size"
        return f"checked in {self.where}: {figures}"


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        path: the file.
        size: bytes.
        outputs: names of what it computes; empty for a model file.
        checked: one clause on how it was checked.
    """

    path: Path
    size: int
    outputs: tuple[str, ...]
    checked: str


@dataclass(frozen=True, eq=False, slots=True)
class _Source:
    network: StarNet
    header: ModelHeader
    scheme: Scheme
    calibration: Calibration | None
    hash: str
    name: str


def export_model(
    model: str | Path | None,
    kind: str,
    target: str | Path,
    *,
    overwrite: bool = False,
    library: ModelLibrary | None = None,
    say: Say = lambda text: None,
) -> Exported:
    """Write a model for use elsewhere, whole or not at all.

    Args:
        model: name or file; None for the bundled one.
        kind: one of KINDS.
        target: file to write.
        overwrite: whether it may be there already.
        library: where names are looked up.
        say: told what is being done.

    Raises:
        UsageError: there is no such kind, or the packages that it takes are not installed.
        FileError: the file is there already, or cannot be written.
        CheckpointError: the model cannot be used, or computes something else once it is exported.
    """
    if kind not in KINDS:
        raise UsageError(f"there is no export to '{kind}'", remedy=f"Use one of: {', '.join(KINDS)}")
    if kind == ONNX:
        check_writers()
    if not overwrite and Path(target).exists():  # before the work is done
        raise exists_error(target)
    path = (ModelLibrary() if library is None else library).resolve(model)
    source = _load(path)
    outputs: tuple[str, ...]
    if kind == SAFETENSORS:
        data, outputs, checked = _model_file(path, source), (), "as Starmark reads it"
    else:
        data, outputs, checked = _program_file(source, kind, say)
    write_atomic(target, data, overwrite=overwrite)
    return Exported(Path(target), len(data), outputs, checked)


def _load(path: Path) -> _Source:
    network, header, digest = load_network(path)
    scheme = scheme_of(header, path)
    calibration = Calibration.from_json(header.calibration, len(scheme), str(path))
    return _Source(network, header, scheme, calibration, digest, path.stem)


def _model_file(path: Path, source: _Source) -> bytes:
    """A model file of ours as it is, so that it keeps its hash, by which predictions are cached; others as one."""
    if not is_zip(path):
        try:
            read_header(path)
            return path.read_bytes()
        except CheckpointError:  # bare tensors, without a header
            pass
    return model_bytes(source.network, source.header, str(path))


def _program_file(source: _Source, kind: str, say: Say) -> tuple[bytes, tuple[str, ...], str]:
    say("Tracing the network")
    network = ExportedNetwork(source.network, source.calibration)
    program = _trace(network)
    notes = json.dumps(description(source.header, source.scheme, source.calibration, source.name, source.hash))
    if kind == TORCH_EXPORT:
        data = _archive(program, notes)
        say("Comparing with this program's predictions")
        return data, network.outputs, str(_compared(source, "torch", _program_runner(data)))
    say("Writing ONNX")
    data = onnx_bytes(program, [CROPS], network.outputs, {NOTES: notes})
    if not has_runtime():
        return data, network.outputs, f"not checked, as ONNX Runtime is not installed. {install_remedy()}"
    say("Comparing with this program's predictions")
    return data, network.outputs, str(_compared(source, "ONNX Runtime", onnx_runner(data)))


def _trace(network: ExportedNetwork) -> ExportedProgram:
    """The network for batches of any size."""
    example = torch.zeros(2, network.size, network.size, 3, dtype=torch.uint8)
    with quiet_torch(), torch.no_grad():
        program = torch.export.export(network, (example,), dynamic_shapes=({0: Dim("batch", min=1)},))
    for module in program.graph_module.modules():
        for node in getattr(getattr(module, "graph", None), "nodes", ()):
            node.meta.pop("stack_trace", None)  # paths of this machine
    return program


def _archive(program: ExportedProgram, notes: str) -> bytes:
    buffer = io.BytesIO()
    with quiet_torch():
        torch.export.save(program, buffer, extra_files={NOTES_FILE: notes})
    return buffer.getvalue()


def _program_runner(data: bytes) -> Callable[[ByteArray], Outputs]:
    with quiet_torch():
        module = torch.export.load(io.BytesIO(data)).module()

    def run(crops: ByteArray) -> Outputs:
        with torch.no_grad():
            return [value.numpy() for value in module(torch.from_numpy(crops))]

    return run


def description(
    header: ModelHeader, scheme: Scheme, calibration: Calibration | None, name: str, digest: str
) -> dict[str, Any]:
    """What is said of a model in its exported file: JSON values."""
    size, count = header.config.input_size, len(scheme)
    outputs = {
        LANDMARKS: {"shape": ["batch", count, 2], "unit": "px of the crop", "order": "x, y"},
        COVARIANCES: {"shape": ["batch", count, 2, 2], "unit": "px^2 of the crop", "of": "the heatmaps"},
    }
    if calibration is not None:
        outputs[CALIBRATED] = outputs[COVARIANCES] | {"of": "labels about the landmarks"}
    return {
        "version": NOTES_VERSION,
        "starmark": VERSION,
        "model": name,
        "sha256": digest,
        "scheme": scheme.id,
        "points": list(scheme.points),
        "flip": list(scheme.flip),
        "input": {"name": CROPS, "shape": ["batch", size, size, 3], "type": "uint8", "channels": "RGB", "size": size},
        "outputs": outputs,
        "pixels": "the centre of the crop's top-left pixel is (0, 0)",
        "crop": {
            "shape": "upright square around the middle of the landmarks' bounding box",
            "factor": header.crop_factor,
            "factor_of": "longer side of that box",
            "antialias": header.antialias,
        },
        "calibration": None if calibration is None else _calibration(calibration),
        "metrics": header.metrics,
    }


def _calibration(calibration: Calibration) -> dict[str, Any]:
    """What applies to single landmarks; the rest judges whole faces, and is Starmark's."""
    kept = calibration.to_json()
    return {key: kept[key] for key in ("version", "along", "across", "tail", "about")}


def _compared(source: _Source, where: str, run: Callable[[ByteArray], Outputs]) -> Parity:
    """How far `run` is from this program, for a batch and for single crops. CheckpointError if that is too far."""
    size = source.header.config.input_size
    crops = np.stack(probe_crops(size))
    batch, single = run(crops), run(crops[:1])
    landmarks, covariance = _own(source, crops)
    scale = covariance[..., 0, 0] + covariance[..., 1, 1]
    moved, changed = [], []
    for outputs, count in ((batch, len(crops)), (single, 1)):
        moved.append(np.abs(outputs[0] - landmarks[:count]).max())
        changed.append((np.abs(outputs[1] - covariance[:count]).max(axis=(2, 3)) / scale[:count]).max())
        if source.calibration is not None:
            # Of the exported covariances: the axes of a near-circle turn with the last digits of its moments.
            wanted = source.calibration.covariance(outputs[1])
            total = wanted[..., 0, 0] + wanted[..., 1, 1]
            changed.append((np.abs(outputs[2] - wanted).max(axis=(2, 3)) / total).max())
    parity = Parity(where, float(np.max(moved)), float(np.max(changed)))
    if not (parity.landmarks <= PARITY_PX and parity.covariances <= PARITY_SHARE):  # also where something is NaN
        raise CheckpointError(
            f"the exported model computes something else in {where}: landmarks move by {parity.landmarks:.2g} px, "
            f"covariances change by {parity.covariances:.2g} of their size",
            where=source.name,
            remedy="Nothing was written; please report this with the output of: doctor",
        )
    return parity


def _own(source: _Source, crops: ByteArray) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks and covariances of crops as this program predicts them, px and px^2 of the crop."""
    moments = Runner(InferenceNet(source.network), torch.device("cpu")).moments(list(crops))
    to_px = denormalise_matrix(crops.shape[1])
    return apply(to_px, moments.mean.double().numpy()), map_covariance(to_px, moments.covariance.double().numpy())
