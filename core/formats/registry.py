"""The formats by name, the choice among them by a look at the source, and reading and writing in one call."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from core.errors import FormatError, UsageError
from core.files import unreadable, walk_folders
from core.formats.base import Exporter, Importer, ImportResult, LabelledFace, Progress, ReadOptions
from core.formats.coco import FormatCoco
from core.formats.cofw import FormatCofw
from core.formats.cvat import FormatCvat
from core.formats.deeplabcut import FormatDeepLabCut
from core.formats.dlib import FormatDlib
from core.formats.exporting import write_dataset
from core.formats.labelme import FormatLabelme
from core.formats.labelstudio import FormatLabelStudio
from core.formats.ljson import FormatLjson
from core.formats.parquet import FormatParquet
from core.formats.peek import Peek
from core.formats.plain_csv import FormatCsv
from core.formats.report import Report
from core.formats.star_tsv import FormatStarTsv
from core.formats.w300 import Format300W
from core.formats.wflw import FormatWflw
from core.scheme import Scheme

_W300, _STAR, _WFLW, _COFW = Format300W(), FormatStarTsv(), FormatWflw(), FormatCofw()
_CVAT, _DLIB, _PARQUET, _DLC, _CSV = FormatCvat(), FormatDlib(), FormatParquet(), FormatDeepLabCut(), FormatCsv()
_JSON = (FormatLjson(), FormatLabelStudio(), FormatLabelme(), FormatCoco())

FORMATS: dict[str, Importer] = {
    known.name: known for known in (_COFW, _CVAT, _DLIB, _PARQUET, _DLC, _CSV, _WFLW, _W300, _STAR, *_JSON)
}
"""Importers by name, in the order in which `detect_format` asks them: the choosiest first."""

EXPORTERS: dict[str, Exporter] = {
    known.name: known for known in (_W300, _WFLW, _COFW, _STAR, *_JSON, _CVAT, _DLIB, _PARQUET, _DLC, _CSV)
}
"""Exporters by name."""

AUTO = "auto"


def detect_format(source: str | Path) -> str:
    """Name of the format of `source` (a file or folder).

    Raises:
        FormatError: there is nothing there, or it looks like no known format.
    """
    path = _existing(source)
    if path.is_dir():
        next(walk_folders(path, FormatError), None)  # a folder that may not be listed is no unknown data set
    peek = Peek(path)
    for name, known in FORMATS.items():
        if known.matches(peek):
            return name
    expected = "; ".join(known.title for known in FORMATS.values())
    raise FormatError("this looks like no known data set", where=path, remedy=f"Known are: {expected}")


def read_dataset(
    source: str | Path,
    format: str = AUTO,
    images_root: str | Path | None = None,
    index_base: int | None = None,
    *,
    scheme: Scheme | None = None,
    progress: Progress | None = None,
    outside: bool = False,
    extract_to: str | Path | None = None,
) -> ImportResult:
    """Read a labelled data set. Bad entries are left out and listed; the rest is read.

    Args:
        source: file or folder.
        format: a name of FORMATS, or "auto" to look.
        images_root: folder the image paths are relative to, where it is not the format's usual one.
        index_base: coordinate of the first pixel's centre in the files, 0 or 1; None: as the format has it.
        scheme: what the points mean; None: what the files say, else the built-in scheme with that number of points.
        progress: called with (done, total); may raise, to cancel.
        outside: whether image paths in the files may lead out of the image folder.
        extract_to: folder for images that lie inside the annotation file; None: one beside that file.

    Raises:
        FormatError: nothing there, not that format, or no usable entry at all.
        UsageError: an unknown format name or index base.
    """
    if format != AUTO and format not in FORMATS:
        raise _unknown(format, [AUTO, *FORMATS])
    _check_base(index_base)
    path = _existing(source)
    root = None if images_root is None else Path(images_root)
    if root is not None and not root.is_dir():
        raise FormatError("the image folder is not there", where=root, remedy="Check the name")
    reader = FORMATS[detect_format(path) if format == AUTO else format]
    extract = None if extract_to is None else Path(extract_to)
    return reader.read(path, ReadOptions(root, index_base, scheme, progress, outside, extract_to=extract))


def export_dataset(
    faces: Iterable[LabelledFace],
    scheme: Scheme,
    target: str | Path,
    format: str,
    *,
    images_root: str | Path | None = None,
    copy_images: bool = False,
    index_base: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    header: bool | None = None,
) -> Report:
    """Write labelled faces as `target` in the format of that name; see `core.formats.exporting.write_dataset`."""
    exporter = find_exporter(format)
    _check_base(index_base)
    return write_dataset(
        faces, scheme, target, exporter, FORMATS.get(format), images_root=images_root, copy_images=copy_images,
        index_base=index_base, overwrite=overwrite, progress=progress, header=header,
    )  # fmt: skip


def find_exporter(format: str) -> Exporter:
    """The exporter of that name; UsageError if there is none."""
    if format not in EXPORTERS:
        raise _unknown(format, list(EXPORTERS))
    return EXPORTERS[format]


def _unknown(format: str, known: list[str]) -> UsageError:
    return UsageError(f"there is no format '{format}'", remedy=f"Use one of {', '.join(known)}")


def _check_base(index_base: int | None) -> None:
    if index_base not in (None, 0, 1):
        raise UsageError(f"the index base is {index_base}", remedy="Use 0 or 1")


def _existing(source: str | Path) -> Path:
    path = Path(source)
    try:
        exists = path.exists()
    except (OSError, ValueError) as error:
        raise unreadable(source, error, FormatError) from error
    if not exists:
        remedy = "Check the name, or whether it was moved"
        raise FormatError("there is no such file or folder", where=path, remedy=remedy)
    return path
