"""Looking closely: the loupe, following the selection, the photo's tones, and comparing. Changes no data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPointF, QRect, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDockWidget, QWidget

from app.actions import ActionSet, native
from app.canvas.adjust import auto
from app.canvas.compare import Comparison, Mode
from app.canvas.view import CanvasView
from app.compare_sources import OtherModel, other_models, sources
from app.face_desk import FaceDesk
from app.jobs.pool import Job
from app.panels.compare_page import ComparePage
from app.panels.photo_page import PhotoPage
from app.panels.view_options import ViewPanel
from app.settings import Settings
from app.texts import tr
from app.workbench import Workbench
from core.face import Label

if TYPE_CHECKING:
    from core.model.predictor import Heatmaps

FLICKER_MS = 700
_GLANCE_MS = 1000
"""How long B is shown where no key can be let go, as from the menu."""


class Seeing(QObject):
    """Owns the pages "Photo" and "Compare" of the view dock, and the keys that work while they are held."""

    def __init__(
        self,
        window: QWidget,
        bench: Workbench,
        canvas: CanvasView,
        desk: FaceDesk,
        panel: ViewPanel,
        actions: ActionSet,
        settings: Settings,
    ) -> None:
        super().__init__(window)
        self._document, self._bench, self._canvas, self._desk = bench.document, bench, canvas, desk
        self._panel, self._actions, self._settings = panel, actions, settings
        self.photo = PhotoPage()
        flicker, split = (native(actions[name].shortcut().toString()) for name in ("flicker", "split_view"))
        self.comparing = ComparePage(flicker, split)
        panel.add_page(tr("Photo"), self.photo)
        panel.add_page(tr("Compare"), self.comparing)
        self._down: list[int] = []
        self._held: dict[int, str] = {}
        self._loupe_on = False
        self._cursor = QPointF(math.nan, math.nan)
        self._opening: dict[str, Label | None] = {}
        self._models: tuple[object, list[OtherModel]] | None = None
        self._models_job: Job | None = None
        self._edges_lack = False
        self._turns = QTimer(self)
        self._turns.setInterval(FLICKER_MS)
        self._turns.timeout.connect(lambda: self._flip(not canvas.compare.flipped))
        self._glance = QTimer(self)
        self._glance.setSingleShot(True)
        self._glance.setInterval(_GLANCE_MS)
        self._glance.timeout.connect(lambda: self._end("flicker"))
        self._follow = QTimer(self)
        self._follow.setSingleShot(True)
        self._follow.timeout.connect(self._follow_selection)
        self._wire()
        for watched in (window, canvas):
            watched.installEventFilter(self)

    def _wire(self) -> None:
        bench, canvas, document = self._bench, self._canvas, self._document
        canvas.pointDragging.connect(self._dragged)
        canvas.pointMoved.connect(lambda *_: self._drag_ended())
        canvas.pointsMoved.connect(lambda *_: self._drag_ended())
        canvas.pointDragCancelled.connect(lambda *_: self._drag_ended())
        canvas.cursorMoved.connect(self._cursor_moved)
        canvas.viewChanged.connect(lambda _zoom: self._canvas.compare.arrange())
        bench.selection_changed.connect(lambda: self._follow.start(0))
        bench.image_shown.connect(self._image_shown)
        bench.maps_shown.connect(self._maps_shown)
        bench.active_changed.connect(self._face_changed)
        document.current_changed.connect(self._image_left)
        document.faces_loaded.connect(self._remember_opening)
        document.face_changed.connect(lambda face_id: self._face_changed() if face_id == bench.active else None)
        self._desk.details_changed.connect(self._face_changed)
        self._desk.history.looked_at.connect(lambda _step: self._face_changed())
        self._panel.page_changed.connect(self._face_changed)
        self.photo.changed.connect(self._adjust)
        self.photo.auto_switched.connect(lambda on: self._adjust_by_itself() if on else None)
        self.comparing.changed.connect(self._compare)
        self.comparing.timer_switched.connect(lambda _on: self._compare())

    def handlers(self) -> dict[str, Callable[[], object]]:
        """What the actions of this module do."""
        return {
            "fit_region": self._canvas.fit_region,
            "adjust": self._show_photo_page,
            "flicker": lambda: self._begin("flicker"),
            "split_view": self._toggle_split,
            "follow": lambda: self._settings.set("follow", self._actions["follow"].isChecked()),
            "loupe": lambda: self._begin("loupe"),
            "loupe_drag": lambda: self._settings.set("loupe_drag", self._actions["loupe_drag"].isChecked()),
        }

    # -- keys that are held

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Notes which keys are down: a shortcut tells of the press only, and nobody of the release."""
        kind = event.type()
        if kind == QEvent.Type.WindowDeactivate or (kind == QEvent.Type.FocusOut and watched is self._canvas):
            self._down.clear()
            for action in tuple(self._held.values()):
                self._end(action)
        elif isinstance(event, QKeyEvent) and not event.isAutoRepeat() and kind != QEvent.Type.KeyPress:
            self._key(event.key(), kind == QEvent.Type.ShortcutOverride)
        return False

    def _key(self, key: int, down: bool) -> None:
        self._down = [other for other in self._down if other != key]
        if down:
            self._down.append(key)
            return
        action = self._held.get(key)
        if action is not None:
            self._end(action)

    def _begin(self, action: str) -> None:
        if self._down:  # the last key that went down is the one that brought us here
            self._held[self._down[-1]] = action
        elif action == "loupe" and self._loupe_on:  # from the menu: once more ends it
            self._end("loupe")
            return
        elif action == "flicker":
            self._glance.start()
        if action == "loupe":
            self._loupe_on = True
            self._look(self._cursor)
        else:
            self._flip(True)

    def _end(self, action: str) -> None:
        self._held = {key: held for key, held in self._held.items() if held != action}
        if action == "loupe":
            self._loupe_on = False
            self._canvas.loupe.hide()
        else:
            self._flip(False)
            self._compare()

    # -- the loupe

    def _dragged(self, face_id: str, index: int, x: float, y: float) -> None:
        if self._settings.value("loupe_drag") and face_id == self._canvas.active_face:
            callout = self._canvas.callout
            avoid = QRect() if callout.isHidden() else callout.geometry()
            self._canvas.loupe.look(QPointF(x, y), self._canvas.to_screen(x, y), index, avoid)

    def _drag_ended(self) -> None:
        if not self._loupe_on:
            self._canvas.loupe.hide()

    def _cursor_moved(self, x: float, y: float) -> None:
        self._cursor = QPointF(x, y)
        if self._loupe_on:
            self._look(self._cursor)

    def _look(self, at: QPointF) -> None:
        canvas = self._canvas
        if not canvas.has_image:
            return
        if math.isnan(at.x()):
            at = canvas.to_image(canvas.viewport().rect().center())
        cursor = canvas.to_screen(at.x(), at.y())
        found = canvas.point_at(cursor)
        index = found.index if found is not None and found.face_id == canvas.active_face else None
        callout = canvas.callout
        canvas.loupe.look(at, cursor, index, QRect() if callout.isHidden() else callout.geometry())

    # -- following

    def _follow_selection(self) -> None:
        """Only once the mouse has let go: what is being dragged must stay under it."""
        face_id, indices = self._canvas.selection
        if self._settings.value("follow") and face_id is not None and len(indices) == 1 and not self._canvas.busy:
            self._canvas.show_point(face_id, indices[0])

    # -- tones

    def _show_photo_page(self) -> None:
        dock = self._panel.parentWidget()
        if isinstance(dock, QDockWidget):
            dock.show()
            dock.raise_()
        self._panel.show_page(self.photo)
        self.photo.brightness.slider.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _image_shown(self) -> None:
        if self.photo.auto.isChecked():
            self._adjust_by_itself()

    def _adjust_by_itself(self) -> None:
        pyramid = self._canvas.pyramid
        if pyramid is not None:
            brightness, contrast = auto(pyramid.smallest())
            self.photo.show_adjustment(replace(self.photo.adjustment(), brightness=brightness, contrast=contrast), True)

    def _adjust(self) -> None:
        self._canvas.set_adjustment(self.photo.adjustment())
        self._say()

    # -- what is not as usual

    def _maps_shown(self, maps: Heatmaps | None) -> None:
        self._edges_lack = maps is not None and maps.edges is None and self._canvas.layers.edges
        self._say()

    def _say(self) -> None:
        lines = []
        words = self._canvas.adjustment.words()
        if words:
            lines.append(tr("Adjusted view: ") + ", ".join(words))
        if self._edges_lack:
            lines.append(tr("This model has no edge maps."))
        self._canvas.notice.show_text(*lines)

    # -- comparing

    def _image_left(self) -> None:
        self._opening.clear()
        self._canvas.set_comparison(None)
        if not self._loupe_on:
            self._canvas.loupe.hide()

    def _remember_opening(self) -> None:
        for face_id, face in self._document.faces.items():
            self._opening.setdefault(face_id, face.label)

    @property
    def mode(self) -> str:
        """"off", "overlay", "flicker" or "split"."""
        return str(self.comparing.mode.currentData())

    def _face_changed(self) -> None:
        """Offer the states of the active face anew, if anybody looks at them, and draw those that are compared."""
        if self.mode != "off" or self._panel.is_shown(self.comparing):
            self._find_models()
            self._offer()
            self._compare()

    def _offer(self) -> None:
        face = self._bench.active_face()
        if face is None or not self._bench.picture_ready:
            self.comparing.show_sources([])
            return
        details = self._desk.details
        fitting = details if details is not None and details.face_id == face.face_id else None
        step = self._desk.history.selected() if fitting is not None else None
        models = self._models[1] if self._models is not None and self._models[0] == self._models_key() else None
        self.comparing.show_sources(sources(face, self._opening.get(face.face_id), fitting, step, models))

    def _models_key(self) -> object:
        face, info = self._bench.active_face(), self._bench.predictions.state.info
        prediction = None if face is None else face.prediction
        return None if face is None or prediction is None or info is None else (face.face_id, info.hash)

    def _find_models(self) -> None:
        key, face, info = self._models_key(), self._bench.active_face(), self._bench.predictions.state.info
        if key is None or face is None or face.prediction is None or info is None:
            return
        if self._models is not None and self._models[0] == key:
            return
        self._models = key, []
        cache, crop = self._document.cache, face.prediction.crop
        if self._models_job is not None:
            self._models_job.cancel()

        def found(models: list[OtherModel]) -> None:
            self._models = key, models
            self._offer()
            self._compare()

        work = partial(other_models, cache=cache, image_id=face.image_id, crop=crop, model_in_use=info.hash)
        self._models_job = self._document.read(work, found)

    def _toggle_split(self) -> None:
        self.comparing.choose_mode("off" if self.mode == "split" else "split")
        self._offer()
        self._compare()

    def _flip(self, flipped: bool) -> None:
        canvas = self._canvas
        shown = canvas.compare.comparison
        if flipped and (shown is None or shown.mode != "flicker"):  # a glance at B out of another mode
            self._offer()
            self._draw("flicker")
        canvas.compare.flip(flipped)

    def _compare(self) -> None:
        """Draw what is chosen on the page."""
        mode = self.mode
        if mode == "flicker" and self.comparing.timer.isChecked():
            if not self._turns.isActive():
                self._turns.start()
        else:
            self._turns.stop()
            if not self._glance.isActive() and "flicker" not in self._held.values():
                self._canvas.compare.flip(False)
        if self._canvas.compare.flipped and mode == "off":
            return  # a glance goes on
        self._draw(mode)

    def _draw(self, mode: str) -> None:
        pair = self.comparing.pair()
        self.comparing.timer.setEnabled(mode == "flicker")
        if mode == "off" or pair is None:
            self._canvas.set_comparison(None)
            self.comparing.say(
                "" if pair is not None else tr("Open an image with a face: its states are compared here.")
            )
            return
        a, b = pair
        problem = a.reason or b.reason or (tr("A and B are the same.") if a.key == b.key else "")
        self.comparing.say(problem)
        if problem or b.view is None:
            if not problem:
                self.comparing.say(tr("Choose what you work on as A, and another state as B."))
            self._canvas.set_comparison(None)
            return
        self._canvas.set_comparison(Comparison(_as_mode(mode), a.name, b.name, a.view, b.view))


def _as_mode(mode: str) -> Mode:
    known: dict[str, Mode] = {"overlay": "overlay", "flicker": "flicker", "split": "split"}
    return known[mode]
