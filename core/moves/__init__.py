"""Editing moves: pure geometry from a label, its scheme and what a model says to a `LabelChange`.

No Qt, no project. Locked points never move, missing points are left out, and no move makes a NaN.
"""
