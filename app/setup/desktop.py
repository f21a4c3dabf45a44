"""A start by an icon: nobody sees a terminal, so that progress and failures need a window. Standard library only.

This process sets up where needed, with a window that says so, and then stays beside the program as its guardian: if the
program ends with an error, or crashes without a word, the user is told.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from app.setup import viewers
from app.setup.commands import FROM_LAUNCHER, GUARDED
from app.setup.console import SetupError, shown_by
from app.setup.places import new_log, windowed

TITLE = "Starmark could not start"
_INTERRUPTED = 130
_TAIL_LINES = 12


class ProgressWindow:
    """Shows what the set-up says; closing it stops the set-up as Ctrl-C does."""

    def __init__(self, viewer: viewers.Viewer) -> None:
        self._viewer = viewer
        self._ending = False
        threading.Thread(target=self._watch, name="progress window", daemon=True).start()

    def line(self, text: str) -> None:
        """One step."""
        self._send({"line": text.strip()})

    def status(self, text: str, fraction: float | None) -> None:
        """What is going on."""
        self._send({"status": text, "fraction": fraction})

    def _send(self, message: dict[str, object]) -> None:
        with contextlib.suppress(OSError, ValueError):  # gone: the watcher notices
            self._viewer.send(message)

    def _watch(self) -> None:
        with contextlib.suppress(OSError):
            self._viewer.wait()
        if self._ending:
            return
        if os.name == "posix":
            os.kill(os.getpid(), signal.SIGINT)  # also wakes a system call
        else:
            _thread.interrupt_main()

    def fail(self, text: str, log: str) -> None:
        """Say why, and wait until that was read."""
        self._ending = True
        self._send({"fail": text, "title": TITLE, "log": log})
        self._viewer.wait()

    def close(self) -> None:
        """All is well."""
        self._ending = True
        self._viewer.end()


def start(argv: Sequence[str], root: Path, prepare: Callable[[], str | None]) -> int:
    """Run the program with `argv` and tell the user whatever goes wrong. Returns the exit code.

    Args:
        argv: the words after `--from-launcher`.
        root: folder of main.py.
        prepare: finds the complete Python to run it with, None for this one; enters `setting_up` before long work.
    """
    log = write_to_log()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a desktop may have told us to ignore it
    _head(log, argv)
    try:
        python = prepare() or sys.executable
        return _guard([windowed(python), str(root / "main.py"), FROM_LAUNCHER, *argv], log)
    except _Told:
        return 2
    except SetupError as error:
        print(f"starmark: {error}", file=sys.stderr)
        viewers.show_failure(TITLE, sentence(str(error)), str(log))
        return 2
    except KeyboardInterrupt:
        print("starmark: stopped. The next start goes on.", file=sys.stderr)
        return _INTERRUPTED
    except Exception as error:
        import traceback

        traceback.print_exc()
        text = f"Something unexpected happened ({type(error).__name__}: {error}). Please report it with the log."
        viewers.show_failure(TITLE, text, str(log))
        return 1


class _Told(Exception):  # noqa: N818
    """A failure that the user has read already."""


@contextmanager
def setting_up() -> Iterator[None]:
    """Show the set-up's progress in a window, and its failure if it fails."""
    viewer = viewers.open_progress()
    if viewer is None:
        yield
        return
    window = ProgressWindow(viewer)
    with shown_by(window):
        try:
            yield
        except SetupError as error:
            print(f"starmark: {error}", file=sys.stderr)
            window.fail(sentence(str(error)), str(current_log))
            raise _Told from error
        except KeyboardInterrupt:
            raise
        except Exception as error:
            window.fail(f"Something unexpected happened ({type(error).__name__}: {error}).", str(current_log))
            raise
        finally:
            window.close()


current_log = Path(os.devnull)


def write_to_log() -> Path:
    """Send what is printed to the log, in this process and its children, unless there is a terminal after all."""
    global current_log
    current_log = log = new_log()
    if sys.stderr is not None and sys.stderr.isatty():
        return log
    stream = log.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            os.dup2(stream.fileno(), descriptor)
    sys.stdout = sys.stderr = stream
    return log


def _head(log: Path, argv: Sequence[str]) -> None:
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    python = f"Python {platform.python_version()}, {sys.executable}"
    with contextlib.suppress(OSError), log.open("a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(f"\n==== {now}, {python}, {list(argv)}\n")


def _guard(command: list[str], log: Path) -> int:
    """Run the program, and tell the user if it ends badly."""
    before = log.stat().st_size if log.is_file() else 0
    child = subprocess.Popen(command, env={**os.environ, GUARDED: "1"})
    ended: list[int] = []

    def pass_on(number: int, _frame: object) -> None:
        ended.append(number)
        with contextlib.suppress(OSError):
            child.send_signal(number)

    before_us = {number: signal.signal(number, pass_on) for number in _ends()}
    code = child.wait()
    for number, handler in before_us.items():
        signal.signal(number, handler)
    wanted = code in (0, _INTERRUPTED) or bool(ended) or (os.name == "posix" and code in _asked_for())
    if not wanted:
        title, text = explain_end(code, _since(log, before))
        viewers.show_failure(title, text, str(log))
    return code if code >= 0 else 128 - code


def _asked_for() -> set[int]:
    """Exit codes of a program that somebody ended on purpose."""
    return {-number for number in _ends()} | {128 + number for number in _ends()}


def _ends() -> list[signal.Signals]:
    """Signals that ask a program to end."""
    return [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def explain_end(code: int, printed: str) -> tuple[str, str]:
    """Title and text for a program that ended with `code` after it had `printed` something."""
    lines = [line for line in printed.splitlines() if line.strip()]
    own = [line.removeprefix("starmark: ") for line in lines if line.startswith("starmark: ")]
    if own and code in (1, 2):
        return TITLE, sentence(own[-1])
    how = f"signal {-code}, {_signal_name(-code)}" if code < 0 else f"exit code {code}"
    tail = "\n".join(lines[-_TAIL_LINES:])
    text = (
        f"Starmark ended by itself ({how}). What it called saved is safe; start it again to go on. "
        "If this happens every time, please report it with the log."
    )
    return "Starmark has ended", f"{text}\n\nThe last lines it printed:\n{tail}" if tail else text


def _signal_name(number: int) -> str:
    with contextlib.suppress(ValueError):
        return signal.strsignal(number) or "unknown"
    return "unknown"


def _since(log: Path, offset: int) -> str:
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(max(offset, log.stat().st_size - 20_000))
        return file.read().decode("utf-8", "replace")
    return ""


def sentence(text: str) -> str:
    """As a text of its own: with a capital letter."""
    return text[:1].upper() + text[1:]
