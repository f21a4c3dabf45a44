"""A look at a torch checkpoint's pickle before torch reads it: what it asks for, and whether that is bounded.

torch's own `weights_only` reader runs no foreign code, yet a few bytes make it fill the memory (a `bytearray` of any
size) or overrun the stack (a deep tuple as a key). Here the pickle is followed step by step without making anything of
torch's. Passed are dicts, lists, plain values and tensors that lie inside their storages, and nothing else.
"""

from __future__ import annotations

import math
import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MAX_STEPS = 1_000_000
"""The published network with two averages and an optimiser takes 250,000."""
_MAX_DIMENSIONS = 8

_WIDTHS = {
    "torch FloatStorage": 4,
    "torch DoubleStorage": 8,
    "torch HalfStorage": 2,
    "torch BFloat16Storage": 2,
    "torch LongStorage": 8,
    "torch IntStorage": 4,
    "torch ShortStorage": 2,
    "torch CharStorage": 1,
    "torch ByteStorage": 1,
    "torch BoolStorage": 1,
}
_ORDERED = "collections OrderedDict"
_COUNTER = "collections Counter"
_TENSOR = "torch._utils _rebuild_tensor_v2"
_PARAMETER = "torch._utils _rebuild_parameter"
_SIZE = "torch Size"
_KNOWN = {_ORDERED, _COUNTER, _TENSOR, _PARAMETER, _SIZE, *_WIDTHS}


class ForeignPickleError(ValueError):
    """The pickle asks for more than tensors and plain values."""


class DamagedPickleError(ValueError):
    """The pickle contradicts itself or the archive, or is larger than any checkpoint's."""


@dataclass(frozen=True, slots=True)
class _Global:
    name: str


@dataclass(frozen=True, slots=True)
class _Storage:
    count: int
    width: int


class _Opaque:
    """A tensor; nothing more of it matters."""


_CONSTANTS: dict[str, Callable[[], object]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
}
_VALUES = {"BINUNICODE", "SHORT_BINUNICODE", "BININT", "BININT1", "BININT2", "BINFLOAT"}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_PUT = {"BINPUT", "LONG_BINPUT"}
_GET = {"BINGET", "LONG_BINGET"}


def check_pickle(data: bytes, records: Mapping[str, int]) -> None:
    """Follow the pickle of a torch archive.

    Args:
        data: the pickle.
        records: bytes of each storage in the archive, by its key.

    Raises:
        ForeignPickleError: it names other functions or classes, or uses instructions that torch does not write.
        DamagedPickleError: a tensor or storage is not as large as it says, or the whole is out of bounds.
    """
    machine = _Machine(records)
    try:
        for steps, (code, argument, _position) in enumerate(pickletools.genops(data)):
            if steps > MAX_STEPS:
                raise DamagedPickleError("its index is too long")
            machine.step(code.name, argument)
    except (DamagedPickleError, ForeignPickleError):
        raise
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise DamagedPickleError("its index is damaged") from error


class _Machine:
    """Stack, marks and memo of an unpickler (PEP 307), over values that cost nothing."""

    def __init__(self, records: Mapping[str, int]) -> None:
        self._records = records
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self._budget = MAX_STEPS

    def step(self, name: str, argument: Any) -> None:
        """One instruction."""
        stack = self._stack
        if name in _VALUES or (name == "LONG1" and abs(argument) < 2**63):
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name]())
        elif name == "MARK":
            self._marks.append(len(stack))
        elif name in _PUT:
            self._memo[argument] = stack[-1]
        elif name in _GET:
            stack.append(self._memo[argument])
        elif name in _TUPLES:
            count = _TUPLES[name]
            stack[-count:] = [tuple(stack[-count:])]
        elif name == "TUPLE":
            stack.append(tuple(self._marked()))
        elif name in ("APPEND", "APPENDS"):
            values = self._marked() if name == "APPENDS" else [stack.pop()]
            _of(stack[-1], list).extend(values)
        elif name in ("SETITEM", "SETITEMS"):
            self._set_items(self._marked() if name == "SETITEMS" else [stack.pop(-2), stack.pop()])
        elif name == "GLOBAL":
            if argument not in _KNOWN:
                raise ForeignPickleError(argument)
            stack.append(_Global(argument))
        elif name == "BINPERSID":
            stack.append(self._storage(stack.pop()))
        elif name == "REDUCE":
            values = _of(stack.pop(), tuple)
            stack.append(self._called(_of(stack.pop(), _Global).name, values))
        elif name == "BUILD":  # a state dict's versions; not kept
            _of(stack.pop(), dict)
            _of(stack[-1], dict)
        elif name != "STOP" and (name, argument) != ("PROTO", 2):
            raise ForeignPickleError(name)

    def _marked(self) -> list[Any]:
        """What lies above the last mark, taken off with it."""
        start = self._marks.pop()
        values = self._stack[start:]
        del self._stack[start:]
        return values

    def _set_items(self, flat: list[Any]) -> None:
        table = _of(self._stack[-1], dict)
        for key, value in zip(flat[::2], flat[1::2], strict=True):
            if not isinstance(key, str | int | float):  # other keys may be as deep as the file is long
                raise ForeignPickleError("key")
            table[key] = value

    def _called(self, name: str, values: tuple[Any, ...]) -> object:
        if name in (_ORDERED, _COUNTER):
            # Torch walks through the argument again for each call; shared ones could make that endless.
            self._budget -= sum(len(_of(value, dict | list)) for value in values)
            if self._budget < 0:
                raise DamagedPickleError("its index is too long")
            return {}
        if name == _TENSOR:
            return _tensor(*values)
        if name == _PARAMETER:
            return _of(values[0], _Opaque)
        if name == _SIZE:
            return _sizes(*values)
        raise ForeignPickleError(name)

    def _storage(self, reference: Any) -> _Storage:
        word, kind, key, _place, count = _of(reference, tuple)
        width = _WIDTHS[_of(kind, _Global).name]
        if word != "storage" or not _is_count(count) or self._records[_of(key, str)] != count * width:
            raise DamagedPickleError(f"its part {key!r:.40} is not as large as its index says")
        return _Storage(count, width)


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_others: Any) -> _Opaque:
    """The arguments of a tensor: every element must have a place of its own, and lie in the storage."""
    sizes, strides = _sizes(size), _sizes(stride)
    storage = _of(storage, _Storage)
    if len(sizes) != len(strides) or not _is_count(offset):
        raise DamagedPickleError("a tensor has no shape")
    if 0 not in sizes:
        last = offset + sum((length - 1) * step for length, step in zip(sizes, strides, strict=True))
        if last >= storage.count or math.prod(sizes) > storage.count:
            raise DamagedPickleError(f"a tensor of {math.prod(sizes):.3g} values has only {storage.count} in the file")
    return _Opaque()


def _sizes(value: Any) -> tuple[int, ...]:
    sizes: tuple[int, ...] = _of(value, tuple)
    if len(sizes) > _MAX_DIMENSIONS or not all(map(_is_count, sizes)):
        raise DamagedPickleError("a tensor has no shape")
    return sizes


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**48


def _of(value: Any, kind: Any) -> Any:
    if not isinstance(value, kind):
        raise DamagedPickleError("its index is damaged")
    return value
