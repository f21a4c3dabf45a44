"""`train`: a model from a labelled data set. The work is `training.command`."""

from __future__ import annotations

import argparse

from app.cli.common import Subparsers, new_parser


def add_parser(subparsers: Subparsers) -> None:
    """Options of the command."""
    from training.options import add_train_arguments

    parser = new_parser(
        subparsers,
        "train",
        "train a model on a labelled data set",
        "Train a model on a labelled data set. Ctrl-C stops after the current step, and --resume goes on from there.",
        "train --dataset faces/ --format 300w -o runs/first",
    )
    add_train_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from training.command import run_training

    return run_training(args)
