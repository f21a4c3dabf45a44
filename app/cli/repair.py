"""`repair`: labels put right in bulk, by one rule at a time."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.common import Subparsers, add_model_options, new_parser, open_dataset, share
from app.cli.exchange import Bar, default_author
from core.errors import UsageError, one_line

if TYPE_CHECKING:
    from uuid import UUID

    from core.audit import Audit
    from core.dialects import Dialect
    from core.formats.base import LabelledFace
    from core.repair.plan import FaceRepair, Repair
    from core.repair.set_offset import SetOffset
    from core.scheme import Scheme

_LISTED = 20
_WHAT = {
    "respace": ("region", "spacing"),
    "dialect": ("region",),
    "offset": (),
    "replace": ("verdict",),
    "unswap": (),
    "drop": ("verdict",),
    "weigh": ("verdict", "weight"),
}
"""The repairs, and the settings that each takes."""


def add_parser(subparsers: Subparsers) -> None:
    """Options of the command."""
    parser = new_parser(
        subparsers,
        "repair",
        "labels put right in bulk, by one rule at a time",
        "Audit a project or a data set, then change what one rule says, and nothing else; locked points stay.\n"
        "  respace   spread the points of contours along them\n"
        "  dialect   slide points along their contour where a folder or tag has a habit that the others have not\n"
        "  offset    move whole labels that lie to one side of the predictions, by the size of the face\n"
        "  replace   put points that are called wrong where they are expected\n"
        "  unswap    exchange left and right, of whole labels and of single pairs\n"
        "  drop      mark points that are called wrong as missing\n"
        "  weigh     have points that are called wrong count less in training\n"
        "In a project it is one step of the author's, which undo takes back; the labels it is made on stay in their\n"
        "label set. Of a data set a repaired copy is written to -o, never over the source.\n"
        "Exit code: 0 done, or nothing to do; 1 some faces were left out; 2 nothing was done.",
        "repair -p faces.starmark --what offset --dry-run",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("-p", "--project", metavar="PROJECT", help="project to repair")
    source.add_argument("--dataset", metavar="SRC", help="labelled data set to make a repaired copy of")
    parser.add_argument("--what", required=True, choices=tuple(_WHAT), help="the rule")
    parser.add_argument("--format", default="auto", metavar="F", help="format of the data set (default: auto)")
    parser.add_argument("--images", metavar="ROOT", help="folder that the data set's image paths are relative to")
    parser.add_argument("-o", "--output", metavar="DST", help="file or folder for the repaired copy, in SRC's format")
    parser.add_argument("--copy-images", action="store_true", help="copy the images along with it")
    parser.add_argument("--dry-run", action="store_true", help="only say what would change")
    parser.add_argument("--json", metavar="OUT", help="write every change to this file")
    parser.add_argument("--force", action="store_true", help="replace OUT if it exists")
    parser.add_argument("--author", metavar="NAME", help="whose edit it is in the project (default: the login name)")
    parser.add_argument("--scheme", metavar="S", help="which labels, where the project has several schemes")
    add_model_options(parser)
    parser.add_argument("--cache", metavar="FILE", help="keep a data set's predictions in this file, to use them again")
    parser.add_argument(
        "--rate", type=share, default=0.05, metavar="Q", help="false-discovery rate of suspects (default: 0.05)"
    )
    _add_settings(parser)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("settings of the rules")
    group.add_argument(
        "--source", action="append", default=[], metavar="NAME", help="only faces in folders of this name; may be "
        "repeated. For dialect and offset: whose habit",
    )  # fmt: skip
    group.add_argument("--tag", action="append", default=[], metavar="NAME", help="the same for faces with this tag")
    group.add_argument(
        "--region", action="append", default=[], metavar="NAME", help="only this contour, such as jaw; may be repeated"
    )
    group.add_argument(
        "--spacing", choices=("even", "median", "predicted"),
        help="respace: evenly, as this data set has it on the average, or as predicted of each face (default: even)",
    )  # fmt: skip
    group.add_argument(
        "--verdict", action="append", default=[], metavar="V",
        help="replace, drop, weigh: points with this verdict; may be repeated (default: suspect)",
    )  # fmt: skip
    group.add_argument("--weight", type=_weight, metavar="W", help="weigh: what they count, 0 to 1 (default: 0.1)")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from app.cli.audit import audited
    from app.cli.repair_output import summary, write_json
    from training.split import groups_of

    _check(args)
    faces, ids, scheme, cache_path, format_name = _faces(args)
    _check_names(args, scheme)
    _, audit = audited(args, faces, scheme, cache_path)
    groups = groups_of([face.image for face in audit.faces])
    repair, found = _repair(args, audit, groups)
    changes: list[FaceRepair] = []
    if repair is not None:
        with Bar("Planning", "faces") as bar:
            changes = repair.plan(audit, _chosen(args, audit), bar)
    lost: set[int] = set()
    if repair is not None and changes and not args.dry_run:
        lost = _write(args, audit, changes, repair.kind, faces, ids, scheme, format_name)
    for line in found:
        print(line)
    done = [one for one in changes if one.face not in lost]
    print(summary(audit, done, dry=args.dry_run, listed=_LISTED))
    if args.json:
        write_json(Path(args.json), audit, done, _settings(args), written=not args.dry_run, force=args.force)
    for left in audit.left_out[:_LISTED]:
        print(f"left out: {one_line(str(left.face.image))}: {one_line(left.reason)}", file=sys.stderr)
    if len(audit.left_out) > _LISTED:
        print(f"left out: {len(audit.left_out) - _LISTED} more", file=sys.stderr)
    if lost:
        print(f"left out: {len(lost)} faces whose label was changed meanwhile", file=sys.stderr)
    return 1 if audit.left_out or lost else 0


def _weight(text: str) -> float:
    """argparse type: 0 to 1."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 1, not '{text}'")
    return number


def _check(args: argparse.Namespace) -> None:
    """UsageError for options that do not go together."""
    for name in ("region", "spacing", "verdict", "weight"):
        if getattr(args, name) not in (None, []) and name not in _WHAT[args.what]:
            takers = ", ".join(what for what, names in _WHAT.items() if name in names)
            raise UsageError(f"--{name} is not for --what {args.what}", remedy=f"It is for: {takers}")
    if args.json and Path(args.json).exists() and not args.force:
        raise UsageError("the file is there already", where=args.json, remedy="Add --force, or choose another name")
    if args.project is not None:
        if args.output or args.cache or args.images or args.copy_images:
            what = "--output, --cache, --images and --copy-images are for data sets"
            raise UsageError(what, remedy="A project is repaired where it is; leave them out")
        return
    if args.author or args.scheme:
        raise UsageError("--author and --scheme are for projects", remedy="Leave them out, or use -p")
    if args.output is None:
        if not args.dry_run:
            raise UsageError("where is the repaired copy to go?", remedy="Name it with -o, or add --dry-run")
        return
    source, target = Path(args.dataset).resolve(), Path(args.output).resolve()
    if source == target or source in target.parents or target in source.parents:
        what = "the repaired copy would lie in the data set it is made of, or around it"
        raise UsageError(what, where=args.output, remedy="Choose another place for -o")


def _check_names(args: argparse.Namespace, scheme: Scheme) -> None:
    from core.verdicts import Verdict

    contours = [region.name for region in scheme.regions if len(region.indices) >= 3]
    verdicts = [v.value for v in Verdict if v not in (Verdict.OK, Verdict.MISSING)]
    if args.what == "replace":
        verdicts.append(Verdict.MISSING.value)
    for what, asked, known in (("contour", args.region, contours), ("such verdict", args.verdict, verdicts)):
        for name in asked:
            if name not in known:
                raise UsageError(f"there is no {what} '{name}'", remedy=f"Use one of: {', '.join(sorted(known))}")


def _settings(args: argparse.Namespace) -> dict[str, object]:
    """What the run was asked for, to be written down with its results."""
    names = ("what", "project", "dataset", "rate", "source", "tag", "region", "spacing", "verdict", "weight")
    return {name: value for name in names if (value := getattr(args, name)) not in (None, [])}


def _faces(args: argparse.Namespace) -> tuple[list[LabelledFace], list[UUID], Scheme, Path | None, str]:
    """The labelled faces, their ids in the project, scheme, where predictions are kept, and the data set's format."""
    if args.dataset is not None:
        from core.scheme import get_scheme

        result = open_dataset(args.dataset, args.format, args.images)
        cache = None if args.cache is None else Path(args.cache)
        return result.faces, [], get_scheme(result.scheme_id), cache, result.format
    from core.exchange import project_labels
    from core.project import Project

    author = args.author or default_author()
    with Project.open(args.project, read_only=True) as project, Bar("Reading", "images") as bar:
        labels = project_labels(project, author=author, scheme=args.scheme, progress=bar)
        cache_path = project.cache_path
    for entry in labels.skipped[:_LISTED]:
        print(f"left out: {entry.where}: {entry.reason}", file=sys.stderr)
    return labels.faces, labels.face_ids, labels.scheme, cache_path, ""


def _chosen(args: argparse.Namespace, audit: Audit) -> list[int]:
    """Places of the faces that --source and --tag leave; dialects and offsets know theirs themselves."""
    from core.audit import source_of

    if args.what in ("dialect", "offset"):
        return list(range(len(audit)))
    return [
        place
        for place, face in enumerate(audit.faces)
        if (not args.source or source_of(face.image) in args.source)
        and (not args.tag or set(args.tag) & set(face.tags))
    ]


def _repair(args: argparse.Namespace, audit: Audit, groups: Sequence[str]) -> tuple[Repair | None, list[str]]:
    """What is to be carried out, None for nothing, and what to say of how it was found."""
    from core.repair.doubted import SUSPECTS, DropPoints, ReplacePoints, WeighDown
    from core.repair.habits import ShiftDialects, real_dialects
    from core.repair.set_offset import ShiftSet, set_offsets
    from core.repair.sides import Unswap
    from core.repair.spacing import Respace

    verdicts = frozenset(args.verdict) or SUSPECTS
    if args.what == "offset":
        offsets = [one for one in set_offsets(audit, groups) if _asked(args, one)]
        lines = [_offset_line(one) for one in offsets] or ["No offset could be measured: too few people."]
        real = tuple(one for one in offsets if one.real)
        return ShiftSet(real) if real else None, lines
    if args.what == "dialect":
        rows = [row for row in real_dialects(audit, groups) if not args.region or row.region in args.region]
        wanted = [row for row in rows if _asked(args, row)]
        if rows and not (args.source or args.tag):  # which of two is right is for people to say
            return None, [*map(_dialect_line, rows), "Say whose labels are to be shifted back: --source or --tag."]
        return ShiftDialects(tuple(wanted)) if wanted else None, [*map(_dialect_line, wanted or rows)] or [
            "No source has a habit along a contour that is more than chance."
        ]
    repair: Repair = {
        "respace": lambda: Respace(frozenset(args.region), args.spacing or "even"),
        "replace": lambda: ReplacePoints(verdicts),
        "drop": lambda: DropPoints(verdicts),
        "weigh": lambda: WeighDown(verdicts, 0.1 if args.weight is None else args.weight),
        "unswap": Unswap,
    }[args.what]()
    return repair, []


def _asked(args: argparse.Namespace, habit: SetOffset | Dialect) -> bool:
    """Whether it is of a source that the options name; without any, the offset of all labels is meant."""
    if not (args.source or args.tag):
        return habit.kind is None
    return habit.source in (args.source if habit.kind == "folder" else args.tag if habit.kind == "tag" else [])


def _offset_line(offset: SetOffset) -> str:
    from core.repair.set_offset import direction

    whose = f"the {offset.kind} '{offset.source}'" if offset.kind else "all labels"
    low, high = offset.interval
    text = (
        f"offset of {whose} ({offset.faces:,} faces, {offset.people:,} people): {direction(offset.typical)} of the "
        f"predictions for a face of {offset.size:.0f} px (x {low.low:+.2f} to {low.high:+.2f}, y {high.low:+.2f} to "
        f"{high.high:+.2f} px)"
    )
    return text if offset.real else text + "; too small or too unsure to be shifted back"


def _dialect_line(row: Dialect) -> str:
    how = "along" if row.motion == "slide" else "outwards along"
    low, high = row.interval
    return (
        f"{row.kind} '{row.source}' ({row.faces:,} faces): {row.offset:+.2f} % {how} {row.region} "
        f"({low:+.2f} to {high:+.2f})"
    )


def _write(
    args: argparse.Namespace, audit: Audit, changes: list[FaceRepair], kind: str,
    faces: list[LabelledFace], ids: list[UUID], scheme: Scheme, format_name: str,
) -> set[int]:  # fmt: skip
    """Carry the changes out; places in the audit of those that could not be, for the label is another one now."""
    after = {id(audit.faces[one.face]): one.after for one in changes}
    if args.dataset is not None:
        from core.formats import export_dataset

        repaired = [replace(face, label=after[id(face)]) if id(face) in after else face for face in faces]
        with Bar("Writing", "faces") as bar:
            report = export_dataset(
                repaired, scheme, args.output, format_name, images_root=args.images, copy_images=args.copy_images,
                progress=bar,
            )  # fmt: skip
        for line in report.lines():
            print(line)
        return set()
    from core.exchange import LabelRepair, apply_repairs
    from core.project import Project

    id_of = {id(face): face_id for face, face_id in zip(faces, ids, strict=True)}
    wanted = [LabelRepair(id_of[id(audit.faces[one.face])], one.before, one.after) for one in changes]
    with Project.open(args.project) as project, Bar("Comparing", "faces") as bar:
        done = apply_repairs(project, args.author or default_author(), wanted, kind, bar)
    lost = set(done.left_out)
    return {one.face for one, repair in zip(changes, wanted, strict=True) if repair.face_id in lost}
