"""`convert`: a data set in another format, without a project."""

from __future__ import annotations

import argparse

from app.cli.common import Subparsers, new_parser
from app.cli.exchange import (
    FORMAT_NAMES,
    Bar,
    add_reading_options,
    add_scheme_options,
    add_writing_options,
    check_report,
    finish,
    in_scheme,
    read,
)


def add_parser(subparsers: Subparsers) -> None:
    """Options of the command."""
    parser = new_parser(
        subparsers,
        "convert",
        "a data set in another format",
        "Read a data set in one format and write it in another, complete or not at all. What was written is read back\n"
        "and compared before it takes its place.\n"
        "Exit code: 0 all entries, 1 some were left out (listed), 2 nothing was written.",
        "convert faces/ --from 300w --to coco -o faces.json",
    )
    parser.add_argument("source", metavar="SRC", help="file or folder of the data set")
    parser.add_argument(
        "--from", dest="format", default="auto", choices=("auto", *FORMAT_NAMES), metavar="F",
        help=f"its format: {', '.join(FORMAT_NAMES)} (default: auto)",
    )  # fmt: skip
    parser.add_argument("--to", required=True, choices=FORMAT_NAMES, metavar="F", help="the format to write")
    parser.add_argument("-o", "--output", required=True, metavar="DST", help="file or folder to write")
    add_reading_options(parser)
    parser.add_argument(
        "--to-index-base", type=int, choices=(0, 1), help="of the first pixel in DST (default: that format's habit)"
    )
    add_scheme_options(parser)
    add_writing_options(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from core.formats import export_dataset
    from core.scheme import get_scheme

    check_report(args.report, force=args.force)
    result = read(args, args.source, args.format)
    for note in result.notes:
        print(note)
    for entry in result.skipped[:20]:
        print(f"left out: {entry.where}: {entry.reason}")
    if len(result.skipped) > 20:
        print(f"left out: {len(result.skipped) - 20:,} more entries")
    faces, scheme, notes = in_scheme(args, result.faces, get_scheme(args.scheme or result.scheme_id))
    for note in notes:
        print(note)
    with Bar("Writing", "faces") as bar:
        report = export_dataset(
            faces, scheme, args.output, args.to, images_root=args.images,
            copy_images=args.copy_images, index_base=args.to_index_base, overwrite=args.force, progress=bar,
        )  # fmt: skip
    finish(report, args.report, force=args.force)
    return 1 if result.skipped or report.skipped else 0
