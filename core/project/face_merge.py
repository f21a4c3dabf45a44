"""One face out of two: tags, note, review state, box, decisions."""

from __future__ import annotations

from core.judgement import united
from core.project.records import FaceInfo


def combine(ours: FaceInfo, theirs: FaceInfo, base: FaceInfo | None, source: str) -> FaceInfo:
    """What `ours` becomes when `theirs`, from the project `source`, is merged in; doing so again changes nothing.

    Tags are united, and decisions, but for those taken back since `base`. Of the rest what only one side changed since
    `base` is taken; where both did, notes are joined, and else ours stays, with a line in the note that says what
    theirs is.
    """
    lines: list[str] = []
    note, review, removed, box = ours.note, ours.review, ours.removed, ours.box
    if theirs.note not in ("", None if base is None else base.note):
        if not note or (base is not None and note == base.note):
            note = theirs.note
        else:
            lines.append(theirs.note)
    if theirs.review not in ("", review, None if base is None else base.review):
        if not review or (base is not None and review == base.review):
            review = theirs.review
        else:
            lines.append(f"{source}: {theirs.review}")
    if base is not None and theirs.removed != base.removed:
        removed = theirs.removed
    elif base is None and theirs.removed and not removed:
        lines.append(f"{source}: removed")
    if box is None or (base is not None and box == base.box and theirs.box is not None):
        box = theirs.box
    for line in lines:
        if f"\n{line}\n" not in f"\n{note}\n":
            note = f"{note}\n{line}" if note else line
    tags = (*ours.tags, *(tag for tag in theirs.tags if tag not in ours.tags))
    judgements = united(ours.judgements, theirs.judgements, () if base is None else base.judgements)
    return FaceInfo(tags, note, review, removed, box, judgements)
