"""`project`: look after a project file: what is in it, is it sound, backups, merging, finding moved images."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from app.cli.common import Subparsers, new_parser
from app.cli.exchange import Bar, default_author
from core.errors import UsageError, one_line
from core.paths import on_server

if TYPE_CHECKING:
    from core.project import Project, Revision

_LISTED = 20


def add_parser(subparsers: Subparsers) -> None:
    """Options of the command."""
    parser = new_parser(
        subparsers,
        "project",
        "look after a project: info, verify, copy, backup, restore, merge, relink",
        "Look after a project file. Each action has a --help of its own.",
        "project info -p faces.starmark",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_looking(actions)
    _add_copy(actions)
    _add_backups(actions)
    _add_images(actions)
    _add_merge(actions)


def _action(actions: Subparsers, name: str, summary: str, details: str, example: str) -> argparse.ArgumentParser:
    parser = new_parser(actions, name, summary, details, f"project {name} {example}")
    parser.add_argument("-p", "--project", required=True, metavar="PROJECT", help="the project: a .starmark file, or postgresql://USER@HOST/DATABASE")
    return parser


def _add_looking(actions: Subparsers) -> None:
    info = _action(actions, "info", "what is in a project", "Count what is in a project.", "-p faces.starmark")
    info.add_argument("--json", action="store_true", help="print JSON")
    verify = _action(
        actions,
        "verify",
        "check that a project is sound",
        "Read a whole project and name all that is wrong with it. The exit code is 1 if anything is.",
        "-p faces.starmark --backups",
    )
    verify.add_argument("--backups", action="store_true", help="check its backups as well")
    verify.add_argument("--json", action="store_true", help="print JSON")
    history = _action(
        actions,
        "history",
        "what was done to a face or to the faces of an image",
        "List every change to a face, or to the faces of an image, oldest first: when (UTC), who, what.",
        "-p faces.starmark photos/anna.jpg",
    )
    history.add_argument("what", metavar="FACE|IMAGE", help="id of a face, or path of an image")


def _add_copy(actions: Subparsers) -> None:
    copy = _action(
        actions,
        "copy",
        "copy a whole project to another file or database",
        "Copy a project with all its history to a new file or an empty PostgreSQL database. The copy is a project of "
        "its own, and nothing is ever replaced. The project may be open elsewhere.",
        "-p faces.starmark 'postgresql://anna@server/faces?images=/mnt/faces'",
    )
    copy.add_argument("target", metavar="TARGET", help="a new .starmark file, or the address of an empty database")


def _add_backups(actions: Subparsers) -> None:
    _action(
        actions,
        "backup",
        "make a backup now",
        "Copy a project, as it is now, into the folder NAME.starmark-backups beside it. It may be open elsewhere.",
        "-p faces.starmark",
    )
    restore = _action(
        actions,
        "restore",
        "list backups, or go back to one",
        "Put a backup in the place of a project, which is kept as a backup itself. Close the project before.",
        "-p faces.starmark --list",
    )
    restore.add_argument("backup", nargs="?", metavar="BACKUP", help="name or path of a backup, see --list")
    restore.add_argument("--list", action="store_true", help="list the backups, newest first")
    restore.add_argument("--newest", action="store_true", help="take the newest backup that is sound")
    restore.add_argument("--json", action="store_true", help="with --list: print JSON")
    restore.add_argument(
        "--without-backup",
        action="store_true",
        help="go on where the present file cannot be kept (a full disk), and lose it",
    )


def _add_images(actions: Subparsers) -> None:
    relink = _action(
        actions,
        "relink",
        "find moved images again",
        "Look for a project's missing images in a folder and below: by path, then by content. Nothing is guessed.",
        "-p faces.starmark /media/photos",
    )
    relink.add_argument("folder", metavar="FOLDER", help="where the images are now")
    _add_without_backup(relink)
    _action(
        actions,
        "hash",
        "work out what images are told by wherever they go",
        "Work out the content hashes that are missing, so that merge and relink know the images again.",
        "-p faces.starmark",
    )


def _add_merge(actions: Subparsers) -> None:
    merge = _action(
        actions,
        "merge",
        "bring another project in",
        "Add what another project has: images, faces, labels and their history. Where both have changed a label, both "
        "are kept. The other project stays as it is.",
        "-p faces.starmark from-anna.starmark --author Ben",
    )
    merge.add_argument("other", metavar="OTHER", help="the project to bring in")
    merge.add_argument("--author", metavar="NAME", help="who merges, for the history (default: your user name)")
    _add_without_backup(merge)


def _add_without_backup(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--without-backup", action="store_true", help="do without the backup before it")


def run(args: argparse.Namespace) -> int:
    """Run the command; 1 where `verify` found something wrong."""
    actions: dict[str, Callable[[argparse.Namespace], int]] = {
        "info": _info,
        "verify": _verify,
        "history": _history,
        "copy": _copy,
        "backup": _backup,
        "restore": _restore,
        "relink": _relink,
        "hash": _hash,
        "merge": _merge,
    }
    return actions[args.action](args)


def _open(args: argparse.Namespace, *, read_only: bool = False) -> Project:
    from core.project import Project

    project = Project.open(args.project, read_only=read_only)
    for note in project.notes:
        print(f"{one_line(project.location)}: {one_line(note)}", file=sys.stderr)
    return project


def _print_json(values: dict[str, Any]) -> None:
    print(json.dumps({"version": 1, **values}, ensure_ascii=False, indent=1))


def _info(args: argparse.Namespace) -> int:
    from core.project.summary import summary

    with _open(args, read_only=True) as project:
        values = summary(project)
    if args.json:
        _print_json(values)
        return 0
    counts = ", ".join(_count(values[key], key[:-1]) for key in ("images", "faces", "labels", "revisions"))
    lines = [values["path"], counts]
    lines += [f"  {one['name']} ({one['kind']}): {_count(one['labels'], 'label')}" for one in values["label_sets"]]
    if values["conflicts"]:
        lines.append(f"{_count(values['conflicts'], 'conflict')} of a merge to decide")
    lines.append(f"without content hash: {_count(values['unhashed'], 'image')}")
    backups = values["backups"]
    newest = f", the newest of {backups[0]['at']}" if backups else ""
    lines.append(f"{_count(len(backups), 'backup')}{newest}")
    print("\n".join(one_line(line) for line in lines))
    return 0


def _verify(args: argparse.Namespace) -> int:
    from core.errors import ProjectError
    from core.project.backups import list_backups
    from core.project.database import real_path
    from core.project.restoring import problems_of

    with _open(args, read_only=True) as project:
        found, location = project.verify(), project.location
    files = args.backups and not on_server(location)
    backups: dict[str, list[str]] = {}
    for backup in list_backups(real_path(args.project)) if files else ():
        try:
            backups[backup.name] = problems_of(backup.path)
        except ProjectError as error:
            backups[backup.name] = [error.what]
    if args.json:
        extra = {"backups": [{"name": name, "problems": wrong} for name, wrong in backups.items()]}
        _print_json({"path": location, "problems": found, **(extra if args.backups else {})})
    else:
        for name, wrong in {location: found, **backups}.items():
            print(f"{one_line(name)}: {'sound' if not wrong else _count(len(wrong), 'problem')}")
            for problem in wrong[:_LISTED]:
                print(f"  {one_line(problem)}")
    return 1 if found or any(backups.values()) else 0


def _history(args: argparse.Namespace) -> int:
    with _open(args, read_only=True) as project:
        try:
            faces = [UUID(args.what)]
        except ValueError:
            image = project.find_image(args.what)
            if image is None:
                raise UsageError(
                    "no such image in the project", where=args.what, remedy="Give a path as it is there, or a face's id"
                ) from None
            faces = [face.id for face in project.faces(image.id, removed=True)]
        sets = {label_set.id: label_set.name for label_set in project.label_sets()}
        for face in faces:
            project.face(face)  # says so if there is none
            print(f"face {face}")
            for step in project.history(face):
                print(f"  {one_line(_step(step, sets))}")
    return 0


def _step(step: Revision, sets: dict[UUID, str]) -> str:
    where = "the face itself" if step.label_set_id is None else f"label in {sets.get(step.label_set_id, '?')}"
    action = "" if step.action == "edit" else f"{step.action}: "
    return f"{step.at:%Y-%m-%d %H:%M:%S}  {step.author}  {action}{step.kind}  ({where}, version {step.version})"


def _copy(args: argparse.Namespace) -> int:
    from core.project.transfer import copy_project

    with Bar("Copying", "rows") as progress:
        print(one_line(copy_project(args.project, args.target, progress=progress)))
    return 0


def _backup(args: argparse.Namespace) -> int:
    with _open(args, read_only=True) as project:
        made = project.backups.make()
    print(f"{made.path} ({_size(made.size)})")
    return 0


def _restore(args: argparse.Namespace) -> int:
    from core.project.backups import list_backups
    from core.project.database import real_path
    from core.project.restoring import find_backup, restore

    if (args.backup is not None) + args.list + args.newest != 1:
        raise UsageError("name one backup, or give --list or --newest", remedy="See 'project restore --help'")
    if on_server(args.project):
        raise UsageError("a project on a server has no backups of its own", remedy="Copy a file there: project copy")
    if args.list:
        found = list_backups(real_path(args.project))
        if args.json:
            _print_json({"backups": [backup.entry() for backup in found]})
            return 0
        for backup in found:
            print(f"{backup.name}  {backup.reason}  {_size(backup.size)}")
        if not found:
            print(f"{one_line(args.project)}: there are no backups", file=sys.stderr)
        return 0
    source = find_backup(args.project, args.backup)
    done = restore(args.project, source, keep_present=not args.without_backup)
    print(f"{done.project} is now as in {done.source.name}")
    if done.kept is not None:
        how = "as it is, for it is damaged, " if done.damaged else ""
        print(f"what was there before is kept {how}in {done.kept}")
    return 0


def _relink(args: argparse.Namespace) -> int:
    from core.project.relink import relink

    with _open(args) as project, Bar("Looking", "files") as bar:
        report = relink(project, args.folder, bar, backup=not args.without_backup)
    print(
        f"found again: {len(report.by_path)} by path, {len(report.by_hash)} by content; "
        f"still missing: {len(report.missing)}; ambiguous: {len(report.ambiguous)}"
    )
    _list("missing", [str(path) for _, path in report.missing])
    between = [f"{one.path} (it may be {_some(one.candidates)})" for one in report.ambiguous]
    _list("ambiguous", between)
    return 0


def _some(paths: tuple[Path, ...]) -> str:
    more = f" or {len(paths) - 2} more" if len(paths) > 2 else ""
    return " or ".join(str(path) for path in paths[:2]) + more


def _hash(args: argparse.Namespace) -> int:
    from core.project.hashing import hash_images

    with _open(args) as project, Bar("Reading", "images") as bar:
        report = hash_images(project, bar)
    print(
        f"{_count(report.hashed, 'image')} hashed, {len(report.missing)} missing, {len(report.unreadable)} unreadable"
    )
    _list("unreadable", [f"{path}: {reason}" for path, reason in report.unreadable])
    return 0


def _list(what: str, lines: list[str]) -> None:
    for line in lines[:_LISTED]:
        print(f"{what}: {one_line(line)}", file=sys.stderr)
    if len(lines) > _LISTED:
        print(f"{what}: {len(lines) - _LISTED} more", file=sys.stderr)


def _merge(args: argparse.Namespace) -> int:
    from core.project.merge import merge

    with _open(args) as project, Bar("Merging", "steps") as bar:
        report = merge(project, args.other, args.author or default_author(), bar, backup=not args.without_backup)
    print("\n".join(one_line(line) for line in report.lines()))
    return 0


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _size(size: int) -> str:
    return f"{size / 10**6:.1f} MB"
