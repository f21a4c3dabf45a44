"""`synthesize`: rendered faces whose landmarks are known exactly."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from app.cli.common import Subparsers, new_parser, positive, progress
from core.errors import UsageError

_SCHEMES = ("300w-68", "wflw-98", "cofw-29")


def add_parser(subparsers: Subparsers) -> None:
    """Options of the command."""
    parser = new_parser(
        subparsers,
        "synthesize",
        "render faces whose landmarks are known exactly",
        "Render faces of people who do not exist, with a .pts file of the true landmarks beside each picture and what\n"
        "can be seen of every point in truth.npz. The same seed gives the same labels everywhere. Interrupted, the\n"
        'same command goes on. It needs two more packages: pip install "starmark[synthetic]", or, where Starmark set\n'
        "itself up, .venv/bin/python -m pip install --no-deps -r training/synthetic/requirements.lock",
        "synthesize --people 500 --photos 2 --jobs 2 -o rendered/",
    )
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="folder to render into")
    parser.add_argument("--people", type=positive, default=100, metavar="N", help="identities (default: 100)")
    parser.add_argument("--photos", type=positive, default=2, metavar="N", help="pictures of each (default: 2)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="decides everything (default: 0)")
    parser.add_argument("--size", type=positive, default=512, metavar="PX", help="width and height (default: 512)")
    parser.add_argument("--scheme", choices=_SCHEMES, default="300w-68", help="of the .pts files (default: 300w-68)")
    parser.add_argument("--jobs", type=positive, metavar="N", help="processes (default: one a core)")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    try:
        from training.synthetic.dataset import render_dataset, usual_jobs
        from training.synthetic.plan import RenderPlan
    except ModuleNotFoundError as error:
        remedy = "Use a source checkout: python3 main.py synthesize"
        raise UsageError("this build cannot render faces", remedy=remedy) from error
    plan = RenderPlan(args.people, args.photos, args.seed, args.size)

    def watch(names: Iterator[str], count: int) -> Iterator[str]:
        return progress(names, count, "Rendering", "faces")

    folder = Path(args.output)
    count = render_dataset(plan, folder, scheme=args.scheme, jobs=args.jobs or usual_jobs(), watch=watch)
    kept = f", {len(plan) - count} were there already" if count < len(plan) else ""
    print(f"{count} faces of {plan.people} people rendered into {folder}{kept}.")
    return 0
