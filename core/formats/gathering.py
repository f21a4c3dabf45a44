"""From the entries of an annotation file to labelled faces: scheme, order of points, images, and what is left out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import FormatError, ImageError
from core.face import Box, ByteArray, FloatArray, Label, Visibility
from core.formats.base import (
    MAX_EXTRAS,
    LabelledFace,
    ReadOptions,
    Skipped,
    choose_scheme,
    nothing_usable,
)
from core.formats.image_files import PathResolver
from core.formats.point_names import NamedPoints
from core.formats.values import UnusableError
from core.scheme import Scheme

MAX_SKIPPED = 100_000
_SAMPLE = 200  # paths by which the image folder is chosen


@dataclass(frozen=True, slots=True)
class Entry:
    """One face as a file has it.

    Attributes:
        where: file and line or element, for messages.
        path: of the image, as in the file.
        names: of the points; None where the file has none, so that their position decides.
        points: (K, 2) float64, x, y, image px in the file's index base; NaN rows are missing.
        visibility: (K,) uint8 of `Visibility`, or None.
        box, crop, tags, extras: as of `LabelledFace`, box and crop in the file's index base.
    """

    where: str
    path: str
    names: tuple[str, ...] | None
    points: FloatArray
    visibility: ByteArray | None = None
    box: Box | None = None
    crop: tuple[float, float, float] | None = None
    tags: tuple[str, ...] = ()
    extras: Mapping[str, Any] = field(default_factory=dict)


def gather(
    entries: Sequence[Entry],
    skipped: list[Skipped],
    source: Path,
    options: ReadOptions,
    roots: Sequence[Path],
    base: int = 0,
) -> tuple[list[LabelledFace], Scheme, list[str]]:
    """Faces of one scheme with their images; entries that cannot be used go to `skipped`.

    Points that have names are put in the scheme's order by them; those that the entry lacks are missing.

    Args:
        roots: folders that image paths may be relative to; the one where most are found, unless the options name one.
        base: coordinate of the first pixel's centre in the file.

    Returns:
        The faces in the entries' order, their scheme, and notes.

    Raises:
        FormatError: there is no entry, no scheme for them, or not one usable.
    """
    if not entries:
        if skipped:
            raise nothing_usable(skipped, source)
        raise FormatError("there is no face in this file", where=source, remedy="Choose another file")
    named, scheme = _scheme(entries, source, options)
    resolver = _resolver(entries, options, roots)
    faces = []
    for done, entry in enumerate(entries):
        options.tell(done, len(entries))
        try:
            label = _label(entry, scheme, named, base)
            image = resolver.resolve(entry.path)
            info = options.files.info(image)
        except UnusableError as error:
            skip(skipped, entry.where, str(error), source)
            continue
        except ImageError as error:
            skip(skipped, entry.where, f"{error.where}: {error.what}", source)
            continue
        box = entry.box and Box(entry.box.x - base, entry.box.y - base, entry.box.w, entry.box.h)
        crop = entry.crop and (entry.crop[0], entry.crop[1] - base, entry.crop[2] - base)
        faces.append(LabelledFace(image, label, box, crop, entry.tags, entry.where, info, entry.extras))
    options.tell(len(entries), len(entries))
    if not faces:
        raise nothing_usable(skipped, source)
    return faces, scheme, [*(named.notes() if named else []), *resolver.notes()]


def skip(skipped: list[Skipped], where: str, reason: str, source: Path) -> None:
    """List an entry as left out; FormatError once there are so many that the file cannot be what it was taken for."""
    skipped.append(Skipped(where, reason))
    if len(skipped) > MAX_SKIPPED:
        what = f"too many entries cannot be used; the last: {reason}"
        raise FormatError(what, where=source, remedy="Correct the file, or choose another")


def kept_extras(values: Mapping[str, Any]) -> dict[str, Any]:
    """What of `values` may be kept as a face's extras: whole entries, in their order, as long as there is room."""
    kept: dict[str, Any] = {}
    room = MAX_EXTRAS
    for name, value in values.items():
        try:
            room -= len(json.dumps({name: value}, allow_nan=False))
        except (TypeError, ValueError, RecursionError):  # not JSON
            continue
        if room < 0:
            break
        kept[name] = value
    return kept


def _scheme(entries: Sequence[Entry], source: Path, options: ReadOptions) -> tuple[NamedPoints | None, Scheme]:
    names = [entry.names for entry in entries if entry.names is not None]
    if names:
        named = NamedPoints(names, options.scheme, source)
        return named, named.scheme
    return None, choose_scheme((len(entry.points) for entry in entries), options.scheme, source)


def _resolver(entries: Sequence[Entry], options: ReadOptions, roots: Iterable[Path]) -> PathResolver:
    texts = [entry.path for entry in entries[:_SAMPLE]]
    if options.images_root is not None:
        roots = [options.images_root]
    resolvers = [PathResolver(texts, root, options.files, outside=options.outside) for root in dict.fromkeys(roots)]
    return max(resolvers, key=lambda resolver: sum(_is_found(text, resolver, options) for text in texts))


def _is_found(text: str, resolver: PathResolver, options: ReadOptions) -> bool:
    try:
        return options.files.exists(resolver.resolve(text))
    except (UnusableError, OSError):
        return False


def _label(entry: Entry, scheme: Scheme, named: NamedPoints | None, base: int) -> Label:
    states = entry.visibility if entry.visibility is not None else np.zeros(len(entry.points), np.uint8)
    if entry.names is None or named is None:
        if len(entry.points) != len(scheme):
            raise UnusableError(f"has {len(entry.points)} points, scheme {scheme.id} has {len(scheme)}")
        return Label(scheme.id, entry.points - base, states)
    order = named.order(entry.names)
    points = np.full((len(scheme), 2), np.nan)
    visibility = np.full(len(scheme), Visibility.MISSING, np.uint8)
    points[order] = entry.points - base
    visibility[order] = states
    return Label(scheme.id, points, visibility)
