"""What the mouse would do now, in one line for the status bar. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

from app.canvas.gestures import Tool
from app.texts import tr, tr_count
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
        return tr("Drag a box around a face, from the brows to the chin; Esc gives up")
    if now.tool is Tool.PLACE:
        return tr("Click where the point belongs; Enter or Space takes the ring's place, Tab skips it, Esc ends")
    if now.dragging:
        return _dragging(now)
    if now.under:
        return _over_point(now)
    if not now.faces:
        return tr("Press B to draw a box around a face")
    if now.selected:
        return tr(
            "{selected} selected: arrow keys nudge, drag one to move; click beside to let go",
            selected=_points(now.selected),
        )
    return tr("Click a point, or double-click for its curve; drag to move the picture, Shift+drag to frame points")


def _over_point(now: Situation) -> str:
    if now.locked:
        return tr("{under} is locked: L unlocks it when selected", under=now.under)
    if not now.movable:
        return tr("{under}, as predicted: S puts the label there", under=now.under)
    ways = {
        Constraint.CURVE: tr("along the {curve}", curve=now.curve) if now.curve else "",
        Constraint.MAJOR: tr("along the ellipse") if now.ellipse else "",
        Constraint.MINOR: tr("across the ellipse") if now.ellipse else "",
    }
    soft = tr(", {soft:g} neighbours follow", soft=now.soft) if now.soft else ""
    held = ways.get(now.constraint, "")
    if held:
        return tr("Drag to move {under} {held}{soft}", under=now.under, held=held, soft=soft)
    more = [tr("Shift: {ways}", ways=ways[Constraint.CURVE])] if now.curve else []
    more += [tr("Ctrl: along the ellipse, with Shift across")] if now.ellipse else []
    return "; ".join([f"Drag to move {now.under}{soft}", *more])


def _dragging(now: Situation) -> str:
    way = {
        Constraint.CURVE: tr(
            "sliding along the {curve}",
            curve=now.curve,
        )
        if now.curve
        else tr("moving freely: this point is on no curve"),
        Constraint.MAJOR: tr("moving along the ellipse"),
        Constraint.MINOR: tr("moving across the ellipse"),
    }.get(now.constraint, "moving")
    if now.constraint in (Constraint.MAJOR, Constraint.MINOR) and not now.ellipse:
        way = tr("moving freely: this point has no ellipse")
    more = tr("; {soft:g} neighbours follow, the wheel changes that", soft=now.soft) if now.soft else ""
    return tr("{dragging} {way}{more}; Esc puts back", dragging=_points(now.dragging), way=way, more=more)


def _points(count: int) -> str:
    return tr_count("{n} point", "{n} points", count)
