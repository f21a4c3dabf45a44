"""Brings torch's libraries into memory without keeping the window waiting.

Python holds its lock while it loads an extension module, and torch's takes a fifth of a second, in which no other
thread runs. A function called through ctypes runs without that lock, and the system's loader is such a function:
afterwards the import finds everything loaded.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import sys
from pathlib import Path

# In this order, and the first for everybody, as torch itself loads them.
_LIBRARIES = {
    "linux": ("libtorch_global_deps.so", "libtorch_python.so"),
    "darwin": ("libtorch_global_deps.dylib", "libtorch_python.dylib"),
}


def preload_torch() -> bool:
    """Load torch's libraries, unless torch is imported. False where that was not possible, which does no harm."""
    names = _LIBRARIES.get(sys.platform, ())
    if "torch" in sys.modules or not names:
        return False
    with contextlib.suppress(ImportError, ValueError, OSError, AttributeError):
        spec = importlib.util.find_spec("torch")
        folders = [] if spec is None else list(spec.submodule_search_locations or ())
        load = ctypes.CDLL(None).dlopen
        load.restype, load.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
        modes = (os.RTLD_NOW | os.RTLD_GLOBAL, os.RTLD_NOW)
        return bool(folders) and all(
            load(os.fsencode(Path(folders[0]) / "lib" / name), mode) for name, mode in zip(names, modes, strict=True)
        )
    return False
