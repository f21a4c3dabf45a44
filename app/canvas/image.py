"""Pictures for the canvas: numpy to QImage (for a worker), and half-size levels for zooming out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QImage, QPainter, QPixmap

from app.canvas.palette import heat_table

_MIN_SIDE = 64


def image_from_array(pixels: NDArray[np.uint8]) -> QImage:
    """A QImage that owns its pixels, from (H, W, 3) uint8 RGB. Takes tens of milliseconds for a large photo: use it in
    a worker. Its format is the one that painting needs no further conversion for."""
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise ValueError(f"pixels must be (H, W, 3) uint8, not {pixels.shape} {pixels.dtype}")
    height, width = pixels.shape[:2]
    rows = np.ascontiguousarray(pixels)
    borrowed = QImage(rows.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    return borrowed.convertToFormat(QImage.Format.Format_RGB32)


def heat_image(heatmap: NDArray[np.generic], table: NDArray[np.uint8] | None = None) -> QImage:
    """A translucent picture of a heatmap.

    Args:
        heatmap: (h, w) non-negative numbers, scaled to their maximum, or (h, w, 4) uint8 RGBA, alpha not premultiplied.
        table: (256, 4) uint8, what numbers are shown as; None: `palette.heat_table`.
    """
    if heatmap.ndim == 2:
        values = np.nan_to_num(np.asarray(heatmap, np.float64), nan=0.0, posinf=0.0, neginf=0.0).clip(min=0)
        top = values.max(initial=0.0)
        shade = np.zeros(values.shape, np.uint8) if top <= 0 else np.rint(values / top * 255).astype(np.uint8)
        rgba = (heat_table() if table is None else table)[shade]
    elif heatmap.ndim == 3 and heatmap.shape[2] == 4 and heatmap.dtype == np.uint8:
        rgba = heatmap
    else:
        raise ValueError(f"a heatmap is (h, w) or (h, w, 4) uint8, not {heatmap.shape} {heatmap.dtype}")
    rows = np.ascontiguousarray(rgba)
    height, width = rows.shape[:2]
    borrowed = QImage(rows.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
    return borrowed.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)


class ImagePyramid:
    """A picture and its half-size levels, each made when first needed.

    Halving 12 megapixels takes about 8 ms. A worker that has the picture at hand may call `prepare`, so that the
    window does not have to; use it from one thread at a time.
    """

    def __init__(self, image: QImage | QPixmap) -> None:
        if isinstance(image, QPixmap):
            image = image.toImage()
        opaque = not image.hasAlphaChannel()
        wanted = QImage.Format.Format_RGB32 if opaque else QImage.Format.Format_ARGB32_Premultiplied
        self._levels = [image if image.format() == wanted else image.convertToFormat(wanted)]

    @property
    def size(self) -> QSize:
        """Size of the full picture."""
        return self._levels[0].size()

    @property
    def memory(self) -> int:
        """Bytes of all levels made so far."""
        return sum(level.sizeInBytes() for level in self._levels)

    def smallest(self) -> QImage:
        """The last level, for looking at its colours as a whole."""
        self.prepare()
        return self._levels[-1]

    def prepare(self) -> None:
        """Make all levels now."""
        while self._add_level():
            pass

    def __len__(self) -> int:
        """Number of levels made so far."""
        return len(self._levels)

    def __getitem__(self, index: int) -> QImage:
        """A level made so far, the full picture first."""
        return self._levels[index]

    def level(self, scale: float) -> QImage:
        """The smallest level that has at least as many pixels as the screen will show; see `level_index`."""
        return self._levels[self.level_index(scale)]

    def level_index(self, scale: float) -> int:
        """Which level `level` gives.

        Args:
            scale: screen pixels a pixel of the full picture, > 0.
        """
        wanted = 0
        while scale * 2 ** (wanted + 1) <= 1 and (wanted + 1 < len(self._levels) or self._add_level()):
            wanted += 1
        return wanted

    def _add_level(self) -> bool:
        last = self._levels[-1]
        if min(last.width(), last.height()) < 2 * _MIN_SIDE:
            return False
        half = QImage((last.width() + 1) // 2, (last.height() + 1) // 2, last.format())
        half.fill(0)
        painter = QPainter(half)
        # At half size, bilinear sampling is the mean of two by two pixels.
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.drawImage(QRectF(half.rect()), last, QRectF(last.rect()))
        painter.end()
        self._levels.append(half)
        return True
