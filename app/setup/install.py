"""Makes the environment: creates `.venv`, installs the lock, stamps it last. Standard library only."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from app.setup import system
from app.setup.console import SetupError, clock, say
from app.setup.environment import Environment, base_python
from app.setup.pip import NO_CONSOLE, run_pip
from app.setup.processes import run_with_children

CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
_PROBE_SECONDS = 3.0
_GIB = 1024**3
_NEEDED_BYTES = 3 * _GIB
_NEEDED_BYTES_CUDA = 9 * _GIB  # torch's CUDA build and its libraries, while they are unpacked


def set_up(environment: Environment) -> None:
    """Make the environment complete. Safe against a second set-up at the same time and against being interrupted.

    Raises:
        SetupError: in plain words, whatever the reason.
    """
    _check_writable(environment)
    system.ensure_venv_module()
    with _only_one(environment.root) as lock_file:
        if environment.is_complete():  # another set-up finished it while we waited
            return
        started = time.monotonic()
        pins = count_pins(environment.lock)
        say("Starmark: setting itself up in .venv (first start, or its packages changed).")
        say(f"  This downloads up to {pins} packages, takes some minutes, and happens once.")
        _check_space(environment.root)
        try:
            _prepare(environment, lock_file)
            _install(environment, lock_file)
            environment.write_stamp()
        except SetupError as error:
            if error.untouched:
                environment.building.unlink(missing_ok=True)
            raise
        except OSError as error:
            raise _file_problem(error, environment) from error
        say(f"Starmark: set up in {clock(time.monotonic() - started)}.")


def count_pins(lock: Path) -> int:
    """How many packages a lock names."""
    lines = (line.strip() for line in lock.read_text(encoding="utf-8").splitlines())
    return sum(1 for line in lines if line and not line.startswith(("#", "-")))


def _check_writable(environment: Environment) -> None:
    if not os.access(environment.root, os.W_OK):
        raise SetupError(
            f"the folder {environment.root} cannot be written to, so Starmark cannot set itself up there. "
            "Copy it to a folder of your own and start it from there."
        )


def _check_space(root: Path) -> None:
    needed = _NEEDED_BYTES_CUDA if sys.platform == "linux" and system.has_nvidia_gpu() else _NEEDED_BYTES
    free = shutil.disk_usage(root).free
    if free < needed:
        raise SetupError(
            f"{root} has {free / _GIB:.1f} GB free, and the set-up needs {needed / _GIB:.0f} GB. "
            "Make room on that disk, then start again."
        )


def _prepare(environment: Environment, lock_file: IO[str] | None) -> None:
    """Leave an environment with a working pip, marked as unfinished unless somebody else made it."""
    if environment.path.is_symlink() and not environment.path.exists():
        environment.path.unlink()
    if environment.path.exists():
        if not environment.stamp.exists() and environment.building.exists():
            say("  An earlier set-up was interrupted; starting it afresh.")
        elif _starts(environment):
            if environment.is_ours():
                environment.building.touch()
                environment.stamp.unlink(missing_ok=True)
            else:
                say("  Using the .venv that is already there, adding what it lacks.")
            _ensure_pip(environment)
            return
        elif not (environment.path / "pyvenv.cfg").exists() and any(environment.path.iterdir()):
            raise SetupError(f"{environment.path} is no Python environment. Move it away, then start again.")
        else:
            say("  The .venv that is there is broken; making it anew.")
        _remove(environment)
    environment.path.mkdir()
    environment.building.touch()
    say(f"  Creating the environment with Python {sys.version.split()[0]}.")
    code, printed = run_with_children([base_python(), "-I", "-m", "venv", str(environment.path)], lock_file)
    if code:
        lines = [line for line in printed.splitlines() if line.strip()]
        raise SetupError(
            f"Python could not create the environment {environment.path}: {lines[-1] if lines else 'no message'}. "
            f"Check that '{base_python()} -m venv' works, then start again."
        )


def _remove(environment: Environment) -> None:
    """Remove an environment, its mark last: stopped half-way, the next start must know that it is ours.

    It tries for some seconds, for the last child of a set-up that was killed may still write there.
    """
    folder = environment.path
    for left in reversed(range(40)):
        try:
            environment.building.touch()
            for entry in folder.iterdir():
                if entry == environment.building:
                    continue
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                else:
                    entry.unlink()
            environment.building.unlink()
            folder.rmdir()
            return
        except OSError:
            if not left:
                raise
            time.sleep(0.25)


def _starts(environment: Environment) -> bool:
    """Whether its Python runs and still is the version that the environment was made for."""
    question = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run(
            [str(environment.python), "-I", "-c", question],
            capture_output=True,
            text=True,
            timeout=60,
            creationflags=NO_CONSOLE,
        )
        return answer.returncode == 0 and answer.stdout.strip() == environment.version()
    except (OSError, subprocess.TimeoutExpired):
        return False


def _ensure_pip(environment: Environment) -> None:
    python = [str(environment.python), "-I", "-m"]
    if subprocess.run([*python, "pip", "--version"], capture_output=True, creationflags=NO_CONSOLE).returncode == 0:
        return
    done = subprocess.run(
        [*python, "ensurepip"], capture_output=True, text=True, errors="replace", creationflags=NO_CONSOLE
    )
    if done.returncode:
        raise SetupError(f"{environment.path} has no pip. Delete that folder, then start again.")


def _install(environment: Environment, lock_file: IO[str] | None) -> None:
    command = [
        *(str(environment.python), "-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-input"),
        # Compiling everything in advance takes twice as long as all the rest; Python compiles what it imports.
        *("--no-compile", "--progress-bar", "off", "--only-binary", ":all:", "-r", str(environment.lock)),
    ]
    if not system.has_nvidia_gpu():
        command += cpu_wheels()
    run_pip(command, count_pins(environment.lock), keep_open=lock_file)


def cpu_wheels() -> list[str]:
    """pip's options for torch's CPU build: PyPI's own for Linux brings gigabytes of CUDA. None are needed elsewhere."""
    return ["--extra-index-url", CPU_WHEELS] if sys.platform == "linux" and _answers(CPU_WHEELS) else []


def _answers(url: str) -> bool:
    """Whether a server answers soon: in a closed network pip would wait for it much longer, for every package."""
    import urllib.error
    import urllib.request

    request = urllib.request.Request(f"{url}/torch/", method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=_PROBE_SECONDS):
            return True
    except (OSError, ValueError, urllib.error.URLError):
        return False


@contextmanager
def _only_one(root: Path) -> Iterator[IO[str] | None]:
    """Hold the set-up's lock. The system frees it when the process ends, however it ends."""
    try:
        file = (root / ".venv.lock").open("a", encoding="utf-8")
    except OSError as error:
        what = f"{root / '.venv.lock'} cannot be written ({error.strerror}). Check the rights on it."
        raise SetupError(what) from error
    with file:
        _wait_for_lock(file)
        yield file


if sys.platform == "win32":

    def _wait_for_lock(file: IO[str]) -> None:
        import msvcrt

        said = False
        while True:
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
                return
            except OSError:
                if not said:
                    say("Starmark: another start is setting it up; waiting for that.")
                said = True
                time.sleep(1.0)

else:

    def _wait_for_lock(file: IO[str]) -> None:
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Starmark: another start is setting it up; waiting for that.")
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            return  # some network file systems know no locks: better unguarded than not at all


def _file_problem(error: OSError, environment: Environment) -> SetupError:
    import errno

    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", -1)):
        return SetupError(f"the disk of {environment.root} is full. Make room (3 GB), then start again.")
    return SetupError(
        f"{error.filename or environment.path}: {error.strerror or error}. "
        f"Correct that, or delete {environment.path}, then start again."
    )
