"""What the window needs from the operating system: a display and a few libraries. Standard library only."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from app.setup.commands import program
from app.setup.console import SetupError, say

# Library that is loaded -> Debian and Ubuntu package that holds it.
QT_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libxkbcommon.so.0": "libxkbcommon0",
}
X11_LIBRARIES = {
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
}


def check_display(environ: Mapping[str, str] = os.environ) -> None:
    """SetupError if no window can be shown: Qt itself would only abort. Linux only; elsewhere there is a display."""
    if not sys.platform.startswith("linux") or environ.get("QT_QPA_PLATFORM"):
        return
    if environ.get("WAYLAND_DISPLAY"):
        return
    if not environ.get("DISPLAY"):
        raise SetupError(
            "there is no display to open the window on (neither DISPLAY nor WAYLAND_DISPLAY is set). Start it from a "
            "desktop session or through 'ssh -X', or use the commands that need no window: "
            f"{program()} --help lists them."
        )
    if not _x_server_answers():
        raise SetupError(
            f"the display {environ['DISPLAY']} does not answer. Start it from a desktop session or through 'ssh -X', "
            f"or use the commands that need no window: {program()} --help lists them."
        )


def _x_server_answers() -> bool:
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return True  # cannot tell; a missing library is reported by the library check
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = (ctypes.c_char_p, ctypes.c_void_p)
    xcb.xcb_connection_has_error.argtypes = (ctypes.c_void_p,)
    xcb.xcb_disconnect.argtypes = (ctypes.c_void_p,)
    connection = xcb.xcb_connect(None, None)
    failed = bool(xcb.xcb_connection_has_error(connection))
    xcb.xcb_disconnect(connection)
    return not failed


def needed_libraries(*, window: bool, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Library -> package for what is about to be started: the real window, or Qt without a screen."""
    if not sys.platform.startswith("linux"):
        return {}
    needed = dict(QT_LIBRARIES)
    platform = environ.get("QT_QPA_PLATFORM", "")
    by_itself = not platform and environ.get("DISPLAY") and not environ.get("WAYLAND_DISPLAY")
    if window and (platform.startswith("xcb") or by_itself):
        needed.update(X11_LIBRARIES)
    return needed


def missing_libraries(names: Iterable[str], load: Callable[[str], object] = ctypes.CDLL) -> list[str]:
    """Those of `names` that the dynamic loader does not find."""
    absent = []
    for name in names:
        try:
            load(name)
        except OSError:
            absent.append(name)
    return absent


def ensure_libraries(
    *, window: bool, environ: Mapping[str, str] = os.environ, load: Callable[[str], object] = ctypes.CDLL
) -> None:
    """Install missing system libraries where that is allowed; SetupError with the one command to run where not."""
    needed = needed_libraries(window=window, environ=environ)
    absent = missing_libraries(needed, load)
    if not absent:
        return
    install_packages([needed[name] for name in absent], f"Qt needs {_listed(absent)}, missing on this system")
    still = missing_libraries(absent, load)
    if still:
        raise SetupError(
            f"{_listed(still)} cannot be loaded although the packages were installed. "
            "Run 'ldconfig' as root, or restart the system."
        )


def is_debian_like(os_release: Path = Path("/etc/os-release")) -> bool:
    """Whether packages come by apt-get, under the names that we know."""
    try:
        text = os_release.read_text(encoding="utf-8")
    except OSError:
        return False
    families: set[str] = set()
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key in ("ID", "ID_LIKE"):
            families.update(value.strip("\"'").lower().split())
    return bool(families & {"debian", "ubuntu"}) and shutil.which("apt-get") is not None


def is_root() -> bool:
    """Whether this process may install system packages."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def install_packages(packages: list[str], why: str) -> None:
    """Install Debian packages as root, saying so. SetupError naming the command to run if we may not or cannot."""
    command = f"apt-get install -y {' '.join(packages)}"
    if not is_debian_like():
        raise SetupError(
            f"{why}. Install it with your system's package manager; on Debian and Ubuntu the packages are called: "
            f"{' '.join(packages)}."
        )
    if not is_root():
        raise SetupError(f"{why}. Run this once, then start Starmark again: sudo {command}")
    say(f"Starmark: {why}.")
    say(f"  Installing the system packages {' '.join(packages)} (apt-get).")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    steps = (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages])
    for step in steps:
        done = subprocess.run(
            step, env=quiet, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
        )
        if done.returncode and "install" in step:  # a stale list may still do, so a failed update is not the end
            lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
            raise SetupError(
                f"{why}, and apt-get could not install it ({lines[-1] if lines else 'no message'}). "
                f"Run this as root: apt-get update && {command}"
            )


def ensure_venv_module() -> None:
    """Debian and Ubuntu split `venv` off Python: install it, or say how."""
    from importlib.util import find_spec

    if find_spec("venv") is not None and find_spec("ensurepip") is not None:
        return
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    install_packages([package], f"{sys.executable} comes without the modules 'venv' and 'ensurepip'")


def has_nvidia_gpu() -> bool:
    """Whether an NVIDIA driver is there, so that the large CUDA build of torch is worth downloading."""
    places = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg")
    return any(Path(place).exists() for place in places) or shutil.which("nvidia-smi") is not None


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
