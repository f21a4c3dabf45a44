"""One picture, eight orientations, four formats: whoever reads the file sees the same upright photo."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtGui import QImage

from app.jobs.pictures import decode_picture
from core.errors import ImageError
from core.images import probe_image, read_image, read_image_bytes, read_image_data, read_reduced, read_thumbnail
from core.transforms import Crop
from training.dataset import Face, PatchCache

ROOT = Path(__file__).resolve().parents[2]


def upright_photo() -> np.ndarray:
    y, x = np.mgrid[:80, :120]
    return np.stack([x * 2, y * 3, np.full_like(x, 60)], -1).astype(np.uint8)


def stored_as(upright: np.ndarray, orientation: int) -> np.ndarray:
    """What a camera stores for an upright picture, from EXIF's table of row 0 and column 0."""
    turned = upright.transpose(1, 0, 2) if orientation >= 5 else upright
    if orientation in (3, 4, 6, 7):
        turned = turned[::-1]
    if orientation in (2, 3, 7, 8):
        turned = turned[:, ::-1]
    return np.ascontiguousarray(turned)


def pixels_of(image: QImage) -> np.ndarray:
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_reader_agrees(tmp_path: Path, kind: str, orientation: int) -> None:
    upright = upright_photo()
    path = tmp_path / "photo"
    picture = Image.fromarray(stored_as(upright, orientation))
    if kind == "TIFF":
        picture.save(path, kind, tiffinfo={0x0112: orientation})
    else:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
        picture.save(path, kind, exif=exif, **options)
    info = probe_image(path)
    assert (info.width, info.height, info.orientation) == (120, 80, orientation)
    image = read_image(path)
    assert image.shape == upright.shape
    assert np.abs(image.astype(int) - upright).max() <= (3 if kind == "JPEG" else 0)
    assert np.array_equal(read_image_bytes(read_image_data(path), "x"), image)
    reduced = read_reduced(read_image_data(path), "x", 15)
    assert (reduced.width, reduced.height, reduced.factor) == (120, 80, 8 if kind == "JPEG" else 1)
    blocks = upright.reshape(80 // reduced.factor, reduced.factor, 120 // reduced.factor, reduced.factor, 3)
    assert np.abs(reduced.pixels - blocks.mean(axis=(1, 3))).max() < 4
    window = decode_picture(str(path))
    assert (window.width, window.height) == (120, 80)
    assert np.array_equal(pixels_of(window.pyramid.level(1.0)), image)
    crop = Crop.square(60.0, 40.0, 40.0)
    patch = PatchCache(256, 100).get(0, Face(path, np.zeros((68, 2)), crop, np.ones(68, np.float32)))
    x, y = (-patch.matrix[:2, 2]).astype(int)
    height, width = patch.pixels.shape[:2]
    assert np.array_equal(patch.pixels, image[y : y + height, x : x + width])
    assert height >= 40
    small = read_thumbnail(path, 12)
    mean = upright.reshape(8, 10, 12, 10, 3).mean(axis=(1, 3))
    assert small.shape == (8, 12, 3)
    assert np.abs(small - mean).max() < 14  # JPEGs are averaged in two steps


def test_nobody_reads_image_files_but_the_one_reader(tmp_path: Path) -> None:
    """No decoder of OpenCV's, Qt's or Pillow's own is called on files anywhere else."""
    others = re.compile(
        r"\bim(read|decode)\w*\(|QImageReader|QImage\(\s*(str|path|file)|QPixmap\(\s*(str|path|file)|Image\.open\("
    )
    for folder in ("app", "core", "training"):
        for path in (ROOT / folder).rglob("*.py"):
            found = others.search(path.read_text(encoding="utf-8"))
            assert found is None or path.name == "icons.py", f"{path}: {found and found[0]}"
    with pytest.raises(ImageError):
        decode_picture(str(tmp_path))
