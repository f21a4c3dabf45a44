"""Bulk repair in the window: a rule and its settings on the left, the faces that it would change on the right."""
