"""What the faces and labels of each image come to, for lists of images and their filters."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, case, func, select, text

from core.project.images import chunks
from core.project.schema import FACE, LABEL, LABEL_SET
from core.work_status import ImageFacts


def image_facts(connection: Connection, image_ids: Iterable[UUID] | None = None) -> dict[UUID, ImageFacts]:
    """The facts of those of the images (None: of all) that have faces; equal ones are one object."""
    sets = [(row.id, row.name, row.kind) for row in connection.execute(select(LABEL_SET).order_by(LABEL_SET.c.seq))]
    places = {label_set: place for place, (label_set, _, _) in enumerate(sets)}
    counts: dict[UUID, tuple[int, bool]] = {}
    tags: dict[UUID, set[str]] = {}
    labelled: dict[UUID, int] = {}
    for where in [()] if image_ids is None else [(FACE.c.image_id.in_(part),) for part in chunks(image_ids)]:
        for image_id, left, reviewed in connection.execute(_counts().where(*where)):
            counts[image_id] = (int(left), bool(reviewed))
        for image_id, listed in connection.execute(_tags().where(*where)):
            tags.setdefault(image_id, set()).update(json.loads(listed))
        for image_id, label_set in connection.execute(_labels().where(*where)):
            labelled[image_id] = labelled.get(image_id, 0) | 1 << places[label_set]
    known: dict[tuple[Any, ...], ImageFacts] = {}
    found: dict[UUID, ImageFacts] = {}
    for image_id, (left, reviewed) in counts.items():
        own, bits = tuple(sorted(tags.get(image_id, ()))), labelled.get(image_id, 0)
        key = (left, reviewed, own, bits)
        if key not in known:
            mine = [one for place, one in enumerate(sets) if bits >> place & 1]
            kinds = {kind for _, _, kind in mine}
            names = tuple(dict.fromkeys(name for _, name, _ in mine))
            known[key] = ImageFacts(left, reviewed or "annotator" in kinds, "model" in kinds, own, names)
        found[image_id] = known[key]
    return found


def _counts() -> Select[Any]:
    unseen = func.sum(case((FACE.c.review == "", 1), else_=0))
    seen = func.max(case((FACE.c.review == "", 0), else_=1))
    return select(FACE.c.image_id, unseen, seen).where(~FACE.c.removed).group_by(FACE.c.image_id)


def _tags() -> Select[Any]:
    return select(FACE.c.image_id, FACE.c.tags).where(~FACE.c.removed, FACE.c.tags != "[]")


def _labels() -> Select[Any]:
    # As `labels.current`: the words of the partial index, so that no blob is touched.
    return (
        select(FACE.c.image_id, LABEL.c.label_set_id)
        .join(FACE, FACE.c.id == LABEL.c.face_id)
        .where(text("label.data IS NOT NULL"), ~FACE.c.removed)
        .distinct()
    )
