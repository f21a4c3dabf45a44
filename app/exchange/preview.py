"""A row of faces with their landmarks: what a data set looks like, before it is taken in or written."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPalette, QPen, QPixmap, QTransform
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from app.canvas.image import image_from_array
from app.canvas.palette import HALO, LABEL
from app.icons import icon
from app.jobs.pool import Job, WorkerPool
from app.texts import tr
from core.errors import StarmarkError
from core.face import ByteArray, FloatArray, Visibility

if TYPE_CHECKING:
    from core.formats.base import LabelledFace
    from core.scheme import Scheme

SIDE = 150
"""Width and height of a face, screen px."""

SHOWN = 6
_MARGIN = 0.3
"""Of the landmarks' extent, around them."""

_SCALE = 2
"""Faces are drawn larger than shown, for screens with fine pixels."""


def draw_face(face: LabelledFace, scheme: Scheme, side: int = SIDE * _SCALE) -> QImage:
    """The part of the photo around a face, `side` px wide and high, with its landmarks. ImageError if there is none."""
    from core.images import read_image_data, read_reduced

    left, top, extent = _window(face.label.points)
    data = read_image_data(face.image)
    reduced = read_reduced(data, str(face.image), _least_side(face, extent, side))
    photo = image_from_array(reduced.pixels)
    zoom = side / extent
    picture = QImage(side, side, QImage.Format.Format_RGB32)
    picture.fill(QColor(40, 42, 48))
    painter = QPainter(picture)
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
    painter.save()
    painter.scale(zoom, zoom)
    painter.translate(-left, -top)
    painter.setTransform(QTransform(*reduced.to_image.T[[0, 0, 1, 1, 2, 2], [0, 1, 0, 1, 0, 1]]), True)
    painter.translate(-0.5, -0.5)  # a painter's pixel covers [0, 1], ours has its centre at 0
    painter.drawImage(QPointF(0, 0), photo)
    painter.restore()
    _draw_points(painter, (face.label.points - (left, top)) * zoom, face.label.visibility, scheme)
    painter.end()
    return picture


def _window(points: FloatArray) -> tuple[float, float, float]:
    """Left, top and side, image px, of the square around the points; a small one where there are none."""
    known = points[np.isfinite(points).all(axis=1)]
    if not len(known):
        return 0.0, 0.0, 100.0
    low, high = known.min(axis=0), known.max(axis=0)
    side = max(20.0, float((high - low).max()) * (1 + 2 * _MARGIN))
    centre = (low + high) / 2
    return float(centre[0] - side / 2), float(centre[1] - side / 2), side


def _least_side(face: LabelledFace, extent: float, side: int) -> int:
    """How large the photo must be read, px of its longer side, for the face not to blur."""
    if face.info is None:
        return 4 * side
    longer = max(face.info.width, face.info.height)
    return max(side, int(longer * min(1.0, side / extent)))


def _draw_points(painter: QPainter, points: FloatArray, visibility: ByteArray, scheme: Scheme) -> None:
    halo, label = QColor(*HALO, 150), QColor(*LABEL)
    for width, colour in ((3.4, halo), (1.6, label)):
        painter.setPen(QPen(colour, width))
        for region in scheme.regions:
            line = [*region.indices, region.indices[0]] if region.closed else list(region.indices)
            for one, other in itertools.pairwise(line):
                if np.isfinite(points[[one, other]]).all():
                    painter.drawLine(QPointF(*points[one]), QPointF(*points[other]))
    for index, (x, y) in enumerate(points.tolist()):
        if np.isfinite(x):
            hidden = visibility[index] == Visibility.OCCLUDED
            painter.setPen(QPen(label if hidden else halo, 1.2))
            painter.setBrush(Qt.BrushStyle.NoBrush if hidden else label)
            painter.drawEllipse(QPointF(x, y), 3.4, 3.4)


class FacePreview(QWidget):
    """Faces side by side, a page at a time; each is drawn by a thread."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pool = WorkerPool(1, "preview", self)
        self._jobs: list[Job] = []
        self._faces: Sequence[LabelledFace] = ()
        self._scheme: Scheme | None = None
        self._first = 0
        self.cells = [QLabel(self) for _ in range(SHOWN)]
        self._names = [QLabel(self) for _ in range(SHOWN)]
        self.range = QLabel(self)
        self._back, self._on = QToolButton(self), QToolButton(self)
        row = QHBoxLayout()
        row.setSpacing(8)
        for cell, name in zip(self.cells, self._names, strict=True):
            cell.setFixedSize(SIDE, SIDE)
            cell.setAlignment(Qt.AlignmentFlag.AlignCenter)
            cell.setWordWrap(True)
            name.setFixedWidth(SIDE)
            name.setForegroundRole(QPalette.ColorRole.PlaceholderText)
            column = QVBoxLayout()
            column.setSpacing(2)
            column.addWidget(cell)
            column.addWidget(name)
            row.addLayout(column)
        row.addStretch(1)
        pages = QHBoxLayout()
        for button, name_, tip, by in (
            (self._back, "previous", tr("The faces before"), -SHOWN), (self._on, "next", tr("The faces after"), SHOWN),
        ):  # fmt: skip
            button.setIcon(icon(name_, self.palette()))
            button.setToolTip(tip)
            button.setAccessibleName(tip)
            button.clicked.connect(partial(self.turn, by))
        pages.addWidget(self._back)
        pages.addWidget(self._on)
        pages.addWidget(self.range)
        pages.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addLayout(pages)
        self.show_faces((), None)

    def show_faces(self, faces: Sequence[LabelledFace], scheme: Scheme | None) -> None:
        """Show the first of these faces."""
        self._faces, self._scheme, self._first = faces, scheme, 0
        self._draw()

    def turn(self, by: int) -> None:
        """Leaf by that many faces."""
        self._first = max(0, min(self._first + by, max(0, len(self._faces) - 1) // SHOWN * SHOWN))
        self._draw()

    def close_pool(self) -> None:
        """Stop the thread."""
        self._pool.close()

    def _draw(self) -> None:
        for job in self._jobs:
            job.cancel()
        self._jobs = []
        shown = self._faces[self._first : self._first + SHOWN]
        last = self._first + len(shown)
        self.range.setText(
            tr(
                "Faces {first:,} to {last:,} of {faces:,}",
                first=self._first + 1,
                last=last,
                faces=len(self._faces),
            )
            if shown
            else ""
        )
        self._back.setVisible(len(self._faces) > SHOWN)
        self._on.setVisible(len(self._faces) > SHOWN)
        self._back.setEnabled(self._first > 0)
        self._on.setEnabled(last < len(self._faces))
        for number, (cell, name) in enumerate(zip(self.cells, self._names, strict=True)):
            cell.setPixmap(QPixmap())
            face = shown[number] if number < len(shown) else None
            cell.setText("" if face is None else "…")
            name.setText("" if face is None else _shortened(name, face.image.name))
            name.setToolTip("" if face is None else str(face.image))
            if face is not None and self._scheme is not None:
                self._jobs.append(self._start(cell, face, self._scheme))

    def _start(self, cell: QLabel, face: LabelledFace, scheme: Scheme) -> Job:
        done, failed = partial(self._drawn, cell), partial(self._failed, cell)
        return self._pool.submit(lambda _job: draw_face(face, scheme), on_done=done, on_error=failed)

    def _drawn(self, cell: QLabel, picture: QImage) -> None:
        pixmap = QPixmap.fromImage(picture)
        pixmap.setDevicePixelRatio(_SCALE)
        cell.setPixmap(pixmap)

    def _failed(self, cell: QLabel, error: Exception) -> None:
        cell.setText(error.what if isinstance(error, StarmarkError) else str(error))


def _shortened(label: QLabel, text: str) -> str:
    return label.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, SIDE)
