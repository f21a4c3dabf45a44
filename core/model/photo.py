"""An image file as prediction needs it: decoded once, at a fraction of its size where that is enough."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.face import Box, Detection
from core.images import ReducedImage, read_image_data, read_reduced
from core.transforms import Crop, apply

if TYPE_CHECKING:
    from core.model.detector import FaceDetector

DETECTION_SIDE = 1280
"""Longer side, px, below which a photo is not reduced for the detector: its second pass looks at that many."""

SPARE = 2.0
"""A crop is cut from a reduced photo that still has this many times the crop's own resolution: what averaging before
the network's sampling leaves of the difference is then far below a tenth of a pixel."""

_WHOLE = 2**31


class Photo:
    """One image file. Errors are ImageError, from the method that first needs what cannot be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._data: bytes | None = None
        self._reduced: ReducedImage | None = None
        self._whole: ReducedImage | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height), px, upright."""
        image = self.reduced()
        return image.width, image.height

    def reduced(self) -> ReducedImage:
        """The photo as the detector gets it."""
        if self._reduced is None:
            self._reduced = self._read(DETECTION_SIDE)
        return self._reduced

    def for_crop(self, crop: Crop, input_size: int, *, antialias: bool) -> ReducedImage:
        """What to cut `crop` out of, for a network input of `input_size` px.

        Without `antialias` that is the photo itself: published weights were trained on what sampling skips.
        """
        image = self.reduced()
        enough = crop.size_px / image.factor >= SPARE * input_size
        if image.factor == 1 or (antialias and enough):
            return image
        if self._whole is None:
            self._whole = self._read(_WHOLE)
        return self._whole

    def detect(self, detector: FaceDetector) -> list[Detection]:
        """The faces in the photo, image px."""
        image = self.reduced()
        return detections_in_image(detector.detect(image.pixels), image)

    def _read(self, side: int) -> ReducedImage:
        if self._data is None:
            self._data = read_image_data(self.path)
        image = read_reduced(self._data, str(self.path), side)
        if image.factor == 1:
            self._data, self._whole = None, image
        return image


def detections_in_image(detections: Sequence[Detection], image: ReducedImage) -> list[Detection]:
    """Detections in `image.pixels` as such in the whole image."""
    if image.factor == 1:
        return list(detections)
    matrix, factor = image.to_image, image.factor
    found = []
    for one in detections:
        x, y = apply(matrix, [one.box.x, one.box.y])
        box = Box(float(x), float(y), one.box.w * factor, one.box.h * factor)
        found.append(Detection(box, one.score, apply(matrix, one.five_points)))
    return found
