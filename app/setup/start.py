"""From `main.py` to the running program: makes sure that everything is there, then hands over.

Standard library only.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from app.setup.commands import FROM_LAUNCHER, GUARDED, Needs, check_word, needs_of
from app.setup.console import SetupError
from app.setup.environment import Environment, in_active_environment

# Counts how often one start went from Python to Python, so that a set-up that does not help is not repeated for ever.
_HAND_OVERS = "STARMARK_HAND_OVERS"
_MAX_HAND_OVERS = 2


def start(argv: Sequence[str], root: str) -> int:
    """Run Starmark with `argv`; `root` is the folder of `main.py`. Returns the exit code, or never returns."""
    words = list(argv)
    if sys.stderr is None and words[:1] != [FROM_LAUNCHER]:  # Windows' pythonw: by an icon, whichever
        words.insert(0, FROM_LAUNCHER)
    try:
        if words[:1] == [FROM_LAUNCHER] and not os.environ.get(GUARDED) and not _is_frozen():
            return _start_by_icon(words[1:], Path(root))
        return _start(words, Path(root))
    except SetupError as error:
        print(f"starmark: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstarmark: interrupted. Start it again to go on.", file=sys.stderr)
        return 130


def _start_by_icon(argv: list[str], root: Path) -> int:
    from app.setup import desktop

    def prepare() -> str | None:
        if argv:
            check_word(argv[0])
        if os.environ.get("STARMARK_NO_SETUP"):
            return None
        return _python_to_use(Environment(root), needs_of(argv), 0, desktop.setting_up)

    return desktop.start(argv, root, prepare)


def _start(argv: list[str], root: Path) -> int:
    hand_overs = int(os.environ.pop(_HAND_OVERS, "0"))
    needs = needs_of(argv)
    if needs.window and argv:
        check_word(argv[0])
    environment = Environment(root)
    if needs.environment and not _is_frozen() and not os.environ.get("STARMARK_NO_SETUP"):
        python = _python_to_use(environment, needs, hand_overs)
        if python is not None:
            return _hand_over(python, root, argv, hand_overs)
    from app.entry import main

    return main(argv)


def _is_frozen() -> bool:
    return bool(getattr(sys, "frozen", False))


def _python_to_use(
    environment: Environment,
    needs: Needs,
    hand_overs: int,
    shown: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> str | None:
    """The Python to go on with, complete; None for this one. A set-up takes place within `shown`."""
    complete = environment.is_complete()
    if complete and environment.is_current():
        return None
    if in_active_environment() and not (environment.is_current() and environment.is_ours()):
        from app.setup.requirements import missing

        if not missing(environment.root / "pyproject.toml", dev_tools=needs.dev_tools):
            return None
    if complete:
        return str(environment.python)
    if hand_overs >= _MAX_HAND_OVERS:
        raise SetupError(
            f"the set-up ended and {environment.path} is still incomplete. Delete that folder, then start again."
        )
    with shown():
        _check_system(needs)  # say that there is no display before minutes of downloading, not after
        from app.setup.install import set_up

        set_up(environment)
    return str(environment.python)


def _check_system(needs: Needs) -> None:
    if needs.window:
        from app.setup.system import check_display, ensure_libraries

        check_display()
        ensure_libraries(window=True)
    elif needs.dev_tools:
        from app.setup.system import ensure_libraries

        ensure_libraries(window=False)


def _hand_over(python: str, root: Path, argv: list[str], hand_overs: int) -> int:
    """Run the same command line with another Python: in place of this process where the system can do that."""
    command = [python, str(root / "main.py"), *argv]
    os.environ[_HAND_OVERS] = str(hand_overs + 1)
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "posix":
        os.execv(python, command)
    import signal
    import subprocess

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the child as well, and it answers
    return subprocess.call(command)
