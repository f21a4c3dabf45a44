"""300W folders: every image has a .pts file of the same name beside it.

Coordinates are 1-based as published; files written 0-based look the same, so that the base is an option and noted.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from core.errors import FormatError, ImageError, StarmarkError
from core.face import FloatArray, Label
from core.formats.base import (
    Holds,
    ImportResult,
    LabelledFace,
    ReadOptions,
    Skipped,
    WriteOptions,
    choose_scheme,
    nothing_usable,
)
from core.formats.beside import find_pairs
from core.formats.image_files import inside
from core.formats.peek import Peek
from core.formats.pts import format_pts, read_pts
from core.formats.suspects import outside_points
from core.scheme import Scheme

_PTS = ".pts"


class Format300W:
    """300W folders, read with their subfolders, or one .pts file; written as a folder."""

    name = "300w"
    title = "300W: a folder of images with .pts files"
    kind: Literal["file", "folder"] = "folder"
    suffix = ""
    holds = Holds(several=False)

    def matches(self, source: Peek) -> bool:
        """Whether there is a .pts file in the folder or not far below it."""
        return source.suffix == _PTS or source.first(_PTS) is not None

    def read(self, source: Path, options: ReadOptions) -> ImportResult:
        """Read the folder. Files that cannot be used go to `skipped`, with the reason.

        Raises:
            FormatError: no .pts file there, or not one of them usable.
        """
        base = 1 if options.index_base is None else options.index_base
        pairs, unlabelled, twins = find_pairs(source, _PTS, options)
        if not pairs:
            remedy = "Choose a folder where .pts files lie beside their images"
            raise FormatError("there is no .pts file here", where=source, remedy=remedy)
        skipped: list[Skipped] = []
        labelled: list[tuple[Path, Path, FloatArray]] = []
        total = 2 * len(pairs)  # first the .pts files, then the image headers
        for done, (annotation, image) in enumerate(pairs):
            options.tell(done, total)
            if image is None:
                skipped.append(Skipped(str(annotation), "there is no image of this name beside it"))
                continue
            try:
                labelled.append((annotation, image, read_pts(annotation, base)))
            except FormatError as error:
                skipped.append(_skip(annotation, error))
        if not labelled:
            raise nothing_usable(skipped, source)
        scheme = choose_scheme((len(points) for _, _, points in labelled), options.scheme, source)
        faces = _faces(labelled, scheme, skipped, options, total)
        options.tell(total, total)
        if not faces:
            raise nothing_usable(skipped, source)
        return ImportResult(faces, skipped, scheme.id, self.name, _notes(faces, base, unlabelled, twins), base)

    def write(self, faces: Sequence[LabelledFace], scheme: Scheme, place: Path, options: WriteOptions) -> list[str]:
        """Write a .pts file for each image, in the folders that the images have below `options.images_root`."""
        base = 1 if options.index_base is None else options.index_base
        taken: set[Path] = set()
        for done, face in enumerate(faces):
            options.tell(done, len(faces))
            target = place / inside(options.path_of(face.image))
            target = target.with_name(f"{target.stem}{_PTS}")
            if target in taken:
                what = f"two images of one folder are named '{target.stem}', and would share a .pts file"
                raise FormatError(what, where=face.image, remedy="Rename one of them, or choose another format")
            taken.add(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(format_pts(face.label.points, base), encoding="utf-8", newline="\n")
        options.tell(len(faces), len(faces))
        return [f"Coordinates are written {base}-based; the files do not say so themselves."]


def _faces(
    labelled: list[tuple[Path, Path, FloatArray]],
    scheme: Scheme,
    skipped: list[Skipped],
    options: ReadOptions,
    total: int,
) -> list[LabelledFace]:
    faces = []
    for done, (annotation, image, points) in enumerate(labelled):
        options.tell(total - len(labelled) + done, total)
        if len(points) != len(scheme):
            reason = f"has {len(points)} points, scheme {scheme.id} has {len(scheme)}"
            skipped.append(Skipped(str(annotation), reason))
            continue
        try:
            info = options.files.info(image)
        except ImageError as error:
            skipped.append(_skip(image, error))
            continue
        faces.append(LabelledFace(image, Label(scheme.id, points), None, None, (), str(annotation), info))
    return faces


def _skip(path: Path, error: StarmarkError) -> Skipped:
    """The entry for an error; its place may be more exact (a line) than the path."""
    return Skipped(error.where or str(path), error.what)


def _notes(faces: list[LabelledFace], base: int, unlabelled: int, twins: int) -> list[str]:
    meaning = "1 was subtracted" if base else "taken as they are"
    lowest = min(float(face.label.points.min()) for face in faces) + base
    notes = [f"Coordinates are taken as {base}-based ({meaning}); the files do not say so themselves."]
    if base and lowest == 0:
        notes.append("Some coordinates are 0, which 1-based files seldom have: the files may be 0-based.")
    if all((np.floor(face.label.points) == face.label.points).all() for face in faces):
        notes.append("All coordinates are whole numbers: expect half a pixel of rounding.")
    if unlabelled:
        notes.append(f"{unlabelled} images have no .pts file and were left out.")
    if twins:
        notes.append(f"{twins} .pts files have several images of their name; the first by suffix was taken.")
    outside = sum(outside_points(face) > 0 for face in faces)
    if outside:
        notes.append(f"{outside} faces have points outside their image.")
    return notes
