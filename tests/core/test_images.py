"""The image reader: every supported kind comes out upright and right, everything else with a sentence."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.errors import ImageError, UsageError
from core.exif import tiff_orientation
from core.images import (
    ImageLimits,
    find_images,
    natural_key,
    probe_image,
    read_image,
    read_image_bytes,
    read_image_data,
    read_thumbnail,
)

ROOT = Path(__file__).resolve().parents[2]
# Pillow warns about odd metadata; the program filters that at import, which pytest's own filters would hide.
pytestmark = pytest.mark.filterwarnings("ignore:::PIL")


def _gradient(height: int = 40, width: int = 60) -> np.ndarray:
    """No symmetry, so that every wrong turn shows; smooth, so that JPEG keeps it within a few levels."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 / width, y * 255 / height, (x + 2 * y) * 80 / width], axis=-1).astype(np.uint8)


def _turn(upright: np.ndarray, orientation: int) -> np.ndarray:
    """What a camera stores for an upright picture, from EXIF's table of row 0 and column 0."""
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: upright.transpose(1, 0, 2)[::-1],
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: upright.transpose(1, 0, 2)[:, ::-1],
    }
    return np.ascontiguousarray(stored[orientation])


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def _close(a: np.ndarray, b: np.ndarray, tolerance: int) -> bool:
    return a.shape == b.shape and int(np.abs(a.astype(int) - b.astype(int)).max()) <= tolerance


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_all_orientations_come_out_upright(tmp_path: Path, kind: str, orientation: int) -> None:
    upright = _gradient()
    path = tmp_path / f"photo.{kind.lower()}"
    options = {"JPEG": {"quality": 98, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    if kind == "TIFF":
        Image.fromarray(_turn(upright, orientation)).save(path, kind, tiffinfo={0x0112: orientation})
    else:
        Image.fromarray(_turn(upright, orientation)).save(path, kind, exif=_exif(orientation), **options)
    tolerance = 6 if kind == "JPEG" else 0
    assert _close(read_image(path), upright, tolerance)
    info = probe_image(path)
    assert (info.width, info.height, info.format, info.orientation) == (60, 40, kind, orientation)
    small = read_thumbnail(path, 20)
    assert small.shape == (13, 20, 3)
    assert _close(small, np.array(Image.fromarray(upright).resize((20, 13), Image.Resampling.BOX)), 12)


def test_result_is_a_private_writable_contiguous_array(tmp_path: Path) -> None:
    Image.fromarray(_gradient()).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image.dtype == np.uint8
    assert image.flags.writeable
    assert image.flags.c_contiguous


def test_content_decides_not_the_suffix(tmp_path: Path) -> None:
    for name in ("really png.jpg", "no_suffix", "text.txt"):
        path = tmp_path / name
        Image.fromarray(_gradient()).save(path, "PNG")
        assert _close(read_image(path), _gradient(), 0)
        assert probe_image(path).format == "PNG"


def test_unicode_paths(tmp_path: Path) -> None:
    folder = tmp_path / "Gesichter für Müller — 顔"
    folder.mkdir()
    path = folder / "é 1.bmp"
    Image.fromarray(_gradient()).save(path)
    assert _close(read_image(path), _gradient(), 0)
    assert _close(read_thumbnail(path, 200), _gradient(), 0)


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_16_bit_is_scaled_not_clipped(tmp_path: Path, suffix: str) -> None:
    deep = _gradient().astype(np.uint16) * 257
    path = tmp_path / f"deep{suffix}"
    assert cv2.imwrite(str(path), deep[..., ::-1])
    assert _close(read_image(path), _gradient(), 0)
    assert cv2.imwrite(str(path), deep[..., 0])
    assert _close(read_image(path), np.repeat(_gradient()[..., :1], 3, axis=2), 0)
    assert read_thumbnail(path, 30).shape == (20, 30, 3)


def test_16_bit_with_alpha(tmp_path: Path) -> None:
    deep = np.dstack([_gradient(), np.full((40, 60), 255, np.uint8)]).astype(np.uint16) * 257
    deep[:10, :, 3] = 0
    path = tmp_path / "deep.png"
    assert cv2.imwrite(str(path), deep[..., [2, 1, 0, 3]])
    expected = _gradient()
    expected[:10] = 255
    assert _close(read_image(path), expected, 0)


def test_white_is_zero_tiff_16_bit(tmp_path: Path) -> None:
    values = np.arange(256, dtype=np.uint16).reshape(16, 16) * 257
    path = tmp_path / "inverted.tif"
    Image.fromarray(values).save(path, tiffinfo={262: 0})
    plain = np.asarray(values >> 8, np.uint8)
    assert _close(read_image(path), np.repeat(255 - plain[..., None], 3, axis=2), 0)


def test_grey_palette_bilevel_and_alpha(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    grey = Image.fromarray(_gradient()[..., 0])
    grey.save(path)
    assert _close(read_image(path), np.repeat(_gradient()[..., :1], 3, axis=2), 0)
    grey.convert("1").save(path)
    assert set(np.unique(read_image(path))) == {0, 255}
    Image.fromarray(_gradient()).quantize(256).save(path)
    assert _close(read_image(path), _gradient(), 40)
    rgba = np.dstack([_gradient(), np.full((40, 60), 255, np.uint8)])
    rgba[:20, :, 3] = 0
    rgba[20:30, :, 3] = 128
    Image.fromarray(rgba).save(path)
    over_white = _gradient().astype(float)
    over_white[:20] = 255
    over_white[20:30] = over_white[20:30] * 128 / 255 + 255 * 127 / 255
    assert _close(read_image(path), over_white.round().astype(np.uint8), 1)
    Image.fromarray(rgba).convert("LA").save(path)
    assert (read_image(path)[:20] == 255).all()


@pytest.mark.parametrize("mode", ["P", "RGB", "L", "I;16"])
def test_transparent_colour_of_a_png(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "key.png"
    if mode == "I;16":
        Image.fromarray(np.full((4, 4), 0x1234, np.uint16)).save(path, transparency=0x1234)
        assert (read_image(path) == 0x12).all()
        return
    image = Image.new(mode, (4, 4), 0)
    image.save(path, transparency=(0, 0, 0) if mode == "RGB" else 0)
    assert (read_image(path) == 255).all()


def test_opaque_bmp_with_a_zero_fourth_byte(tmp_path: Path) -> None:
    path = tmp_path / "a.bmp"
    pixels = np.dstack([_gradient()[::-1, :, ::-1], np.zeros((40, 60), np.uint8)]).tobytes()
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII", 108, 60, 40, 1, 32, 3, len(pixels), 2835, 2835, 0, 0) + masks + b"\0" * 52
    start = 14 + len(header)
    path.write_bytes(b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + header + pixels)
    assert _close(read_image(path), _gradient(), 0)


def test_cmyk_jpeg_is_not_inverted(tmp_path: Path) -> None:
    path = tmp_path / "print.jpg"
    Image.fromarray(_gradient()).convert("CMYK").save(path, quality=98, subsampling=0)
    with Image.open(path) as stored:
        assert stored.mode == "CMYK"
    assert _close(read_image(path), _gradient(), 12)
    assert read_thumbnail(path, 15).shape == (10, 15, 3)


def test_first_picture_of_an_animation_and_of_pages(tmp_path: Path) -> None:
    first, second = Image.fromarray(_gradient()), Image.new("RGB", (60, 40), "red")
    for name, options in (("a.webp", {"lossless": True}), ("a.png", {}), ("a.tif", {})):
        first.save(tmp_path / name, save_all=True, append_images=[second], **options)
        assert _close(read_image(tmp_path / name), _gradient(), 0), name


def test_png_orientation_behind_the_pixels(tmp_path: Path) -> None:
    plain, tagged = io.BytesIO(), io.BytesIO()
    Image.fromarray(_turn(_gradient(), 6)).save(plain, "PNG")
    Image.fromarray(_gradient()).save(tagged, "PNG", exif=_exif(6))
    block = tagged.getvalue()
    start = block.index(b"eXIf") - 4
    (length,) = struct.unpack_from(">I", block, start)
    path = tmp_path / "late.png"
    path.write_bytes(plain.getvalue()[:-12] + block[start : start + 12 + length] + plain.getvalue()[-12:])
    assert probe_image(path).orientation == 6
    assert _close(read_image(path), _gradient(), 0)


@pytest.mark.parametrize(
    "exif", [b"", b"Exif\0\0", b"Exif\0\0II*\0", b"MM\0*\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff\x12"]
)
def test_malformed_exif_means_upright(tmp_path: Path, exif: bytes) -> None:
    assert tiff_orientation(exif) == 1
    path = tmp_path / "a.jpg"
    Image.fromarray(_gradient()).save(path, exif=exif)
    assert read_image(path).shape == (40, 60, 3)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_orientation_out_of_range_means_upright(tmp_path: Path, value: int) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(_gradient()).save(path, exif=_exif(value))
    assert probe_image(path).orientation == 1
    assert read_image(path).shape == (40, 60, 3)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80))
def test_any_exif_bytes_give_an_orientation(data: bytes) -> None:
    assert 1 <= tiff_orientation(b"II*\0" + data) <= 8


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.95])
def test_cut_short_files_are_errors(tmp_path: Path, kind: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, kind)
    path = tmp_path / "cut.jpg"
    path.write_bytes(stream.getvalue()[: max(12, int(share * len(stream.getvalue())))])
    with pytest.raises(ImageError, match=r"cut\.jpg: .*(cut short|damaged|header)") as caught:
        read_image(path)
    assert caught.value.remedy
    with pytest.raises(ImageError):
        read_thumbnail(path, 16)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"hello, I am text", "not an image"),
        (b"GIF89a" + b"\0" * 30, "GIF"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 30, "HEIC"),
        (b"%PDF-1.7", "PDF"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"\xff\xd8\xff", "cut short"),
        (b"\x89PNG\r\n\x1a\n", "cut short"),
        (b"BM" + b"\0" * 60, "damaged|header"),
        (b"version https://git-lfs.github.com/spec/v1\n", "not downloaded"),
    ],
)
def test_what_is_no_image_says_what_it_is(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(content)
    for read in (read_image, probe_image, lambda path: read_thumbnail(path, 10)):
        with pytest.raises(ImageError, match=message) as caught:
            read(path)
        assert str(path) in str(caught.value)
        assert caught.value.remedy


def test_missing_and_folder(tmp_path: Path) -> None:
    for read in (read_image, probe_image, read_image_data):
        with pytest.raises(ImageError, match="no such file"):
            read(tmp_path / "gone.jpg")
        with pytest.raises(ImageError, match="folder"):
            read(tmp_path)


def test_too_many_pixels_are_refused_before_decoding(tmp_path: Path) -> None:
    """A bomb: a PNG header of 60000 x 60000 px with hardly a byte behind it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    path = tmp_path / "bomb.png"
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    for read in (read_image, probe_image):
        with pytest.raises(ImageError, match="60000 x 60000 px, at most 250 megapixels"):
            read(path)
    small = tmp_path / "small.png"
    Image.fromarray(_gradient()).save(small)
    assert read_image(small, limits=ImageLimits(max_pixels=2400)).shape == (40, 60, 3)
    with pytest.raises(ImageError, match="too large"):
        read_image(small, limits=ImageLimits(max_pixels=2399))
    with pytest.raises(ImageError, match="too large"):
        read_image(small, limits=ImageLimits(max_bytes=100))


def test_samples_of_unknown_range_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "depth.tif"
    Image.fromarray(np.ones((4, 4), np.float32)).save(path)
    with pytest.raises(ImageError, match="32-bit"):
        read_image(path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
def test_flipped_bytes_never_escape_as_other_errors(kind: str) -> None:
    stream = io.BytesIO()
    Image.fromarray(_gradient(16, 16)).save(stream, kind)
    rng = np.random.default_rng(1)
    for _ in range(150):
        data = bytearray(stream.getvalue())
        for place in rng.integers(0, len(data), 3):
            data[place] = rng.integers(0, 256)
        try:
            image = read_image_bytes(bytes(data), "fuzz", limits=ImageLimits(max_pixels=10_000))
        except ImageError as error:
            assert "fuzz" in str(error)
        else:
            assert image.ndim == 3
            assert image.shape[2] == 3


def test_bytes_and_file_agree(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(_gradient()).save(path, exif=_exif(6))
    assert np.array_equal(read_image(path), read_image_bytes(read_image_data(path), "a"))


def test_thumbnails_are_never_enlarged_and_never_vanish(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(_gradient()).save(path)
    assert np.array_equal(read_thumbnail(path, 60), _gradient())
    assert read_thumbnail(path, 500).shape == (40, 60, 3)
    Image.new("RGB", (1000, 2), "blue").save(path)
    assert read_thumbnail(path, 50).shape == (1, 50, 3)
    with pytest.raises(ValueError, match="max_side"):
        read_thumbnail(path, 0)


def test_large_jpeg_thumbnail_is_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(_gradient(800, 1200)).save(path, quality=95, exif=_exif(8))
    small = read_thumbnail(path, 96)
    assert small.shape == (96, 64, 3)
    expected = np.array(Image.fromarray(np.rot90(_gradient(800, 1200)).copy()).resize((64, 96), Image.Resampling.BOX))
    assert _close(small, expected, 8)


def test_threads_decode_the_same(tmp_path: Path) -> None:
    paths = []
    for number in range(12):
        path = tmp_path / f"{number}.{'jpg' if number % 2 else 'tif'}"
        Image.fromarray(np.roll(_gradient(), number, axis=1)).save(path, quality=95)
        paths.append(path)
    alone = [read_image(path) for path in paths]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            together = list(pool.map(read_image, paths))
            assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


def test_no_warning_reaches_the_user(tmp_path: Path) -> None:
    """In a program of its own, since pytest sets filters over ours: warnings as errors, and still silence."""
    path = tmp_path / "odd.tif"
    Image.fromarray(_gradient()).save(path)
    data = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        if struct.unpack_from("<H", data, entry)[0] in (0x0131, 0x011C, 0x0153):  # their data lies beyond the end
            struct.pack_into("<HII", data, entry + 2, 2, 5000, 2**30)
    path.write_bytes(bytes(data))
    large = tmp_path / "large.png"
    Image.new("1", (12000, 12000)).save(large)  # Pillow's own limit warns from 89 megapixels
    code = (
        "import sys, warnings; from core.images import *\n"
        "for name in sys.argv[1:]: probe_image(name)\n"
        "read_image(sys.argv[1]); read_thumbnail(sys.argv[1], 8)\n"
    )
    command = [sys.executable, "-W", "error::UserWarning", "-c", code, str(path), str(large)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


def test_find_images_in_folders(tmp_path: Path) -> None:
    for name in ("b10.jpg", "b9.JPG", "a/x.png", "a/.hidden.png", ".cache/y.png", "notes.txt", "a/z.WebP"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "folder.jpg").mkdir()
    found = [path.relative_to(tmp_path).as_posix() for path in find_images([tmp_path])]
    assert found == ["a/x.png", "a/z.WebP", "b9.JPG", "b10.jpg"]
    assert len(find_images([tmp_path], recursive=False)) == 2
    given = [tmp_path / "notes.txt", tmp_path / "b10.jpg", tmp_path]
    assert [path.name for path in find_images(given)] == ["notes.txt", "b10.jpg", "x.png", "z.WebP", "b9.JPG"]


def test_find_images_complains(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no image"):
        find_images([])
    with pytest.raises(UsageError, match="there is no image"):
        find_images([tmp_path])
    with pytest.raises(ImageError, match=r"gone: there is no such"):
        find_images([tmp_path / "gone"])
    with pytest.raises(ImageError):
        find_images(["nul\0byte"])


@pytest.mark.skipif(os.name == "nt", reason="POSIX files")
def test_find_images_leaves_out_pipes_and_broken_links(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "broken.jpg").symlink_to(tmp_path / "gone.jpg")
    (tmp_path / "good.jpg").write_bytes(b"x")
    assert [path.name for path in find_images([tmp_path])] == ["good.jpg"]


def test_natural_order() -> None:
    names = ["face10.jpg", "Face2.jpg", "face1/b.jpg", "face01.jpg", "1.jpg", "x.jpg"]
    assert sorted(names, key=natural_key) == ["1.jpg", "face1/b.jpg", "face01.jpg", "Face2.jpg", "face10.jpg", "x.jpg"]


@pytest.mark.skipif(not (ROOT.parent / "shared/data/faces68").is_dir(), reason="needs the shared faces")
@pytest.mark.shared
def test_real_faces_read_whole() -> None:
    for path in find_images([ROOT.parent / "shared/data/faces68"])[::250]:
        info = probe_image(path)
        assert read_image(path).shape == (info.height, info.width, 3)


