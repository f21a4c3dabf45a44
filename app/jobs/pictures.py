"""Decoding for the screen: full images with their neighbours, and thumbnails, all off the window's thread."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QImage

from app.canvas.image import ImagePyramid, image_from_array
from app.jobs.pool import Job, WorkerPool

DISPLAY_MAX_PIXELS = 40_000_000
"""Larger photos are shown reduced; landmarks stay in full-size image px."""

CACHE_BYTES = 384 * 1024 * 1024
MAX_WAITING_THUMBNAILS = 64
"""More requests than fit on any screen: older ones have scrolled away and are dropped."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded image, ready to paint at any zoom.

    Attributes:
        pyramid: the picture and its half-size levels, maybe smaller than the photo.
        width: of the photo, px, upright.
        height: of the photo, px, upright.
    """

    pyramid: ImagePyramid
    width: int
    height: int

    @property
    def memory(self) -> int:
        """Bytes that its pixels take, those of all levels together."""
        return self.pyramid.memory


def decode_picture(path: str) -> Picture:
    """Read a photo for the screen; ImageError if it cannot be."""
    from core.images import read_image

    array = read_image(path)
    height, width = array.shape[:2]
    image = image_from_array(array)
    if width * height > DISPLAY_MAX_PIXELS:
        factor = (DISPLAY_MAX_PIXELS / (width * height)) ** 0.5
        image = image.scaled(
            max(1, round(width * factor)),
            max(1, round(height * factor)),
            Qt.AspectRatioMode.IgnoreAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
    pyramid = ImagePyramid(image)
    pyramid.prepare()
    return Picture(pyramid, width, height)


class PictureLoader(QObject):
    """Decodes the wanted image first and its neighbours after it; keeps the last few.

    Signals:
        loaded(image id, Picture), failed(image id, error).
    """

    loaded = Signal(str, object)
    failed = Signal(str, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = WorkerPool(2, "picture", self)
        self._cache: OrderedDict[str, Picture] = OrderedDict()
        self._bytes = 0
        self._jobs: dict[str, Job] = {}
        self._wanted: str | None = None

    def want(self, image_id: str, path: str) -> None:
        """Deliver this image now; from the cache at once, within this call."""
        self._wanted = image_id
        picture = self._cache.get(image_id)
        if picture is not None:
            self._cache.move_to_end(image_id)
            self.loaded.emit(image_id, picture)
            return
        self._start(image_id, path, priority=0)

    def prefetch(self, wanted: list[tuple[str, str]]) -> None:
        """Prepare these (image id, path) and give up on others that nobody waits for any more."""
        keep = {image_id for image_id, _ in wanted} | {self._wanted}
        for image_id in [i for i in self._jobs if i not in keep]:
            self._jobs.pop(image_id).cancel()
        for image_id, path in wanted:
            if image_id not in self._cache:
                self._start(image_id, path, priority=1)

    @property
    def memory(self) -> int:
        """Bytes of the pictures kept, at most CACHE_BYTES and one picture."""
        return self._bytes

    def forget(self) -> None:
        """Drop everything, as when another project is opened."""
        self._pool.cancel_all()
        self._jobs.clear()
        self._cache.clear()
        self._bytes = 0
        self._wanted = None

    def close(self) -> None:
        """Stop the threads."""
        self._pool.close()

    def _start(self, image_id: str, path: str, priority: int) -> None:
        if image_id in self._jobs and priority:
            return
        if image_id in self._jobs:
            self._jobs.pop(image_id).cancel()
        self._jobs[image_id] = self._pool.submit(
            lambda _job: decode_picture(path),
            on_done=partial(self._done, image_id),
            on_error=partial(self._error, image_id),
            priority=priority,
        )

    def _done(self, image_id: str, picture: Picture) -> None:
        self._jobs.pop(image_id, None)
        if image_id not in self._cache:
            self._cache[image_id] = picture
            self._bytes += picture.memory
        while self._bytes > CACHE_BYTES and len(self._cache) > 1:
            _, old = self._cache.popitem(last=False)
            self._bytes -= old.memory
        if image_id == self._wanted:
            self.loaded.emit(image_id, picture)

    def _error(self, image_id: str, error: Exception) -> None:
        self._jobs.pop(image_id, None)
        self.failed.emit(image_id, error)


class ThumbnailLoader(QObject):
    """Small pictures for the rows on screen, newest request first.

    Signals:
        loaded(image id, QImage), failed(image id, error).
    """

    loaded = Signal(str, object)
    failed = Signal(str, object)

    def __init__(self, side: int, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._side = side
        self._pool = WorkerPool(1, "thumbnail", self, newest_first=True)
        self._waiting: OrderedDict[str, Job] = OrderedDict()

    def request(self, image_id: str, path: str) -> None:
        """Load a thumbnail unless it is on its way."""
        if image_id in self._waiting:
            return
        self._waiting[image_id] = self._pool.submit(
            lambda _job: self._read(path),
            on_done=partial(self._done, image_id),
            on_error=partial(self._error, image_id),
        )
        while len(self._waiting) > MAX_WAITING_THUMBNAILS:
            _, job = self._waiting.popitem(last=False)
            job.cancel()

    def forget(self) -> None:
        """Drop what waits."""
        self._pool.cancel_all()
        self._waiting.clear()

    def close(self) -> None:
        """Stop the thread."""
        self._pool.close()

    def _read(self, path: str) -> QImage:
        from core.images import read_thumbnail

        return image_from_array(read_thumbnail(path, self._side))

    def _done(self, image_id: str, image: QImage) -> None:
        self._waiting.pop(image_id, None)
        self.loaded.emit(image_id, image)

    def _error(self, image_id: str, error: Exception) -> None:
        self._waiting.pop(image_id, None)
        self.failed.emit(image_id, error)
