"""`evaluate`: how good a model is on a labelled data set."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.common import (
    Subparsers,
    add_dataset_options,
    add_model_options,
    new_parser,
    open_dataset,
    open_predictor,
    progress,
    share,
)
from core.errors import UsageError, one_line

if TYPE_CHECKING:
    from core.model.pipeline import ImageResult
    from training.evaluate import Evaluation, Figure, Report

_LISTED = 20


def add_parser(subparsers: Subparsers) -> None:
    """Options of the command."""
    parser = new_parser(
        subparsers,
        "evaluate",
        "NME, FR, AUC of a model on a labelled data set",
        "Measure a model on a labelled data set: NME, failure rate (FR) and area under the error curve (AUC), overall\n"
        "and per region, each with a 95 % interval from drawing people (file names up to the last '_'), not faces.\n"
        "A face that the detector misses is a failure in FR and AUC and is left out of the NME.",
        "evaluate --dataset faces/ --format 300w --split report --json figures.json",
    )
    parser.add_argument("--dataset", required=True, metavar="SRC", help="labelled data set")
    parser.add_argument("--format", default="auto", metavar="F", help="its format: 300w, star-tsv (default: auto)")
    add_dataset_options(parser)
    add_model_options(parser)
    parser.add_argument(
        "--split",
        default="all",
        choices=("all", "train", "val", "report"),
        help="only the people of one part: crc32(name) %% 10 is 7 for report, 3 for val (default: all)",
    )
    parser.add_argument("--threshold", type=share, default=0.1, metavar="T", help="of FR and AUC (default: 0.1)")
    parser.add_argument("--normaliser", metavar="NAME", help="distance that errors are divided by (default: scheme's)")
    parser.add_argument("--json", metavar="OUT", help="write the figures to this file")
    parser.add_argument("--force", action="store_true", help="replace OUT if it exists")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from core.files import write_atomic

    if args.json and Path(args.json).exists() and not args.force:
        raise UsageError("the file is there already", where=args.json, remedy="Add --force, or choose another name")
    dataset = open_dataset(args.dataset, args.format, args.images)
    from training.evaluate import evaluate, report, select, to_json
    from training.evaluate_subsets import paper_json, paper_rows, paper_table

    faces = select(dataset.faces, args.split)
    predictor, detector = open_predictor(args)

    def watch(results: Iterator[ImageResult], count: int) -> Iterator[ImageResult]:
        return progress(results, count, "Evaluating", "images")

    evaluation = evaluate(faces, predictor, detector, crops=args.crops, normaliser=args.normaliser, watch=watch)
    figures = report(evaluation, args.threshold)
    for failed in evaluation.failed[:_LISTED]:
        print(f"failed: {one_line(str(failed.image))}: {one_line(failed.reason)}", file=sys.stderr)
    print(_table(evaluation, figures, predictor.device.name))
    rows = paper_rows(evaluation, faces, args.normaliser)
    if rows:
        print("\n".join(["", *paper_table(rows)]))
    if args.json:
        data = to_json(evaluation, figures) | {"split": args.split, "dataset": str(args.dataset)}
        data["paper"] = paper_json(rows)
        text = json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        write_atomic(args.json, text, overwrite=args.force)
    return 1 if evaluation.failed else 0


def _table(evaluation: Evaluation, figures: Report, device: str) -> str:
    people = len({*evaluation.groups, *evaluation.missed_groups})
    lines = [
        f"model {evaluation.model} ({evaluation.scheme.id}) on {device}, {evaluation.crops} crops",
        f"{evaluation.faces} faces of {people} people: {len(evaluation.groups)} measured, "
        f"{len(evaluation.missed_groups)} without a detection, {len(evaluation.failed)} with an unusable image, "
        f"{evaluation.unlabelled} without a usable label",
        "",
        f"{'':<16} {'value':>8}   95 % interval",
    ]
    percent = round(100 * figures.threshold, 3)
    rows = [(f"NME {name}", figure, True) for name, figure in figures.nme.items()]
    rows += [(f"FR@{percent:g}", figures.fr, True), (f"AUC@{percent:g}", figures.auc, False)]
    lines += [_row(*row) for row in rows]
    lines += _offset(figures)
    lines += ["", f"{'NME by region':<16}"]
    lines += [_row(name, figure, True) for name, figure in figures.per_region.items()]
    return "\n".join(lines)


def _offset(figures: Report) -> list[str]:
    """What is said of labels that lie to one side of the predictions; nothing where they do not for sure."""
    x, y = figures.offset
    if not any(figure.low > 0 or figure.high < 0 for figure in (x, y)) or not figures.settled.value > 0:
        return []
    sides = [_side(x, "right", "left"), _side(y, "below", "above")]
    known = " and ".join(side for side in sides if side)
    text = f"the labels lie on average {known} of the predictions; without that:"
    return ["", text, _row("NME mean", figures.settled, True)]


def _side(figure: Figure, positive: str, negative: str) -> str:
    if figure.low <= 0 <= figure.high:
        return ""
    return f"{100 * abs(figure.value):.2f} % {positive if figure.value > 0 else negative}"


def _row(name: str, figure: Figure, in_percent: bool) -> str:
    if in_percent:
        value, low, high = (100 * number for number in (figure.value, figure.low, figure.high))
        return f"{name:<16} {value:>6.2f} %   {low:.2f} to {high:.2f} %"
    return f"{name:<16} {figure.value:>8.4f}   {figure.low:.4f} to {figure.high:.4f}"
