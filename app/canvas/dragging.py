"""Points of one face that follow the mouse or the arrow keys, shown ahead of the document."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from app.canvas.face_item import FaceItem
from core.face import FloatArray, Label, PointFlag
from core.moves.drag import Constraint, Drag
from core.moves.movable import placed
from core.moves.soft import weights

Place = tuple[float, float]

_WAYS = {Constraint.CURVE: " along the curve", Constraint.MAJOR: " along the ellipse", Constraint.MINOR: " across it"}


def is_locked(item: FaceItem, index: int) -> bool:
    """Whether the label says that nothing may move the point."""
    label = item.face.label
    return label is not None and bool(label.flags[index] & np.uint8(PointFlag.LOCKED))


class PointDrag:
    """One move of one or many points. The face's data stay as they are; `FaceItem` shows what would come of them.

    Args:
        item: the face.
        grabbed: the point under the mouse; it is shown and not locked.
        chosen: the points that move with it.
        radius: how many neighbours along the curve follow softly, 0 for none.
    """

    def __init__(self, item: FaceItem, grabbed: int, chosen: Sequence[int], radius: float) -> None:
        self._item, self.grabbed, self._radius = item, grabbed, radius
        self._label = _label_shown(item, (*chosen, grabbed))
        known = placed(self._label.points)
        self._chosen = tuple(i for i in dict.fromkeys((grabbed, *chosen)) if known[i])
        self._before = dict(item.moved)
        self._scheme = item.face.scheme
        self._drag = Drag(self._label, self._scheme, grabbed, self._weights(), item.face.prediction)
        self.places: dict[int, Place] = {}
        self.constraint = Constraint.FREE

    @property
    def start(self) -> FloatArray:
        """(2,) image px, where the grabbed point was."""
        return self._drag.start

    @property
    def radius(self) -> float:
        """How many neighbours follow softly."""
        return self._radius

    def set_radius(self, radius: float) -> None:
        """Let more or fewer neighbours follow; `move` shows it."""
        self._radius = radius
        self._drag.set_weights(self._weights())

    def possible(self, constraint: Constraint) -> bool:
        """Whether the grabbed point can be held to that direction."""
        return self._drag.possible(constraint)

    def move(self, xy: Place, constraint: Constraint, allowed: Callable[[float, float], Place]) -> None:
        """Show the points when the grabbed one is dragged to `xy`, image px; `allowed` rounds and bounds places."""
        self.constraint = constraint if self.possible(constraint) else Constraint.FREE
        found = self._drag.to(np.array(xy), self.constraint)
        places = {
            index: allowed(x, y) for index, (x, y) in zip(self._drag.indices.tolist(), found.tolist(), strict=True)
        }
        back = {index: self._before.get(index) for index in self.places if index not in places}
        self.places = places
        self._item.move_points({**back, **places})

    def cancel(self) -> None:
        """Show the points where they were before."""
        self._item.move_points({index: self._before.get(index) for index in self.places})
        self.places = {}

    def show_again(self) -> None:
        """The face was replaced meanwhile: go on ahead of it."""
        self._before = {}
        self._item.move_points(self.places)

    def text(self) -> str:
        """What was done, for the history."""
        count = len(self._chosen)
        if self._radius > 0 and len(self.places) > count:
            what = "soft move"
        else:
            what = "move point" if len(self.places) == 1 else f"move {len(self.places)} points"
        return what + _WAYS.get(self.constraint, "")

    def _weights(self) -> FloatArray:
        return weights(self._label, self._scheme, self._chosen, self._radius)


def _label_shown(item: FaceItem, chosen: Sequence[int]) -> Label:
    """The points as they are on the screen. Of a face with a label, missing points come along only if they are chosen:
    a neighbour that nobody placed must not be placed by following."""
    labels, means = item.shown_points()
    label = item.face.label
    if label is None:
        prediction = item.face.prediction
        scheme = item.face.scheme.id if prediction is None else prediction.scheme
        return Label(scheme, np.where(np.isnan(labels), means, labels))
    points = labels.copy()
    gone = [i for i in chosen if np.isnan(points[i]).any()]
    points[gone] = means[gone]
    return Label(label.scheme, points, flags=label.flags)
