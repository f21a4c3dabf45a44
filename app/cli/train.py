"""`train`: a model from a labelled data set or a project. The work is `training.command`."""

from __future__ import annotations

import argparse

from app.cli.common import Subparsers, new_parser
from app.cli.exchange import default_author


def add_parser(subparsers: Subparsers) -> None:
    """Options of the command."""
    from training.options import add_train_arguments

    parser = new_parser(
        subparsers,
        "train",
        "train a model on a labelled data set or a project",
        "Train a model on a labelled data set, or on the labels of a project as they are now. Ctrl-C stops after the\n"
        "current step; --resume goes on from there, and on the CPU ends with the very weights of a run without a stop.",
        "train --dataset faces/ --format 300w -o runs/first",
    )
    add_train_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from training.command import run_training

    args.author = args.author or default_author()
    return run_training(args)
