"""The list of commands, known before anything is installed. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table: what it is called, the module that runs it, what it does."""

    name: str
    module: str
    summary: str


COMMANDS: dict[str, Command] = {
    row.name: row
    for row in (
        Command("predict", "app.cli.predict", "landmarks and covariances for images, folders, projects or data sets"),
        Command("evaluate", "app.cli.evaluate", "NME, FR, AUC and per-region errors of a model on a labelled data set"),
        Command("train", "app.cli.train", "train a model on a labelled data set"),
        Command("models", "app.cli.models", "list the models, or add one from a checkpoint"),
        Command("doctor", "app.cli.doctor", "versions, devices, paths and a self-test: what to paste in a bug report"),
        Command("test", "app.cli.checks", "run all checks of a source checkout: lint, types, layers, tests"),
    )
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
    if first in ("-h", "--help", "-V", "--version"):
        return Needs(environment=False, window=False, dev_tools=False)
    if first == "test":
        return Needs(environment=True, window=False, dev_tools=not {"-h", "--help"} & set(argv[1:2]))
    return Needs(environment=True, window=first not in COMMANDS, dev_tools=False)
