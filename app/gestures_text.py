"""What mouse and held keys do on the canvas, in words: the part of the keys that no action has."""

from __future__ import annotations

MOUSE: tuple[tuple[str, str], ...] = (
    ("Wheel, pinch", "Zoom at the cursor"),
    ("Drag with the middle or right button, Space + drag", "Move the picture"),
    ("Click", "Select a point; Ctrl: in or out, Shift: all on the way along the curve"),
    ("Double-click a point", "Select its curve"),
    ("Shift + drag beside points", "Frame points to select them; with Ctrl in addition"),
    ("Drag a point", "Correct it, with the others that are selected: it becomes a label and is saved"),
    ("Shift + drag", "Slide along the curve, between the neighbours"),
    ("Ctrl + drag, Ctrl + Shift + drag", "Keep to the long or the short axis of the ellipse"),
    ("Wheel during a soft drag", "More or fewer neighbours follow"),
    ("Double-click beside the points", "Fit the face under the cursor, or the image"),
    ("Esc", "Give up the drag, the box or the placing, then the selection"),
    ("Arrow keys", "Nudge the selected points; Shift: further, Ctrl: less"),
)
