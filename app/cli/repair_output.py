"""What `repair` says and writes of the changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.audit import Audit
from core.errors import one_line
from core.face import FloatArray
from core.files import write_atomic
from core.repair.plan import FaceRepair


def summary(audit: Audit, changes: list[FaceRepair], *, dry: bool, listed: int) -> str:
    """How many faces change, and the largest changes."""
    what = "would change" if dry else "changed"
    lines = [f"{len(changes):,} of {len(audit):,} faces {what}."]
    lines += [f"  {one_line(str(audit.faces[one.face].image))}: {one.text}" for one in changes[:listed]]
    if len(changes) > listed:
        lines.append(f"  and {len(changes) - listed:,} more")
    return "\n".join(lines)


def write_json(
    path: Path, audit: Audit, changes: list[FaceRepair], settings: dict[str, object], *, written: bool, force: bool
) -> None:
    """Every change, the largest first; FileError if it cannot be written."""
    data = {
        "version": 1,
        **settings,
        "scheme": audit.scheme.id,
        "audited": len(audit),
        "written": written,
        "faces": [_face(audit, one) for one in changes],
        "left_out": [{"image": str(left.face.image), "reason": left.reason} for left in audit.left_out],
    }
    write_atomic(path, json.dumps(data, ensure_ascii=False, indent=1) + "\n", overwrite=force)


def _face(audit: Audit, one: FaceRepair) -> dict[str, Any]:
    points = []
    for index in one.touched.tolist():
        point: dict[str, Any] = {
            "index": index, "from": _place(one.before.points[index]), "to": _place(one.after.points[index]),
        }  # fmt: skip
        if one.before.weights[index] != one.after.weights[index]:
            point["weight"] = round(float(one.after.weights[index]), 6)
        points.append(point)
    image, number = str(audit.faces[one.face].image), audit.numbers[one.face]
    return {"image": image, "face": number, "text": one.text, "points": points}


def _place(xy: FloatArray) -> list[float] | None:
    x, y = (round(float(value), 3) for value in xy)
    return None if x != x or y != y else [x, y]
