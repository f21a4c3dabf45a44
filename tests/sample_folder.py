"""A small sample laid out as `resources/sample`, of generated photos: quick, and there before anything is rendered."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.face import Box, FloatArray, Label
from core.formats import LabelledFace, export_dataset
from core.images import probe_image
from core.sample import IMAGES, LABEL_SETS, PLANTED, Plan, Planted, plan_json
from core.scheme import get_scheme
from tests.app.faces import face_points, write_photo

SLID, WRONG = 4, 36
"""The points that the tour shows."""


def write_sample(folder: Path, count: int = 3) -> Plan:
    """`count` labelled photos s_0.png, s_1.png... and one without a label; the first two have the tour's labels."""
    (folder / IMAGES).mkdir(parents=True)
    truth = {f"s_{i}.png": face_points(shift=float(i)) for i in range(count)}
    for i, name in enumerate([*truth, "zzz.png"]):
        write_photo(folder / IMAGES / name, seed=i)
    errors = {("s_0.png", SLID): np.array([6.0, 9.0]), ("s_1.png", WRONG): np.array([-20.0, 30.0])}
    planted = {}
    for number, label_set in enumerate(LABEL_SETS):
        labels = {name: points + 0.25 * number for name, points in truth.items()}
        if label_set == LABEL_SETS[-1]:
            for (name, point), error in errors.items():
                labels[name][point] = truth[name][point] + error
                planted[point] = _planted(name, point, truth[name], labels[name])
        _write(folder, labels, label_set)
    plan = Plan((planted[WRONG],), planted[SLID], planted[WRONG])
    (folder / PLANTED).write_text(plan_json(plan), encoding="utf-8")
    return plan


def _planted(name: str, point: int, truth: FloatArray, label: FloatArray) -> Planted:
    (x, y), (lx, ly) = truth[point], label[point]
    kind = "slip" if point == SLID else "gross"
    return Planted(name, LABEL_SETS[-1], point, kind, (float(x), float(y)), (float(lx), float(ly)))


def _write(folder: Path, labels: dict[str, FloatArray], label_set: str) -> None:
    scheme = get_scheme("300w-68")
    faces = []
    for name, points in labels.items():
        path = folder / IMAGES / name
        box = Box(30, 60, 140, 110)  # the same for all
        faces.append(LabelledFace(path, Label(scheme.id, points), box, None, (), "", probe_image(path)))
    export_dataset(faces, scheme, folder / f"{label_set}.json", "coco", images_root=folder)
