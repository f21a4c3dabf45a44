"""What the commands share: options, progress, and opening models and data sets. Imports nothing heavy."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from app.setup.commands import program
from core.model.device import DEVICE_CHOICES, PRECISION_CHOICES

if TYPE_CHECKING:
    from core.formats.base import ImportResult
    from core.model.detector import FaceDetector
    from core.model.predictor import Predictor

Subparsers = Any
"""argparse gives the type of `add_subparsers()` no public name."""

T = TypeVar("T")


def new_parser(subparsers: Subparsers, name: str, summary: str, details: str, example: str) -> argparse.ArgumentParser:
    """A command's parser, with an example at the end of its help and the options that all have."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name,
        help=summary,
        description=details,
        epilog=f"example:\n  {program()} {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--debug", action="store_true", help="show where an error came from")
    return parser


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """--model, --device, --precision, --batch-size."""
    parser.add_argument("--model", metavar="M", help="name or file of a model (default: the bundled one)")
    parser.add_argument("--device", default="auto", choices=DEVICE_CHOICES, help="where to compute (default: auto)")
    parser.add_argument(
        "--precision",
        choices=PRECISION_CHOICES,
        default="auto",
        help="what the network computes in; auto takes less than float32 only where that is quick and landmarks of a "
        "test picture stay within 0.1 px (default: auto)",
    )
    parser.add_argument(
        "--batch-size", type=positive, metavar="N", help="faces at a time (default: 8, on a graphics card more)"
    )


def add_dataset_options(parser: argparse.ArgumentParser) -> None:
    """--images, --crops."""
    parser.add_argument("--images", metavar="ROOT", help="folder that the data set's image paths are relative to")
    parser.add_argument(
        "--crops",
        choices=("detector", "landmarks"),
        help="what the network sees of a face: where the detector finds it, or the data set's own scale and centre, "
        "box or label extent (default: landmarks if the data set has boxes or scales of its own, else detector)",
    )


def positive(text: str) -> int:
    """argparse type: a whole number of at least 1."""
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not '{text}'")
    return number


def share(text: str) -> float:
    """argparse type: a fraction above 0, at most 1."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 1:
        raise argparse.ArgumentTypeError(f"must be a number above 0 and at most 1, not '{text}'")
    return number


def progress(items: Iterable[T], total: int | None, what: str, unit: str) -> Iterator[T]:
    """Pass `items` on; on a terminal, show a bar once that has taken a second."""
    from tqdm import tqdm

    tqdm.monitor_interval = 0  # its watching thread is of no use here
    with tqdm(items, total=total, desc=what, unit=f" {unit}", delay=1.0, disable=None, leave=False) as bar:
        yield from bar


def open_predictor(args: argparse.Namespace) -> tuple[Predictor, FaceDetector]:
    """The model and the detector that the options name, on the device they name."""
    from core.model.allocator import keep_large_blocks
    from core.model.detector import FaceDetector
    from core.model.device import choose_device
    from core.model.library import load_model
    from core.model.pipeline import share_cores
    from core.model.predictor import Predictor

    keep_large_blocks()
    device = choose_device(args.device)
    model = load_model(args.model, device, args.precision)
    predictor = Predictor(model, device, args.batch_size)
    share_cores(predictor)
    return predictor, FaceDetector()


def open_dataset(source: str, format_name: str, images: str | None) -> ImportResult:
    """Read a labelled data set, saying on stderr what was left out."""
    import sys

    from core.formats.registry import read_dataset

    result = read_dataset(source, format_name, images)
    for skipped in result.skipped[:20]:
        print(f"left out: {skipped.where}: {skipped.reason}", file=sys.stderr)
    if len(result.skipped) > 20:
        print(f"left out: {len(result.skipped) - 20} more entries", file=sys.stderr)
    return result
