"""`import`: a labelled data set, or a patch, into a project."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from app.cli.common import Subparsers, new_parser
from app.cli.exchange import (
    FORMAT_NAMES,
    PATCH,
    Bar,
    add_reading_options,
    add_scheme_options,
    check_report,
    default_author,
    finish,
    in_scheme,
    keep,
    open_or_make,
    read,
)


def add_parser(subparsers: Subparsers) -> None:
    """Options of the command."""
    parser = new_parser(
        subparsers,
        "import",
        "a labelled data set into a project",
        "Bring the images, faces and labels of a data set into a project, all or nothing, and report on them. The\n"
        "project is made if it is not there. Importing the same data set again changes nothing.\n"
        "Entries that cannot be used are left out and listed. Exit code: 0 all entries, 1 some were left out.",
        "import WFLW_annotations/list_98pt_rect_attr_train.txt --images WFLW_images -p faces.starmark",
    )
    parser.add_argument("source", metavar="SRC", help="file or folder of the data set")
    parser.add_argument("-p", "--project", required=True, metavar="PROJECT", help="project to import into, or to make")
    parser.add_argument(
        "--format", default="auto", choices=("auto", *FORMAT_NAMES, PATCH), metavar="F",
        help=f"its format: {', '.join(FORMAT_NAMES)}, {PATCH} (default: auto, a look at it tells)",
    )  # fmt: skip
    add_reading_options(parser)
    add_scheme_options(parser)
    parser.add_argument("--label-set", metavar="NAME", help="name of the label set (default: the source's name)")
    parser.add_argument("--author", default=None, metavar="NAME", help="who imports (default: the login name)")
    parser.add_argument("--dry-run", action="store_true", help="read and report, and change nothing")
    parser.add_argument("--report", metavar="FILE", help="write the report to this file, as JSON")
    parser.add_argument("--force", action="store_true", help="replace the report file if it exists")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from core.exchange import import_labels, is_patch
    from core.formats.report import import_report
    from core.scheme import get_scheme

    check_report(args.report, force=args.force)
    author = args.author or default_author()
    if args.format == PATCH or (args.format == "auto" and is_patch(args.source)):
        return _apply(args, author)
    result = read(args, args.source, args.format)
    faces, scheme, notes = in_scheme(args, result.faces, get_scheme(args.scheme or result.scheme_id))
    result = replace(result, faces=faces, scheme_id=scheme.id, notes=[*result.notes, *notes])
    if args.dry_run:
        finish(import_report(result, scheme), args.report, force=args.force)
        return 1 if result.skipped else 0
    name = args.label_set or Path(args.source).resolve().stem
    with open_or_make(args.project) as project, Bar("Importing", "faces") as bar:
        imported = import_labels(project, result, name, author=author, scheme=scheme, progress=bar)
    finish(imported.report, args.report, force=args.force)
    counts = imported.counts
    print(
        f"{project.location}: {counts.images_added:,} images, {counts.faces_added:,} faces and {counts.labels_added:,} "
        f"labels are new, {counts.labels_changed:,} labels changed, {counts.labels_unchanged:,} were there "
        f"(label set '{name}')."
    )
    return 1 if result.skipped else 0


def _apply(args: argparse.Namespace, author: str) -> int:
    from core.exchange import apply_patch, read_patch
    from core.project import Project

    patch = read_patch(args.source)
    if args.dry_run:
        print(f"{len(patch.faces):,} corrected faces ({patch.scheme}), by {patch.author}, {patch.created}.")
        return 0
    with Project.open(args.project) as project, Bar("Applying", "images") as bar:
        report = apply_patch(project, patch, author=author, label_set=args.label_set, progress=bar)
    for line in report.lines():
        print(line)
    keep(report.to_json(), args.report, force=args.force)
    return 1 if report.skipped else 0
