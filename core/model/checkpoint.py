"""Model files: our safetensors with a JSON header, and published pickled checkpoints, read with no code in them run.

A published checkpoint is a torch-saved dict with `net` and maybe `net_ema` (STAR_SPEC.md section 6). Scheme and size
are inferred from tensor shapes; keys and shapes must then agree exactly.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from core.errors import CheckpointError, ConfigError
from core.files import open_regular, read_limited, write_atomic
from core.model.header import HEADER_KEY, ModelHeader
from core.model.network import PRESETS, NetConfig, StarNet, preset_config
from core.scheme import Scheme, known_schemes

MAX_FILE_BYTES = 2 * 2**30
MAX_UNPACKED_BYTES = 4 * 2**30
MAX_PICKLE_BYTES = 64 * 2**20
MAX_MEMBERS = 100_000
MAX_HEADER_BYTES = 100_000_000

PICKLED_CROP_FACTOR = 1.05
"""Published weights: the reference's demo crops this much around the landmarks (STAR_SPEC.md section 8)."""

_ZIP_MAGIC = b"PK\x03\x04"
_OTHER = "Choose a Starmark model (.safetensors) or a STAR checkpoint saved by torch"

State = dict[str, Tensor]


def save_model(path: str | Path, network: StarNet, header: ModelHeader) -> None:
    """Write `network` and its header to a model file, whole or not at all.

    CheckpointError if weights are not finite or do not fit the header; FileError if the disk refuses.
    """
    state = {key: value.detach().to("cpu").contiguous() for key, value in network.state_dict().items()}
    _fit(state, header.config, str(path))
    write_atomic(path, save_tensors(state, {HEADER_KEY: header.to_json()}))


def load_network(path: str | Path) -> tuple[StarNet, ModelHeader, str]:
    """Read a model file of any known kind: (network in evaluation mode on the CPU, header, SHA-256 of the file).

    The network is as trained: fit to train on. CheckpointError names the file and what is wrong with it.
    """
    state, header, digest = read_model(path)
    network = StarNet(header.config)
    network.load_state_dict(state)
    return network.eval(), header, digest


def read_model(path: str | Path) -> tuple[State, ModelHeader, str]:
    """Tensors, header and SHA-256 of a model file of any known kind, checked against each other."""
    if is_zip(path):
        return read_pickled(path)
    data = read_limited(path, MAX_FILE_BYTES, CheckpointError)
    digest = hashlib.sha256(data).hexdigest()
    metadata = _safetensors_metadata(data, str(path))
    try:
        state = load_tensors(data)
    except (SafetensorError, ValueError, RuntimeError, KeyError, AttributeError) as error:
        raise CheckpointError(
            f"the model file is damaged ({error})", where=path, remedy="Fetch or train the model again"
        ) from error
    text = metadata.get(HEADER_KEY)
    if text is None:
        header, state = _infer(state, str(path))
    else:
        header = ModelHeader.from_json(text, str(path))
        _fit(state, header.config, str(path))
    return state, header, digest


def read_header(path: str | Path) -> ModelHeader:
    """Only the header of one of our model files: quick, but damage to the tensors goes unseen."""
    with open_regular(path, MAX_FILE_BYTES, CheckpointError) as stream:
        start = stream.read(8)
        data = start + stream.read(min(int.from_bytes(start, "little"), MAX_HEADER_BYTES))
    text = _safetensors_metadata(data, str(path)).get(HEADER_KEY)
    if text is None:
        raise _not_checkpoint("it has no Starmark header", str(path))
    return ModelHeader.from_json(text, str(path))


def is_zip(path: str | Path) -> bool:
    """Whether `path` is a zip archive, as torch saves; CheckpointError if it cannot be read or is empty."""
    with open_regular(path, MAX_FILE_BYTES, CheckpointError) as stream:
        return stream.read(4) == _ZIP_MAGIC


def read_pickled(path: str | Path) -> tuple[State, ModelHeader, str]:
    """Read a torch-saved checkpoint without running code in it; result as `read_model`."""
    with open_regular(path, MAX_FILE_BYTES, CheckpointError) as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
        stream.seek(0)
        _check_archive(stream, str(path))
        stream.seek(0)
        try:
            data = torch.load(stream, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            raise CheckpointError(
                "the checkpoint holds more than tensors and plain values, and loading it could run foreign code",
                where=path,
                remedy="Save only its state dict with torch.save, and add that file",
            ) from error
        except (RuntimeError, ValueError, TypeError, KeyError, AttributeError, EOFError, OSError, IndexError) as error:
            raise _not_checkpoint(f"torch cannot read it ({_first_line(error)})", str(path)) from error
        except MemoryError as error:
            raise _not_checkpoint("it needs more memory than there is", str(path)) from error
    header, state = _infer(_state_dict(data, str(path)), str(path))
    return state, header, digest


def _check_archive(stream: Any, where: str) -> None:
    """Refuse archives that would unpack to more than their size promises."""
    try:
        with zipfile.ZipFile(stream) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        raise CheckpointError(
            "the checkpoint is truncated or damaged", where=where, remedy="Fetch the file again"
        ) from error
    if len(members) > MAX_MEMBERS:
        raise _not_checkpoint(f"it has {len(members)} parts", where)
    if sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
        raise _not_checkpoint(f"it unpacks to more than {MAX_UNPACKED_BYTES // 2**30} GB", where)
    pickles = [member for member in members if member.filename.endswith(".pkl")]
    if not any(member.filename.endswith("data.pkl") for member in pickles):
        raise _not_checkpoint("it is an archive of another kind", where)
    if max(member.file_size for member in pickles) > MAX_PICKLE_BYTES:
        raise _not_checkpoint("its index is too large", where)


def _state_dict(data: object, where: str) -> State:
    """The network's tensors in what a checkpoint holds: `net`, else `net_ema`, else the whole."""
    if not isinstance(data, Mapping):
        raise _not_checkpoint("it holds no dict of tensors", where)
    inner: object = next((data[key] for key in ("net", "net_ema") if isinstance(data.get(key), Mapping)), data)
    assert isinstance(inner, Mapping)
    state: State = {}
    for key, value in inner.items():
        if isinstance(key, str) and isinstance(value, Tensor):
            state[key.removeprefix("module.")] = value
    if not state:
        raise _not_checkpoint("it holds no network", where)
    return state


def _infer(state: State, where: str) -> tuple[ModelHeader, State]:
    """Header of a published state dict, and its tensors, which fit it."""
    state = {key.removeprefix("module."): value for key, value in state.items()}
    head = state.get("out_heatmaps.0.conv.weight")
    if head is None or head.ndim != 4:
        raise _not_checkpoint("its tensors are not those of a STAR network", where)
    points, width = head.shape[:2]
    attention = "out_edgemaps.0.conv.weight" in state
    edges = len(state["out_edgemaps.0.conv.weight"]) if attention else None
    scheme = _scheme_for(points, edges, state.get("e2h_transform.weight"), where)
    try:
        config = NetConfig(
            points=points,
            edge_groups=tuple(region.indices for region in scheme.edge_groups),
            stacks=_count(state, "out_heatmaps.{}.conv.weight"),
            width=width,
            levels=_levels(state),
            attention=attention,
            spare_skips="hgs.0.up1.skip_layer.conv.weight" in state,
        )
    except ConfigError as error:
        raise _not_checkpoint(f"its size is not possible ({error})", where) from error
    _fit(state, config, where)
    header = ModelHeader(
        scheme=scheme.id,
        preset=_preset(config, scheme),
        config=config,
        crop_factor=PICKLED_CROP_FACTOR,
        antialias=False,
        training={"source": "converted from a checkpoint", "file": Path(where).name},
    )
    return header, state


def _scheme_for(points: int, edges: int | None, e2h: Tensor | None, where: str) -> Scheme:
    schemes = list(known_schemes().values())
    fitting = [s for s in schemes if len(s) == points and edges in (None, len(s.edge_groups))]
    for scheme in fitting:
        if e2h is None or _same_groups(scheme, e2h):
            return scheme
    known = ", ".join(f"{s.id} ({len(s)} points, {len(s.edge_groups)} edges)" for s in schemes)
    what = f"{points} points" + ("" if edges is None else f" and {edges} edge groups")
    if fitting:
        what += " with other members"
    raise CheckpointError(
        f"the checkpoint is for a scheme that is not known here: {what}",
        where=where,
        remedy=f"Choose a checkpoint of one of: {known}",
    )


def _same_groups(scheme: Scheme, e2h: Tensor) -> bool:
    expected = torch.zeros(len(scheme), len(scheme.edge_groups), 1, 1)
    for column, region in enumerate(scheme.edge_groups):
        expected[list(region.indices), column] = 1.0
    return e2h.shape == expected.shape and torch.equal(e2h.float(), expected)


def _count(state: State, pattern: str) -> int:
    count = 0
    while pattern.format(count) in state:
        count += 1
    return count


def _levels(state: State) -> int:
    """Pooling levels: how deep `low2` is nested."""
    levels, prefix = 0, "hgs.0.low2"
    while any(key.startswith(prefix + ".") for key in state):
        levels, prefix = levels + 1, prefix + ".low2"
    return levels


def _preset(config: NetConfig, scheme: Scheme) -> str:
    for name in PRESETS:
        preset = preset_config(name, scheme)
        if config in (preset, replace(preset, spare_skips=not preset.spare_skips)):
            return name
    return "custom"


def _fit(state: State, config: NetConfig, where: str) -> None:
    """CheckpointError unless keys and shapes are those of the network and every value is finite."""
    with torch.device("meta"):
        expected = StarNet(config).state_dict()
    missing, extra = sorted(set(expected) - set(state)), sorted(set(state) - set(expected))
    if missing or extra:
        parts = [f"{len(keys)} {what} ({keys[0]})" for keys, what in ((missing, "missing"), (extra, "unknown")) if keys]
        raise _not_checkpoint(f"its tensors do not fit the network: {', '.join(parts)}", where)
    for key, value in state.items():
        if value.shape != expected[key].shape:
            shapes = f"{tuple(value.shape)} instead of {tuple(expected[key].shape)}"
            raise _not_checkpoint(f"its tensor {key} has the wrong shape, {shapes}", where)
        if value.is_floating_point() != expected[key].is_floating_point() or value.is_complex():
            raise _not_checkpoint(f"its tensor {key} has the wrong type, {value.dtype}", where)
        if not bool(torch.isfinite(value).all()):
            raise CheckpointError(
                f"the model has values that are not finite, in {key}",
                where=where,
                remedy="Choose an earlier checkpoint of that training",
            )
    _check_variances(state, where)


def _check_variances(state: State, where: str) -> None:
    negative: Iterable[str] = (k for k, v in state.items() if k.endswith("running_var") and bool((v < 0).any()))
    key = next(iter(negative), None)
    if key is not None:
        raise CheckpointError(
            f"the model has a negative variance, in {key}", where=where, remedy="Fetch or train the model again"
        )


def _safetensors_metadata(data: bytes, where: str) -> dict[str, str]:
    """The metadata of safetensors bytes: 8 bytes of length, then a JSON object."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 10 or not 2 <= length <= len(data) - 8 or data[8:9] != b"{":
        raise _not_checkpoint("it is no model file", where)
    try:
        header = json.loads(data[8 : 8 + length])
        metadata = header.get("__metadata__") or {}
        return {str(key): value for key, value in metadata.items() if isinstance(value, str)}
    except (ValueError, RecursionError, AttributeError) as error:
        raise _not_checkpoint("it is no model file", where) from error


def _not_checkpoint(why: str, where: str) -> CheckpointError:
    return CheckpointError(f"this is not a model that can be used: {why}", where=where, remedy=_OTHER)


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return text[0][:200] if text else type(error).__name__
