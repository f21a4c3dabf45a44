"""COFW_train_color.mat and COFW_test_color.mat: MATLAB files of version 7.3 with landmarks and images in one.

    IsTr      cell N x 1   images, H x W (grey) or H x W x 3, uint8; "IsT" and so on in the file for testing
    phisTr    N x 87       29 x, 29 y, 29 times 1 where a point is occluded, else 0
    bboxesTr  N x 4        face box: x, y, width, height

In HDF5 all of it is transposed. Coordinates are 1-based as MATLAB's are. Reading writes the images as PNG files, for
everything else here works on image files.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.errors import FileError, FormatError, ImageError
from core.face import Box, FloatArray, Label, Visibility
from core.files import unreadable, write_atomic
from core.formats.base import (
    Holds,
    ImportResult,
    LabelledFace,
    Progress,
    ReadOptions,
    Skipped,
    WriteOptions,
    nothing_usable,
)
from core.formats.hdf5_file import find_dataset, in_child, is_hdf5, open_hdf5, plain_shape, read_values, referred
from core.formats.image_files import ImageFiles
from core.formats.peek import Peek
from core.formats.values import UnusableError, coordinate
from core.images import ImageInfo, read_image
from core.scheme import Scheme, get_scheme

if TYPE_CHECKING:
    import h5py

SCHEME = "cofw-29"
_POINTS = 29
_SPLITS = {"Tr": "train", "T": "test"}
_MAX_FACES = 200_000
_MAX_PIXELS = 40_000_000
_MAX_IMAGES_RATIO = 100
_FREE_BYTES = 64 * 2**20
_REMEDY = "Choose COFW_train_color.mat or COFW_test_color.mat"
_HEADER = "MATLAB 7.3 MAT-file, Platform: Starmark, HDF5 schema 1.00 ."
_HEADER_BYTES = 512


class FormatCofw:
    """COFW's .mat files."""

    name = "cofw"
    title = "COFW: a .mat file with landmarks and images"
    kind: Literal["file", "folder"] = "file"
    suffix = ".mat"
    holds = Holds(occluded=True, box=True, counts=frozenset({_POINTS}))

    def matches(self, source: Peek) -> bool:
        """Whether it is a .mat file of MATLAB's version 7.3."""
        return source.suffix == self.suffix and is_hdf5(source.head)

    def read(self, source: Path, options: ReadOptions) -> ImportResult:
        """Read the file and write its images to `options.extract_to`, else into "NAME images" beside it.

        Images that are there from an earlier reading are used again. Faces that cannot be used go to `skipped`.

        Raises:
            FormatError: not such a file, or not one face of it usable.
            FileError: the images cannot be written, or another file has the name of one.
        """
        scheme = options.scheme or get_scheme(SCHEME)
        if len(scheme) != _POINTS:
            what = f"scheme {scheme.id} has {len(scheme)} points, COFW has {_POINTS}"
            raise FormatError(what, where=source, remedy=f"Choose the scheme {SCHEME}")
        base = 1 if options.index_base is None else options.index_base
        folder = options.extract_to or source.with_name(f"{source.stem} images")
        there = _names(folder)
        alone = replace(options, scheme=scheme, index_base=base, progress=None, files=ImageFiles())
        try:
            result: ImportResult = in_child(read_here, (source, folder, alone), source, options.tell)
        except BaseException:  # also where it was killed before it could do so itself
            _take_back(folder, there)
            raise
        return result

    def write(self, faces: Sequence[LabelledFace], scheme: Scheme, place: Path, options: WriteOptions) -> list[str]:
        """Write landmarks and images into one file; a face without box gets the extent of its landmarks."""
        import h5py

        base = 1 if options.index_base is None else options.index_base
        split = "T" if all(face.extras.get("split") == "test" for face in faces) else "Tr"
        # MATLAB reads what HDF5 1.8 could write.
        with h5py.File(place, "w", userblock_size=_HEADER_BYTES, libver=("earliest", "v110")) as file:
            references = _write_images(file, faces, options)
            cells = file.create_dataset(f"Is{split}", data=references, dtype=h5py.ref_dtype)
            cells.attrs["MATLAB_class"] = np.bytes_("cell")
            for name, row in ((f"phis{split}", _phis), (f"bboxes{split}", _corner_and_size)):
                table = np.array([row(face, base) for face in faces], np.float64)
                file.create_dataset(name, data=table.T).attrs["MATLAB_class"] = np.bytes_("double")
        with place.open("r+b") as stream:
            stream.write(_HEADER.ljust(116).encode() + bytes(8) + b"\x00\x02IM")
        notes = [f"Coordinates are written {base}-based; the file does not say so itself.",
                 f"The images are in the file, and everything as COFW's for {_SPLITS[split]}ing."]  # fmt: skip
        boxless = sum(face.box is None for face in faces)
        if boxless:
            notes.append(f"{boxless} faces have no box; the extent of their landmarks was written.")
        return notes


def read_here(source: Path, folder: Path, options: ReadOptions, tell: Progress) -> ImportResult:
    """Read the file in this process; `options` with scheme and base. Images go to `folder`, and go if that fails."""
    options = replace(options, progress=tell)
    scheme, base = options.scheme or get_scheme(SCHEME), options.index_base or 0
    with open_hdf5(source) as file:
        parts = _parts(file, source)
        images = _Images(file, source, folder, _budget(source))
        try:
            faces, skipped = _faces(parts, images, scheme, base, options)
        except BaseException:
            images.remove_new()
            raise
    if not faces:
        raise nothing_usable(skipped, source)
    notes = [
        f"Coordinates are taken as {base}-based; the file does not say so itself.",
        f"The images lie in the file; they were written as PNG files into {folder}.",
    ]
    return ImportResult(faces, skipped, scheme.id, FormatCofw.name, notes, base)


def _names(folder: Path) -> set[str] | None:
    """What lies in a folder, None if there is no such folder."""
    return {path.name for path in folder.iterdir()} if folder.is_dir() else None


def _take_back(folder: Path, there: set[str] | None) -> None:
    """Remove the images that have come since `there` was looked up."""
    for name in (_names(folder) or set()) - (there or set()):
        (folder / name).unlink(missing_ok=True)
    if there is None and folder.is_dir():
        folder.rmdir()


def _budget(source: Path) -> int:
    """Bytes of pixels that the file's images may have together."""
    return _FREE_BYTES + _MAX_IMAGES_RATIO * source.stat().st_size


def _parts(file: h5py.File, source: Path) -> list[_Part]:
    parts = [part for suffix in _SPLITS if (part := _part(file, suffix, source)) is not None]
    if not parts:
        raise FormatError("there is neither IsTr nor IsT in this file", where=source, remedy=_REMEDY)
    return parts


@dataclass(frozen=True, slots=True)
class _Part:
    """One of the two sets that a file may have; arrays as in the file, a column a face."""

    split: str
    references: NDArray[Any]
    phis: FloatArray
    boxes: FloatArray | None


def _part(file: h5py.File, suffix: str, source: Path) -> _Part | None:
    cells = find_dataset(file, f"Is{suffix}", source)
    if cells is None:
        return None
    try:
        phis = _numbers(file, f"phis{suffix}", 3 * _POINTS, source)
        if phis is None:
            raise UnusableError(f"phis{suffix} is missing")
        count = phis.shape[1]
        boxes = _numbers(file, f"bboxes{suffix}", 4, source)
        if boxes is not None and boxes.shape[1] != count:
            raise UnusableError(f"bboxes{suffix} has {boxes.shape[1]} faces, phis{suffix} has {count}")
        return _Part(_SPLITS[suffix], _references(cells, f"Is{suffix}", count), phis, boxes)
    except UnusableError as error:
        raise FormatError(str(error), where=source, remedy=_REMEDY) from error


def _numbers(file: h5py.File, name: str, rows: int, source: Path) -> FloatArray | None:
    """(rows, N) float64, None if there is no array of that name."""
    dataset = find_dataset(file, name, source)
    if dataset is None:
        return None
    shape = plain_shape(dataset, rows * _MAX_FACES * 8, name)
    if len(shape) != 2 or shape[0] != rows or dataset.dtype.kind not in "fiu":
        raise UnusableError(f"{name} must be numbers, {rows} a face (N x {rows} in MATLAB)")
    return read_values(dataset, name).astype(np.float64)


def _references(cells: h5py.Dataset, name: str, count: int) -> NDArray[Any]:
    import h5py

    shape = plain_shape(cells, _MAX_FACES * 8, name)
    if h5py.check_ref_dtype(cells.dtype) is not h5py.Reference:
        raise UnusableError(f"{name} must be a cell array of images")
    if max(shape) != count or int(np.prod(shape)) != count:
        raise UnusableError(f"{name} has {int(np.prod(shape))} images, but there are {count} faces")
    return read_values(cells, name).ravel()


def _faces(
    parts: list[_Part], images: _Images, scheme: Scheme, base: int, options: ReadOptions
) -> tuple[list[LabelledFace], list[Skipped]]:
    faces: list[LabelledFace] = []
    skipped: list[Skipped] = []
    total = sum(len(part.references) for part in parts)
    done = 0
    for part in parts:
        for number, reference in enumerate(part.references):
            options.tell(done, total)
            done += 1
            where = f"{images.source}, {part.split} face {number + 1}"
            try:
                label = _label(part.phis[:, number], scheme, base)
                box = None if part.boxes is None else _box(part.boxes[:, number], base)
                image, info = images.extract(reference, f"cofw_{part.split}_{number + 1:04d}.png")
            except UnusableError as error:
                skipped.append(Skipped(where, str(error)))
                continue
            faces.append(LabelledFace(image, label, box, None, (), where, info, {"split": part.split}))
    options.tell(total, total)
    return faces, skipped


def _label(column: FloatArray, scheme: Scheme, base: int) -> Label:
    values = [coordinate(float(value), f"value {index + 1} of 87") for index, value in enumerate(column)]
    points = np.array(values[: 2 * _POINTS]).reshape(2, _POINTS).T - base
    occluded = np.array(values[2 * _POINTS :])
    if not np.isin(occluded, (0, 1)).all():
        raise UnusableError("its marks of occlusion are not all 0 or 1")
    return Label(scheme.id, points, np.where(occluded == 1, Visibility.OCCLUDED, Visibility.VISIBLE).astype(np.uint8))


def _box(column: FloatArray, base: int) -> Box | None:
    """None for a box without area, which says nothing against the points."""
    x, y, w, h = (coordinate(float(value), "its box") for value in column)
    return Box(x - base, y - base, w, h) if w > 0 and h > 0 else None


@dataclass(slots=True)
class _Images:
    """Writes images of the file, each once: several faces may have the same."""

    file: h5py.File
    source: Path
    folder: Path
    budget: int
    _known: dict[int, tuple[Path, ImageInfo]] = field(default_factory=dict)
    _new: list[Path] = field(default_factory=list)
    _made: bool = False

    def extract(self, reference: Any, name: str) -> tuple[Path, ImageInfo]:
        """The image's file; UnusableError if there is no image, FileError if it cannot be written."""
        address, dataset = referred(self.file, reference, self.source)
        if address not in self._known:
            pixels = self._pixels(dataset)
            path = self.folder / name
            self._write(path, pixels)
            self._known[address] = path, ImageInfo(pixels.shape[1], pixels.shape[0], "PNG", 1)
        return self._known[address]

    def _pixels(self, dataset: h5py.Dataset) -> NDArray[np.uint8]:
        """(H, W) or (H, W, 3) uint8."""
        shape = plain_shape(dataset, 3 * _MAX_PIXELS, "its image")
        if len(shape) not in (2, 3) or (len(shape) == 3 and shape[0] != 3) or dataset.dtype != np.uint8:
            raise UnusableError("its image is not of 8 bits in one or three channels")
        self.budget -= int(np.prod(shape))
        if self.budget < 0:
            what = "the images are far larger than their file can be"
            raise FormatError(what, where=self.source, remedy="Do not trust this file")
        return np.ascontiguousarray(read_values(dataset, "its image").T)

    def _write(self, path: Path, pixels: NDArray[np.uint8]) -> None:
        if path.exists():
            if not _same_picture(path, pixels):
                what = "another file of this name is there already"
                raise FileError(what, where=path, remedy="Move it away, or choose another folder for the images")
            return
        try:
            self._made = self._made or not self.folder.exists()
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unreadable(self.folder, error, FileError) from error
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
        write_atomic(path, stream.getvalue(), overwrite=False)
        self._new.append(path)

    def remove_new(self) -> None:
        """Take back what was written, for the reading came to nothing."""
        for path in self._new:
            path.unlink(missing_ok=True)
        if self._made and not any(self.folder.iterdir()):
            self.folder.rmdir()


def _same_picture(path: Path, pixels: NDArray[np.uint8]) -> bool:
    try:
        there = read_image(path)
    except ImageError:
        return False
    return np.array_equal(there, pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2))


def _write_images(file: h5py.File, faces: Sequence[LabelledFace], options: WriteOptions) -> NDArray[Any]:
    """(1, N) references to the image of each face."""
    import h5py

    group = file.create_group("#refs#")
    written: dict[Path, Any] = {}
    for done, face in enumerate(faces):
        options.tell(done, len(faces))
        if face.image in written:
            continue
        pixels = _read(face)
        columns = pixels.T  # (W, H) or (3, W, H)
        width, height = columns.shape[-2:]
        chunk = (1, min(width, max(1, 2**20 // height)), height)[-columns.ndim :]
        packing = {"chunks": chunk, "compression": "gzip", "compression_opts": 1}
        dataset = group.create_dataset(str(len(written)), data=columns, **packing)
        dataset.attrs["MATLAB_class"] = np.bytes_("uint8")
        written[face.image] = dataset.ref
    options.tell(len(faces), len(faces))
    return np.array([[written[face.image] for face in faces]], dtype=h5py.ref_dtype)


def _read(face: LabelledFace) -> NDArray[np.uint8]:
    """(H, W, 3), or (H, W) where all channels are the same."""
    if face.info is not None and face.info.width * face.info.height > _MAX_PIXELS:
        what = f"the image has more than {_MAX_PIXELS / 1e6:g} megapixels, which is too much for a .mat file"
        raise FormatError(what, where=face.image, remedy="Make it smaller, or choose another format")
    pixels = read_image(face.image)
    grey = np.array_equal(pixels[..., 0], pixels[..., 1]) and np.array_equal(pixels[..., 0], pixels[..., 2])
    return pixels[..., 0] if grey else pixels


def _phis(face: LabelledFace, base: int) -> FloatArray:
    x, y = (face.label.points + base).T
    return np.concatenate([x, y, face.label.visibility == Visibility.OCCLUDED])


def _corner_and_size(face: LabelledFace, base: int) -> list[float]:
    if face.box is not None:
        return [face.box.x + base, face.box.y + base, face.box.w, face.box.h]
    low, high = face.label.points.min(axis=0), face.label.points.max(axis=0)
    return [float(low[0]) + base, float(low[1]) + base, float(high[0] - low[0]), float(high[1] - low[1])]
