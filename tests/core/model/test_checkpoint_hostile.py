"""Model files made to harm: refused with one sentence, before they cost memory, time or the process."""

from __future__ import annotations

import io
import json
import os
import re
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save as save_tensors

from core.errors import CheckpointError
from core.model import checkpoint
from core.model.checkpoint import load_network, read_header, read_model
from core.model.network import StarNet, preset_config
from core.scheme import get_scheme

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def network() -> StarNet:
    torch.manual_seed(3)
    return StarNet(preset_config("star", get_scheme("300w-68"), stacks=1, width=16, levels=2)).eval()


def refused(path: Path, message: str) -> None:
    with pytest.raises(CheckpointError, match=message) as caught:
        load_network(path)
    text = str(caught.value)
    assert str(path) in text
    assert caught.value.remedy
    assert "\n" not in text
    assert len(text) < 1000


def archive(path: Path, pickle: bytes, storages: dict[str, bytes] | None = None, *, method: int = 0) -> Path:
    """A file as torch.save writes them, with any index."""
    with zipfile.ZipFile(path, "w", method) as file:
        file.writestr("m/data.pkl", pickle)
        file.writestr("m/byteorder", "little")
        for key, content in (storages or {}).items():
            file.writestr(f"m/data/{key}", content)
        file.writestr("m/version", "3\n")
    return path


def saved(path: Path, data: object) -> Path:
    torch.save(data, path)
    return path


def test_a_zip_bomb_is_refused_before_it_expands(tmp_path: Path) -> None:
    """In a process of its own, whose memory tells whether 200 MB came out of 200 KB."""
    path = archive(tmp_path / "bomb.pkl", b"\x80\x02}.", {"0": bytes(200_000_000)}, method=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 200_000
    code = (
        "import resource, sys, torch; from core.model.checkpoint import load_network\n"
        "from core.errors import CheckpointError\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: load_network(sys.argv[1])\n"
        "except CheckpointError as error: print(error)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    if os.name == "nt":
        refused(path, "compressed")
        return
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    message, grown = done.stdout.splitlines()
    assert "compressed, which torch never does" in message
    assert int(grown) < 50_000  # KB


PUSH_TENSOR = (  # storage "0" of {count} floats, then offset, size and stride
    b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0%sX\x03\0\0\0cpuJ%stQ"
    b"J%s%s%s\x89ccollections\nOrderedDict\n)RtR"
)


def tensor(count: int = 4, offset: int = 0, size: bytes = b"K\x04\x85", stride: bytes = b"K\x01\x85") -> bytes:
    number = (struct.pack("<i", value) for value in (count, offset))
    return PUSH_TENSOR % (b"0", next(number), next(number), size, stride)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"cos\nsystem\nX\x04\0\0\0true\x85R", "foreign code"),
        (b"cbuiltins\nbytearray\n\x8a\x05\0\0\0\0\x01\x85R", "foreign code"),  # 4 GB
        (b"cbuiltins\neval\nX\x01\0\0\x001\x85R", "foreign code"),
        (b"cnumpy._core.multiarray\nscalar\n)R", "foreign code"),
        (b"ctorch._utils\n_rebuild_sparse_tensor\n)R", "foreign code"),
        (b"ctorch._utils\n_rebuild_qtensor\n)R", "foreign code"),
        (b"ctorch._utils\n_rebuild_meta_tensor_no_storage\n)R", "foreign code"),
        (b"}" + b")" + b"\x85" * 2_000_000 + b"K\x01s", "foreign|too long"),  # a key that no stack is deep enough for
        (b"}" + b")" + b"\x85" * 500_000 + b"K\x01s", "foreign code"),
        (b"]q\0" + b"h\0a" * 600_000, "too long"),
        (b"](" + b"K\0" * 500_000 + b"eq\0" + b"ccollections\nOrderedDict\nh\0\x85R" * 10, "too long"),
        (tensor(count=5), "not as large as its index says"),
        (tensor(count=2**30), "not as large as its index says"),
        (tensor(count=-4), "not as large as its index says"),
        (tensor(size=b"K\x05\x85"), "5 values has only 4"),
        (tensor(offset=1), "4 values has only 4"),
        (tensor(offset=-1), "no shape"),
        (tensor(size=b"J\0\0\0\x40\x85", stride=b"K\0\x85"), "has only 4"),
        (tensor(size=b"J\xff\xff\xff\xff\x85"), "no shape"),
        (tensor(stride=b"J\xff\xff\xff\xff\x85"), "no shape"),
        (tensor(stride=b")"), "no shape"),
        (tensor().replace(b"torch\nFloatStorage", b"torch\nDoubleStorage"), "not as large as its index says"),
        (tensor().replace(b"torch\nFloatStorage", b"torch\nStrangeStorage"), "foreign code"),
        (tensor().replace(b"X\x01\0\0\x000", b"X\x01\0\0\x009"), "index is damaged"),
        (b"h\x05", "index is damaged"),
        (b"t", "index is damaged"),
        (b"\x81", "foreign code|index is damaged"),
        (b"I99999999999999999999\n", "foreign code"),
        (b"\x8b\xff\xff\xff\x7f", "index is damaged"),
        (b"}X\x01\0\0\0a" + tensor() + b"s", "not those of a STAR network"),  # well-formed, for comparison
    ],
)
def test_an_index_that_asks_for_too_much(tmp_path: Path, body: bytes, message: str) -> None:
    refused(archive(tmp_path / "m.pkl", b"\x80\x02" + body + b".", {"0": bytes(16)}), message)


def test_tensors_that_share_one_small_storage(tmp_path: Path, network: StarNet) -> None:
    """The keys and shapes of a network, and hardly a value."""
    values = torch.zeros(max(value.numel() for value in network.state_dict().values()))
    state = {
        key: values[: value.numel()].view(value.shape) if value.is_floating_point() else value
        for key, value in network.state_dict().items()
    }
    refused(saved(tmp_path / "m.pkl", {"net": state}), "share their values|edge groups")
    state["e2h_transform.weight"] = network.state_dict()["e2h_transform.weight"].clone()
    refused(saved(tmp_path / "m.pkl", {"net": state}), "share their values")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (torch.tensor(1.0), "not those of a STAR network"),
        (torch.zeros(9), "not those of a STAR network"),
        (torch.zeros(9, 16, 1, 1, dtype=torch.complex64), "foreign code|wrong type"),
        (torch.zeros(9, 16, 1, 1, dtype=torch.float8_e4m3fn), "foreign code|wrong type"),
        (torch.full((9, 16, 1, 1), 1e300, dtype=torch.float64), "not finite"),
        (torch.zeros(9, 16, 1, 1).to_sparse(), "foreign code"),
        (torch.zeros(9, 16, 1, 1, device="meta"), "foreign code"),
    ],
)
def test_strange_tensors(tmp_path: Path, network: StarNet, value: torch.Tensor, message: str) -> None:
    state = dict(network.state_dict()) | {"out_edgemaps.0.conv.weight": value}
    refused(saved(tmp_path / "m.pkl", {"net": state}), message)


def test_endless_levels_in_a_key(tmp_path: Path, network: StarNet) -> None:
    state = dict(network.state_dict()) | {"hgs.0" + ".low2" * 100_000 + ".x": torch.zeros(1)}
    refused(saved(tmp_path / "m.pkl", {"net": state}), "size is not possible")


def test_numpy_values_and_code_are_named(tmp_path: Path, network: StarNet) -> None:
    data = {"net": network.state_dict(), "best": np.float64(0.05)}
    refused(saved(tmp_path / "numpy.pkl", data), "more than tensors and plain values")


def test_other_things_that_torch_saves_say_what_they_are(tmp_path: Path, network: StarNet) -> None:
    old = tmp_path / "old.pkl"
    torch.save({"net": network.state_dict()}, old, _use_new_zipfile_serialization=False)
    refused(old, "torch before 1.6")
    script = archive(tmp_path / "script.pt", b"\x80\x02}.")
    with zipfile.ZipFile(script, "a") as file:
        file.writestr("m/constants.pkl", b"\x80\x02).")
        file.writestr("m/code/__torch__.py", "class StarNet(Module): ...")
    refused(script, "TorchScript")
    (tmp_path / "plain.pkl").write_bytes(b"\x80\x04}.")
    refused(tmp_path / "plain.pkl", "torch.save did not write")


def test_duplicate_and_overlapping_members(tmp_path: Path) -> None:
    path = archive(tmp_path / "twice.pkl", b"\x80\x02}.", {"0": bytes(100)})
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as file:
        file.writestr("m/data/0", bytes(100))
    refused(path, "over each other")
    path = archive(tmp_path / "over.pkl", b"\x80\x02}.", {str(i): bytes(10_000) for i in range(20)})
    data = bytearray(path.read_bytes())
    for match in re.finditer(rb"PK\x01\x02", bytes(data)):  # each says that it holds the whole file
        struct.pack_into("<II", data, match.start() + 20, 200_000, 200_000)
    path.write_bytes(data)
    refused(path, "over each other")


def test_an_endless_directory(tmp_path: Path) -> None:
    path = tmp_path / "many.pkl"
    entry = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    count = 200_000
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 65535, 65535, count * len(entry), 4, 0)
    path.write_bytes(b"PK\x03\x04" + entry * count + end)
    refused(path, "truncated or damaged")


def tensors_file(header: bytes, body: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header)) + header + body


def entry(kind: str = "F32", shape: object = (1,), offsets: object = (0, 4)) -> dict[str, Any]:
    return {"dtype": kind, "shape": shape, "data_offsets": offsets}


@pytest.mark.parametrize(
    "content",
    [
        struct.pack("<Q", 2**63) + b"{" + bytes(100),
        struct.pack("<Q", 2**64 - 1) + b"{" + bytes(100),
        tensors_file(b'{"a":' * 20_000 + b"1" + b"}" * 20_000),
        tensors_file(b"{" + b"[" * 100_000),
        tensors_file(json.dumps({"a": entry(offsets=(0, 400))}).encode(), bytes(4)),
        tensors_file(json.dumps({"a": entry(), "b": entry()}).encode(), bytes(4)),
        tensors_file(json.dumps({"a": entry(offsets=(4, 0))}).encode(), bytes(4)),
        tensors_file(json.dumps({"a": entry(offsets=(-4, 0))}).encode(), bytes(4)),
        tensors_file(json.dumps({"a": entry("F99")}).encode(), bytes(4)),
        tensors_file(json.dumps({"a": entry("F4")}).encode(), bytes(4)),
        tensors_file(json.dumps({"a": entry(shape=(2**62, 2**62))}).encode(), bytes(4)),
        tensors_file(json.dumps({"a": entry(shape=(0, 2**62), offsets=(0, 0))}).encode()),
        tensors_file(json.dumps({"a": entry(shape=(1e9,))}).encode(), bytes(4)),
        tensors_file(json.dumps({"a": 5, "__metadata__": {"starmark": 5}}).encode(), bytes(4)),
        tensors_file(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32"}}', bytes(4)),
        tensors_file(b'{"__metadata__":[]}'),
        tensors_file(b'{"\xff":1}'),
        tensors_file(b"{}"),
    ],
)
def test_hostile_safetensors_headers(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    refused(path, "not a model|damaged|cut short")
    with pytest.raises(CheckpointError):
        read_header(path)


def test_a_header_of_many_megabytes_is_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(tensors_file(b'{"a":[' + b"[]," * 10_000_000 + b"[]]}"))
    refused(path, r"header has 28\.61 MB, at most 4")
    with pytest.raises(CheckpointError, match=r"28\.61 MB"):
        read_header(path)


def test_large_finite_values_that_float32_cannot_hold(tmp_path: Path, network: StarNet) -> None:
    state = {k: v.double() if v.is_floating_point() else v for k, v in network.state_dict().items()}
    state["pre.1.bn1.weight"].fill_(1e39)
    path = tmp_path / "m.safetensors"
    path.write_bytes(save_tensors(state))
    refused(path, "not finite")


def test_files_over_the_limit_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: StarNet) -> None:
    path = saved(tmp_path / "m.pkl", {"net": network.state_dict()})
    monkeypatch.setattr(checkpoint, "MAX_FILE_BYTES", 1000)
    refused(path, "too large")


@pytest.mark.parametrize("suffix", [".safetensors", ".pkl"])
def test_any_flipped_byte_is_an_error_or_a_model(tmp_path: Path, network: StarNet, suffix: str) -> None:
    stream = io.BytesIO()
    torch.save({"net": network.state_dict(), "epoch": 3}, stream)
    good = save_tensors(network.state_dict()) if suffix == ".safetensors" else stream.getvalue()
    places: Callable[[], int] = np.random.default_rng(5).integers(0, min(len(good), 20_000), 60).tolist
    path = tmp_path / f"m{suffix}"
    for place in places():
        data = bytearray(good)
        data[place] ^= 0xFF
        path.write_bytes(data)
        try:
            read_model(path)
        except CheckpointError as error:
            assert str(path) in str(error)


def test_nothing_loads_pickles_that_may_run_code() -> None:
    """torch.load always says weights_only=True, and pickle itself loads nothing."""
    loads = re.compile(r"torch\.load\((?:[^()]|\([^()]*\))*\)", re.DOTALL)
    calls = []
    for folder in ("app", "core", "training", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            found = loads.findall(text)
            assert len(found) == text.count("torch.load("), path
            assert (
                re.search(r"\bpickle\.(load|loads|Unpickler)\b|weights_only\s*=\s*False|allow_pickle\s*=\s*True", text)
                is None
            ), path
            calls += found
    assert len(calls) >= 2
    for call in calls:
        assert "weights_only=True" in call
