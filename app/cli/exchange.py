"""What `import`, `export` and `convert` share: options, the project, reports and schemes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import NoProjectError, SchemeError, UsageError
from core.paths import on_server

if TYPE_CHECKING:
    from core.formats.base import ImportResult, LabelledFace
    from core.formats.report import Report
    from core.project import Project
    from core.scheme import Scheme

FORMAT_NAMES = (
    "300w", "wflw", "cofw", "star-tsv", "coco", "labelme", "cvat", "labelstudio", "ljson", "dlib", "deeplabcut", "csv",
    "parquet",
)  # fmt: skip
"""As in `core.formats.registry`, known without loading it; a test compares them."""

PATCH = "patch"


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    """--images, --outside, --extract-to, --index-base, --scheme."""
    parser.add_argument("--images", metavar="ROOT", help="folder that the image paths in the files are relative to")
    parser.add_argument(
        "--outside", action="store_true", help="let image paths in the files lead out of that folder (off: refused)"
    )
    parser.add_argument(
        "--extract-to", metavar="FOLDER", help="where images inside the file go (cofw; default: a folder beside it)"
    )
    parser.add_argument(
        "--index-base", type=int, choices=(0, 1), help="what the files call the first pixel (default: format's habit)"
    )
    parser.add_argument("--scheme", metavar="S", help="what the points mean: a scheme's id or .toml file")


def add_scheme_options(parser: argparse.ArgumentParser) -> None:
    """--to-scheme, --map."""
    parser.add_argument(
        "--to-scheme", metavar="S", help="convert the points to this scheme, such as 300w-68 (from wflw-98)"
    )
    parser.add_argument("--map", metavar="FILE", help="how points become those of another scheme: a .toml of yours")


def add_writing_options(parser: argparse.ArgumentParser) -> None:
    """--copy-images, --report, --force."""
    parser.add_argument(
        "--copy-images", action="store_true", help="copy the images along, into a folder 'images' beside the file"
    )
    parser.add_argument("--report", metavar="FILE", help="write the report to this file, as JSON")
    parser.add_argument("--force", action="store_true", help="replace what is there")


def default_author() -> str:
    """The login name."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "annotator"


def scheme_of(name: str | None) -> Any:
    """The scheme of that id or file, None for None. SchemeError if there is none."""
    from core.scheme import get_scheme

    return None if name is None else get_scheme(name)


def in_scheme(
    args: argparse.Namespace, faces: list[LabelledFace], scheme: Scheme
) -> tuple[list[LabelledFace], Scheme, list[str]]:
    """Faces as --to-scheme and --map want them, their scheme, and what to say of it.

    Raises:
        SchemeError: no map is known, or the file's is wrong or for other schemes.
    """
    from core.scheme_map import convert_label, find_map, load_map

    if args.map is not None:
        scheme_map = load_map(args.map)
        target = args.to_scheme or scheme_map.target.id
        if (scheme_map.source.id, scheme_map.target.id) != (scheme.id, target):
            what = f"maps {scheme_map.source.id} to {scheme_map.target.id}, but {scheme.id} to {target} is needed"
            raise SchemeError(what, where=args.map, remedy="Choose another mapping file")
    elif args.to_scheme is None or args.to_scheme == scheme.id:
        return faces, scheme, []
    else:
        scheme_map = find_map(scheme.id, args.to_scheme)
    return (
        [replace(face, label=convert_label(face.label, scheme_map)) for face in faces],
        scheme_map.target,
        scheme_map.notes(),
    )


def read(args: argparse.Namespace, source: str, format_name: str) -> ImportResult:
    """The data set that the options name, with a bar on a terminal."""
    from core.formats import read_dataset

    with Bar("Reading", "faces") as bar:
        return read_dataset(
            source, format_name, args.images, args.index_base, scheme=scheme_of(args.scheme), progress=bar,
            outside=args.outside, extract_to=args.extract_to,
        )  # fmt: skip


def open_or_make(path: str) -> Project:
    """The project at `path`, a file or a database, made if there is none."""
    from core.project import Project

    if on_server(path):
        try:
            return Project.open(path)
        except NoProjectError:
            return Project.create(path)
    return Project.open(path) if Path(path).exists() else Project.create(path)


class Bar:
    """A progress callback (done, total) that shows a bar on a terminal once that takes longer than a second."""

    def __init__(self, what: str, unit: str) -> None:
        from tqdm import tqdm

        tqdm.monitor_interval = 0  # its watching thread is of no use here
        self._bar = tqdm(total=None, desc=what, unit=f" {unit}", delay=1.0, disable=None, leave=False)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._bar.close()

    def __call__(self, done: int, total: int) -> None:
        """Move the bar."""
        self._bar.total = total or None
        self._bar.update(done - self._bar.n)


def finish(report: Report, file: str | None, *, force: bool, show: Callable[[str], object] = print) -> None:
    """Show the report, and keep it where asked for."""
    for line in report.lines():
        show(line)
    keep(report.to_json(), file, force=force)


def keep(data: dict[str, Any], file: str | None, *, force: bool) -> None:
    """Write a report as JSON; FileError if that cannot be done."""
    from core.files import write_atomic

    if file is not None:
        write_atomic(file, json.dumps(data, ensure_ascii=False, indent=1) + "\n", overwrite=force)


def check_report(file: str | None, *, force: bool) -> None:
    """Refuse a report file that is there, before the work is done. UsageError if so."""
    if file is not None and Path(file).exists() and not force:
        raise UsageError("the file is there already", where=file, remedy="Add --force, or choose another name")


def to_stderr(text: str) -> None:
    """A line beside the output proper."""
    print(text, file=sys.stderr)
