"""Where the annotator is: image, face, points and view; kept with the project, so that a crash loses no place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject

from app.document import Document
from app.kept import Kept
from app.workbench import Workbench


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere in the project.

    Attributes:
        image_id, face_id: face None for any.
        points: indices of the selected points.
        view: zoom (screen px an image px) and centre x, y (image px); None for the whole image.
        close: look at the points closely instead, or at the face where there are none.
    """

    image_id: str
    face_id: str | None = None
    points: tuple[int, ...] = ()
    view: tuple[float, float, float] | None = None
    close: bool = False

    def to_json(self) -> dict[str, object]:
        """For the project's settings."""
        view = None if self.view is None else [round(value, 4) for value in self.view]
        return {"image": self.image_id, "face": self.face_id, "points": list(self.points), "view": view}

    @classmethod
    def from_json(cls, value: object) -> Place | None:
        """What `to_json` gave; None for what makes no sense."""
        if not isinstance(value, dict) or not isinstance(value.get("image"), str):
            return None
        face, points, view = value.get("face"), value.get("points"), value.get("view")
        return cls(
            value["image"],
            face if isinstance(face, str) else None,
            tuple(points) if isinstance(points, list) and all(type(index) is int for index in points) else (),
            _view(view),
        )


def _view(value: object) -> tuple[float, float, float] | None:
    if not isinstance(value, list) or len(value) != 3:
        return None
    if not all(isinstance(number, int | float) and math.isfinite(number) for number in value) or value[0] <= 0:
        return None
    return (float(value[0]), float(value[1]), float(value[2]))


class PlaceKeeper(QObject):
    """Goes to places as soon as their picture and faces are there, and keeps where one is."""

    def __init__(self, document: Document, bench: Workbench, kept: Kept) -> None:
        super().__init__(bench)
        self._document, self._bench, self._kept = document, bench, kept
        self._wanted: Place | None = None
        kept.loaded.connect(self._come_back)
        document.current_changed.connect(self._left)
        for arrived in (bench.image_shown, document.faces_loaded):
            arrived.connect(self._arrive)
        for changed in (bench.canvas.viewChanged, bench.active_changed, bench.selection_changed):
            changed.connect(self._keep)

    def go(self, place: Place) -> None:
        """Show that place, now or when it is ready."""
        self._wanted = place
        if place.image_id == self._document.current_id:
            self._arrive()
        else:
            self._document.set_current(place.image_id)

    def _come_back(self) -> None:
        """To where one was when the project was left; not where only the annotator is another one."""
        if self._document.current_id is None:
            self._wanted = Place.from_json(self._kept.get("place"))

    def _left(self) -> None:
        if self._wanted is not None and self._wanted.image_id != self._document.current_id:
            self._wanted = None
        if self._wanted is None and self._document.current_id is not None:  # the picture may come too late to be kept
            self._kept.put("place", Place(self._document.current_id).to_json())

    def _arrive(self) -> None:
        place, bench, document = self._wanted, self._bench, self._document
        here = place is not None and place.image_id == document.current_id
        if place is None or not here or not bench.picture_ready or not document.faces_known:
            return
        self._wanted = None
        if place.face_id in document.faces:
            bench.show_points(place.face_id or "", place.points)
        if place.close:
            bench.canvas.fit_point() if place.points else bench.canvas.fit_face(place.face_id)
        elif place.view is not None:
            bench.canvas.restore_view(place.view)

    def _keep(self, *_: object) -> None:
        bench, canvas, image_id = self._bench, self._bench.canvas, self._document.current_id
        if image_id is None or not bench.picture_ready or self._wanted is not None:
            return
        view: Sequence[float] | None = None if canvas.fitted else canvas.view_state()
        found = Place(image_id, bench.active, bench.selection, None if view is None else (view[0], view[1], view[2]))
        self._kept.put("place", found.to_json())
