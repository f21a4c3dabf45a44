"""The one image reader: any supported file to an upright 8-bit RGB array, or an ImageError that says why not.

What a file *is* is decided by its first bytes, never by its name. Decisions about pixels:

* 16-bit samples keep their high byte (an 8-bit value v stored as 257 v comes back as v); nothing is clipped.
* Transparent pixels are laid over white, as nearly all viewers and every printed page show them; the colour stored
  under full transparency is arbitrary.
* CMYK and YCCK JPEGs are Adobe's inverted kind and converted without colour profile; other colour profiles are not
  applied either: landmarks do not depend on the last shade.
* Of an animation or a multi-page file, the first picture counts.
* Orientation is EXIF's (or TIFF's own tag), as browsers do; XMP copies of it are not looked at.

Decoders see a file reduced to its first picture (`core.image_structure`), after all limits have been checked.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

# Each plugin by name: Image.open would load them lazily, which is slow and not made for several threads.
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from core.errors import ImageError, StarmarkError, UsageError
from core.files import is_file, open_regular, read_limited, unreadable, walk_folders
from core.image_structure import Outline, count_scans, read_outline

__all__ = [
    "DEFAULT_LIMITS",
    "IMAGE_SUFFIXES",
    "ImageInfo",
    "ImageLimits",
    "ReducedImage",
    "find_images",
    "natural_key",
    "probe_image",
    "read_image",
    "read_image_bytes",
    "read_image_data",
    "read_reduced",
    "read_thumbnail",
]

_DECODERS: dict[str, type[ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WEBP": WebPImageFile,
    "TIFF": TiffImageFile,
    "BMP": BmpImageFile,
}

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".bmp", ".dib"})
"""Lower-case suffixes by which folders are searched. A file named outright may have any suffix."""

# Pillow's own limit warns through a process-wide filter and counts after it has set up the decoder; ours (ImageLimits)
# is checked on every path of this module before anything is decoded.
Image.MAX_IMAGE_PIXELS = None
# Remarks on odd metadata are of no use to a user. Filtered once, here: catch_warnings is not safe among threads.
warnings.filterwarnings("ignore", module=r"PIL\.")


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What is refused before decoding.

    Attributes:
        max_pixels: in the picture. Phones make 200 million; reading takes 7 bytes a pixel, progressive JPEGs up to 10.
        max_bytes: in the file.
        max_side: px of the longer side; JPEGs cannot have more, and no photo does.
    """

    max_pixels: int = 250_000_000
    max_bytes: int = 512 * 2**20
    max_side: int = 65_535


DEFAULT_LIMITS = ImageLimits()

_MAX_PIXELS_WEBP = 100_000_000  # its decoder keeps the picture four times, 16 bytes a pixel
_MAX_PIXELS_PACKED = 10_000_000  # run-length coded BMPs are decoded byte by byte
_MAX_SCANS = 200  # of a progressive JPEG; usual are 10
_MAX_SCAN_PIXELS = 5_000_000_000  # each scan goes over the whole picture
_STRIP_PIXELS = 2**18


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What the header says.

    Attributes:
        width, height: px, after orientation.
        format: "JPEG", "PNG", "WEBP", "TIFF" or "BMP".
        orientation: EXIF's 1..8; 1 is upright.
    """

    width: int
    height: int
    format: str
    orientation: int


_MAGIC = (
    (re.compile(rb"\xff\xd8\xff"), "JPEG"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "PNG"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "WEBP"),
    (re.compile(rb"II[*+]\x00|MM\x00[*+]"), "TIFF"),
    (re.compile(rb"BM"), "BMP"),
)
_FOREIGN = (
    (re.compile(rb"GIF8"), "a GIF picture"),
    (re.compile(rb"....ftyp(heic|heix|hevc|mif1|msf1)", re.DOTALL), "a HEIC picture"),
    (re.compile(rb"....ftypavi[fs]", re.DOTALL), "an AVIF picture"),
    (re.compile(rb"....ftyp", re.DOTALL), "a video"),
    (re.compile(rb"%PDF"), "a PDF document"),
    (re.compile(rb"\s*<(\?xml|svg|!DOCTYPE|html)", re.IGNORECASE), "a web page or drawing"),
    (re.compile(rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51"), "a JPEG 2000 picture"),
    (re.compile(rb"#\?(RADIANCE|RGBE)"), "a Radiance HDR picture"),
    (re.compile(rb"\x76\x2f\x31\x01"), "an OpenEXR picture"),
    (re.compile(rb"\xff\x0a|\x00\x00\x00\x0cJXL "), "a JPEG XL picture"),
    (re.compile(rb"8BPS"), "a Photoshop document"),
    (re.compile(rb"version https://git-lfs"), "a placeholder for a file that was not downloaded"),
)
_CONVERT = "Convert it to PNG or JPEG"
_REPLACE = "Replace it by a whole copy"


def read_image(path: str | Path, *, limits: ImageLimits = DEFAULT_LIMITS) -> NDArray[np.uint8]:
    """The picture in a file: (H, W, 3) uint8 RGB, upright. Safe to call from several threads.

    Raises:
        ImageError: nothing there, not an image, damaged, cut short, beyond `limits`, or not readable.
    """
    return read_image_bytes(read_limited(path, limits.max_bytes, ImageError), str(path), limits=limits)


def read_image_data(path: str | Path, *, limits: ImageLimits = DEFAULT_LIMITS) -> bytes:
    """The bytes of an image file, for a caller that also wants their hash; errors as `read_image`."""
    return read_limited(path, limits.max_bytes, ImageError)


def read_image_bytes(data: bytes, where: str, *, limits: ImageLimits = DEFAULT_LIMITS) -> NDArray[np.uint8]:
    """As `read_image`, of a file's content; `where` names it in errors."""
    with _problems(where):
        picture, info = _open(data, where, limits)
        with picture:
            picture.load()
            return _pixels(picture, info)


def probe_image(path: str | Path, *, limits: ImageLimits = DEFAULT_LIMITS) -> ImageInfo:
    """Size, format and orientation from the file's structure alone, well under a millisecond.

    ImageError as `read_image`, except for damage that only decoding finds.
    """
    where = str(path)
    with open_regular(path, limits.max_bytes, ImageError) as stream, _problems(where):
        return _outline(stream, where, limits)[1]


def read_thumbnail(path: str | Path, max_side: int, *, limits: ImageLimits = DEFAULT_LIMITS) -> NDArray[np.uint8]:
    """A small version: (h, w, 3) uint8 RGB, upright, max(h, w) <= `max_side`, never enlarged.

    JPEGs are decoded at a fraction of their size. ImageError as `read_image`.
    """
    if max_side < 1:
        raise ValueError("max_side must be at least 1")
    where = str(path)
    data = read_limited(path, limits.max_bytes, ImageError)
    with _problems(where):
        picture, info = _open(data, where, limits)
        factor = min(1.0, max_side / max(info.width, info.height))
        size = max(1, round(info.width * factor)), max(1, round(info.height * factor))
        way = Image.Resampling.BOX if factor < 0.5 else Image.Resampling.BILINEAR
        with picture:
            stored = size[::-1] if info.orientation >= 5 else size
            if factor < 1:
                picture.draft(None, stored)
            picture.load()
            if picture.mode in ("RGB", "L") and "transparency" not in picture.info:
                small = picture.resize(stored, way).convert("RGB")
                return np.array(_turned(small, info.orientation))
            pixels = _pixels(picture, info)
        # A palette or transparency cannot be averaged before it is resolved.
        return np.array(Image.fromarray(pixels).resize(size, way))


@dataclass(frozen=True, eq=False, slots=True)
class ReducedImage:
    """A picture decoded at a whole fraction of its size.

    Attributes:
        pixels: (h, w, 3) uint8 RGB, upright.
        factor: each pixel stands for `factor` x `factor` px of the image; 1 is the image itself.
        origin: x, y, image px: where the first pixel's block begins; up to `factor` - 1 px outside the image.
        width, height: of the image, px, upright.
    """

    pixels: NDArray[np.uint8]
    factor: int
    origin: tuple[int, int]
    width: int
    height: int

    @property
    def to_image(self) -> NDArray[np.float64]:
        """(3, 3) float64, px of `pixels` -> image px; centres of first pixels at (0, 0) in both."""
        shift = (self.factor - 1) / 2
        x, y = self.origin
        return np.array([[self.factor, 0.0, x + shift], [0.0, self.factor, y + shift], [0.0, 0.0, 1.0]])


def read_reduced(data: bytes, where: str, min_side: int, *, limits: ImageLimits = DEFAULT_LIMITS) -> ReducedImage:
    """A file's picture, decoded as small as its format allows while its longer side keeps `min_side` px.

    JPEGs are decoded at 1/2, 1/4 or 1/8, which takes a fraction of the time and memory; others as they are. ImageError
    as `read_image`.
    """
    with _problems(where):
        picture, info = _open(data, where, limits)
        with picture:
            stored = picture.size
            share = min_side / max(stored)
            if share < 1:
                picture.draft(None, (ceil(stored[0] * share), ceil(stored[1] * share)))
            picture.load()
            factor = next(f for f in (1, 2, 4, 8) if -(-stored[0] // f) == picture.size[0])
            pixels = _pixels(picture, info)
    # The last block of a row or column may stick out of the image; turned over, it is the first.
    beyond = info.width - pixels.shape[1] * factor, info.height - pixels.shape[0] * factor
    turned = info.orientation in (2, 3, 6, 7), info.orientation in (3, 4, 7, 8)
    origin = beyond[0] if turned[0] else 0, beyond[1] if turned[1] else 0
    return ReducedImage(pixels, factor, origin, info.width, info.height)


@contextmanager
def _problems(where: str) -> Iterator[None]:
    """Whatever a decoder raises on hostile bytes becomes one ImageError."""
    try:
        yield
    except StarmarkError:
        raise
    except MemoryError as error:
        raise ImageError("not enough memory to read the image", where=where, remedy="Make it smaller") from error
    except EOFError as error:
        raise ImageError("the image is cut short", where=where, remedy=_REPLACE) from error
    except Exception as error:  # decoders raise nearly everything: OSError, SyntaxError, struct.error, KeyError, ...
        text = str(error).strip().rstrip(".") or type(error).__name__
        if "truncated" in text.lower():
            raise ImageError("the image is cut short", where=where, remedy=_REPLACE) from error
        raise ImageError(f"the image is damaged ({text})", where=where, remedy=_REPLACE) from error


def _sniff(head: bytes, where: str) -> str:
    for magic, name in _MAGIC:
        if magic.match(head):
            return name
    for magic, kind in _FOREIGN:
        if magic.match(head):
            remedy = "Download the file itself" if "downloaded" in kind else _CONVERT
            raise ImageError(f"this is {kind}, which is not read", where=where, remedy=remedy)
    raise ImageError("not an image", where=where, remedy="Choose a JPEG, PNG, WebP, TIFF or BMP file")


def _outline(stream: BinaryIO, where: str, limits: ImageLimits) -> tuple[Outline, ImageInfo]:
    """The structure of a file, within the limits."""
    head = stream.read(64)
    if not head:
        raise ImageError("the file is empty", where=where, remedy=_REPLACE)
    kind = _sniff(head, where)
    outline = read_outline(stream, kind)
    width, height = outline.width, outline.height
    if width < 1 or height < 1:
        raise ImageError("the image has no pixels", where=where, remedy=_REPLACE)
    most = limits.max_pixels
    if kind == "WEBP" or outline.packed_rows:
        most = min(most, _MAX_PIXELS_WEBP if kind == "WEBP" else _MAX_PIXELS_PACKED)
    if width * height > most:
        megapixels = f"{width} x {height} px, at most {most / 1e6:g} megapixels"
        raise ImageError(f"the image is too large ({megapixels})", where=where, remedy="Make it smaller")
    if max(width, height) > limits.max_side:
        sides = f"{width} x {height} px, at most {limits.max_side} a side"
        raise ImageError(f"the image is too long ({sides})", where=where, remedy="Cut it into shorter ones")
    if outline.kept_bytes < outline.least_bytes:
        raise ImageError("the image is cut short", where=where, remedy=_REPLACE)
    if outline.orientation >= 5:
        width, height = height, width
    return outline, ImageInfo(width, height, kind, outline.orientation)


def _open(data: bytes, where: str, limits: ImageLimits) -> tuple[ImageFile, ImageInfo]:
    """The picture as stored, its limits checked, not decoded yet."""
    outline, info = _outline(io.BytesIO(data), where, limits)
    if outline.scans_at is not None:
        most = min(_MAX_SCANS, _MAX_SCAN_PIXELS // (outline.width * outline.height))
        if count_scans(data, outline.scans_at, most) > most:
            remedy = "Save it as a JPEG that is not progressive"
            raise ImageError(f"the image comes in more than {most} passes", where=where, remedy=remedy)
    try:
        picture = _DECODERS[info.format](io.BytesIO(outline.plain(data)))
    except SyntaxError as error:
        if info.format == "TIFF" and "unknown" in str(error):
            text = "this TIFF image stores its pixels in a way that is not read, such as floating point"
            raise ImageError(text, where=where, remedy="Convert it to 8 or 16 bits a channel") from error
        text = f"the header of this {info.format} image is damaged"
        raise ImageError(text, where=where, remedy=_REPLACE) from error
    if picture.size != (outline.width, outline.height):
        raise ImageError("the image says two different sizes", where=where, remedy=_REPLACE)
    if picture.mode in ("I", "F"):
        what = "the image has 32-bit or signed samples, whose range is unknown"
        raise ImageError(what, where=where, remedy="Convert it to 8 or 16 bits a channel")
    if picture.mode == "LAB":
        raise ImageError("the image is in the Lab colour space, which is not read", where=where, remedy=_CONVERT)
    return picture, info


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _turned(picture: Image.Image, orientation: int) -> Image.Image:
    turn = _TURNS.get(orientation)
    return picture if turn is None else picture.transpose(turn)


def _pixels(picture: ImageFile, info: ImageInfo) -> NDArray[np.uint8]:
    """A decoded picture, upright, as (H, W, 3) uint8 RGB.

    It is converted and turned in strips of rows: whole copies on the way would take several times the memory.
    """
    convert = _conversion(picture)
    width, height = picture.size
    upright = np.empty((width, height, 3) if info.orientation >= 5 else (height, width, 3), np.uint8)
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        strip = _turned(convert(picture.crop((0, top, width, bottom))), info.orientation)
        # The first stored row is the last of an image upside down, and a column of one on its side.
        place = slice(height - bottom, height - top) if info.orientation in (3, 4, 6, 7) else slice(top, bottom)
        upright[(slice(None), place) if info.orientation >= 5 else place] = np.asarray(strip)
    return upright


def _conversion(picture: ImageFile) -> Callable[[Image.Image], Image.Image]:
    """How strips of `picture` become mode RGB."""
    if picture.mode.startswith("I;16"):
        bits, inverted = 16, False
        if isinstance(picture, TiffImageFile):
            bits = int(cast(tuple[int, ...], picture.tag_v2.get(258, (16,)))[0])
            inverted = picture.tag_v2.get(262) == 0  # "white is zero"
        return lambda strip: _high_bytes(strip, bits, inverted).convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        if isinstance(picture, BmpImageFile) and picture.getchannel("A").getextrema() == (0, 0):
            return lambda strip: strip.convert("RGB")  # many programs leave BMP's fourth byte at zero and mean opaque
        return _over_white
    return lambda strip: strip if strip.mode == "RGB" else strip.convert("RGB")


def _over_white(picture: Image.Image) -> Image.Image:
    rgba = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")


def _high_bytes(picture: Image.Image, bits: int, inverted: bool) -> Image.Image:
    """A grey picture of more than 8 bits a sample as mode L. Transparency of one grey level is left out."""
    values = (np.asarray(picture).astype(np.uint16) >> max(bits - 8, 0)).astype(np.uint8)
    return Image.fromarray(255 - values if inverted else values)


def natural_key(path: str | Path) -> tuple[object, ...]:
    """Sort key by folders, then names, where numbers count as numbers: face2 before face10."""
    parts = Path(path).parts
    return tuple(tuple(_run_key(run) for run in re.split(r"(\d+)", part) if run) for part in parts), str(path)


def _run_key(run: str) -> tuple[int, int, str]:
    return (0, int(run), "") if run.isdecimal() and len(run) < 1000 else (1, 0, run.casefold())


def find_images(paths: Sequence[str | Path], recursive: bool = True) -> list[Path]:
    """Expand files and folders to image files, each once, in the order given and naturally sorted within a folder.

    Folders are searched for IMAGE_SUFFIXES (hidden entries left out, symbolic links followed, each folder once);
    a file named outright is taken whatever its suffix.

    Raises:
        ImageError: a path is not there, or a folder cannot be listed.
        UsageError: no paths, or no image in any of them.
    """
    if not paths:
        raise UsageError("no image was given", remedy="Name image files or folders")
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        try:
            is_folder = path.is_dir()
            is_there = is_folder or path.exists()
        except (OSError, ValueError) as error:
            raise unreadable(path, error, ImageError) from error
        if not is_there:
            remedy = "Check the name, or whether it was moved"
            raise ImageError("there is no such file or folder", where=path, remedy=remedy)
        found.update(dict.fromkeys(_in_folder(path, recursive) if is_folder else [path]))
    if not found:
        where = ", ".join(str(path) for path in paths[:3])
        remedy = "Choose a folder with JPEG, PNG, WebP, TIFF or BMP files"
        raise UsageError("there is no image in this folder", where=where, remedy=remedy)
    return list(found)


def _in_folder(folder: Path, recursive: bool) -> list[Path]:
    found = []
    for place, names in walk_folders(folder, ImageError, recursive=recursive):
        paths = (place / name for name in names)
        found += [path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES and is_file(path)]
    return sorted(found, key=natural_key)
