"""What the mouse is in the middle of. Values only; `app.canvas.view` acts on them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import QPointF, Qt


class Tool(Enum):
    """What the left button does."""

    SELECT = "select"
    """Select and move points, pan on empty places."""
    BOX = "box"
    """Draw one face box."""


@dataclass(slots=True)
class Pan:
    """The picture follows the cursor."""

    button: Qt.MouseButton
    last: QPointF


@dataclass(slots=True)
class EmptyPress:
    """The left button went down beside every point: a click, or the start of a pan."""

    button: Qt.MouseButton
    pressed: QPointF


@dataclass(slots=True)
class PointPress:
    """The left button went down on a point: a click, or, once `moving`, a drag of it.

    Attributes:
        pressed: viewport px.
        grabbed: image px under the cursor at the press.
        start: image px, where the point was.
        ahead: whether the point was already shown ahead of the document.
        at: image px, where the point is now.
    """

    button: Qt.MouseButton
    pressed: QPointF
    face_id: str
    index: int
    movable: bool
    grabbed: QPointF
    start: tuple[float, float]
    ahead: bool
    at: tuple[float, float]
    moving: bool = False


@dataclass(slots=True)
class BoxDraw:
    """A box grows from `start`, image px."""

    button: Qt.MouseButton
    start: QPointF


Gesture = Pan | EmptyPress | PointPress | BoxDraw
