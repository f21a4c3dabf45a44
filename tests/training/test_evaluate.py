"""The figures of an evaluation, on errors made up so that the answers are known."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from core.errors import UsageError
from core.face import Label
from core.formats.base import LabelledFace
from core.images import ImageInfo
from core.scheme import get_scheme
from training.evaluate import Evaluation, FaceError, report, select, to_json
from training.split import Part, part_of

SCHEME = get_scheme("300w-68")


def evaluation(nmes: list[float], missed: int = 0, failed: int = 0) -> Evaluation:
    errors = np.zeros((len(nmes), len(SCHEME), 2))
    errors[..., 0] = np.array(nmes)[:, None]
    return Evaluation(
        "m",
        SCHEME,
        "detector",
        errors,
        [f"person {i // 2}" for i in range(len(nmes))],
        [f"nobody {i}" for i in range(missed)],
        [FaceError(Path("x.jpg"), "not an image")] * failed,
        0,
    )


def test_missed_faces_are_failures_and_unreadable_ones_are_not() -> None:
    figures = report(evaluation([0.02, 0.04, 0.06, 0.2], missed=1, failed=3), threshold=0.1)
    assert figures.nme["mean"].value == pytest.approx(0.08)
    assert figures.nme["median"].value == pytest.approx(0.05)
    assert figures.fr.value == pytest.approx(2 / 5)
    assert figures.auc.value == pytest.approx((0.8 + 0.6 + 0.4) / 5)
    assert figures.ced[1][-1] == pytest.approx(3 / 5)


def test_faces_count_is_all_that_were_asked_for() -> None:
    made = evaluation([0.02, 0.04], missed=1, failed=3)
    data = to_json(made, report(made))
    assert data["faces"] == 6
    assert data["measured"] == 2
    assert data["missed"] == {"no_face": 1, "errors": 3, "unlabelled": 0}
    assert data["identities"] == 2
    json.dumps(data, allow_nan=False)


def test_unlabelled_points_and_regions_are_left_out() -> None:
    made = evaluation([0.02, 0.04, 0.06])
    jaw = list(SCHEME.regions[0].indices)
    made.deviations[0, jaw] = np.nan
    figures = report(made)
    assert figures.per_region[SCHEME.regions[0].name].value == pytest.approx(0.05)
    assert figures.per_point[jaw[0]] == pytest.approx(0.05)
    made.deviations[:, jaw] = np.nan
    figures = report(made)
    assert math.isnan(figures.per_region[SCHEME.regions[0].name].value)
    data = to_json(made, figures)
    assert data["per_region"][SCHEME.regions[0].name] is None
    assert data["per_point"][jaw[0]] is None
    assert data["nme"]["mean"] == pytest.approx(0.04)


def test_intervals_draw_people_not_faces() -> None:
    rng = np.random.default_rng(0)
    people = rng.uniform(0.02, 0.09, 12)
    one_each = report(evaluation([float(v) for v in people for _ in range(2)]))
    # Doubling every person's faces adds nothing to what is known.
    doubled = evaluation([float(v) for v in people for _ in range(4)])
    four_each = [f"person {i // 4}" for i in range(48)]
    doubled = Evaluation("m", SCHEME, "detector", doubled.deviations, four_each, [], [], 0)
    wide, same = one_each.nme["mean"], report(doubled).nme["mean"]
    assert same.high - same.low == pytest.approx(wide.high - wide.low, rel=1e-6)


def test_labels_that_all_lie_to_one_side_are_told_from_bad_predictions() -> None:
    rng = np.random.default_rng(1)
    off = rng.normal(0, 0.01, (60, len(SCHEME), 2))
    people = [f"p{i // 3}" for i in range(60)]
    before = report(Evaluation("m", SCHEME, "detector", off, people, [], [], 0))
    after = report(Evaluation("m", SCHEME, "detector", off + np.array([0.03, -0.01]), people, [], [], 0))
    assert after.offset[0].low < 0.03 < after.offset[0].high
    assert after.offset[1].low < -0.01 < after.offset[1].high
    assert after.nme["mean"].value > 2 * before.nme["mean"].value
    assert after.settled.value == pytest.approx(before.settled.value, rel=1e-9)
    # One person's own offset is not fitted on that person.
    alone = np.zeros_like(off)
    alone[:3, :, 0] = 0.5
    assert report(Evaluation("m", SCHEME, "detector", alone, people, [], [], 0)).settled.value > 0.025


def face(name: str) -> LabelledFace:
    label = Label(SCHEME.id, np.zeros((68, 2)))
    return LabelledFace(Path(f"{name}.jpg"), label, None, None, (), name, ImageInfo(10, 10, "PNG", 1))


def test_the_parts_are_disjoint_whole_and_keep_people_together() -> None:
    faces = [face(f"Person{n}_{k}") for n in range(60) for k in range(3)]
    parts = {part: {f.image for f in select(faces, part.value)} for part in Part}
    assert sum(len(paths) for paths in parts.values()) == len(faces)
    assert set().union(*parts.values()) == {f.image for f in faces}
    for part, paths in parts.items():
        assert all(part_of(path.stem.rpartition("_")[0]) == part for path in paths)
    assert select(faces, "all") == faces
    with pytest.raises(UsageError, match="no face of the data set is in the split"):
        select([f for f in faces if f.image not in parts[Part.REPORT]], "report")
    with pytest.raises(UsageError, match="no split 'test'"):
        select(faces, "test")
