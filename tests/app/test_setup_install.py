"""The set-up for real: a small project whose lock holds one tiny wheel, in a folder with an awkward name."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAME = "starmark_tiny_test"

ENTRY = f"""
import sys

def main(argv):
    import {NAME}
    print("running", {NAME}.VALUE, sys.prefix, argv)
    return 7
"""


def make_wheel(folder: Path, version: str) -> None:
    """A wheel with one module that knows its version."""
    folder.mkdir(exist_ok=True)
    info = f"{NAME}-{version}.dist-info"
    files = {
        f"{NAME}.py": f"VALUE = 'v{version}'\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},"
        f"{len(text.encode())}\n"
        for name, text in files.items()
    )
    with zipfile.ZipFile(folder / f"{NAME}-{version}-py3-none-any.whl", "w") as wheel:
        for name, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            wheel.writestr(name, text)


class Project:
    """A checkout with the real set-up and a program that only says where it runs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.venv = root / ".venv"
        self.stamp = self.venv / "starmark-stamp"
        (root / "app").mkdir(parents=True)
        shutil.copy(ROOT / "main.py", root)
        shutil.copytree(ROOT / "app" / "setup", root / "app" / "setup")
        (root / "app" / "__init__.py").touch()
        (root / "app" / "entry.py").write_text(ENTRY, encoding="utf-8")
        project = f'[project]\ndependencies = ["{NAME}>=1"]\n[project.optional-dependencies]\ndev = []\n'
        (root / "pyproject.toml").write_text(project, encoding="utf-8")
        for version in ("1.0", "2.0"):
            make_wheel(root / "wheels", version)
        self.lock("1.0")

    def lock(self, version: str) -> None:
        """Pin another version."""
        wheels = (self.root / "wheels").as_uri()
        text = f"# a lock\n--no-index\n--find-links {wheels}\n{NAME}=={version}\n"
        (self.root / "requirements.lock").write_text(text, encoding="utf-8")

    def popen(self, *words: str, python: str = sys.executable, **options: object) -> subprocess.Popen[str]:
        environ = {key: value for key, value in os.environ.items() if not key.startswith("STARMARK_")}
        command = [python, str(self.root / "main.py"), *words]
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=environ | {"PYTHONUTF8": "1"},
            **options,  # type: ignore[call-overload]
        )

    def run(self, *words: str, python: str = sys.executable) -> tuple[int, str, str]:
        process = self.popen(*words, python=python)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def ran(self, out: str, version: str, words: list[str]) -> bool:
        return out.strip() == f"running v{version} {self.venv} {words}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project after its first start."""
    project = Project(tmp_path_factory.mktemp("work") / "mit Leerzeichen und Ümläut")
    code, out, err = project.run("predict", "a b.jpg", "ü")
    assert project.ran(out, "1.0", ["predict", "a b.jpg", "ü"]), err
    assert code == 7
    assert "setting itself up" in err
    return project


@pytest.fixture
def project(made: Project, tmp_path: Path) -> Project:
    """A copy of the finished project that the test may break; environments with links survive a copy."""
    root = tmp_path / "Kopie ä"
    shutil.copytree(made.root, root, symlinks=True)
    made_copy = Project.__new__(Project)
    made_copy.root, made_copy.venv = root, root / ".venv"
    made_copy.stamp = made_copy.venv / "starmark-stamp"
    made_copy.lock("1.0")
    (root / ".venv" / "starmark-stamp").unlink()
    (root / ".venv" / "marker").touch()
    return made_copy


def test_the_second_start_is_silent(made: Project) -> None:
    before = made.stamp.stat().st_mtime_ns
    code, out, err = made.run("doctor")
    assert code == 7
    assert made.ran(out, "1.0", ["doctor"])
    assert err == ""
    assert made.stamp.stat().st_mtime_ns == before


def test_the_environments_own_python_goes_on_directly(made: Project) -> None:
    python = made.venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    code, out, err = made.run("doctor", python=str(python))
    assert (code, err) == (7, "")
    assert made.ran(out, "1.0", ["doctor"])


def test_help_needs_no_environment(tmp_path: Path) -> None:
    project = Project(tmp_path)
    (tmp_path / "app" / "entry.py").write_text("def main(argv):\n    print('help', argv)\n    return 0\n")
    code, out, _err = project.run("--help")
    assert (code, out.strip()) == (0, "help ['--help']")
    assert not project.venv.exists()


def test_somebody_elses_environment_is_completed_not_deleted(project: Project) -> None:
    project.lock("2.0")
    code, out, err = project.run("doctor")
    assert code == 7, err
    assert project.ran(out, "2.0", ["doctor"])
    assert "already there" in err
    assert (project.venv / "marker").exists()
    # From now on it is kept by us: a new lock updates it in place.
    project.lock("1.0")
    code, out, err = project.run("doctor")
    assert project.ran(out, "1.0", ["doctor"]), err
    assert (project.venv / "marker").exists()


def test_an_interrupted_setup_starts_afresh(project: Project) -> None:
    (project.venv / "starmark-building").touch()
    code, out, err = project.run("doctor")
    assert code == 7, err
    assert project.ran(out, "1.0", ["doctor"])
    assert "interrupted" in err
    assert not (project.venv / "marker").exists()
    assert not (project.venv / "starmark-building").exists()


@pytest.mark.skipif(os.name != "posix", reason="links and signals as on Unix")
def test_a_broken_environment_is_made_anew(project: Project) -> None:
    python = project.venv / "bin" / "python"
    python.unlink()
    python.symlink_to(project.root / "gone")
    code, out, err = project.run("doctor")
    assert code == 7, err
    assert project.ran(out, "1.0", ["doctor"])
    assert "broken" in err


def test_a_folder_that_is_no_environment_is_left_alone(project: Project) -> None:
    shutil.rmtree(project.venv)
    project.venv.mkdir()
    (project.venv / "thesis.txt").touch()
    code, _out, err = project.run("doctor")
    assert code == 2
    assert "is no Python environment" in err
    assert (project.venv / "thesis.txt").exists()


def test_a_failed_update_says_why_and_can_be_repeated(project: Project) -> None:
    project.lock("3.0")
    code, out, err = project.run("doctor")
    assert (code, out) == (2, "")
    last = err.strip().splitlines()[-1]
    assert last.startswith(f"starmark: there is no build of {NAME}==3.0")
    assert (project.venv / "marker").exists()
    project.lock("2.0")
    code, out, err = project.run("doctor")
    assert project.ran(out, "2.0", ["doctor"]), err
    assert (project.venv / "marker").exists()


@pytest.mark.skipif(os.name != "posix", reason="links and signals as on Unix")
def test_ctrl_c_and_kill_leave_nothing_that_harms(project: Project) -> None:
    for number, expected in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
        project.stamp.unlink(missing_ok=True)
        (project.venv / "starmark-building").touch()
        process = project.popen("doctor", start_new_session=True)
        assert process.stderr is not None
        while "Creating the environment" not in (line := process.stderr.readline()):
            assert line, "the set-up ended before it could be interrupted"
        # A terminal sends Ctrl-C to the whole group; a kill hits one process.
        (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
        out, err = process.communicate(timeout=60)
        assert process.returncode == expected, err
        assert out == ""
        assert not project.stamp.exists()
    code, out, err = project.run("doctor")
    assert project.ran(out, "1.0", ["doctor"]), err
    assert code == 7


def test_two_starts_at_once_set_up_once(project: Project) -> None:
    project.lock("2.0")
    both = [project.popen("doctor"), project.popen("doctor")]
    results = [process.communicate(timeout=120) for process in both]
    for out, err in results:
        assert project.ran(out, "2.0", ["doctor"]), err
    said = "".join(err for _, err in results)
    assert said.count("setting itself up in .venv") == 1


@pytest.mark.skipif(os.name != "posix" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_folder_without_write_permission_is_said(project: Project) -> None:
    project.root.chmod(0o555)
    try:
        code, _out, err = project.run("doctor")
    finally:
        project.root.chmod(0o755)
    assert code == 2
    assert "cannot be written to" in err


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes as on Linux")
def test_children_of_children_end_with_us() -> None:
    grandchild = "import os, time; print('grandchild', os.getpid(), flush=True); time.sleep(60)"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grandchild!r}])"
    program = f"""
import _thread, os, sys, threading
from app.setup import processes

def interrupt(process):
    line = process.stdout.readline()
    print(line, flush=True)
    _thread.interrupt_main()

real = processes.subprocess.Popen.communicate
def communicate(process, timeout=None):
    if timeout is None:
        interrupt(process)
    return real(process, timeout=timeout)

processes.subprocess.Popen.communicate = communicate
try:
    processes.run_with_children([sys.executable, "-c", {child!r}])
except KeyboardInterrupt:
    print("stopped", flush=True)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert "stopped" in done.stdout, done.stderr
    state = Path(f"/proc/{done.stdout.split()[1]}/stat")
    assert not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] == "Z", "dead, if not yet buried"


def test_a_removal_that_is_stopped_half_way_can_go_on(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.setup.environment import Environment
    from app.setup.install import _remove

    def stop(_path: object) -> None:
        raise KeyboardInterrupt

    environment = Environment(project.root)
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", stop)
        with pytest.raises(KeyboardInterrupt):
            _remove(environment)
    (project.venv / "pyvenv.cfg").unlink(missing_ok=True)  # whichever files went first
    code, out, err = project.run("doctor")
    assert project.ran(out, "1.0", ["doctor"]), err
    assert code == 7


def test_a_child_that_still_writes_does_not_keep_an_old_environment(tmp_path: Path) -> None:
    """A set-up that was stopped may leave its last child at work for a moment."""
    from app.setup.environment import Environment
    from app.setup.install import _remove

    environment = Environment(tmp_path)
    folder = environment.path
    (folder / "lib").mkdir(parents=True)
    stop = threading.Event()

    def write() -> None:
        for number in itertools.count():
            if stop.is_set() or number == 3000:
                return
            with contextlib.suppress(OSError):
                (folder / "lib" / f"{number}").mkdir()

    child = threading.Thread(target=write)
    child.start()
    try:
        _remove(environment)
    finally:
        stop.set()
        child.join()
    assert not folder.exists()
