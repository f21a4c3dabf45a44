"""The set-up's decisions: what is needed, what is there, what it says."""

from __future__ import annotations

import ast
import os
import re
import runpy
import sys
import tomllib
from pathlib import Path

import pytest

from app.setup import requirements, system
from app.setup.commands import COMMANDS, check_word, needs_of
from app.setup.console import SetupError, clock
from app.setup.environment import Environment, running_version
from app.setup.pip import Progress, explain

ROOT = Path(__file__).resolve().parents[2]


def imported_modules(file: Path) -> set[str]:
    """Top-level names and, for our own, full names of what a file imports, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def test_setup_imports_only_the_standard_library() -> None:
    for file in [ROOT / "main.py", *(ROOT / "app" / "setup").glob("*.py")]:
        for name in imported_modules(file):
            ours = name.startswith("app.setup") or (file.name == "start.py" and name == "app.entry")
            assert ours or name.split(".")[0] in sys.stdlib_module_names, f"{file.name} imports {name}"
    for package in ("app", "app/setup"):
        assert not imported_modules(ROOT / package / "__init__.py")


def test_an_old_python_can_read_main() -> None:
    tree = ast.parse((ROOT / "main.py").read_text(encoding="utf-8"), feature_version=(3, 4))
    newer = (ast.JoinedStr, ast.AnnAssign, ast.Match, ast.NamedExpr, ast.FunctionDef, ast.AsyncFunctionDef)
    assert not [node for node in ast.walk(tree) if isinstance(node, newer)]
    # Nothing of ours may be imported before the version was looked at.
    assert [n.names[0].name for n in tree.body if isinstance(n, ast.Import)] == ["os", "sys"]


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 6, 15), (3, 10, 13)])
def test_an_old_python_is_told_so(
    version: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(ROOT / "main.py"), run_name="__main__")
    assert stopped.value.code == 2
    message = capsys.readouterr().err
    assert "needs Python 3.11 or newer" in message
    assert f"Python {version[0]}.{version[1]} " in message
    assert message.count("\n") == 1


def test_what_each_start_needs() -> None:
    assert needs_of([]).window and needs_of([]).environment
    assert needs_of(["photos/"]).window
    assert needs_of(["-p", "x.starmark"]).window
    assert needs_of(["--from-launcher", "photos/"]).window
    for word in ("-h", "--help", "-V", "--version", "--install-launcher", "--uninstall-launcher"):
        assert not needs_of([word]).environment
    for command in COMMANDS:
        assert not needs_of([command]).window
        assert needs_of([command]).environment
    assert needs_of(["test"]).dev_tools
    assert needs_of(["test", "tests/core"]).dev_tools
    assert not needs_of(["test", "--help"]).dev_tools
    assert not needs_of(["predict"]).dev_tools


def test_a_mistyped_command_is_told_from_a_file(tmp_path: Path) -> None:
    check_word(str(tmp_path))
    check_word("--debug")
    check_word("postgresql://server/faces")
    with pytest.raises(SetupError, match=r"'evalute'\. Did you mean 'evaluate'\?"):
        check_word("evalute")
    with pytest.raises(SetupError, match="no command, file or folder"):
        check_word(str(tmp_path / "gone.jpg"))


def test_every_requirement_is_pinned_within_its_range() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = {}
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, version = line.split(";")[0].strip().split("==")
            pins[re.sub(r"[-_.]+", "-", name).lower()] = version
    assert pins["torch"] == "2.13.0"
    assert not [name for name in pins if name.startswith("nvidia")]
    for requirement in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        match = re.match(r"([A-Za-z0-9._-]+)([^;]*)", requirement)
        assert match is not None
        pin = pins[re.sub(r"[-_.]+", "-", match[1]).lower()]
        for clause in match[2].split(","):
            if clause.strip():
                assert requirements._clause_holds(pin, clause.strip()), f"{requirement} is pinned to {pin}"


def test_this_environment_has_everything() -> None:
    assert requirements.missing(ROOT / "pyproject.toml", dev_tools=True) == []


@pytest.mark.parametrize(
    ("version", "clause", "holds"),
    [
        ("2.13.0+cpu", ">=2.10", True),
        ("2.9.1", ">=2.10", False),
        ("6.11.0", "<6.11", False),
        ("6.10.3", "<6.11", True),
        ("77", ">=77.0", True),
        ("2.13.0+cpu", "==2.13.0", True),
        ("3.0rc1", ">=3", True),
        ("1.0", "!=1.0.0", False),
    ],
)
def test_version_ranges(version: str, clause: str, holds: bool) -> None:
    assert requirements._clause_holds(version, clause) is holds


def test_requirements_that_are_not_met() -> None:
    assert not requirements.satisfied("no-such-distribution>=1")
    assert not requirements.satisfied("numpy>=999")
    assert requirements.satisfied("numpy>=2.0")
    assert requirements.satisfied("no-such-distribution>=1; python_version < '3.0'")
    assert not requirements.satisfied("no-such-distribution>=1; python_version >= '3.0'")
    with pytest.raises(ValueError, match="version range"):
        requirements.satisfied("numpy~=2.0")


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """What a finished set-up leaves, without packages."""
    (tmp_path / "requirements.lock").write_text("numpy==1\n", encoding="utf-8")
    made = Environment(tmp_path)
    made.python.parent.mkdir(parents=True)
    made.python.touch()
    (made.path / "pyvenv.cfg").write_text(f"home = /x\nversion = {running_version()}.1\n", encoding="utf-8")
    made.building.touch()
    return made


def test_a_stamp_holds_for_its_lock_only(environment: Environment) -> None:
    assert not environment.is_complete()
    assert environment.is_ours()
    environment.write_stamp()
    assert environment.is_complete()
    assert environment.is_ours()
    assert not environment.building.exists()
    assert environment.read_stamp()[1] == running_version()
    environment.lock.write_text("numpy==2\n", encoding="utf-8")
    assert not environment.is_complete()


def test_a_stamp_without_a_python_is_worth_nothing(environment: Environment) -> None:
    environment.write_stamp()
    environment.python.unlink()
    assert not environment.is_complete()


@pytest.mark.parametrize("content", [b"", b"one", b"\xff\xfe", b"a b c"])
def test_a_damaged_stamp_is_no_stamp(environment: Environment, content: bytes) -> None:
    environment.stamp.write_bytes(content)
    assert not environment.is_complete()


def test_an_upgraded_system_python_ends_the_environment(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment.write_stamp()
    monkeypatch.setattr(sys, "prefix", str(environment.path))
    assert environment.is_complete()
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    assert not environment.is_complete()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems always have a display")
def test_no_display_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SetupError, match="no display"):
        system.check_display({})
    system.check_display({"QT_QPA_PLATFORM": "offscreen"})
    system.check_display({"WAYLAND_DISPLAY": "wayland-0"})
    monkeypatch.setenv("DISPLAY", ":7654")
    with pytest.raises(SetupError, match="display :7654 does not answer"):
        system.check_display(os.environ | {"QT_QPA_PLATFORM": "", "WAYLAND_DISPLAY": ""})


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems bring these libraries")
def test_x11_libraries_are_for_the_window_on_x11_only() -> None:
    def needed(window: bool, **environ: str) -> set[str]:
        return set(system.needed_libraries(window=window, environ=environ))

    base = set(system.QT_LIBRARIES)
    assert needed(False, DISPLAY=":0") == base
    assert needed(True, DISPLAY=":0") == base | set(system.X11_LIBRARIES)
    assert needed(True, DISPLAY=":0", QT_QPA_PLATFORM="offscreen") == base
    assert needed(True, DISPLAY=":0", WAYLAND_DISPLAY="w") == base
    assert needed(True, DISPLAY=":0", WAYLAND_DISPLAY="w", QT_QPA_PLATFORM="xcb") > base


class Loader:
    """Stands for the dynamic loader of a system that lacks some libraries until apt-get was run."""

    def __init__(self, absent: set[str], log: Path) -> None:
        self.absent = absent
        self.log = log

    def __call__(self, name: str) -> None:
        if name in self.absent and not self.log.exists():
            raise OSError(f"{name}: cannot open shared object file")


@pytest.fixture
def apt_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Debian system with an apt-get that notes what it was asked for."""
    log = tmp_path / "apt.log"
    script = tmp_path / "bin" / "apt-get"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\necho "$DEBIAN_FRONTEND: $@" >> "{log}"\n', encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(system, "is_debian_like", lambda: True)
    return log


needs_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="about Linux packages")


@needs_linux
def test_root_gets_missing_libraries_installed(
    apt_log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(system, "is_root", lambda: True)
    loader = Loader({"libEGL.so.1", "libxcb-cursor.so.0"}, apt_log)
    system.ensure_libraries(window=True, environ={"DISPLAY": ":0"}, load=loader)
    lines = apt_log.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("noninteractive: update")
    assert lines[1].startswith("noninteractive: install -y")
    assert lines[1].endswith("libegl1 libxcb-cursor0")
    assert "Installing the system packages libegl1 libxcb-cursor0" in capsys.readouterr().err
    system.ensure_libraries(window=True, environ={"DISPLAY": ":0"}, load=loader)
    assert apt_log.read_text(encoding="utf-8").splitlines() == lines


@needs_linux
def test_others_get_the_one_command(apt_log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "is_root", lambda: False)
    with pytest.raises(SetupError, match=r"sudo apt-get install -y libegl1$"):
        system.ensure_libraries(window=False, environ={}, load=Loader({"libEGL.so.1"}, apt_log))
    monkeypatch.setattr(system, "is_debian_like", lambda: False)
    with pytest.raises(SetupError, match="package manager"):
        system.ensure_libraries(window=False, environ={}, load=Loader({"libEGL.so.1"}, apt_log))
    assert not apt_log.exists()


@needs_linux
def test_a_failing_apt_is_reported(apt_log: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(system, "is_root", lambda: True)
    (tmp_path / "bin" / "apt-get").write_text("#!/bin/sh\necho 'E: Unable to locate package' >&2\nexit 100\n")
    with pytest.raises(SetupError, match=r"E: Unable to locate package.*apt-get update && apt-get install -y libegl1"):
        system.ensure_libraries(window=False, environ={}, load=Loader({"libEGL.so.1"}, apt_log))


@needs_linux
def test_the_real_loader_knows_the_c_library() -> None:
    assert system.missing_libraries(["libc.so.6", "libnothing-of-the-kind.so.9"]) == ["libnothing-of-the-kind.so.9"]


def test_debian_and_its_children_are_recognised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system.shutil, "which", lambda name: f"/usr/bin/{name}")
    release = tmp_path / "os-release"
    for text, expected in (
        ("ID=debian\n", True),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', True),
        ("ID=fedora\nID_LIKE=rhel\n", False),
        ('NAME="not debian"\n', False),
    ):
        release.write_text(text, encoding="utf-8")
        assert system.is_debian_like(release) is expected
    assert not system.is_debian_like(tmp_path / "missing")


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("OSError: [Errno 28] No space left on device", "disk became full"),
        (
            "WARNING: Retrying (Retry(total=0)) after NewConnectionError: [Errno -2] Name or service not known",
            "network",
        ),
        ("WARNING: Retrying after SSLError(SSLCertVerificationError: CERTIFICATE_VERIFY_FAILED)", "certificate"),
        ("ERROR: No matching distribution found for torch==2.13.0", "no build of torch==2.13.0 for Python"),
        ("ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied: 'x'", "cannot be written"),
        ("ERROR: something new", "something new"),
    ],
)
def test_pip_errors_become_plain_words(printed: str, said: str) -> None:
    progress = Progress(3)
    progress.feed(printed)
    assert said in str(explain(progress.errors, [printed]))


def test_no_network_wins_over_its_consequence() -> None:
    tail = [
        "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError'",
        "ERROR: Could not find a version that satisfies the requirement torch==2.13.0 (from versions: none)",
        "ERROR: No matching distribution found for torch==2.13.0",
    ]
    assert "network" in str(explain(tail[1:], tail))


def test_progress_counts_and_names_large_downloads() -> None:
    progress = Progress(3)
    assert progress.feed("Collecting alembic==1.20.1 (from -r x (line 6))") is None
    assert progress.feed("  Downloading alembic-1.20.1-py3-none-any.whl (250 kB)") is None
    assert progress.feed("Collecting torch==2.13.0") is None
    news = progress.feed("  Downloading torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl (190.6 MB)")
    assert news == "downloading torch (190.6 MB)"
    assert progress.status(75.0) == "  2/3 packages, torch (190.6 MB), 1:15"
    progress.feed("Processing /wheels/numpy-2.4.6-cp311-cp311-linux_x86_64.whl (from -r x (line 7))")
    assert progress.seen == 3
    assert not progress.unpacking
    assert progress.feed("Installing collected packages: alembic, torch") is not None
    assert progress.unpacking


def test_clock() -> None:
    assert clock(5.9) == "0:05"
    assert clock(754) == "12:34"
