"""Model files: our safetensors with a JSON header, and published pickled checkpoints, read with no code in them run.

A published checkpoint is a torch-saved dict with `net` and maybe `net_ema` (STAR_SPEC.md section 6). Scheme and size
are inferred from tensor shapes; keys and shapes must then agree exactly.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import re
import struct
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, cast

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from core.errors import CheckpointError, ConfigError
from core.files import open_regular, read_limited, write_atomic
from core.model.header import HEADER_KEY, ModelHeader
from core.model.network import PRESETS, NetConfig, StarNet, preset_config
from core.model.pickle_check import DamagedPickleError, ForeignPickleError, check_pickle
from core.scheme import Scheme, known_schemes

MAX_FILE_BYTES = 2**30
"""The published network with two averages and an optimiser takes 300 MB."""
MAX_PICKLE_BYTES = 8 * 2**20
MAX_DIRECTORY_BYTES = 4 * 2**20
MAX_HEADER_BYTES = 4 * 2**20

PICKLED_CROP_FACTOR = 1.05
"""Published weights: the reference's demo crops this much around the landmarks (STAR_SPEC.md section 8)."""

_ZIP_MAGIC = b"PK\x03\x04"
_OLD_MAGIC = re.compile(rb"\x80.\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", re.DOTALL)  # torch.save before 1.6
_MAX_LEVELS = 8
_OTHER = "Choose a Starmark model (.safetensors) or a STAR checkpoint saved by torch"

State = dict[str, Tensor]


def save_model(path: str | Path, network: StarNet, header: ModelHeader) -> None:
    """Write `network` and its header to a model file, whole or not at all.

    CheckpointError if weights are not finite or do not fit the header; FileError if the disk refuses.
    """
    write_atomic(path, model_bytes(network, header, str(path)))


def model_bytes(network: StarNet, header: ModelHeader, where: str) -> bytes:
    """A model file; CheckpointError, naming `where`, if weights are not finite or do not fit the header."""
    state = {key: value.detach().to("cpu").contiguous() for key, value in network.state_dict().items()}
    _fit(state, header.config, where)
    return save_tensors(state, {HEADER_KEY: header.to_json()})


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
    except Exception as error:  # Rust and torch raise many: SafetensorError, KeyError, ...
        raise CheckpointError(
            f"the model file is damaged ({_first_line(error)})", where=path, remedy="Fetch or train the model again"
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
        data = _unpickled(stream, str(path))
    header, state = _infer(_state_dict(data, str(path)), str(path))
    return state, header, digest


def read_plain(path: str | Path) -> Any:
    """The tensors and plain values that torch saved to `path`, on the CPU, with no code in the file run.

    CheckpointError for damage, for anything else in it, and for more than `MAX_FILE_BYTES`.
    """
    with open_regular(path, MAX_FILE_BYTES, CheckpointError) as stream:
        return _unpickled(stream, str(path))


def _unpickled(stream: Any, where: str) -> Any:
    """What torch saved to `stream`, looked through before torch reads it."""
    stream.seek(0)
    _check_archive(stream, where)
    stream.seek(0)
    try:
        return torch.load(stream, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _foreign(where) from error
    except MemoryError as error:
        raise _not_checkpoint("it needs more memory than there is", where) from error
    except Exception as error:
        raise _not_checkpoint(f"torch cannot read it ({_first_line(error)})", where) from error


class _Directory:
    """A file for `zipfile`, which reads the directory of an archive at once, however long it says it is."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int = -1) -> bytes:
        limit = MAX_DIRECTORY_BYTES + 1
        data = cast(bytes, self._stream.read(limit if size < 0 else min(size, limit)))
        if len(data) > MAX_DIRECTORY_BYTES:
            raise ValueError("the directory is too long")
        return data


def _check_archive(stream: Any, where: str) -> None:
    """Refuse archives that are not as torch writes them, and those whose index asks for more than they hold."""
    size = stream.seek(0, 2)
    try:
        with zipfile.ZipFile(cast(IO[bytes], _Directory(stream))) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError, struct.error) as error:
        raise CheckpointError(
            "the checkpoint is truncated or damaged", where=where, remedy="Fetch the file again"
        ) from error
    names = {member.filename for member in members}
    indices = [member for member in members if member.filename.endswith("/data.pkl")]
    if any(name.endswith("/constants.pkl") for name in names):
        raise _not_checkpoint("it is a program made with TorchScript", where)
    if len(indices) != 1:
        raise _not_checkpoint("it is an archive of another kind", where)
    # torch stores without compression: then no archive unpacks to more than its own size.
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise _not_checkpoint("it is compressed, which torch never does", where)
    if len(names) != len(members) or sum(member.file_size for member in members) > size:
        raise _not_checkpoint("its parts lie over each other", where)
    _check_index(stream, indices[0], members, where)


def _check_index(stream: Any, index: zipfile.ZipInfo, members: list[zipfile.ZipInfo], where: str) -> None:
    if index.file_size > MAX_PICKLE_BYTES:
        raise _not_checkpoint("its index is too long", where)
    folder = index.filename.removesuffix("data.pkl") + "data/"
    records = {m.filename.removeprefix(folder): m.file_size for m in members if m.filename.startswith(folder)}
    stream.seek(0)
    try:
        with zipfile.ZipFile(stream) as archive:
            check_pickle(archive.read(index), records)
    except ForeignPickleError as error:
        raise _foreign(where) from error
    except DamagedPickleError as error:
        raise _not_checkpoint(str(error), where) from error
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError, EOFError) as error:
        raise CheckpointError(
            "the checkpoint is truncated or damaged", where=where, remedy="Fetch the file again"
        ) from error


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
    edge_head = state.get("out_edgemaps.0.conv.weight")
    if edge_head is not None and edge_head.ndim != 4:
        raise _not_checkpoint("its tensors are not those of a STAR network", where)
    attention, edges = edge_head is not None, None if edge_head is None else len(edge_head)
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
    while levels <= _MAX_LEVELS and any(key.startswith(prefix + ".") for key in state):
        levels, prefix = levels + 1, prefix + ".low2"
    return levels


def _preset(config: NetConfig, scheme: Scheme) -> str:
    for name in PRESETS:
        preset = preset_config(name, scheme)
        if config in (preset, replace(preset, spare_skips=not preset.spare_skips)):
            return name
    return "custom"


def _fit(state: State, config: NetConfig, where: str) -> None:
    """CheckpointError unless keys and shapes are those of the network and every value is a finite number of its own."""
    head = state.get("out_heatmaps.0.conv.weight")
    heads = () if head is None else tuple(head.shape[:2])
    sizes = _count(state, "out_heatmaps.{}.conv.weight"), _levels(state), heads
    if sizes != (config.stacks, config.levels, (config.points, config.width)):  # before a network that size is made
        raise _not_checkpoint("its tensors do not fit the size of the network", where)
    with torch.device("meta"):
        expected = StarNet(config).state_dict()
    missing, extra = sorted(set(expected) - set(state)), sorted(set(state) - set(expected))
    if missing or extra:
        parts = [
            f"{len(keys)} {what} ({keys[0][:80]})" for keys, what in ((missing, "missing"), (extra, "unknown")) if keys
        ]
        raise _not_checkpoint(f"its tensors do not fit the network: {', '.join(parts)}", where)
    for key, value in state.items():
        if value.shape != expected[key].shape:
            shapes = f"{tuple(value.shape)} instead of {tuple(expected[key].shape)}"
            raise _not_checkpoint(f"its tensor {key} has the wrong shape, {shapes}", where)
        if value.is_floating_point() != expected[key].is_floating_point() or value.is_complex():
            raise _not_checkpoint(f"its tensor {key} has the wrong type, {value.dtype}", where)
        # As float32, which the network will keep: a float64 may be finite, and too large for it.
        if value.is_floating_point() and not bool(torch.isfinite(value.to(torch.float32)).all()):
            raise CheckpointError(
                f"the model has values that are not finite, in {key}",
                where=where,
                remedy="Choose an earlier checkpoint of that training",
            )
    _check_variances(state, where)
    _check_own_memory(state, where)


def _check_own_memory(state: State, where: str) -> None:
    """Tensors may not share their memory: a small file could then ask for a network of any size."""
    storages = {value.untyped_storage().data_ptr(): value.untyped_storage().nbytes() for value in state.values()}
    if sum(value.numel() * value.element_size() for value in state.values()) > sum(storages.values()):
        raise _not_checkpoint("its tensors share their values", where)


def _check_variances(state: State, where: str) -> None:
    variances = ((key, value.to(torch.float32)) for key, value in state.items() if key.endswith("running_var"))
    negative: Iterable[str] = (key for key, value in variances if bool((value < 0).any()))
    key = next(iter(negative), None)
    if key is not None:
        raise CheckpointError(
            f"the model has a negative variance, in {key}", where=where, remedy="Fetch or train the model again"
        )


def _safetensors_metadata(data: bytes, where: str) -> dict[str, str]:
    """The metadata of safetensors bytes: 8 bytes of length, then a JSON object."""
    length = int.from_bytes(data[:8], "little")
    if length < 2 or data[8:9] != b"{":
        if _OLD_MAGIC.match(data):
            remedy = "Load it with torch, save its state dict with torch.save, and add that file"
            raise CheckpointError("the checkpoint was saved by a torch before 1.6", where=where, remedy=remedy)
        if data[:1] == b"\x80":
            raise _not_checkpoint("it is a pickle that torch.save did not write", where)
        raise _not_checkpoint("it is no model file", where)
    if length > MAX_HEADER_BYTES:
        raise _not_checkpoint(f"its header has {length / 2**20:.4g} MB, at most {MAX_HEADER_BYTES // 2**20}", where)
    if length > len(data) - 8:
        raise CheckpointError("the model file is cut short", where=where, remedy="Fetch or train the model again")
    try:
        header = json.loads(data[8 : 8 + length])
        metadata = header.get("__metadata__") or {}
        return {str(key): value for key, value in metadata.items() if isinstance(value, str)}
    except (ValueError, RecursionError, AttributeError) as error:
        raise _not_checkpoint("it is no model file", where) from error


def _foreign(where: str) -> CheckpointError:
    return CheckpointError(
        "the checkpoint holds more than tensors and plain values, and loading it could run foreign code",
        where=where,
        remedy="Save only its state dict with torch.save, and add that file",
    )


def _not_checkpoint(why: str, where: str) -> CheckpointError:
    return CheckpointError(f"this is not a model that can be used: {why}", where=where, remedy=_OTHER)


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return text[0][:200] if text else type(error).__name__
