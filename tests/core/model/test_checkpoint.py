"""Model files: our own and published checkpoints, whole and damaged."""

from __future__ import annotations

import json
import os
import pickle
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from core.errors import CheckpointError, FileError
from core.model.checkpoint import load_network, read_header, save_model
from core.model.header import HEADER_KEY, ModelHeader
from core.model.inference import InferenceNet
from core.model.network import NetConfig, StarNet, preset_config, soft_argmax
from core.scheme import get_scheme

GOLDEN = Path(__file__).resolve().parents[4] / "shared" / "golden"
SMALL: dict[str, Any] = {"stacks": 2, "width": 16, "levels": 2}


def small_config(scheme: str = "300w-68", **changes: Any) -> NetConfig:
    return preset_config("star", get_scheme(scheme), **(SMALL | changes))


def small_network(scheme: str = "300w-68", **changes: Any) -> StarNet:
    torch.manual_seed(3)
    network = StarNet(small_config(scheme, **changes))
    with torch.no_grad():
        for name, value in network.named_buffers():
            if name.endswith("running_mean"):
                value.normal_(0, 0.1)
            if name.endswith("running_var"):
                value.uniform_(0.5, 2)
    return network.eval()


@pytest.fixture(scope="module")
def network() -> StarNet:
    return small_network()


def header_of(network: StarNet, scheme: str = "300w-68") -> ModelHeader:
    return ModelHeader(scheme, "custom", network.config, training={"data": "größe", "seed": 7}, metrics={"nme": 0.051})


def same_weights(one: StarNet, other: StarNet) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return set(a) == set(b) and all(torch.equal(a[key], b[key]) for key in a)


def published(network: StarNet, **more: Any) -> dict[str, Any]:
    """What the reference saves."""
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [200, 350, 450], 0.1)
    states = {"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}
    return {"net": network.state_dict(), **states, "epoch": 12, **more}


def save_torch(path: Path, data: object) -> Path:
    torch.save(data, path)
    return path


# Our own files


def test_a_saved_model_comes_back(tmp_path: Path, network: StarNet) -> None:
    path = tmp_path / "Modell größe.safetensors"
    header = replace(header_of(network), calibration={"scale": 1.2}, antialias=False, crop_factor=1.4)
    save_model(path, network, header)
    again, got, digest = load_network(path)
    assert same_weights(network, again)
    assert got == header
    assert read_header(path) == header
    assert len(digest) == 64
    assert not again.training
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    save_model(path, network, header)
    assert load_network(path)[2] == digest


def test_saving_refuses_what_could_not_be_loaded(tmp_path: Path) -> None:
    network = small_network()
    path = tmp_path / "m.safetensors"
    header = header_of(network)
    save_model(path, network, header)
    good = path.read_bytes()
    with torch.no_grad():
        network.out_heatmaps[0].conv.weight[0, 0] = float("nan")
    with pytest.raises(CheckpointError, match="not finite"):
        save_model(path, network, header)
    with pytest.raises(CheckpointError, match="do not fit"):
        save_model(path, small_network(width=32), header)
    with pytest.raises(ValueError, match="JSON"):
        save_model(path, small_network(), replace(header, metrics={"nme": float("nan")}))
    with pytest.raises(ValueError, match="JSON"):
        save_model(path, small_network(), replace(header, training={"path": Path("x")}))
    with pytest.raises(FileError, match="folder is missing"):
        save_model(tmp_path / "no" / "m.safetensors", small_network(), header)
    assert path.read_bytes() == good
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]


def change_header(change: Callable[[dict[str, Any]], object]) -> Callable[[str], str]:
    def apply(text: str) -> str:
        data = json.loads(text)
        change(data)
        return json.dumps(data)

    return apply


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "{", "not JSON"),
        (lambda text: "[]", "no version"),
        (change_header(lambda d: d.pop("version")), "no version"),
        (change_header(lambda d: d.update(version=2)), "newer Starmark"),
        (change_header(lambda d: d.pop("network")), "lacks network"),
        (change_header(lambda d: d["network"].update(width=18)), "inconsistent"),
        (change_header(lambda d: d["network"].update(width=32)), "do not fit the size"),
        (change_header(lambda d: d["network"].update(width="16")), "inconsistent"),
        (change_header(lambda d: d["network"].update(extra=1)), "inconsistent"),
        (change_header(lambda d: d["network"].update(stacks=3)), "do not fit"),
        (change_header(lambda d: d["input"].update(channels="RGB")), "does not know"),
        (change_header(lambda d: d["input"].update(crop_factor=0)), "crop factor"),
        (change_header(lambda d: d["input"].update(antialias="no")), "antialias"),
        (change_header(lambda d: d.update(scheme=3)), "not a text"),
        (change_header(lambda d: d.update(metrics=[1])), "inconsistent"),
        (change_header(lambda d: d.update(training=[["a", 1]])), "'training' is not a table"),
        (change_header(lambda d: d.update(calibration=[])), "'calibration' is not a table"),
        (change_header(lambda d: d.update(metrics={"nme": float("nan")})), "NaN is no number"),
        (change_header(lambda d: d.update(version=True)), "no version"),
        (change_header(lambda d: d.update(version=-1)), "no version"),
        (change_header(lambda d: d.update(version=10**300)), "newer Starmark"),
        (change_header(lambda d: d.update(scheme="../secret.toml")), "not a name"),
        (change_header(lambda d: d.update(scheme="mine.toml")), "not a name"),
        (change_header(lambda d: d.update(scheme="x" * 100_000)), "not a name"),
        (change_header(lambda d: d["input"].update(crop_factor="1.3")), "not a number"),
        (change_header(lambda d: d["input"].update(crop_factor=10**400)), "inconsistent"),
        (change_header(lambda d: d["input"].update(crop_factor=1e300)), "crop factor"),
        (change_header(lambda d: d["network"].update(width="w" * 1_000_000)), r"inconsistent .{1,300}\.\.\."),
        (change_header(lambda d: d["network"].update(stacks=16, width=1024, levels=8, input_size=1024)), "input"),
        (
            change_header(lambda d: [d["network"].update(stacks=16, width=1024, levels=8, input_size=1024),
                                     d["input"].update(size=1024)]),
            "do not fit the size",
        ),
        (change_header(lambda d: d["network"].update(edge_groups=[[0]] * 100_000)), "do not fit|wrong shape"),
    ],
)
def test_damaged_headers_are_named(
    tmp_path: Path, network: StarNet, change: Callable[[str], str], message: str
) -> None:
    path = tmp_path / "m.safetensors"
    save_file(network.state_dict(), path, {HEADER_KEY: change(header_of(network).to_json())})
    with pytest.raises(CheckpointError, match=message) as caught:
        load_network(path)
    assert str(path) in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize("keep", [1, 7, 8, 100, 5000, -1])
def test_truncated_models_are_refused(tmp_path: Path, network: StarNet, keep: int) -> None:
    path = tmp_path / "m.safetensors"
    save_model(path, network, header_of(network))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=r"damaged|no model file|cut short"):
        load_network(path)


def test_files_that_are_no_models_are_refused(tmp_path: Path) -> None:
    contents = {
        "empty": b"",
        "text": b"hello, this is no model",
        "json": b'{"a": 1}',
        "jpeg": b"\xff\xd8\xff\xe0" + bytes(200),
        "pickle": pickle.dumps({"net": {}}),
        "zeros": bytes(1000),
        "braces": (2).to_bytes(8, "little") + b"{}" + bytes(100),
        "huge": (2**63).to_bytes(8, "little") + b"{" + bytes(100),
    }
    for name, content in contents.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(CheckpointError) as caught:
            load_network(path)
        assert str(path) in str(caught.value)
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(CheckpointError):
            load_network(path)


# Published checkpoints


@pytest.mark.parametrize("scheme", ["300w-68", "wflw-98", "cofw-29"])
def test_scheme_and_size_are_inferred(tmp_path: Path, scheme: str) -> None:
    network = small_network(scheme, stacks=3, levels=3)
    again, header, _ = load_network(save_torch(tmp_path / "best.pkl", published(network)))
    assert header.scheme == scheme
    assert header.config == network.config
    assert header.preset == "custom"
    assert header.antialias is False
    assert same_weights(network, again)


def test_net_is_preferred_to_the_average_and_prefixes_are_dropped(tmp_path: Path, network: StarNet) -> None:
    other = small_network()
    with torch.no_grad():
        other.pre[0].conv.bias.add_(1)
    data = published(network, net_ema=other.state_dict())
    assert same_weights(load_network(save_torch(tmp_path / "both.pkl", data))[0], network)
    del data["net"]
    assert same_weights(load_network(save_torch(tmp_path / "ema.pkl", data))[0], other)
    parallel = OrderedDict((f"module.{key}", value) for key, value in network.state_dict().items())
    assert same_weights(load_network(save_torch(tmp_path / "p.pkl", {"net": parallel}))[0], network)
    assert same_weights(load_network(save_torch(tmp_path / "bare.pt", network.state_dict()))[0], network)
    save_file(network.state_dict(), tmp_path / "foreign.safetensors")
    assert same_weights(load_network(tmp_path / "foreign.safetensors")[0], network)


def test_without_spare_skips_and_without_attention(tmp_path: Path) -> None:
    for changes in ({"spare_skips": False}, {"attention": False}):
        network = small_network(**changes)
        again, header, _ = load_network(save_torch(tmp_path / "m.pkl", {"net": network.state_dict()}))
        assert header.config == network.config
        assert same_weights(network, again)


class Evil:
    """Runs a program when it is unpickled by a careless reader."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self.path}",)


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path, network: StarNet) -> None:
    data = published(network, surprise=Evil(tmp_path / "ran"))
    with pytest.raises(CheckpointError, match="foreign code"):
        load_network(save_torch(tmp_path / "evil.pkl", data))
    (tmp_path / "plain.pkl").write_bytes(pickle.dumps(Evil(tmp_path / "ran")))
    with pytest.raises(CheckpointError):
        load_network(tmp_path / "plain.pkl")
    assert not (tmp_path / "ran").exists()


def edited(network: StarNet, edit: Callable[[dict[str, torch.Tensor]], object]) -> dict[str, Any]:
    state = {key: value.clone() for key, value in network.state_dict().items()}
    edit(state)
    return {"net": state}


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda s: s.pop("pre.1.bn1.weight"), r"1 missing \(pre\.1\.bn1\.weight\)"),
        (lambda s: s.update({"fc.weight": torch.zeros(3)}), r"1 unknown \(fc\.weight\)"),
        (lambda s: s.update({"pre.1.bn1.weight": torch.zeros(5)}), r"pre\.1\.bn1\.weight has the wrong shape"),
        (lambda s: s["pre.1.bn1.weight"].fill_(float("inf")), r"not finite, in pre\.1\.bn1\.weight"),
        (lambda s: s["pre.1.bn1.running_var"].fill_(-1.0), "negative variance"),
        (lambda s: s.update({"pre.1.bn1.weight": torch.zeros(4, dtype=torch.int32)}), "wrong type"),
        (lambda s: s.pop("out_heatmaps.0.conv.weight"), "not those of a STAR network"),
        (lambda s: s.update({"out_heatmaps.0.conv.weight": torch.zeros(51, 16, 1, 1)}), "51 points and 9 edge groups"),
        (lambda s: s.update({"out_heatmaps.0.conv.weight": torch.zeros(98, 16, 1, 1)}), "98 points and 9 edge groups"),
        (lambda s: s["e2h_transform.weight"].zero_(), "with other members"),
        (lambda s: s.update({"out_heatmaps.0.conv.weight": torch.zeros(68, 18, 1, 1)}), "size is not possible"),
        (
            lambda s: s.update({"out_heatmaps.0.conv.weight": torch.zeros(1).expand(68, 2**40, 1, 1)}),
            "has only 1 in the file",
        ),
    ],
)
def test_checkpoints_that_do_not_fit_are_refused(
    tmp_path: Path, network: StarNet, edit: Callable[[dict[str, torch.Tensor]], object], message: str
) -> None:
    path = save_torch(tmp_path / "best.pkl", edited(network, edit))
    with pytest.raises(CheckpointError, match=message) as caught:
        load_network(path)
    assert str(path) in str(caught.value)


def test_other_torch_files_are_refused(tmp_path: Path, network: StarNet) -> None:
    for data in ([1, 2], torch.zeros(3), {}, {"net": {}}, {"net": [1]}, {"epoch": 3}, {1: torch.zeros(2)}):
        with pytest.raises(CheckpointError):
            load_network(save_torch(tmp_path / "other.pt", data))
    with zipfile.ZipFile(tmp_path / "any.zip", "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(CheckpointError, match="another kind"):
        load_network(tmp_path / "any.zip")
    with zipfile.ZipFile(tmp_path / "junk.zip", "w") as archive:
        archive.writestr("x/data.pkl", b"\x80\x02garbage")
    with pytest.raises(CheckpointError):
        load_network(tmp_path / "junk.zip")


@pytest.mark.parametrize("keep", [4, 100, 0.5, -30])
def test_truncated_checkpoints_are_refused(tmp_path: Path, network: StarNet, keep: float) -> None:
    path = save_torch(tmp_path / "best.pkl", published(network))
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data)) if keep == 0.5 else int(keep)])
    with pytest.raises(CheckpointError, match=r"truncated or damaged|cannot read"):
        load_network(path)


# The network


@pytest.mark.shared
def test_a_full_size_checkpoint_predicts_the_golden_landmarks(tmp_path: Path) -> None:
    sys.path.insert(0, str(GOLDEN))
    try:
        import fill
    finally:
        sys.path.remove(str(GOLDEN))
    network = fill.fill_module(StarNet(preset_config("star", get_scheme("cofw-29"))))
    loaded, header, _ = load_network(save_torch(tmp_path / "best_model.pkl", {"net": network.state_dict()}))
    assert (header.scheme, header.preset) == ("cofw-29", "star")
    data = np.load(GOLDEN / "star_COFW_forward.npz")
    with torch.inference_mode():
        heat = InferenceNet(loaded)(torch.from_numpy(fill.net_input()))
    np.testing.assert_allclose(soft_argmax(heat).numpy(), data["final_landmarks"], rtol=0, atol=5e-6)
