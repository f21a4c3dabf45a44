"""What there is in the window for editing points: moves, guided placing, going to a point, taking from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMenu

from app.action_table import TABLE
from app.actions import ActionSet
from app.canvas.gestures import Tool
from app.canvas.view import CanvasView
from app.document import Document
from app.editing import Editing
from app.face_desk import FaceDesk
from app.mending import Mending
from app.panels.goto_point import GotoPoint
from app.panels.history import label_names, when
from app.panels.status import StatusLine
from app.placing import Placing
from app.settings import Settings
from app.texts import tr
from app.workbench import Workbench
from core.face import Label
from core.moves.drag import Constraint

STEPS_OFFERED = 10
_NOTE_MS = 4000
_MODES = {"slide": Constraint.CURVE, "keep_along": Constraint.MAJOR, "keep_across": Constraint.MINOR}
"""Where drags lead while one of these switches is on."""


class PointsDesk(QObject):
    """Wires the editing moves to the canvas, the actions and the status line."""

    def __init__(
        self,
        document: Document,
        settings: Settings,
        bench: Workbench,
        canvas: CanvasView,
        desk: FaceDesk,
        actions: ActionSet,
        status: StatusLine,
    ) -> None:
        super().__init__(bench)
        self._settings, self._bench, self._canvas, self._desk, self._actions = settings, bench, canvas, desk, actions
        self.editing, self.placing = Editing(document, bench, canvas), Placing(document, bench, canvas)
        self.mending = Mending(document, bench, canvas)
        self.goto = GotoPoint(canvas)
        self.goto.chosen.connect(self._go_to)
        self.take_menu = QMenu(tr("&Take points from"), canvas)
        self.take_menu.setToolTipsVisible(True)
        self.take_menu.aboutToShow.connect(self._fill_take_menu)
        for mover in (self.editing, self.placing, self.mending):
            mover.said.connect(lambda text: status.showMessage(text, _NOTE_MS))
        canvas.hintChanged.connect(status.show_hint)
        canvas.softChanged.connect(self._soft_changed)
        canvas.toolChanged.connect(lambda tool: actions["place"].setChecked(tool is Tool.PLACE))
        for spec in TABLE:
            if spec.on_canvas:  # Tab, say, means other things in the panels
                canvas.addAction(actions[spec.id])

    def handlers(self) -> dict[str, Callable[[], object]]:
        """What each action for points does, by its id."""
        return {
            **self.editing.handlers(),
            "mend": self.mending.mend,
            "fit": self.mending.fit,
            "next_point": partial(self._step, 1),
            "previous_point": partial(self._step, -1),
            "goto_point": self._ask_for_point,
            "soft": self._switch_soft,
            **{name: partial(self._switch_mode, name) for name in _MODES},
            "place": self._switch_placing,
        }

    # -- which point

    def _step(self, by: int) -> None:
        if self._canvas.tool is Tool.PLACE:
            self.placing.step(by)
        else:
            self._canvas.select_step(by)

    def _ask_for_point(self) -> None:
        face = self._bench.active_face()
        if face is not None:
            self.goto.ask(self._bench.scheme_for(face))

    def _go_to(self, index: int) -> None:
        self._canvas.select([index])
        self._canvas.reveal_point(self._canvas.active_face, index)

    # -- how drags go

    def _switch_soft(self) -> None:
        on = self._actions["soft"].isChecked()
        self._canvas.set_soft(float(self._settings.value("soft_radius")) if on else 0.0)

    def _soft_changed(self, radius: float) -> None:
        self._actions["soft"].setChecked(radius > 0)
        if radius > 0:
            self._settings.set("soft_radius", radius)

    def _switch_mode(self, chosen: str) -> None:
        on = self._actions[chosen].isChecked()
        for name in _MODES:
            self._actions[name].setChecked(on and name == chosen)
        self._canvas.set_constraint(_MODES[chosen] if on else Constraint.FREE)

    def _switch_placing(self) -> None:
        self.placing.toggle(self._actions["place"].isChecked())
        self._actions["place"].setChecked(self._canvas.tool is Tool.PLACE)  # there may be nothing to place

    # -- other labels

    def _fill_take_menu(self) -> None:
        menu, details, face = self.take_menu, self._desk.details, self._bench.active_face()
        menu.clear()
        if details is not None and face is not None and details.face_id == face.face_id:
            names = label_names(details.labels)
            for name, (label_set, _kind, label) in zip(names, details.labels, strict=True):
                if label_set != face.label_set:
                    self._offer(name, label)
            menu.addSeparator()
            earlier = [step for step in details.steps if step.label is not None and step.label != face.label]
            for step in earlier[:STEPS_OFFERED]:
                assert step.label is not None
                self._offer(f"{when(step.at)} {step.author}: {step.text}", step.label)
        if menu.isEmpty():
            menu.addAction(tr("No other label of this face")).setEnabled(False)

    def _offer(self, name: str, label: Label) -> None:
        action = self.take_menu.addAction(name.replace("&", "&&"))
        action.setToolTip(tr("Takes the selected points, or all of them if none is selected."))
        action.triggered.connect(lambda _on=False: self.editing.take(label, name))
