"""Keeps canvas, list, table and background work in step with the document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from app.canvas.model import FaceView, Layers
from app.document import Document
from app.edits import DrawBox, MovePoint
from app.face_state import FaceState, worst_deviation
from app.jobs.pictures import Picture, PictureLoader, ThumbnailLoader
from app.jobs.predict import PredictionService
from app.jobs.prepare import ImageOutcome
from app.jobs.store import error_text
from app.layer_options import edges_through, layer_options
from app.panels.image_model import ImageRow
from app.panels.images import THUMBNAIL_SIDE, ImagePanel
from app.panels.landmarks import LandmarkPanel
from app.panels.view_options import ViewPanel
from app.settings import Settings
from core.errors import StarmarkError
from core.face import Box
from core.scheme import Scheme, get_scheme

if TYPE_CHECKING:
    from app.canvas.view import CanvasView
    from core.model.predictor import Heatmaps

LAYERS = (
    "points", "numbers", "curves", "ellipses", "labels", "predictions", "deviations", "boxes", "heatmap", "names",
    "split", "edges",
)  # fmt: skip
"""Names of the layers that can be switched: actions, settings and fields of `Layers` alike."""

PREFETCH_DELAY_MS = 100


class Workbench(QObject):
    """The wiring between what the user sees and what happens in the background.

    Signals:
        conditions_changed(): an action may have become possible or impossible.
        active_changed(): another face is worked on, or none, or what is known of it was read anew.
        image_shown(): the picture of the current image is on the canvas.
        no_face(): the model looked at the current image and found nobody.
        image_failed(text): the current image has no picture, and why.
        maps_shown(maps): the network's maps of the active face are laid over the photo, as wanted; None for none.
    """

    conditions_changed = Signal()
    active_changed = Signal()
    selection_changed = Signal()
    image_shown = Signal()
    no_face = Signal()
    image_failed = Signal(str)
    maps_shown = Signal(object)

    def __init__(
        self,
        document: Document,
        settings: Settings,
        canvas: CanvasView,
        images: ImagePanel,
        landmarks: LandmarkPanel,
        view_options: ViewPanel,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self.document = document
        self.settings = settings
        self.canvas = canvas
        self.images = images
        self.landmarks = landmarks
        self.view_options = view_options
        self.pictures = PictureLoader(self)
        self.thumbnails = ThumbnailLoader(2 * THUMBNAIL_SIDE, self)
        self.predictions = PredictionService(
            lambda: (document.project, document.cache), lambda: str(settings.value("author")), self
        )
        self.active: str | None = None
        self.selection: tuple[int, ...] = ()
        self.picture_ready = False
        self._visited: tuple[str | None, tuple[int, ...], float] | None = None
        self._prefetch_timer = QTimer(self)
        self._prefetch_timer.setSingleShot(True)
        self._prefetch_timer.setInterval(PREFETCH_DELAY_MS)
        self._prefetch_timer.timeout.connect(self._prefetch)
        self._layers = Layers()
        self._heatmaps: tuple[str, Heatmaps] | None = None
        self._wire_document()
        self._wire_views()

    def _wire_document(self) -> None:
        document = self.document
        document.opened.connect(self._project_opened)
        document.rows_changed.connect(self._rows_changed)
        document.current_changed.connect(self._current_changed)
        document.faces_loaded.connect(self._faces_loaded)
        document.face_changed.connect(self._face_changed)
        document.row_changed.connect(self.images.model.changed)
        document.rows_marked.connect(self.images.model.all_changed)
        document.box_added.connect(self._box_added)
        self.pictures.loaded.connect(self._picture_loaded)
        self.pictures.failed.connect(self._picture_failed)
        self.thumbnails.loaded.connect(self.images.model.set_thumbnail)
        self.thumbnails.failed.connect(self._thumbnail_failed)
        self.predictions.image_done.connect(self._image_done)
        self.predictions.model_changed.connect(self._model_changed)
        self.predictions.outdated.connect(self.document.forget_predictions)
        self.predictions.heatmaps_ready.connect(self._heatmaps_ready)

    def _wire_views(self) -> None:
        self.images.activated.connect(self.document.set_current)
        self.images.order_changed.connect(lambda order: self.settings.set("image_sort", order))
        self.images.model.thumbnail_wanted.connect(self.thumbnails.request)
        self.landmarks.selection_changed.connect(self._table_selected)
        self.landmarks.point_activated.connect(self._point_activated)
        self.view_options.changed.connect(self._options_changed)
        self.canvas.selectionChanged.connect(self._canvas_selected)
        self.canvas.faceActivated.connect(self.activate_face)
        self.canvas.pointMoved.connect(self._point_moved)
        self.canvas.boxDrawn.connect(self._box_drawn)

    # -- the image

    def _project_opened(self) -> None:
        self.pictures.forget()
        self.thumbnails.forget()
        self.predictions.forget()
        self.images.model.forget_thumbnails()

    def _rows_changed(self) -> None:
        self.images.model.reset(self.document.rows)
        self.images.show_current(self.document.current_id)
        self.conditions_changed.emit()

    def _current_changed(self) -> None:
        document = self.document
        self.active, self.selection = None, ()
        self.picture_ready = False
        self._heatmaps = None
        self.canvas.set_faces([])
        self.canvas.set_heatmap(None)
        self.canvas.set_edge_map(None)
        self.landmarks.select(())
        self._show_active()
        self.active_changed.emit()
        row = self._row()
        self.images.show_current(document.current_id)
        if row is None:
            self.canvas.set_image(None)
        else:
            self.pictures.want(row.id, row.path)
        self.conditions_changed.emit()

    def _row(self) -> ImageRow | None:
        current = self.document.current_id
        return None if current is None else self.document.row(current)

    def _picture_loaded(self, image_id: str, picture: Picture) -> None:
        if image_id != self.document.current_id:
            return
        self.picture_ready = True
        self.canvas.set_image(picture.pyramid, picture.width, picture.height)
        self.document.images.set_problem(image_id, None)
        self._show_faces()
        self._prefetch_soon()
        self._request_prediction()
        self.predictions.release()
        self.image_shown.emit()
        self.conditions_changed.emit()

    def _picture_failed(self, image_id: str, error: Exception) -> None:
        self.document.images.set_problem(image_id, _reason(error))
        if image_id == self.document.current_id:
            self.canvas.set_image(None)
            self._prefetch_soon()
            self.predictions.release()
            self.image_failed.emit(error_text(error))

    def _thumbnail_failed(self, image_id: str, error: Exception) -> None:
        self.images.model.set_thumbnail(image_id, None)
        self.document.images.set_problem(image_id, _reason(error))

    def _prefetch_soon(self) -> None:
        """Neighbours are decoded once this image is painted: decoders would take the processor from it."""
        if not self._prefetch_timer.isActive():  # not begun anew, or going through images quickly would starve it
            self._prefetch_timer.start()

    def _prefetch(self) -> None:
        rows = [self.document.row(i) for i in self.images.neighbours(int(self.settings.value("prefetch")))]
        self.pictures.prefetch([(row.id, row.path) for row in rows if row is not None and row.problem is None])

    # -- faces

    def _faces_loaded(self) -> None:
        faces = self.document.faces
        if self.active not in faces:
            self.active = next(iter(faces), None)
            self.selection = ()
        if self.picture_ready:
            self._show_faces()
        else:
            self._show_active()
        self._request_prediction()
        self.active_changed.emit()
        self.conditions_changed.emit()

    def _show_faces(self) -> None:
        if not self.picture_ready:
            return
        views = [view for face in self.document.faces.values() if (view := self._view(face)) is not None]
        self.canvas.set_faces(views)
        self._show_active()

    def _face_changed(self, face_id: str) -> None:
        face = self.document.faces.get(face_id)
        if face is None or not self.picture_ready:
            return
        view = self._view(face)
        if view is not None:
            self.canvas.update_face(view)
        if face_id == self.active:
            self._show_active()
        self._update_worst()
        self.conditions_changed.emit()

    def _view(self, face: FaceState) -> FaceView | None:
        try:
            scheme, prediction = self.scheme_for(face), face.fitting_prediction
            return FaceView(face.face_id, scheme, face.box, face.label, prediction, face.face_id == self.active)
        except ValueError:  # a label of another length than its scheme: an old user scheme
            return None

    def scheme_for(self, face: FaceState) -> Scheme:
        """The scheme the face is shown and edited in; of a box without anything in it the model's, or any."""
        return scheme_of(face) or get_scheme(self._model_scheme() or "300w-68")

    def _model_scheme(self) -> str | None:
        info = self.predictions.state.info
        return None if info is None else info.scheme

    def active_face(self) -> FaceState | None:
        """The face being worked on."""
        return self.document.faces.get(self.active) if self.active is not None else None

    def _show_active(self) -> None:
        face = self.active_face()
        if face is None and self.document.current_id is not None and not self.document.faces_known:
            return  # a moment later there is: to clear the table in between costs more than to fill it
        scheme = None if face is None else scheme_of(face)
        threshold = float(self.settings.value("ambiguous_threshold"))
        if face is None or scheme is None:
            self.landmarks.show_face(None, None, None, threshold)
            self.view_options.show_count(None, 0)
            return
        prediction = face.fitting_prediction
        self.landmarks.show_face(scheme, face.label, prediction, threshold)
        flagged = None if prediction is None else self.landmarks.model.ambiguous_count()
        self.view_options.show_count(flagged, len(scheme))

    def activate_face(self, face_id: str) -> None:
        """Work on another face of the image."""
        if face_id == self.active or face_id not in self.document.faces:
            return
        self.active, self.selection = face_id, ()
        self.canvas.set_active(face_id)
        self._show_active()
        self._show_heatmap()
        self.active_changed.emit()
        self.conditions_changed.emit()

    def next_face(self, by: int = 1) -> None:
        """Work on the next face, after the last on the first; with `by` -1 the other way round."""
        ids = list(self.document.faces)
        if ids:
            here = ids.index(self.active) if self.active in ids else -1
            self.activate_face(ids[(here + by) % len(ids)])

    def _update_worst(self) -> None:
        image_id = self.document.current_id
        worst = [
            worst_deviation(scheme, face.label, face.prediction)
            for face in self.document.faces.values()
            if (scheme := scheme_of(face)) is not None
        ]
        if image_id is not None:
            self.document.images.set_worst(image_id, max((w for w in worst if w is not None), default=None))

    # -- selection

    def _canvas_selected(self, face_id: str | None, indices: Sequence[int]) -> None:
        if face_id and face_id != self.active:
            self.activate_face(face_id)
        self.selection = tuple(indices)
        self.landmarks.select(self.selection)
        self._show_heatmap()
        self.selection_changed.emit()
        self.conditions_changed.emit()

    def _table_selected(self, indices: tuple[int, ...]) -> None:
        if self.active is None:
            return
        self.selection = indices
        self.canvas.set_selection(self.active, indices)
        self._show_heatmap()
        self.selection_changed.emit()
        self.conditions_changed.emit()

    def show_points(self, face_id: str, indices: tuple[int, ...]) -> None:
        """Turn to a face of the image and select points of it; those it does not have are left out."""
        self.activate_face(face_id)
        face = self.active_face()
        scheme = None if face is None else scheme_of(face)
        wanted = tuple(index for index in indices if scheme is not None and 0 <= index < len(scheme))
        self.landmarks.select(wanted)
        self._table_selected(wanted)

    def _point_activated(self, index: int) -> None:
        self._table_selected((index,))
        self.canvas.fit_point()

    def select_worst(self) -> None:
        """Select the point with the largest deviation and look at it closely; again, the next after it.

        What counts is how far off a point was when it was visited, so that mending it does not lead back to the top.
        """
        model = self.landmarks.model
        again = self._visited is not None and self._visited[:2] == (self.active, self.selection)
        worst = model.worst(self._visited[2]) if again and self._visited is not None else model.worst()
        if worst is None and again:
            worst = model.worst()  # all were visited
        if worst is not None:
            self._visited = (self.active, (worst,), model.deviation(worst))
            self.landmarks.select((worst,))
            self._point_activated(worst)

    # -- edits

    def _point_moved(self, face_id: str, index: int, x: float, y: float) -> None:
        self.document.apply(MovePoint(face_id, index, x, y))

    def _box_drawn(self, x: float, y: float, w: float, h: float) -> None:
        image_id = self.document.current_id
        if image_id is not None and w > 0 and h > 0:
            self.document.apply(DrawBox(image_id, Box(x, y, w, h)))

    def _box_added(self, face_id: str) -> None:
        self.activate_face(face_id)
        self.predict_current()

    # -- prediction

    def _model_changed(self) -> None:
        if self.predictions.state.kind in ("loading", "ready"):
            self._request_prediction()
        self.conditions_changed.emit()

    def start_model(self) -> None:
        """Load the model of the settings once the image on screen is there, if there is one."""
        waits = self.document.current_id is not None and not self.picture_ready
        self.load_model(hold=waits)

    def load_model(self, hold: bool = False) -> None:
        """Load the model and device of the settings; `hold`: not before the image on screen is there."""
        self.document.forget_predictions()
        self.predictions.load(str(self.settings.value("model")), str(self.settings.value("device")), hold)

    def _request_prediction(self) -> None:
        """Predict the image on screen unless that is done, and then its neighbours."""
        row = self._row()
        if not self.settings.value("predict_on_open") or row is None or not self.document.faces_known:
            return
        if self.document.blind:  # nobody would see it
            return
        faces = self.document.faces.values()
        loading = self.predictions.state.kind == "loading"  # then it is cached, and may come before the picture, or not
        if (self.picture_ready or loading) and not (row.predicted and all(face.prediction for face in faces)):
            self.predictions.request([row.id], first=True)
        if loading:
            return
        near = [self.document.row(i) for i in self.images.neighbours(1)]
        self.predictions.request([r.id for r in near if r is not None and not r.predicted and not r.problem], False)

    def predict_current(self) -> None:
        """Predict the image on screen."""
        if self.document.current_id is not None:
            self.predictions.request([self.document.current_id], first=True)

    def _image_done(self, outcome: ImageOutcome) -> None:
        if outcome.error is not None:
            self.document.images.set_problem(outcome.image_id, outcome.error)
            return
        self.document.set_predictions(outcome.image_id, outcome.faces, outcome.predictions or {}, outcome.worst)
        if outcome.image_id == self.document.current_id and not outcome.faces:
            self.no_face.emit()

    # -- layers

    def set_layers(self, switches: Mapping[str, bool]) -> None:
        """Show and hide layers; sizes and levels come from the settings."""
        shown: dict[str, Any] = {name: switches[name] for name in LAYERS}
        self._layers = Layers(**shown, **layer_options(self.settings))
        self.canvas.set_layers(self._layers)
        self._show_heatmap()

    def _options_changed(self) -> None:
        self.view_options.keep()
        self.set_layers({name: getattr(self._layers, name) for name in LAYERS})
        self._show_active()

    def _show_heatmap(self) -> None:
        """The map of the first selected point and the edges through it; asked for once a face."""
        face, layers = self.active_face(), self._layers
        image_id = self.document.current_id
        prediction = None if face is None else face.fitting_prediction
        heat = layers.heatmap and bool(self.selection)
        if not (heat or layers.edges) or face is None or prediction is None:
            self._lay_maps(None, False)
        elif self._heatmaps is not None and self._heatmaps[0] == face.face_id:
            self._lay_maps(self._heatmaps[1], heat)
        else:
            self._lay_maps(None, False)
            if image_id is not None:
                self.predictions.request_heatmaps(image_id, face.face_id, prediction)

    def _lay_maps(self, maps: Heatmaps | None, heat: bool) -> None:
        index = self.selection[0] if self.selection else None
        face = self.active_face()
        scheme = None if face is None else scheme_of(face)
        heatmap = edges = to_image = None
        if maps is not None and scheme is not None:
            to_image = maps.to_image
            if heat and index is not None and index < len(maps.maps):
                heatmap = maps.maps[index]
            if self._layers.edges and maps.edges is not None:
                edges = edges_through(scheme, maps.edges, index)
        self.canvas.set_heatmap(heatmap, to_image)
        self.canvas.set_edge_map(edges, to_image)
        self.maps_shown.emit(maps)

    def _heatmaps_ready(self, face_id: str, maps: Heatmaps) -> None:
        if face_id in self.document.faces:
            self._heatmaps = (face_id, maps)
            self._show_heatmap()

    def close(self) -> None:
        """Stop the background work."""
        self._prefetch_timer.stop()
        self.pictures.close()
        self.thumbnails.close()
        self.images.model.close()
        self.predictions.close()


def scheme_of(face: FaceState) -> Scheme | None:
    """The scheme the face is shown in; None while nothing is known of its points."""
    if face.scheme_id is None:
        return None
    try:
        return get_scheme(face.scheme_id)
    except StarmarkError:
        return None


def _reason(error: Exception) -> str:
    return error.what if isinstance(error, StarmarkError) else error_text(error)
