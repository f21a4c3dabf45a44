"""`test`: all checks of a source checkout, pytest last, so that its summary is the last line."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from app.cli.common import Subparsers, new_parser
from app.setup.system import ensure_libraries
from core.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]

CHECKS = (
    ("lint (ruff)", ("-m", "ruff", "check", ".")),
    ("types (mypy)", ("-m", "mypy")),
    ("layers (import-linter)", ("-c", "from importlinter.cli import lint_imports_command as run; run()")),
)


def add_parser(subparsers: Subparsers) -> None:
    """Options of the command."""
    parser = new_parser(
        subparsers,
        "test",
        "run all checks of a source checkout",
        "Run lint, types, layers and tests. Further words go to pytest.",
        "test tests/core -k image",
    )
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="PYTEST-ARGUMENT", help="passed on to pytest")


def run(args: argparse.Namespace) -> int:
    """Run the command: 0 if every check passed, else 1, or pytest's own code."""
    if not (ROOT / "tests").is_dir():
        raise UsageError("there are no tests beside the program", remedy="Run it in a source checkout")
    ensure_libraries(window=False)
    environ = os.environ | {"QT_QPA_PLATFORM": "offscreen", "PYTHONUTF8": "1"}
    failed = [title for title, command in CHECKS if _run(title, command, environ)]
    if failed:
        print(f"\nFAILED: {', '.join(failed)}", flush=True)
    code = _run("tests (pytest)", ("-m", "pytest", *args.rest), environ)
    return code or (1 if failed else 0)


def _run(title: str, command: tuple[str, ...], environ: dict[str, str]) -> int:
    print(f"== {title}", flush=True)
    started = time.monotonic()
    code = subprocess.call([sys.executable, *command], cwd=ROOT, env=environ)
    if "pytest" not in title:
        print(f"   {'ok' if code == 0 else 'FAILED'} ({time.monotonic() - started:.0f} s)", flush=True)
    return code
