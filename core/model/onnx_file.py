"""An exported program as an ONNX file, and running such a file. The packages for both are optional.

torch writes ONNX by the packages onnx and onnxscript (its other way, through TorchScript, is deprecated); ONNX Runtime
shows that what was written computes the same.
"""

from __future__ import annotations

import importlib.util
import logging
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch.export import ExportedProgram

from core.errors import UsageError
from core.face import ByteArray
from core.version import VERSION

OPSET = 18
"""ONNX operator set, of 2022: what readers of such files have long known, and torch's exporter writes directly."""

WRITERS = ("onnx", "onnxscript")
RUNTIME = "onnxruntime"

_LOCK = Path(__file__).resolve().parents[2] / "requirements-onnx.lock"

Outputs = list[np.ndarray]
"""float32, in the order of `ExportedNetwork.outputs`."""


def check_writers() -> None:
    """UsageError, with what to install, if the packages that write ONNX are not here."""
    missing = [name for name in WRITERS if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(f"writing ONNX needs {' and '.join(missing)}, not installed here", remedy=install_remedy())


def install_remedy() -> str:
    """One line: how the packages for ONNX come to this Python."""
    if getattr(sys, "frozen", False):
        return "Use a source checkout: python3 main.py models export"
    wanted = f"--no-deps -r {_LOCK}" if _LOCK.is_file() else '"starmark[onnx]"'
    return f"Install what it takes: {sys.executable} -m pip install {wanted}"


def onnx_bytes(program: ExportedProgram, inputs: Sequence[str], outputs: Sequence[str], notes: dict[str, str]) -> bytes:
    """The file: weights inside, checked by onnx's own checker.

    Args:
        program: traced.
        inputs, outputs: their names, in order.
        notes: metadata of the file.
    """
    check_writers()
    import onnx

    with quiet_torch():
        made = torch.onnx.export(
            program, input_names=list(inputs), output_names=list(outputs), opset_version=OPSET,
            dynamo=True, verbose=False,
        )  # fmt: skip
    assert made is not None
    proto = made.model_proto
    _strip(proto)
    proto.producer_name, proto.producer_version = "Starmark", VERSION
    onnx.helper.set_model_props(proto, notes)
    onnx.checker.check_model(proto, full_check=True)
    data: bytes = proto.SerializeToString()
    return data


def _strip(proto: object) -> None:
    """Drop what the exporter noted for its own debugging: source lines, with paths of this machine, of every node."""
    graph = proto.graph  # type: ignore[attr-defined]
    noted = (graph.node, graph.initializer, graph.value_info, graph.input, graph.output, [graph])
    for entry in (entry for entries in noted for entry in entries):
        entry.ClearField("metadata_props")
        entry.ClearField("doc_string")


@contextmanager
def quiet_torch() -> Iterator[None]:
    """Without what torch says about its own ways while it traces and writes."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for kind in (FutureWarning, DeprecationWarning):
                warnings.simplefilter("ignore", kind)
            yield
    finally:
        log.setLevel(level)


def has_runtime() -> bool:
    """Whether ONNX Runtime is installed."""
    return importlib.util.find_spec(RUNTIME) is not None


def onnx_runner(data: bytes) -> Callable[[ByteArray], Outputs]:
    """A function from crops (B, S, S, 3) uint8 to what ONNX Runtime computes of them on the processor."""
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    (source,) = session.get_inputs()

    def run(crops: ByteArray) -> Outputs:
        return [np.asarray(value) for value in session.run(None, {source.name: crops})]

    return run
