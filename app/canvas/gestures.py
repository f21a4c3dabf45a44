"""What the mouse is in the middle of. Values only; `app.canvas.view` acts on them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import QPointF, Qt

from app.canvas.dragging import PointDrag


class Tool(Enum):
    """What the left button does."""

    SELECT = "select"
    """Select and move points, pan on empty places."""
    BOX = "box"
    """Draw one face box."""
    PLACE = "place"
    """Put a missing point where the user clicks."""


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
    """The left button went down on a point: a click, or, once there is a `drag`, a drag of it.

    Attributes:
        pressed: viewport px.
        keys: held at the press; they say what a click selects.
        movable: whether a drag moves it, or only the picture.
        grabbed: image px under the cursor at the press.
        drag: what moves.
        curve: whether a double click has selected the whole curve, which a release leaves so.
    """

    button: Qt.MouseButton
    pressed: QPointF
    keys: Qt.KeyboardModifier
    face_id: str
    index: int
    movable: bool
    grabbed: QPointF
    drag: PointDrag | None = None
    curve: bool = False


@dataclass(slots=True)
class BoxDraw:
    """A box grows from `start`, image px."""

    button: Qt.MouseButton
    start: QPointF


@dataclass(slots=True)
class Band:
    """A frame grows from `start`, image px, around points to be selected; `adding` keeps those that are."""

    button: Qt.MouseButton
    start: QPointF
    adding: bool


Gesture = Pan | EmptyPress | PointPress | BoxDraw | Band
