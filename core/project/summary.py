"""What is in a project, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from core.project.images import count
from core.project.schema import CONFLICT, FACE, IMAGE, LABEL, LABEL_SET, REVISION, SNAPSHOT

if TYPE_CHECKING:
    from core.project.store import Project


def summary(project: Project) -> dict[str, Any]:
    """Counts and names as JSON values; removed faces are counted apart, and their labels with the others."""
    with project._read() as connection:
        sets = (
            select(LABEL_SET, func.count(LABEL.c.version).label("labels"))
            .outerjoin(LABEL, (LABEL.c.label_set_id == LABEL_SET.c.id) & LABEL.c.data.is_not(None))
            .group_by(LABEL_SET.c.seq)
            .order_by(LABEL_SET.c.seq)
        )
        found = [
            {"id": str(row.id), "name": row.name, "kind": row.kind, "labels": row.labels}
            for row in connection.execute(sets)
        ]
        authors = connection.execute(select(REVISION.c.author).distinct().order_by(REVISION.c.author)).scalars()
        counts = {
            "images": count(connection, IMAGE),
            "unhashed": count(connection, IMAGE, IMAGE.c.content_hash.is_(None)),
            "faces": count(connection, FACE, ~FACE.c.removed),
            "removed_faces": count(connection, FACE, FACE.c.removed),
            "labels": sum(int(one["labels"]) for one in found),
            "revisions": count(connection, REVISION),
            "snapshots": count(connection, SNAPSHOT),
            "conflicts": count(connection, CONFLICT, CONFLICT.c.resolved_at_us.is_(None)),
        }
        names = list(authors)
    backups = [backup.entry() for backup in project.backups.list()]
    meta = {key: project._db.meta.get(key) for key in ("id", "created", "written_by")}
    return {
        "path": project.location,
        **meta,
        "scratch": project.is_scratch,
        **counts,
        "label_sets": found,
        "authors": names,
        "backups": backups,
    }
