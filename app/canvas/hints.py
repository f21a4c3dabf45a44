"""What the mouse would do now, in one line for the status bar. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

from app.canvas.gestures import Tool
from core.moves.drag import Constraint


@dataclass(frozen=True, slots=True)
class Situation:
    """What is in the hand and under the mouse.

    Attributes:
        tool: of the left button.
        faces: whether any face is shown.
        under: name of the point under the mouse; empty for none.
        movable, locked: whether that point can be dragged, and whether a lock is what forbids it.
        curve: name of the curve that it is on; empty for none.
        ellipse: whether it has a predicted ellipse.
        selected: points selected.
        dragging: points that move just now; 0 outside a drag.
        constraint: where a drag leads, by keys and mode.
        soft: how many neighbours follow; 0 for none.
    """

    tool: Tool
    faces: bool = False
    under: str = ""
    movable: bool = False
    locked: bool = False
    curve: str = ""
    ellipse: bool = False
    selected: int = 0
    dragging: int = 0
    constraint: Constraint = Constraint.FREE
    soft: float = 0.0


def hint(now: Situation) -> str:
    """One line, no full stop."""
    if now.tool is Tool.BOX:
        return "Drag a box around a face, from the brows to the chin; Esc gives up"
    if now.tool is Tool.PLACE:
        return "Click where the point belongs; Enter or Space takes the ring's place, Tab skips it, Esc ends"
    if now.dragging:
        return _dragging(now)
    if now.under:
        return _over_point(now)
    if not now.faces:
        return "Press B to draw a box around a face"
    if now.selected:
        return f"{_points(now.selected)} selected: arrow keys nudge, drag one to move; click beside to let go"
    return "Click a point, or double-click for its curve; drag to move the picture, Shift+drag to frame points"


def _over_point(now: Situation) -> str:
    if now.locked:
        return f"{now.under} is locked: L unlocks it when selected"
    if not now.movable:
        return f"{now.under}, as predicted: S puts the label there"
    ways = {
        Constraint.CURVE: f"along the {now.curve}" if now.curve else "",
        Constraint.MAJOR: "along the ellipse" if now.ellipse else "",
        Constraint.MINOR: "across the ellipse" if now.ellipse else "",
    }
    soft = f", {now.soft:g} neighbours follow" if now.soft else ""
    held = ways.get(now.constraint, "")
    if held:
        return f"Drag to move {now.under} {held}{soft}"
    more = [f"Shift: {ways[Constraint.CURVE]}"] if now.curve else []
    more += ["Ctrl: along the ellipse, with Shift across"] if now.ellipse else []
    return "; ".join([f"Drag to move {now.under}{soft}", *more])


def _dragging(now: Situation) -> str:
    way = {
        Constraint.CURVE: f"sliding along the {now.curve}" if now.curve else "moving freely: this point is on no curve",
        Constraint.MAJOR: "moving along the ellipse",
        Constraint.MINOR: "moving across the ellipse",
    }.get(now.constraint, "moving")
    if now.constraint in (Constraint.MAJOR, Constraint.MINOR) and not now.ellipse:
        way = "moving freely: this point has no ellipse"
    more = f"; {now.soft:g} neighbours follow, the wheel changes that" if now.soft else ""
    return f"{_points(now.dragging)} {way}{more}; Esc puts back"


def _points(count: int) -> str:
    return "1 point" if count == 1 else f"{count} points"
