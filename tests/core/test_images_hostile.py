"""Images made to harm: small files that would cost decoders minutes or gigabytes, and special files."""

from __future__ import annotations

import io
import os
import re
import socket
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from core.errors import ImageError
from core.image_structure import count_scans, read_outline
from core.images import (
    ImageLimits,
    find_images,
    probe_image,
    read_image,
    read_image_bytes,
    read_thumbnail,
)

ROOT = Path(__file__).resolve().parents[2]
posix_only = pytest.mark.skipif(os.name == "nt", reason="POSIX files")


def photo(height: int = 24, width: int = 32) -> Image.Image:
    y, x = np.mgrid[:height, :width]
    return Image.fromarray(np.stack([x * 255 / width, y * 255 / height, (x + y) * 4 % 256], -1).astype(np.uint8))


def saved(kind: str, picture: Image.Image | None = None, **options: object) -> bytes:
    stream = io.BytesIO()
    (picture or photo()).save(stream, kind, **options)
    return stream.getvalue()


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *, depth: int = 8, colour: int = 2, idat: bytes = b"", front: bytes = b"") -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + front + chunk(b"IDAT", idat) + chunk(b"IEND")


def zeros(count: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(min(2**20, count - i))) for i in range(0, count, 2**20)) + packer.flush()


def tiff(*tags: tuple[int, int, int, int], data: bytes = b"") -> bytes:
    """A little-endian TIFF of (tag, type, count, value or offset); `data` begins at offset 1000."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return (b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4)).ljust(1000, b"\0") + data


def grey_tiff(width: int, height: int, *more: tuple[int, int, int, int], data: bytes = b"") -> bytes:
    base = ((256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1))
    return tiff(*base, *more, data=data)


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(k + struct.pack("<I", len(d)) + d + b"\0" * (len(d) % 2) for k, d in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def vp8x(width: int, height: int, flags: int = 2) -> tuple[bytes, bytes]:
    return b"VP8X", bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


def resized_jpeg(side: int, **options: object) -> bytes:
    data = bytearray(saved("JPEG", **options))
    start = next(re.finditer(rb"\xff[\xc0-\xc2]", bytes(data))).start()
    struct.pack_into(">HH", data, start + 5, side, side)
    return bytes(data)


def segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


# Bombs


def run(code: str, path: Path) -> tuple[str, int]:
    """What a new process prints about a file, and by how many KB its memory grew."""
    code = (
        "import resource, sys\n"
        "from core.errors import ImageError\n"
        "from core.images import *\n"
        "path = sys.argv[1]\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "def tell(read, *more):\n"
        "    try: print(read(path, *more).shape)\n"
        "    except ImageError as error: print(error.what)\n"
        f"{code}\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    *lines, grown = done.stdout.splitlines()
    return "\n".join(lines), int(grown)


@posix_only
def test_a_bomb_of_100_kb_costs_nothing(tmp_path: Path) -> None:
    """A whole picture of 30000 x 30000 px, not only a header that says so."""
    path = tmp_path / "bomb.png"
    path.write_bytes(png(30000, 30000, depth=1, colour=0, idat=zeros(30000 * 3751)))
    assert path.stat().st_size < 120_000
    text, grown = run("tell(probe_image); tell(read_image); tell(read_thumbnail, 64)", path)
    assert text.count("too large (30000 x 30000 px, at most 250 megapixels)") == 3
    assert grown < 5_000


@posix_only
def test_reading_takes_seven_bytes_a_pixel(tmp_path: Path) -> None:
    """Turned and transparent, where copies would add up to 30."""
    path = tmp_path / "large.png"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGBA", (6000, 4000), (9, 8, 7, 128)).save(path, exif=exif, compress_level=1)
    text, grown = run("tell(read_image)", path)
    assert text == "(6000, 4000, 3)"
    assert grown < 24_000 * 9


@pytest.mark.parametrize(
    "data",
    [
        resized_jpeg(65000),
        resized_jpeg(65000, progressive=True),
        png(60000, 60000, idat=zlib.compress(b"x")),
        grey_tiff(30000, 30000, (273, 4, 1, 8), (279, 4, 1, 900_000_000)),
        b"BM" + struct.pack("<IHHIIiiHHI", 0, 0, 0, 54, 40, 30000, -30000, 1, 24, 0) + bytes(20),
        riff(vp8x(60000, 60000), (b"ANIM", bytes(6)), (b"ANMF", bytes(40))),
        riff(vp8x(12000, 12000), (b"ANIM", bytes(6)), (b"ANMF", bytes(40))),  # a decoder that keeps it four times
        b"BM" + struct.pack("<IHHIIiiHHI", 0, 0, 0, 54, 40, 8000, 8000, 1, 8, 1) + bytes(20),  # decoded byte by byte
        saved("WEBP", Image.new("RGB", (16000, 7000)), lossless=True, method=0),
    ],
)
def test_headers_of_giants_are_refused_in_every_format(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "giant"
    path.write_bytes(data)
    for read in (read_image, probe_image, lambda path: read_thumbnail(path, 9)):
        with pytest.raises(ImageError, match=r"too large \(\d+ x \d+ px, at most \d+ megapixels\)"):
            read(path)


@pytest.mark.parametrize("size", [(100_000, 1), (1, 100_000)])
def test_lines_are_no_pictures(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "line.png"
    path.write_bytes(png(*size, colour=0, idat=zeros(200_000)))
    with pytest.raises(ImageError, match="too long"):
        read_image(path)


@pytest.mark.parametrize(
    "data",
    [
        resized_jpeg(15000),
        resized_jpeg(15000, progressive=True),
        png(15000, 15000, idat=zlib.compress(bytes(9))),
        b"BM" + struct.pack("<IHHIIiiHHI", 0, 0, 0, 54, 40, 15000, 15000, 1, 24, 0) + bytes(20),
    ],
)
def test_hardly_a_byte_behind_a_large_header(data: bytes) -> None:
    """Decoders take the memory first and look for the pixels afterwards; some then fill in what is missing."""
    with pytest.raises(ImageError, match="cut short"):
        read_image_bytes(data, "x")


JPEG = saved("JPEG")
START, END = JPEG[:2], JPEG[2:]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (START + segment(0xFE, b"") * 100_000 + END, "more than 10000 segments"),
        (START + b"\xff" * 200_000 + END, "no picture behind its beginning"),
        (START + b"\xff\0" * 100_000 + END, "no picture behind its beginning"),
        (START + segment(0xDB, b"\0" * 65 * 1000) * 40 + END, "tables are too large"),
        (START + segment(0xE0, b"")[:2] + b"\0\0" + END, "no length"),
        (START + END[END.index(b"\xff\xda") :], "no frame"),
        (png(8, 8, front=chunk(b"abCd") * 250_000), "more than 200000 chunks"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"PLTE", b"123") + png(8, 8)[8:], "does not begin with its size"),
        (riff(vp8x(8, 8, 0), *[(b"ABCD", b"")] * 250_000), "more than 200000 chunks"),
        (b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 2**60) + bytes(100), "more than 4096 tags"),
        (grey_tiff(16, 5_000_000, (273, 3, 5_000_000, 1000), data=bytes(10_000_000)), "tag 273 has 5000000 values"),
        (grey_tiff(16, 60_000, (273, 3, 300_000, 1000), data=bytes(600_000)), "tag 273 has 300000 values"),
        (grey_tiff(16, 16, (322, 4, 1, 16384), (323, 4, 1, 16384), (324, 4, 1, 1000)), "tiles are much larger"),
        (grey_tiff(0, 16), "does not say its size"),
    ],
)
def test_structures_without_end(data: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        read_image_bytes(data, "x")
    assert caught.value.remedy


def test_a_jpeg_of_thousands_of_passes() -> None:
    data = saved("JPEG", photo(800, 800), progressive=True, quality=50)
    end = data.rindex(b"\xff\xd9")
    last = data[data.rindex(b"\xff\xda") : end]
    assert 5 < count_scans(data, data.index(b"\xff\xda"), 1000) < 20
    for scan in (last, last[:10]):
        bomb = data[:end] + scan * 3000 + data[end:]
        with pytest.raises(ImageError, match="more than 200 passes") as caught:
            read_image_bytes(bomb, "x")
        assert "not progressive" in str(caught.value)
    hidden = data[:end] + (segment(0xFE, b"\xff\xd9") + last[:10]) * 3000 + data[end:]
    with pytest.raises(ImageError, match="more than 200 passes"):
        read_image_bytes(hidden, "x")
    assert np.array_equal(read_image_bytes(data + last * 3000, "x"), read_image_bytes(data, "x"))  # behind the end


# Metadata does not matter, whatever it is


def plain_pixels(kind: str) -> np.ndarray:
    return read_image_bytes(saved(kind), "x")


_turned = Image.Exif()
_turned[0x0112] = 6
EXIF_6 = _turned.tobytes()


@pytest.mark.parametrize(
    "front",
    [
        segment(0xE1, EXIF_6) + segment(0xE1, b"Exif\0\0" + bytes(65_000)) * 500,  # decoders join them again and again
        segment(0xE1, EXIF_6) + segment(0xE2, b"ICC_PROFILE\0\xff\x01" + bytes(60_000)) * 300,
        segment(0xE1, EXIF_6) + segment(0xE2, b"MPF\0II*\0\xff\xff\xff\xff" + bytes(60)),
        segment(0xE1, EXIF_6) + segment(0xED, b"Photoshop 3.0\x008BIM" + b"\xff" * 50_000),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + b"<" * 60_000) * 50 + segment(0xE1, EXIF_6),
        segment(0xFE, b"\xff\xda" * 30_000) * 50 + segment(0xE1, EXIF_6),
    ],
)
def test_jpeg_metadata_is_left_out(tmp_path: Path, front: bytes) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(START + front + END)
    assert probe_image(path).orientation == 6
    assert np.array_equal(read_image(path), np.rot90(plain_pixels("JPEG"), -1))
    outline = read_outline(io.BytesIO(path.read_bytes()), "JPEG")
    assert outline.kept_bytes <= len(JPEG)


@pytest.mark.parametrize(
    "front",
    [
        chunk(b"zTXt", b"a\0\0" + zeros(50_000_000)),
        chunk(b"iTXt", b"a\0\1\0\0\0" + zeros(50_000_000)),
        chunk(b"iCCP", b"a\0\0" + zeros(50_000_000)),
        chunk(b"iCCP", b"\xff" * 100),
        chunk(b"zTXt", b"a\0\0" + zeros(1_000_000)) * 100,
        chunk(b"acTL", b"\xff" * 8) + chunk(b"fcTL", b"\xff" * 26),
        chunk(b"tEXt", b"Raw profile type exif\0\nexif\n99\nzz"),
        chunk(b"eXIf", b"Exif\0\0" * 170_000),
        chunk(b"gAMA", b"") + chunk(b"pHYs", b"1") + chunk(b"cHRM", b"12"),
    ],
)
def test_png_metadata_is_left_out(front: bytes) -> None:
    data = saved("PNG")
    assert np.array_equal(read_image_bytes(data[:33] + front + data[33:], "x"), np.asarray(photo()))


def test_webp_metadata_and_frames_are_left_out(tmp_path: Path) -> None:
    single = saved("WEBP", lossless=True)
    picture = (single[12:16], single[20 : 20 + int.from_bytes(single[16:20], "little")])
    path = tmp_path / "a.webp"
    path.write_bytes(
        riff(vp8x(32, 24, 0x2C), (b"ICCP", b"?"), picture, (b"EXIF", EXIF_6), *[(b"XMP ", b"<" * 100)] * 99)
    )
    assert probe_image(path).orientation == 6
    assert np.array_equal(read_image(path), np.rot90(np.asarray(photo()), -1))
    moving = saved("WEBP", save_all=True, append_images=[Image.new("RGB", (32, 24), "red")] * 5, lossless=True)
    assert np.array_equal(read_image_bytes(moving, "x"), np.asarray(photo()))
    assert read_outline(io.BytesIO(moving), "WEBP").kept_bytes < len(moving)


@pytest.mark.parametrize("big", [False, True])
def test_tiff_directories_that_lead_round(big: bool) -> None:
    """EXIF and further directories that point at the first, and an XMP orientation that is not the tag's."""
    xmp = b'<x tiff:Orientation="6"/>'
    info = {0x0112: 3, 700: xmp, 34665: 8, 330: 8, 34675: b"profile", 65000: b"x" * 9999}
    data = saved("TIFF", tiffinfo={k: v for k, v in info.items() if k not in (34665, 330)}, big_tiff=big)
    assert np.array_equal(read_image_bytes(data, "x"), np.asarray(photo())[::-1, ::-1])
    pages = saved("TIFF", save_all=True, append_images=[Image.new("RGB", (32, 24), "red")] * 3, big_tiff=big)
    assert np.array_equal(read_image_bytes(pages, "x"), np.asarray(photo()))
    round_ = grey_tiff(4, 4, (273, 4, 1, 1000), (278, 4, 1, 4), (279, 4, 1, 16), (330, 4, 1, 8), (34665, 4, 1, 8))
    assert (read_image_bytes(round_ + b"\x07" * 16, "x") == 7).all()


@pytest.mark.parametrize(
    "compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd", "lzma", "group4"]
)
def test_every_tiff_compression_survives_the_reduction(compression: str) -> None:
    picture = photo().convert("1") if compression == "group4" else photo()
    data = saved("TIFF", picture, compression=compression, tiffinfo={0x0112: 6, 700: b"<xmp/>"})
    with Image.open(io.BytesIO(data)) as stored:
        expected = np.asarray(stored.convert("RGB"))  # Pillow turns TIFFs itself
    assert np.array_equal(read_image_bytes(data, "x"), expected)


# Kinds that are not read


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n", "a Radiance HDR picture"),
        (b"\x76\x2f\x31\x01" + bytes(60), "an OpenEXR picture"),
        (b"\xff\x0a" + bytes(60), "a JPEG XL picture"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
        (b"8BPS\0\1" + bytes(60), "a Photoshop document"),
        (tiff((256, 4, 1, 2), (257, 4, 1, 2), (258, 3, 3, 1000), (259, 3, 1, 1), (262, 3, 1, 2), (277, 3, 1, 3),
              (273, 4, 1, 1010), (279, 4, 1, 48), (339, 3, 3, 1060), data=b"\x20\0" * 3 + bytes(54) + b"\3\0" * 3),
         "floating point"),
    ],
)  # fmt: skip
def test_high_dynamic_range_and_others_are_named(data: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        read_image_bytes(data, "x")
    assert "Convert it" in str(caught.value)


def test_two_sizes_in_one_file() -> None:
    frame = END.index(b"\xff\xc0")
    second = bytearray(END[frame : frame + 19])
    struct.pack_into(">HH", second, 5, 3000, 4000)
    with pytest.raises(ImageError):
        read_image_bytes(START + END[:frame] + bytes(second) + END[frame:], "x")


# Special files


@posix_only
def test_special_files_and_links(tmp_path: Path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "round.jpg").symlink_to(tmp_path / "round.jpg")
    (tmp_path / "long.jpg").symlink_to("n" * 300)
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    expected = {"folder.jpg": "folder", "pipe.jpg": "regular", "zero.jpg": "regular", "round.jpg": "cannot be read"}
    expected |= {"long.jpg": "cannot be read"}
    reads: tuple[Callable[[Path], object], ...] = (read_image, probe_image, lambda path: read_thumbnail(path, 9))
    for name, message in expected.items():
        for read in reads:
            with pytest.raises(ImageError, match=message):
                read(tmp_path / name)
    for name in ("n" * 300, "a/" * 3000 + "x.jpg", "nul\0.jpg"):
        for read in reads:
            with pytest.raises(ImageError):
                read(tmp_path / name)
    (tmp_path / "good.jpg").write_bytes(JPEG)
    (tmp_path / "same.jpg").symlink_to(tmp_path / "good.jpg")
    assert [path.name for path in find_images([tmp_path])] == ["good.jpg", "same.jpg"]
    with pytest.raises(ImageError, match="cannot be read"):
        find_images([tmp_path / ("n" * 300)])


@posix_only
def test_a_socket_is_no_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # names of sockets must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.jpg")
        with pytest.raises(ImageError, match="regular"):
            read_image("s.jpg")


@posix_only
def test_a_thousand_folders_in_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(1200):
        os.mkdir("d")  # noqa: PTH102
        os.chdir("d")
    Path("deep.jpg").write_bytes(JPEG)
    try:
        found = find_images([tmp_path])
        assert [path.name for path in found] == ["deep.jpg"]
        assert read_image(found[0]).shape == (24, 32, 3)
    finally:  # pytest could not, it would recurse
        os.unlink("deep.jpg")  # noqa: PTH108
        for _ in range(1200):
            os.chdir("..")
            os.rmdir("d")  # noqa: PTH106


@posix_only
def test_names_cannot_speak_to_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"a\n\x1b[31m\xff.jpg")
    path.write_bytes(b"no image")
    with pytest.raises(ImageError) as caught:
        read_image(path)
    text = str(caught.value)
    assert text.isprintable()
    assert text.encode()
    assert r"a\n\x1b[31m\udcff.jpg" in text


def test_files_that_change_while_they_are_read(tmp_path: Path) -> None:
    """Grown, cut and replaced between looking and reading: an error or one of the pictures, never another error."""
    path = tmp_path / "a.jpg"
    large = saved("PNG", photo(300, 300))
    for before, after in ((large, large[:1000]), (JPEG, large), (large, b""), (large, JPEG * 100)):
        path.write_bytes(before)
        probe_image(path)
        path.write_bytes(after)
        try:
            assert read_image(path).ndim == 3
        except ImageError as error:
            assert str(path) in str(error)
    path.unlink()
    with pytest.raises(ImageError, match="no such file"):
        read_image(path)


def test_the_reduced_file_has_the_picture_of_the_whole(tmp_path: Path) -> None:
    """Against Pillow on the file as it came, for every way of storing."""
    from benchmarks.fuzz_seeds import image_seeds

    for number, data in enumerate(image_seeds()):
        with Image.open(io.BytesIO(data)) as stored:
            if stored.format == "MPO" or stored.mode.startswith("I") or "transparency" in stored.info:
                continue
            if stored.mode in ("RGBA", "LA"):
                continue
            turn = stored.getexif().get(0x0112, 1) if stored.format != "TIFF" else 1
            expected = np.asarray(stored.convert("RGB"))
        expected = np.rot90(expected, -1) if turn == 6 else expected
        assert np.array_equal(read_image_bytes(data, "x"), expected), number
    assert features.check("webp")


def test_limits_hold_for_small_pictures_too() -> None:
    limits = ImageLimits(max_side=20)
    with pytest.raises(ImageError, match="at most 20 a side"):
        read_image_bytes(JPEG, "x", limits=limits)
