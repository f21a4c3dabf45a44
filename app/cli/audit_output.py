"""An audit as JSON (DESIGN.md section 3), as CSV, and as a table in the terminal."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from core.audit import Audit, QueueItem, counted, landmark_table
from core.files import write_atomic
from core.verdicts import PointFinding, Verdict
from core.version import VERSION

JSON_VERSION = 1
CSV_COLUMNS = (
    *("image", "face", "face_score", "face_verdict", "point", "name", "verdict"),
    *("label_x", "label_y", "expected_x", "expected_y", "d", "d_given_rest", "along", "across", "p"),
    "decision",
)
_SHOWN = 20


class Judge(NamedTuple):
    """What judged: a model's name and the SHA-256 (hex) of its file; of several models, that of their hashes."""

    name: str
    hash: str


def write_json(
    path: Path,
    audit: Audit,
    items: Sequence[QueueItem],
    model: Judge,
    settings: dict[str, object],
    *,
    force: bool,
) -> None:
    """Write the faces of a queue, in its order, a face a line; FileError if the file is there (without `force`)."""
    head = {
        "version": JSON_VERSION,
        "starmark": VERSION,
        "model": model.name,
        "model_hash": model.hash,
        "scheme": audit.scheme.id,
        "calibrated": audit.calibrated,
        "settings": settings,
        "audited": len(audit),
        "left_out": [{"image": str(one.face.image), "reason": one.reason} for one in audit.left_out],
        "verdicts": {"points": counted(audit.verdicts.ravel()), "faces": counted(_face_verdicts(audit))},
        "decisions": audit.decisions.counts(),
        "landmarks": [_landmark(row) for row in landmark_table(audit)],
    }

    def fill(stream: BinaryIO) -> None:
        stream.write(_text(head)[:-1] + b', "faces": [')
        for number, item in enumerate(items):
            stream.write((b",\n" if number else b"\n") + _text(face_entry(audit, item)))
        stream.write(b"\n]}\n")

    write_atomic(path, fill, overwrite=force)


def _text(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode(errors="backslashreplace")


def _face_verdicts(audit: Audit) -> Iterable[str]:
    return (audit.verdict_of(face) for face in range(len(audit)))


def _landmark(row: Any) -> dict[str, Any]:
    entry: dict[str, Any] = {name: getattr(row, name) for name in ("index", "name", "region")}
    for name in ("sigma_along", "sigma_across", "anisotropy", "bias_along", "bias_across", "error"):
        entry[name] = _rounded(getattr(row, name))
    return entry | {"verdicts": {name: _rounded(value) for name, value in row.verdicts.items()}}


def face_entry(audit: Audit, item: QueueItem) -> dict[str, Any]:
    """The JSON object of one face."""
    found, labelled = audit.findings[item.face], audit.faces[item.face]
    return {
        "image": str(labelled.image),
        "face": audit.numbers[item.face],
        "score": _rounded(found.score),
        "verdict": audit.verdict_of(item.face),
        "text": found.text,
        "misfit": _rounded(found.misfit),
        "value": _rounded(item.value),
        "worst": item.worst,
        "tags": list(labelled.tags),
        "decisions": [
            {"point": one.point, "decision": one.decision.value, "author": one.author, "label_set": one.label_set}
            for one in audit.decisions.held[item.face].values()
        ],
        "points": [_point(point) for point in audit.points(item.face)],
    }


def _point(point: PointFinding) -> dict[str, Any]:
    entry: dict[str, Any] = {"index": point.index, "verdict": point.verdict.value}
    entry |= {name: _rounded(getattr(point, name)) for name in ("d", "along", "across", "p", "given")}
    return entry if point.verdict is Verdict.OK else entry | {"text": point.text}


def _rounded(value: float) -> float | None:
    """Five significant digits; None for what is not known."""
    return None if math.isnan(value) else float(f"{value:.5g}")


def write_csv(path: Path, audit: Audit, items: Sequence[QueueItem], *, force: bool) -> None:
    """Write a row for each point of a queue's faces; FileError as `write_json`."""

    def fill(stream: BinaryIO) -> None:
        text = io.TextIOWrapper(stream, encoding="utf-8", errors="backslashreplace", newline="", write_through=True)
        rows = csv.writer(text)
        rows.writerow(CSV_COLUMNS)
        for item in items:
            rows.writerows(_csv_rows(audit, item.face))
        text.flush()
        text.detach()

    write_atomic(path, fill, overwrite=force)


def _csv_rows(audit: Audit, face: int) -> Iterable[list[object]]:
    image, score = str(audit.faces[face].image), _cell(audit.findings[face].score)
    whole = [image, audit.numbers[face], score, audit.verdict_of(face)]
    held = audit.decisions.held[face]
    for point in audit.points(face):
        places = [*audit.evidence.labels[face, point.index], *audit.evidence.expected[face, point.index]]
        numbers = [*places, point.d, point.given, point.along, point.across, point.p]
        name, decision = audit.scheme.points[point.index], held.get(point.index, held.get(None))
        said = "" if decision is None else decision.decision.value
        yield [*whole, point.index, name, point.verdict.value, *map(_cell, numbers), said]


def _cell(value: float) -> object:
    number = _rounded(float(value))
    return "" if number is None else number


def table(audit: Audit, items: Sequence[QueueItem], model: str) -> str:
    """What a person sees: counts, regions, and the head of the queue."""
    points, faces = counted(audit.verdicts.ravel()), counted(_face_verdicts(audit))
    lines = [
        f"{len(audit)} faces judged by {model} ({audit.scheme.id}), {len(audit.left_out)} left out",
        f"points: {_counts(points)}",
        f"faces: {_counts(faces)}",
        *_decided(audit),
        "",
        f"{'region':<14}{'sigma along':>12}{'across':>9}{'off by':>9}{'wrong':>9}{'ambiguous':>11}",
    ]
    rows = landmark_table(audit)
    for region in audit.scheme.regions:
        inside = [rows[index] for index in region.indices]
        wrong = 100 * float(audit.wrong()[:, list(region.indices)].mean())
        ambiguous = 100 * sum(row.verdicts.get(Verdict.AMBIGUOUS.value, 0.0) for row in inside) / len(inside)
        mean = [sum(getattr(row, n) for row in inside) / len(inside) for n in ("sigma_along", "sigma_across", "error")]
        cells = zip((*mean, wrong, ambiguous), (10, 7, 7, 7, 9), strict=True)
        lines.append(f"{region.name:<14}" + "".join(f"{value:>{width}.2f} %" for value, width in cells))
    lines += ["lengths in % of the distance that NMEs are divided by", "", "look first at:"]
    for item in items[:_SHOWN]:
        lines.append(f"{item.value:>9.4g}  {audit.verdict_of(item.face):<22}  {_what(audit, item)}")
    if len(items) > _SHOWN:
        lines.append(f"... and {len(items) - _SHOWN} more, in the files of --json and --csv")
    return "\n".join(lines)


def _decided(audit: Audit) -> list[str]:
    """What people decided, if anything."""
    decisions = audit.decisions
    looks = len(decisions.order)
    if not looks:
        return []
    held = _counts({name: count for name, count in decisions.counts().items() if count}) or "none that still holds"
    errors, settled = int(decisions.found.sum()), int(decisions.settled.sum())
    return [f"decisions: {held}; {looks:,} faces looked at, {errors:,} of them wrong, {settled:,} settled"]


def _what(audit: Audit, item: QueueItem) -> str:
    name = audit.faces[item.face].image.name
    found = audit.findings[item.face]
    text = audit.point(item.face, item.worst).text if found.verdict.value == "ok" else found.text
    return f"{name}: {text}"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())
