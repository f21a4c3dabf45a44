"""The list of commands, known before anything is installed. Standard library only."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.setup.console import SetupError


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table: what it is called, the module that runs it, what it does."""

    name: str
    module: str
    summary: str


COMMANDS: dict[str, Command] = {
    row.name: row
    for row in (
        Command("import", "app.cli.import_", "bring a labelled data set, or a patch, into a project"),
        Command("export", "app.cli.export", "write a project's labels as a data set, or its corrections as a patch"),
        Command("convert", "app.cli.convert", "write a data set in another format"),
        Command("predict", "app.cli.predict", "landmarks and covariances for images, folders, projects or data sets"),
        Command("evaluate", "app.cli.evaluate", "NME, FR, AUC and per-region errors of a model on a labelled data set"),
        Command("audit", "app.cli.audit", "which labels are wrong, which ambiguous, and where to look first"),
        Command("agreement", "app.cli.agreement", "how well annotators agree, their consensus, blind samples"),
        Command("repair", "app.cli.repair", "put labels right in bulk, by rule: spacing, offsets, suspects, sides"),
        Command("train", "app.cli.train", "train a model on a labelled data set"),
        Command("synthesize", "app.cli.synthesize", "render faces whose landmarks are known exactly"),
        Command("project", "app.cli.project", "look after a project: info, verify, backup, restore, merge, relink"),
        Command("models", "app.cli.models", "list the models, add one from a checkpoint, or export one"),
        Command("doctor", "app.cli.doctor", "versions, devices, paths and a self-test: what to paste in a bug report"),
        Command("test", "app.cli.checks", "run all checks of a source checkout: lint, types, layers, tests"),
    )
}

FROM_LAUNCHER = "--from-launcher"
"""First word of a start by an icon: there is no terminal to write to."""

GUARDED = "STARMARK_GUARDED"
"""Set where a guardian waits for the program's end (`app.setup.desktop`), which then needs no dialog of its own."""

LAUNCHER_OPTIONS = {
    "--install-launcher": "put Starmark among your applications and on the desktop, then exit",
    "--uninstall-launcher": "take that back, then exit",
}


@dataclass(frozen=True, slots=True)
class Needs:
    """What a start needs from the machine before it can go on."""

    environment: bool
    window: bool
    dev_tools: bool


def needs_of(argv: Sequence[str]) -> Needs:
    """What running `argv` needs: general help and version run on the standard library alone."""
    first = argv[0] if argv else ""
    if first in ("-h", "--help", "-V", "--version", *LAUNCHER_OPTIONS):
        return Needs(environment=False, window=False, dev_tools=False)
    if first == "test":
        return Needs(environment=True, window=False, dev_tools=not {"-h", "--help"} & set(argv[1:2]))
    return Needs(environment=True, window=first not in COMMANDS, dev_tools=False)


def program() -> str:
    """How the user started us, for help texts and remedies."""
    name = Path(sys.argv[0]).stem if sys.argv else ""
    return name if name.startswith("starmark") else "python3 main.py"


def check_word(word: str) -> None:
    """SetupError for a word that is neither an option, a file nor a database: it may be a mistyped command."""
    if word.startswith("-") or "://" in word or os.path.lexists(word):
        return
    near = difflib.get_close_matches(word, COMMANDS, n=1)
    hint = f"Did you mean '{near[0]}'?" if near else "Check the name."
    raise SetupError(f"there is no command, file or folder '{word}'. {hint} See also --help.")
