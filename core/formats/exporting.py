"""Writing a data set in any format: beside its target first, read back and compared, then put in place or dropped."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from core.errors import FileError, FormatError, StarmarkError, UsageError
from core.files import exists_error, publish, sync_folder, unreadable
from core.formats.base import Exporter, Importer, LabelledFace, Progress, ReadOptions, Skipped, WriteOptions
from core.formats.image_files import KnownImages
from core.formats.report import Report, export_report
from core.scheme import Scheme

IMAGES_FOLDER = "images"
"""Where copies of the images lie, beside a file or in a folder that is written."""

_ROUNDING = 1e-9
"""Share by which the last bits of a coordinate may differ beyond the format's precision."""


def write_dataset(
    faces: Iterable[LabelledFace],
    scheme: Scheme,
    target: str | Path,
    exporter: Exporter,
    importer: Importer | None,
    *,
    images_root: str | Path | None = None,
    copy_images: bool = False,
    index_base: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    header: bool | None = None,
) -> Report:
    """Write labelled faces as `target`, complete or not at all.

    What was written is read back with `importer` and compared face by face before it takes its place: another order of
    faces or points, another visibility, or a drift beyond the format's precision refuse the export.

    Args:
        faces: all of `scheme`; those that the format cannot hold are left out and listed.
        target: file or folder; the suffix is appended to a file where missing.
        importer: the reader of the same format.
        images_root: folder that image paths are written relative to; None: the folder that holds all images.
        copy_images: copy the images into a folder "images" beside (or in) the target, and name those.
        index_base: coordinate of the first pixel's centre in the files, 0 or 1; None: as the format has it.
        overwrite: replace a file of that name; in a folder, files of the same names.
        progress: called with (done, total); may raise, to cancel.
        header: whether a table that may have a line of column names gets one; None: the format's habit.

    Raises:
        UsageError: no face, or none that the format can hold.
        FileError: the target is there, or cannot be written.
        FormatError: what was written does not read back the same (a fault of ours: please report it).
    """
    kept, skipped = _sorted_out(list(faces), exporter)
    place = check_target(target, exporter, overwrite=overwrite)
    root = Path(os.path.abspath(images_root)) if images_root is not None else _common_root(kept)  # noqa: PTH100
    with _stage(place) as stage:
        written = stage / place.name
        if exporter.kind == "folder":
            written.mkdir()
        copies = IMAGES_FOLDER if copy_images else ""
        prefix = f"{copies}/" if copies and exporter.kind == "file" else ""
        options = WriteOptions(root, place, prefix, index_base, progress, header, copied=copy_images)
        notes = exporter.write(kept, scheme, written, options)
        if copies:
            holder = stage if exporter.kind == "file" else written
            _copy_images(kept, root, holder / copies if exporter.kind == "file" else holder)
        drift, base = _read_back(kept, scheme, written, exporter, importer, root, copies, index_base)
        _publish(stage, written, place, copies, exporter, overwrite)
    return export_report(exporter.name, kept, scheme, skipped, exporter.holds, base, drift, notes)


def _sorted_out(faces: list[LabelledFace], exporter: Exporter) -> tuple[list[LabelledFace], list[Skipped]]:
    """Faces that the format can hold, those of one image together, and the others with the reason."""
    if not faces:
        raise UsageError("there is no labelled face to export", remedy="Choose another label set, or label some first")
    skipped: list[Skipped] = []
    by_image: dict[Path, list[LabelledFace]] = {}
    for face in faces:
        reason = exporter.holds.reason_against(face)
        if reason is None and not exporter.holds.several and face.image in by_image:
            reason = "its image has another face already, and the format holds one"
        if reason is None:
            by_image.setdefault(face.image, []).append(face)
        else:
            skipped.append(Skipped(face.source or str(face.image), reason))
    kept = [face for group in by_image.values() for face in group]
    if not kept:
        what = f"no face can be written as {exporter.name}; {skipped[0].where}: {skipped[0].reason}"
        raise UsageError(what, remedy="Choose another format")
    return kept, skipped


def check_target(target: str | Path, exporter: Exporter, *, overwrite: bool) -> Path:
    """Where the data set will lie, absolute and with its suffix; FileError if it cannot be written there."""
    place = Path(os.path.abspath(target))  # noqa: PTH100
    if exporter.kind == "file" and not place.name.lower().endswith(exporter.suffix):
        place = place.with_name(place.name + exporter.suffix)
    if not place.parent.is_dir():
        what = "cannot be written, its folder is missing"
        raise FileError(what, where=place, remedy="Make the folder, or choose another")
    if exporter.kind == "file" and place.is_dir():
        raise FileError("this is a folder, not a file", where=place, remedy="Choose a file name")
    if exporter.kind == "folder" and place.exists() and not place.is_dir():
        raise FileError("this is a file, not a folder", where=place, remedy="Choose a folder")
    if os.path.lexists(place) and not overwrite and not (place.is_dir() and not any(place.iterdir())):
        raise exists_error(place)
    return place


def _common_root(faces: Sequence[LabelledFace]) -> Path:
    folders = {os.path.dirname(os.path.abspath(face.image)) for face in faces}  # noqa: PTH100, PTH120
    try:
        return Path(os.path.commonpath(folders))
    except ValueError:  # Windows: several drives
        return Path(sorted(folders)[0])


@contextmanager
def _stage(place: Path) -> Iterator[Path]:
    """A hidden folder beside the target, gone afterwards."""
    stage = place.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        stage.mkdir()
        yield stage
    except OSError as error:
        reason = error.strerror or str(error)
        what = f"cannot be written ({reason})"
        raise FileError(what, where=place, remedy="Check the place and its free space") from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _copy_images(faces: Sequence[LabelledFace], root: Path, folder: Path) -> None:
    for image in dict.fromkeys(face.image for face in faces):
        relative = os.path.relpath(image, root)
        if relative.startswith(os.pardir) or os.path.isabs(relative):  # noqa: PTH117
            raise UsageError("the image lies outside the image folder", where=image, remedy="Choose a folder above it")
        copy = folder / relative
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(image, copy)
        except FileNotFoundError as error:
            raise unreadable(image, error, FileError) from error


def _read_back(
    faces: Sequence[LabelledFace],
    scheme: Scheme,
    written: Path,
    exporter: Exporter,
    importer: Importer | None,
    root: Path,
    copies: str,
    index_base: int | None,
) -> tuple[float, int | None]:
    """(largest move of a coordinate in px, index base of the files); FormatError where anything else differs."""
    if importer is None:
        return 0.0, index_base
    in_files = written.parent if exporter.kind == "file" else written
    roots = {root: root} if not copies else {root: in_files / copies if exporter.kind == "file" else in_files}
    infos = {_moved(face.image, root, roots[root]): face.info for face in faces}
    options = ReadOptions(
        images_root=in_files if copies else root,
        index_base=index_base,
        scheme=scheme,
        files=KnownImages(infos),
        outside=True,
        extract_to=written.parent / "extracted",
    )
    try:
        result = importer.read(written, options)
    except StarmarkError as error:
        raise _fault(written, f"cannot be read back: {error.what}") from error
    if len(result.faces) != len(faces):
        reason = result.skipped[0].reason if result.skipped else "no reason given"
        raise _fault(written, f"{len(faces)} faces were written and {len(result.faces)} read back ({reason})")
    # An importer may have another order of images (by name), never another one of the faces in an image.
    read = _by_image(result.faces)
    drift = 0.0
    embedded = not set(read) & {_absolute(image) for image in infos}
    groups = zip(_groups(faces), read.values(), strict=False) if embedded else (
        (group, read.get(_absolute(_moved(group[0].image, root, roots[root])), [])) for group in _groups(faces)
    )  # fmt: skip
    for group, back in groups:
        if len(back) != len(group):
            raise _fault(written, f"{group[0].image.name}: {len(group)} faces written, {len(back)} read back")
        for face, again in zip(group, back, strict=True):
            drift = max(drift, _compare(face, again, exporter, written))
    return drift, result.index_base


def _moved(image: Path, old_root: Path, new_root: Path) -> Path:
    if old_root == new_root:
        return image
    return new_root / os.path.relpath(image, old_root)


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100


def _groups(faces: Sequence[LabelledFace]) -> list[list[LabelledFace]]:
    return list(_by_image(faces).values())


def _by_image(faces: Sequence[LabelledFace]) -> dict[Path, list[LabelledFace]]:
    found: dict[Path, list[LabelledFace]] = {}
    for face in faces:
        found.setdefault(_absolute(face.image), []).append(face)
    return found


def _compare(face: LabelledFace, again: LabelledFace, exporter: Exporter, written: Path) -> float:
    expected, found = exporter.holds.expected(face.label), again.label
    where = face.source or str(face.image)
    if len(expected) != len(found) or not np.array_equal(expected.visibility, found.visibility):
        raise _fault(written, f"{where}: the points or their visibility read back differently")
    move = np.abs(expected.points - found.points)
    drift = float(np.nanmax(move, initial=0.0))
    room = exporter.holds.precision + _ROUNDING * max(1.0, float(np.nanmax(np.abs(expected.points), initial=0.0)))
    if not drift <= room:
        index = int(np.nanargmax(move.max(axis=1)))
        raise _fault(written, f"{where}: point {index} reads back {drift:.3g} px away")
    return drift


def _fault(written: Path, what: str) -> FormatError:
    return FormatError(what, where=written.name, remedy="Nothing was written; please report this")


def _publish(stage: Path, written: Path, place: Path, copies: str, exporter: Exporter, overwrite: bool) -> None:
    for path in sorted(stage.rglob("*")):
        if path.is_file():
            with path.open("rb+") as stream:
                os.fsync(stream.fileno())
    if exporter.kind == "file" and copies:  # first, so that the file never names images that are not there
        _move_tree(stage / copies, place.parent / copies, overwrite)
    if exporter.kind == "folder":
        _move_tree(written, place, overwrite)
        sync_folder(place.parent)
    else:
        publish(written, place, place, overwrite=overwrite)


def _move_tree(source: Path, target: Path, overwrite: bool) -> None:
    """Move a folder into place in one step where nothing is there yet; else its files, one by one."""
    if target.is_dir() and not any(target.iterdir()):
        target.rmdir()
    if not os.path.lexists(target):
        source.rename(target)
        return
    moves = [(path, target / path.relative_to(source)) for path in sorted(source.rglob("*")) if path.is_file()]
    taken = next((there for _, there in moves if os.path.lexists(there)), None)
    if taken is not None and not overwrite:
        raise exists_error(taken)
    for path, there in moves:
        there.parent.mkdir(parents=True, exist_ok=True)
        path.replace(there)
