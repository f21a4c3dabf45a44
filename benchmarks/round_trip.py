"""Every format there and back: how far coordinates move, what is kept, how long it takes.

    python benchmarks/round_trip.py FACES68 [--generated 500] [--json OUT]

FACES68 is a 300W folder of real faces. Their coordinates are whole numbers, which would hide lost fractions, so that as
many faces as `--generated` says are made as well: fractional, with missing, occluded and outside points, several in an
image. Each data set is written with `export_dataset` and read with `read_dataset` on its own, then compared here, face
by face: order of faces and points, visibility, and the largest move of a coordinate. Formats for another number of
points get generated faces of such a scheme.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from core.face import Visibility  # noqa: E402
from core.formats import EXPORTERS, LabelledFace, export_dataset, read_dataset  # noqa: E402
from core.formats.base import Holds  # noqa: E402
from core.scheme import get_scheme, known_schemes  # noqa: E402
from tests.core.format_samples import make_faces  # noqa: E402

EVERYTHING = Holds(missing=True, occluded=True, outside=True, box=True, crop=True, tags=True)


@dataclass
class Row:
    """One format and one data set."""

    format: str
    faces: str
    written: int
    left_out: int
    drift: float
    precision: float
    same_order: bool
    same_visibility: bool
    lost: str
    write_s: float
    read_s: float
    megabytes: float


def measure(name: str, what: str, faces: Sequence[LabelledFace], folder: Path) -> Row:
    """Write `faces` ("real" or "made"), read them again, compare."""
    exporter = EXPORTERS[name]
    scheme = get_scheme(faces[0].label.scheme)
    target = folder / f"{name}-{what}{exporter.suffix}"
    root = Path(faces[0].image).parent if what == "real" else folder / "images"
    start = time.perf_counter()
    report = export_dataset(faces, scheme, target, name, images_root=root)
    middle = time.perf_counter()
    embedded = name == "cofw"
    result = read_dataset(target, name, None if embedded else root, scheme=scheme)
    end = time.perf_counter()
    holds = exporter.holds
    drift, order, states = compare(faces, result.faces, holds, embedded)
    size = sum(path.stat().st_size for path in ([target] if target.is_file() else target.rglob("*")))
    return Row(
        name, f"{what}, {len(scheme)} points", report.faces, len(report.skipped), drift, holds.precision, order, states,
        "; ".join(report.lost), middle - start, end - middle, size / 2**20,
    )  # fmt: skip


def compare(
    faces: Sequence[LabelledFace], again: Sequence[LabelledFace], holds: Holds, embedded: bool
) -> tuple[float, bool, bool]:
    """Largest move in px, whether order and visibility are the same as far as the format holds them."""
    seen: set[Path] = set()
    kept = []
    for face in faces:
        if holds.reason_against(face) is None and (holds.several or face.image not in seen):
            kept.append(face)
            seen.add(face.image)
    groups: dict[object, list[LabelledFace]] = {}
    for number, face in enumerate(again):
        groups.setdefault(number if embedded else face.image.resolve(), []).append(face)
    drift, order, states = 0.0, len(kept) == len(again), True
    for number, face in enumerate(kept):
        group = groups.get(number if embedded else face.image.resolve())
        if not group:
            return float("inf"), False, False
        found, expected = group.pop(0).label, holds.expected(face.label)
        states &= bool(np.array_equal(found.visibility, expected.visibility))
        move = np.abs(found.points - expected.points)
        order &= bool(np.nanmax(move, initial=0) <= holds.precision + 1e-6)
        drift = max(drift, float(np.nanmax(move, initial=0)))
    return drift, order, states


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces68", type=Path)
    parser.add_argument("--generated", type=int, default=500, metavar="N")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    real = read_dataset(args.faces68, "300w").faces
    rows = []
    only = [holds.counts for exporter in EXPORTERS.values() if (holds := exporter.holds).counts is not None]
    other = [id for id, scheme in known_schemes().items() if any(len(scheme) in counts for counts in only)]
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        made = {
            scheme: make_faces(folder / "images" / scheme, args.generated, scheme, EVERYTHING)
            for scheme in ("300w-68", *other)
        }
        whole = [face for face in made["300w-68"] if not (face.label.visibility == Visibility.MISSING).any()]
        for name, exporter in EXPORTERS.items():
            counts = exporter.holds.counts
            if counts is None or 68 in counts:
                rows.append(measure(name, "real", real, folder))
                rows.append(measure(name, "made", made["300w-68"] if exporter.holds.missing else whole, folder))
            else:
                fitting = [s for s, known in known_schemes().items() if len(known) in counts]
                rows += [measure(name, "made", made[scheme], folder) for scheme in fitting]
            print_row(rows[-2:] if counts is None or 68 in counts else rows[-1:])
    if args.json:
        args.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    return 0 if all(row.same_order and row.same_visibility and row.drift <= row.precision + 1e-6 for row in rows) else 1


def print_row(rows: list[Row]) -> None:
    """One line a row."""
    for row in rows:
        order = "same" if row.same_order else "CHANGED"
        states = "same" if row.same_visibility else "CHANGED"
        print(
            f"{row.format:12} {row.faces:16} {row.written:5} written {row.left_out:4} left out, "
            f"drift {row.drift:7.2g} px (allowed {row.precision:.2g}), order {order}, visibility {states}, "
            f"{row.write_s:5.1f} + {row.read_s:4.1f} s, {row.megabytes:5.1f} MB",
            f"lost: {row.lost}" if row.lost else "",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
