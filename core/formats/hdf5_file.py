"""HDF5 files from strangers: what lies in the file itself, in bounded time and memory; all else is refused.

Links that lead elsewhere, virtual datasets and external storage would read files that nobody named. HDF5's own
decompression grows with what a chunk says, not with the chunk's size, so that chunks are taken raw and inflated here.
A few damaged files end the process that reads them, in the library's own code, so that another process does it.
"""

from __future__ import annotations

import math
import multiprocessing
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import FormatError, StarmarkError, shown
from core.files import open_regular
from core.formats.values import UnusableError

if TYPE_CHECKING:
    import h5py

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MAX_BYTES = 16 * 2**30
_BEGINNINGS = (0, 512, 1024, 2048)  # bytes before the signature, where another header comes first
_DEFLATE, _SHUFFLE = 1, 2
_MAX_CHUNKS = 65_536
_REMEDY = "Use the file as published"


def is_hdf5(head: bytes) -> bool:
    """Whether a file that begins with `head` is HDF5, perhaps behind a header of up to 2048 bytes."""
    return any(head[at : at + len(SIGNATURE)] == SIGNATURE for at in _BEGINNINGS)


def in_child(
    work: Callable[..., Any], arguments: tuple[Any, ...], path: Path, tell: Callable[[int, int], object]
) -> Any:
    """What `work(*arguments, tell)`, a function of a module, returns in a process of its own, whose death does no harm.

    Args:
        arguments, and what it returns or raises: picklable.
        path: the file it reads, for the message.
        tell: called with (done, total) as the work tells it, and several times a second; raising ends the process.

    Raises:
        FormatError: the process died. Else what the work raises.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_answer, args=(theirs, work, arguments), daemon=True)
    child.start()
    theirs.close()
    last = (0, 1)
    try:
        while True:
            if ours.poll(0.1):
                kind, value = ours.recv()
                if kind == "result":
                    return value
                if kind == "error":
                    raise value
                last = value
            tell(*last)
    except EOFError as error:
        what = "the file is damaged (the process that tried to read it died)"
        raise FormatError(what, where=path, remedy=_REMEDY) from error
    finally:
        child.kill()
        child.join()
        child.close()
        ours.close()


def _answer(pipe: Any, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """Do the work in the child, and say what came of it."""
    try:
        answer = ("result", work(*arguments, lambda done, total: pipe.send(("progress", (done, total)))))
    except StarmarkError as error:
        answer = ("error", error)
    pipe.send(answer)


@contextmanager
def open_hdf5(path: Path) -> Iterator[h5py.File]:
    """The file, for reading; FormatError if it is none. Objects in it only through the functions below."""
    with open_regular(path, MAX_BYTES, FormatError) as stream:
        head = stream.read(_BEGINNINGS[-1] + len(SIGNATURE))
    if not is_hdf5(head):
        what = "this is no MATLAB file of version 7.3 (HDF5)"
        raise FormatError(what, where=path, remedy="Save it in MATLAB with -v7.3, or choose another file")
    import h5py  # late: most users never open such a file

    with _damage(path):
        file = h5py.File(path, "r", locking=False)
    try:
        yield file
    finally:
        file.close()


@contextmanager
def _damage(where: str | Path) -> Iterator[None]:
    """Whatever the library raises on hostile bytes becomes one FormatError."""
    try:
        yield
    except (FormatError, UnusableError):
        raise
    except Exception as error:  # OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, ...
        text = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise FormatError(f"the file is damaged ({text})", where=where, remedy=_REMEDY) from error


def find_dataset(file: h5py.File, name: str, where: Path) -> h5py.Dataset | None:
    """The dataset of that name in the file itself, None if there is nothing of that name.

    Raises:
        FormatError: a link that leads elsewhere, or no dataset.
    """
    import h5py

    with _damage(where):
        key = name.encode()
        if not file.id.links.exists(key):
            return None
        if file.id.links.get_info(key).type != h5py.h5l.TYPE_HARD:
            raise FormatError(f"'{name}' is a link to elsewhere, which is not followed", where=where, remedy=_REMEDY)
        found = h5py.h5o.open(file.id, key)
        if not isinstance(found, h5py.h5d.DatasetID):
            raise FormatError(f"'{name}' is no array", where=where, remedy=_REMEDY)
        return h5py.Dataset(found)


def referred(file: h5py.File, reference: Any, where: Path) -> tuple[int, h5py.Dataset]:
    """(address, dataset) that an object reference leads to; UnusableError if it leads to none."""
    import h5py

    try:
        found = h5py.h5r.dereference(reference, file.id) if reference else None
        if isinstance(found, h5py.h5d.DatasetID):
            return int(h5py.h5o.get_info(found).addr), h5py.Dataset(found)
    except Exception as error:  # as in `_damage`
        raise UnusableError("its image cannot be found in the file") from error
    raise UnusableError("its image is no array in the file")


def plain_shape(dataset: h5py.Dataset, most: int, name: str) -> tuple[int, ...]:
    """Shape of a dataset of plain numbers or references, without reading it.

    Raises:
        UnusableError: it lies outside the file, has filters other than gzip and shuffle, or more than `most` bytes.
    """
    import h5py

    try:
        plist = dataset.id.get_create_plist()
        layouts = h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT, h5py.h5d.CHUNKED
        if plist.get_layout() not in layouts or plist.get_external_count():
            raise UnusableError(f"{name} lies outside the file, where it is not looked for")
        filters = {plist.get_filter(number)[0] for number in range(plist.get_nfilters())}
        if not filters <= {_DEFLATE, _SHUFFLE}:
            raise UnusableError(f"{name} is packed in another way than gzip")
        shape, size = dataset.shape, dataset.dtype.itemsize
        chunk = math.prod(dataset.chunks) * size if dataset.chunks else 0
    except UnusableError:
        raise
    except Exception as error:  # as in `_damage`
        raise UnusableError(f"{name} is damaged") from error
    if shape is None or not 1 <= len(shape) <= 3 or math.prod(shape) < 1:
        raise UnusableError(f"{name} is empty")
    if math.prod(shape) * size > most or chunk > most:
        raise UnusableError(f"{name} is too large ({' x '.join(map(str, shape))})")
    return tuple(shape)


def read_values(dataset: h5py.Dataset, name: str) -> NDArray[Any]:
    """All values of a dataset that passed `plain_shape`; UnusableError if it is damaged or has parts missing."""
    try:
        if dataset.chunks is None:
            if dataset.id.get_storage_size() < math.prod(dataset.shape) * dataset.dtype.itemsize:
                raise UnusableError(f"{name} is not in the file")
            return np.asarray(dataset[...])
        blocks = _blocks(dataset, name)
        if dataset.dtype.kind == "O":  # references, which only the library can make; chunks are what they should be now
            for _ in blocks:
                pass
            return np.asarray(dataset[...])
        values = np.zeros(dataset.shape, dataset.dtype)
        for start, block in blocks:
            place = tuple(slice(at, at + side) for at, side in zip(start, block.shape, strict=True))
            inside = values[place]
            inside[...] = block[tuple(slice(side) for side in inside.shape)]
    except UnusableError:
        raise
    except Exception as error:  # as in `_damage`
        raise UnusableError(f"{name} is damaged") from error
    return values


def _blocks(dataset: h5py.Dataset, name: str) -> Iterator[tuple[tuple[int, ...], NDArray[Any]]]:
    """Every chunk with the place of its first value."""
    chunks: list[tuple[int, ...]] = []
    expected = math.prod(-(-side // chunk) for side, chunk in zip(dataset.shape, dataset.chunks, strict=True))
    if expected > _MAX_CHUNKS:
        raise UnusableError(f"{name} is in too many pieces")

    itemsize = 8 if dataset.dtype.kind == "O" else dataset.dtype.itemsize
    size = math.prod(dataset.chunks) * itemsize

    def note(chunk: Any) -> bool | None:
        if chunk.size <= size + size // 100 + 1000:  # packing what cannot be packed makes it a little longer
            chunks.append(tuple(chunk.chunk_offset))
        return True if len(chunks) > expected else None  # True ends it

    dataset.id.chunk_iter(note)
    if len(set(chunks)) != expected or len(chunks) != expected:
        raise UnusableError(f"{name} is not whole in the file")
    plist = dataset.id.get_create_plist()
    filters = [plist.get_filter(number)[0] for number in range(plist.get_nfilters())]
    for start in chunks:
        mask, raw = dataset.id.read_direct_chunk(start)
        applied = [code for number, code in enumerate(filters) if not mask >> number & 1]
        data = _unpacked(raw, applied, size, itemsize, name)
        kind = np.dtype("u8") if dataset.dtype.kind == "O" else dataset.dtype
        yield start, np.frombuffer(data, kind).reshape(dataset.chunks)


def _unpacked(raw: bytes, filters: list[int], size: int, itemsize: int, name: str) -> bytes:
    """A chunk's bytes before its filters; UnusableError unless there are exactly `size`."""
    for code in reversed(filters):
        if code == _DEFLATE:
            raw = zlib.decompressobj().decompress(raw, size + 1)
        elif len(raw) == size:
            raw = np.frombuffer(raw, np.uint8).reshape(itemsize, -1).T.tobytes()
    if len(raw) != size:
        raise UnusableError(f"{name} is damaged ({len(raw)} bytes where {shown(size)} should be)")
    return raw
