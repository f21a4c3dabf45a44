"""What mouse and held keys do on the canvas, in words: the part of the keys that no action has."""

from __future__ import annotations

MOUSE: tuple[tuple[str, str], ...] = (
    ("Wheel, pinch", "Zoom at the cursor"),
    ("Drag with the middle or right button, Space + drag", "Move the picture"),
    ("Click", "Select a point; Ctrl adds or takes away"),
    ("Drag a point", "Correct it: it becomes a label and is saved"),
    ("Double-click beside the points", "Fit the face under the cursor, or the image"),
    ("Esc", "Give up the drag or the box, then the selection"),
    ("Arrow keys", "Nudge the selected point; Shift: further, Ctrl: less"),
)
