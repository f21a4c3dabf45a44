"""Options of the train command; apart from its work, so that `--help` answers without torch."""

from __future__ import annotations

import argparse

from core.formats.registry import FORMATS
from training.config import LOSSES, TrainConfig

OVERRIDES = {
    "preset": "network size: star or lite",
    "loss": f"landmark loss: {', '.join(LOSSES)}",
    "epochs": "passes over the faces",
    "batch_size": "faces a step",
    "accumulate": "parts that a step's faces go through the network in",
    "learning_rate": "Adam's, at its highest",
    "seed": "decides initial weights, order and augmentation",
    "split_by": "what stays on one side of the split: auto, identity, folder, tag, file, or none for no split",
    "threads": "processor threads; 0 leaves it to torch",
}
"""Settings that have an option of their own, and what they say."""


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    _add_source(parser.add_argument_group("data"))
    parser.add_argument("--config", metavar="C.toml", help="training settings; options below override them")
    parser.add_argument(
        "--init",
        metavar="MODEL",
        help="start from the weights of this model (name or file); heads of another scheme begin anew",
    )
    parser.add_argument("-o", "--output", metavar="RUN", required=True, help="folder of the run")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with the run in that folder; where data is named too and there is no run, begin one",
    )
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda", "mps"])
    parser.add_argument("--json", action="store_true", help="print events as JSON lines")
    parser.add_argument(
        "--watch-stdin",
        action="store_true",
        help="take the lines stop, pause, resume and 'threads N' from standard input, and stop when it ends",
    )
    for name, text in OVERRIDES.items():
        default = getattr(TrainConfig(), name)
        option = "--" + name.replace("_", "-")
        parser.add_argument(option, type=type(default), default=None, help=f"{text} (default: {default})")


def _add_source(source: argparse._ArgumentGroup) -> None:
    source.add_argument("--dataset", metavar="SRC", help="labelled data set to train on")
    source.add_argument("--format", default="auto", choices=["auto", *FORMATS], help="its format (default: auto)")
    source.add_argument("--images", metavar="ROOT", help="folder its image paths are relative to")
    source.add_argument(
        "-p", "--project", metavar="PROJECT", help="project to train on: a snapshot of its labels is kept in it"
    )
    source.add_argument(
        "--only",
        default="all",
        choices=("all", "accepted"),
        help="which labelled faces of the project: all but rejected ones, or accepted ones (default: all)",
    )
    source.add_argument("--snapshot", metavar="NAME", help="a snapshot of the project that is there already")
    source.add_argument("--author", metavar="NAME", help="whose labels come first (default: the login name)")
    source.add_argument(
        "--val", metavar="SRC", help="data set that chooses the best epoch; then all of the first one is trained on"
    )
    source.add_argument(
        "--extra",
        action="append",
        default=[],
        metavar="SRC",
        help="further data set of the same scheme, such as rendered faces; all of it is trained on, none of it chooses",
    )
