"""Pictures with adjusted tones, made off the window's thread, one level of the pyramid at a time."""

from __future__ import annotations

import contextlib

from PySide6.QtCore import QObject, Qt, QThreadPool, Signal
from PySide6.QtGui import QImage

from app.canvas.adjust import NEUTRAL, Adjustment
from app.canvas.image import ImagePyramid

_LARGE_KEPT = 2
_AT_ONCE_PIXELS = 300_000
"""A level of at most so many pixels is changed within the call: a millisecond."""


class Toner(QObject):
    """Gives the levels of a pyramid in the tones of an adjustment.

    Until a level is ready there is something to show all the same: what it looked like in the last tones, else a small
    level stretched. Several wishes in a row cost one picture: what nobody waits for any more is not begun.

    Signals:
        ready(): a level that was asked for is there now.
    """

    ready = Signal()
    _made = Signal(object, object, int, QImage)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.adjustment = NEUTRAL
        self._pyramid: ImagePyramid | None = None
        self._levels: dict[int, tuple[Adjustment, QImage]] = {}
        self._working: tuple[ImagePyramid, Adjustment, int] | None = None
        self._wanted: int | None = None
        self._made.connect(self._take, Qt.ConnectionType.QueuedConnection)

    def set_pyramid(self, pyramid: ImagePyramid | None) -> None:
        """Work on another picture."""
        if pyramid is not self._pyramid:
            self._pyramid = pyramid
            self._levels.clear()
            self._wanted = None

    def set_adjustment(self, adjustment: Adjustment) -> None:
        """Other tones from now on."""
        self.adjustment = adjustment
        if adjustment.neutral:
            self._levels.clear()
            self._wanted = None

    def level(self, index: int) -> QImage:
        """Level `index` to paint now; RuntimeError without a picture."""
        if self._pyramid is None:
            raise RuntimeError("there is no picture to adjust")
        if self.adjustment.neutral:
            return self._pyramid[index]
        known = self._levels.get(index)
        if known is not None and known[0] == self.adjustment:
            return known[1]
        if _pixels(self._pyramid[index]) <= _AT_ONCE_PIXELS:
            return self._make_now(index)
        self._wanted = index
        self._work()
        if known is not None:
            return known[1]
        small = index
        while _pixels(self._pyramid[small]) > _AT_ONCE_PIXELS and small + 1 < len(self._pyramid):
            small += 1
        return self._make_now(small)

    def _make_now(self, index: int) -> QImage:
        known = self._levels.get(index)
        if known is None or known[0] != self.adjustment:
            assert self._pyramid is not None
            known = self._levels[index] = self.adjustment, self.adjustment.applied(self._pyramid[index])
        return known[1]

    def _work(self) -> None:
        """Begin what is wanted, unless a picture is being made: then it follows."""
        if self._working is not None or self._wanted is None or self._pyramid is None:
            return
        index, self._wanted = self._wanted, None
        known = self._levels.get(index)
        if known is not None and known[0] == self.adjustment:  # asked for again while it was being made
            return
        pyramid, adjustment, index = self._working = self._pyramid, self.adjustment, index
        source = pyramid[index]

        def make() -> None:
            image = adjustment.applied(source)
            with contextlib.suppress(RuntimeError):  # the window has gone meanwhile
                self._made.emit(pyramid, adjustment, index, image)

        QThreadPool.globalInstance().start(make)

    def _take(self, pyramid: ImagePyramid, adjustment: Adjustment, index: int, image: QImage) -> None:
        self._working = None
        if pyramid is self._pyramid and not self.adjustment.neutral:
            # Two large levels are kept, the window's and the loupe's: no more memory than that.
            self._levels.pop(index, None)
            large = [i for i, entry in self._levels.items() if _pixels(entry[1]) > _AT_ONCE_PIXELS]
            for old in large[: max(len(large) - _LARGE_KEPT + 1, 0)]:
                del self._levels[old]
            self._levels[index] = adjustment, image
            self.ready.emit()
        self._work()


def _pixels(image: QImage) -> int:
    return image.width() * image.height()
