"""`export`: a project's labels as a data set, or its corrections as a patch."""

from __future__ import annotations

import argparse

from app.cli.common import Subparsers, new_parser
from app.cli.exchange import (
    FORMAT_NAMES,
    PATCH,
    Bar,
    add_scheme_options,
    add_writing_options,
    check_report,
    default_author,
    finish,
    in_scheme,
    keep,
)


def add_parser(subparsers: Subparsers) -> None:
    """Options of the command."""
    parser = new_parser(
        subparsers,
        "export",
        "a project's labels as a data set",
        "Write a project's labels, complete or not at all, in any format. What was written is read back and compared\n"
        "before it takes its place. Without --label-set each face gives the label that the window shows.\n"
        f"The format '{PATCH}' holds what was corrected against the import, and needs no images to be given on.",
        "export -p faces.starmark --format coco -o faces.json",
    )
    parser.add_argument("-p", "--project", required=True, metavar="PROJECT", help="project to export from")
    parser.add_argument(
        "--format", required=True, choices=(*FORMAT_NAMES, PATCH), metavar="F",
        help=f"one of {', '.join(FORMAT_NAMES)}, {PATCH}",
    )  # fmt: skip
    parser.add_argument("-o", "--output", required=True, metavar="DST", help="file or folder to write")
    parser.add_argument("--label-set", metavar="NAME", help="only labels of this set (default: those that are shown)")
    parser.add_argument("--author", metavar="NAME", help="whose labels come first (default: the login name)")
    parser.add_argument("--images", metavar="ROOT", help="folder that image paths are written relative to")
    parser.add_argument("--index-base", type=int, choices=(0, 1), help="of the first pixel (default: format's habit)")
    parser.add_argument("--scheme", metavar="S", help="which labels, where the project has several schemes")
    add_scheme_options(parser)
    add_writing_options(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from core.exchange import project_labels, write_patch
    from core.formats import export_dataset
    from core.project import Project

    check_report(args.report, force=args.force)
    author = args.author or default_author()
    if args.format == PATCH:
        writable = Project.open(args.project)  # for the hashes of the images, which are kept
        with writable as project, Bar("Comparing", "images") as bar:
            patch = write_patch(project, args.output, author=author, overwrite=args.force, progress=bar)
        for line in patch.lines():
            print(line)
        keep(patch.to_json(), args.report, force=args.force)
        return 1 if patch.skipped else 0
    with Project.open(args.project, read_only=True) as project, Bar("Reading", "images") as bar:
        labels = project_labels(project, author=author, label_set=args.label_set, scheme=args.scheme, progress=bar)
    faces, scheme, notes = in_scheme(args, labels.faces, labels.scheme)
    for note in notes:
        print(note)
    with Bar("Writing", "faces") as bar:
        report = export_dataset(
            faces, scheme, args.output, args.format, images_root=args.images,
            copy_images=args.copy_images, index_base=args.index_base, overwrite=args.force, progress=bar,
        )  # fmt: skip
    finish(report, args.report, force=args.force)
    for entry in labels.skipped[:20]:
        print(f"left out: {entry.where}: {entry.reason}")
    if labels.unlabelled:
        print(f"{labels.unlabelled:,} faces have no label and were left out.")
    return 1 if report.skipped or labels.skipped else 0
