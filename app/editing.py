"""The editing moves of the window: from an action and the selection to one `ChangePoints` each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.canvas.selecting import regions_of
from app.canvas.view import CanvasView
from app.document import Document
from app.edits import ChangePoints, RemoveFace
from app.face_state import FaceState
from app.texts import tr, tr_later
from app.workbench import Workbench
from core.face import Label, PointFlag, Prediction, Visibility
from core.label_change import LabelChange
from core.moves import arrange, marking, mean_shape, symmetry, taking, turning
from core.scheme import Region, Scheme

DECIMALS = 3
"""Edits are rounded to a thousandth of a pixel: no screen can show less, and files stay short."""
SMOOTHING = 0.5
TURN_DEG, SIZE_FACTOR = 2.0, 1.02

_SELECT_FIRST = tr_later("Select points first: click, Shift+drag a frame, double-click for a curve, Ctrl+A for all.")
_NO_PREDICTION = tr_later("This face has no prediction yet: P predicts it.")
_KINDS = {
    Visibility.VISIBLE: tr_later("visible"),
    Visibility.OCCLUDED: tr_later("occluded"),
    Visibility.OUTSIDE: tr_later("outside the image"),
    Visibility.MISSING: tr_later("missing"),
}


@dataclass(frozen=True, eq=False, slots=True)
class Ground:
    """What a move starts from.

    Attributes:
        label: the label of the face, else one of its predicted means.
        chosen: selected points, in the order they were selected.
    """

    face: FaceState
    scheme: Scheme
    label: Label
    chosen: tuple[int, ...]

    @property
    def prediction(self) -> Prediction | None:
        """The prediction, where it is in the label's scheme."""
        return self.face.fitting_prediction

    @property
    def regions(self) -> list[Region]:
        """The curves of the selected points."""
        return [region for region in self.scheme.regions if not set(region.indices).isdisjoint(self.chosen)]


class Editing(QObject):
    """Carries out moves on the active face; each is one step of undo.

    Signals:
        said(text): why nothing was done, in one sentence.
    """

    said = Signal(str)

    def __init__(self, document: Document, bench: Workbench, canvas: CanvasView) -> None:
        super().__init__(bench)
        self._document, self._bench, self._canvas = document, bench, canvas
        canvas.pointsMoved.connect(self._dragged)
        document.box_added.connect(self._box_added)

    def handlers(self) -> dict[str, Callable[[], object]]:
        """What each action of the table does, by its id."""
        flags, canvas = PointFlag, self._canvas
        marks = {f"see_{kind.name.lower()}": partial(self.see, kind) for kind in _KINDS if kind != Visibility.MISSING}
        return {
            "snap": self.snap,
            "snap_next": self.snap_next,
            "snap_region": lambda: self.snap("region"),
            "snap_face": lambda: self.snap("face"),
            "snap_across": self.snap_across,
            "spread": self.spread,
            "spread_like": lambda: self.spread(like=True),
            "smooth": self.smooth,
            "mirror": self.mirror,
            "swap_sides": self.swap_sides,
            "next_visibility": self.see_next,
            **marks,
            "take_away": lambda: self.see(Visibility.MISSING),
            "lock": lambda: self.toggle(flags.LOCKED, "lock"),
            "flag": lambda: self.toggle(flags.MARKED, "flag"),
            "turn_left": lambda: self.turn(-TURN_DEG, 1.0),
            "turn_right": lambda: self.turn(TURN_DEG, 1.0),
            "larger": lambda: self.turn(0.0, SIZE_FACTOR),
            "smaller": lambda: self.turn(0.0, 1 / SIZE_FACTOR),
            "select_all": canvas.select_all,
            "select_region": canvas.select_regions,
            "start_shape": self.start_shape,
            "remove_face": self.remove_face,
        }

    # -- from elsewhere

    def snap(self, what: str = "points") -> None:
        """Put the selected "points", their "region" or the whole "face" on the predicted means."""
        ground = self._ground(selection=what != "face")
        if ground is None:
            return
        prediction = ground.prediction
        if prediction is None:
            self.said.emit(tr(_NO_PREDICTION))
            return
        chosen = {"points": ground.chosen, "region": regions_of(ground.scheme, ground.chosen)}.get(
            what, tuple(range(len(ground.label)))
        )
        if ground.face.label is None:  # it is on them already; what is meant is to take them as the label
            known = [i for i in chosen if np.isfinite(prediction.mean[i]).all()]
            change = LabelChange(np.array(known, np.intp), prediction.mean[known])
        else:
            change = taking.snap(ground.label, prediction, chosen)
        name = {"face": "face", "region": "curve"}.get(what) or _count(len(chosen))
        self._apply(ground, change, f"snap {name} to prediction", tr("These points lie on their predictions already."))

    def snap_next(self) -> None:
        """Put the selected points on their predictions and go to the next worst point."""
        if self._bench.selection:
            self.snap()
        self._bench.select_worst()

    def snap_across(self) -> None:
        """Put the selected points on the major axes of their ellipses, and leave their place along those."""
        ground = self._ground()
        if ground is None:
            return
        if ground.prediction is None:
            self.said.emit(tr(_NO_PREDICTION))
            return
        change = taking.snap_across(ground.label, ground.prediction, ground.chosen)
        self._apply(
            ground, change, f"snap {_count(len(ground.chosen))} to the axis", tr("They lie on their axes already.")
        )

    def take(self, other: Label, name: str) -> None:
        """Take the selected points, or all if none is selected, from another label of the face."""
        ground = self._ground(selection=False)
        if ground is None:
            return
        if other.scheme != ground.label.scheme or len(other) != len(ground.label):
            self.said.emit(
                tr(
                    "{name} has other points ({scheme}): they do not fit this label.",
                    name=name,
                    scheme=other.scheme,
                )
            )
            return
        change = taking.take(ground.label, other, ground.chosen or None)
        what = f"take {_count(len(change))} from {name}"
        self._apply(ground, change, what, tr("{name} has the same points.", name=name), exact=True)

    # -- along the curve

    def spread(self, like: bool = False) -> None:
        """Spread the points of the selected curve, evenly or with the distances of the prediction."""
        ground = self._ground()
        if ground is None:
            return
        means = None if ground.prediction is None else ground.prediction.mean
        if like and means is None:
            self.said.emit(tr(_NO_PREDICTION))
            return
        change = self._each_curve(
            ground, lambda label, region: arrange.spread(label, region, ground.chosen, means if like else None)
        )
        self._apply(
            ground, change, f"spread {_names(ground.regions)}", tr("There is nothing to spread between the ends.")
        )

    def smooth(self) -> None:
        """Smooth the selected curve."""
        ground = self._ground()
        if ground is not None:
            change = self._each_curve(
                ground, lambda label, region: arrange.smooth(label, region, SMOOTHING, ground.chosen)
            )
            self._apply(ground, change, f"smooth {_names(ground.regions)}", tr("There is nothing to smooth."))

    def _each_curve(self, ground: Ground, move: Callable[[Label, Region], LabelChange]) -> LabelChange:
        """One change of all curves of the selected points; a point of two curves goes with the later one."""
        label = ground.label
        touched: set[int] = set()
        for region in ground.regions:
            change = move(label, region)
            label = change.applied_to(label)
            touched.update(change.indices.tolist())
        indices = np.array(sorted(touched), np.intp)
        return LabelChange(indices, label.points[indices])

    # -- left and right

    def mirror(self) -> None:
        """Put the selected points where their partners on the other side say."""
        ground = self._ground()
        if ground is not None:
            change = symmetry.mirror(ground.label, ground.scheme, ground.chosen)
            nothing = tr("These points have no partner on the other side, or lie there already.")
            self._apply(ground, change, f"mirror {_count(len(change))} from the other side", nothing)

    def swap_sides(self) -> None:
        """Exchange left and right of the selected points, or of the whole face if none is selected."""
        ground = self._ground(selection=False)
        if ground is not None:
            change = symmetry.swap_sides(ground.label, ground.scheme, ground.chosen or None)
            nothing = tr("These points have no partner on the other side.")
            self._apply(ground, change, "swap left and right", nothing, exact=True)

    def turn(self, degrees: float, factor: float) -> None:
        """Turn and size the selected points about their middle."""
        ground = self._ground()
        if ground is not None:
            change = turning.turned(ground.label, ground.chosen, np.radians(degrees), factor)
            what = "turn" if degrees else "size"
            self._apply(
                ground, change, f"{what} {_count(len(change))}", tr("Select two points or more to turn or size.")
            )

    # -- what is said of points

    def see(self, kind: Visibility) -> None:
        """Say what is seen of the selected points; missing takes them away."""
        ground = self._ground()
        if ground is not None:
            change = marking.set_visibility(ground.label, ground.chosen, kind)
            if kind == Visibility.MISSING:
                nothing = tr("They are {kind} already, or locked.", kind=tr(_KINDS[kind]))
            else:
                nothing = tr("They are {kind} already, or missing: T places missing points.", kind=tr(_KINDS[kind]))
            what = "take away" if kind == Visibility.MISSING else f"set {_KINDS[kind]}:"
            self._apply(ground, change, f"{what} {_count(len(change))}", nothing)

    def see_next(self) -> None:
        """Visible, occluded, outside, and again."""
        ground = self._ground()
        if ground is not None:
            change = marking.next_visibility(ground.label, ground.chosen)
            kind = "" if change.visibility is None or not len(change) else _KINDS[Visibility(int(change.visibility[0]))]
            nothing = tr("These points are missing: T places them.")
            self._apply(ground, change, f"set {kind}: {_count(len(change))}", nothing)

    def toggle(self, flag: PointFlag, name: str) -> None:
        """Set a flag on the selected points, or take it off."""
        ground = self._ground()
        if ground is not None:
            change = marking.toggle_flag(ground.label, ground.chosen, flag)
            on = change.flags is not None and bool((change.flags & np.uint8(flag)).any())
            self._apply(ground, change, f"{name if on else 'un' + name} {_count(len(change))}", "")

    # -- faces

    def start_shape(self) -> None:
        """Begin the label of a face that nobody predicted with the mean shape in its box."""
        face = self._bench.active_face()
        if face is None:
            self.said.emit(tr("There is no face: B draws a box around one."))
        elif face.label is not None and np.isfinite(face.label.points).any():
            self.said.emit(tr("This face has a label already; Delete takes points away, T places missing ones."))
        elif not self._start_from_box(face):
            self.said.emit(tr("There is no box, or no mean shape of this scheme, to start from."))

    def _start_from_box(self, face: FaceState) -> bool:
        scheme = self._bench.scheme_for(face)
        start = None if face.box is None else mean_shape.start_label(scheme, face.box)
        if start is None:
            return False
        points = np.round(start.points, DECIMALS)
        change = LabelChange(np.arange(len(points)), points)
        self._document.apply(ChangePoints(face.face_id, change, "start from the mean shape", start))
        return True

    def _box_added(self, face_id: str) -> None:
        """A drawn face gets its points at once: from the model where there is one, else from the mean shape."""
        face = self._document.faces.get(face_id)
        if face is not None and self._bench.predictions.state.kind not in ("ready", "loading"):
            self._start_from_box(face)

    def remove_face(self) -> None:
        """Take the active face away; undo brings it back."""
        face = self._bench.active_face()
        if face is not None:
            self._document.apply(RemoveFace(face.face_id))

    # -- one change

    def _ground(self, selection: bool = True) -> Ground | None:
        """What a move starts from; None, and a word why, where it cannot."""
        face = self._bench.active_face()
        label = None if face is None else face.as_label()
        if face is None or label is None:
            self.said.emit(tr("There is no face yet.") if face is None else tr(_NO_PREDICTION))
            return None
        scheme = self._bench.scheme_for(face)
        chosen = tuple(i for i in self._bench.selection if i < len(label))
        if len(scheme) != len(label):
            self.said.emit(tr("This label does not fit its scheme {id}.", id=scheme.id))
            return None
        if selection and not chosen:
            self.said.emit(tr(_SELECT_FIRST))
            return None
        return Ground(face, scheme, label, chosen)

    def _apply(
        self, ground: Ground, change: LabelChange, what: str, nothing: str, *, exact: bool = False
    ) -> None:
        """Send the change as one edit, or say why it is none; `exact` places are copies, which stay what they are."""
        if not len(change):
            self.said.emit(nothing)
            return
        points = change.points
        if points is not None and not exact:
            points = np.round(points, DECIMALS)
        rounded = LabelChange(change.indices, points, change.visibility, change.flags, change.weights)
        self._document.apply(ChangePoints(ground.face.face_id, rounded, what))

    def _dragged(self, face_id: str, places: dict[int, tuple[float, float]], what: str) -> None:
        change = LabelChange(np.array(list(places), np.intp), np.array(list(places.values())))
        self._document.apply(ChangePoints(face_id, change, what))


def _count(count: int) -> str:
    return "1 point" if count == 1 else f"{count} points"


def _names(regions: Sequence[Region]) -> str:
    return regions[0].name if len(regions) == 1 else f"{len(regions)} curves"
