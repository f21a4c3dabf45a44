"""A virtual display whose picture the test can see, for what must be tried on a real window system."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

SIZE = (1280, 900)

needs_xvfb = pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb is not installed")


@dataclass(frozen=True, slots=True)
class Screen:
    """A running display.

    Attributes:
        name: for DISPLAY.
        buffer: the server's memory of the screen, an XWD file.
    """

    name: str
    buffer: Path

    def covered(self) -> float:
        """Part of the screen that is not black: nothing else is shown, so this is what windows cover."""
        data = self.buffer.read_bytes()
        header = struct.unpack(">25I", data[:100])
        start = header[0] + 12 * header[19]  # the header, then a table of colours
        pixels = np.frombuffer(data, np.uint32, header[4] * header[5], start)
        return float(np.count_nonzero(pixels & 0xFFFFFF) / pixels.size)

    def environ(self) -> dict[str, str]:
        """Of a program that shall open its windows here."""
        hidden = {"QT_QPA_PLATFORM", "WAYLAND_DISPLAY"}
        return {name: value for name, value in os.environ.items() if name not in hidden} | {"DISPLAY": self.name}


@contextmanager
def screen(folder: Path) -> Iterator[Screen]:
    """A display of its own, gone when the block ends."""
    reading, writing = os.pipe()
    words = ["-displayfd", str(writing), "-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24", "-fbdir", str(folder), "-nolisten"]
    with subprocess.Popen(["Xvfb", *words, "tcp"], pass_fds=[writing], stderr=subprocess.DEVNULL) as server:
        os.close(writing)
        try:
            with os.fdopen(reading) as answer:
                number = answer.readline().strip()  # written once it takes connections
            assert number, "Xvfb did not start"
            yield Screen(f":{number}", folder / "Xvfb_screen0")
        finally:
            server.terminate()
