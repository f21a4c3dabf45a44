"""Tell glibc to keep large blocks: handing them back costs page faults, more than the arithmetic of a small batch."""

from __future__ import annotations

import ctypes
import platform

_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_MAX = -4
_TRIM = 2**31 - 1
_PAD = 64 * 2**20


def keep_large_blocks() -> bool:
    """Make freed blocks stay with this process; False where the C library is another one.

    The memory of a process then stays at its peak, which for a trainer or a predictor is what it needs again.
    """
    if platform.system() != "Linux" or platform.libc_ver()[0] != "glibc":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return all(mallopt(key, value) for key, value in ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, _TRIM), (_M_TOP_PAD, _PAD)))
