"""The paper's columns and subsets, on errors made up so that the answers are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.face import Label
from core.formats.base import LabelledFace
from core.scheme import get_scheme
from training.evaluate import Evaluation
from training.evaluate_subsets import paper_json, paper_rows, paper_table


def labelled(scheme: str, image: str, *tags: str, stretch: float = 0.0) -> LabelledFace:
    """A face whose points lie on a line, point i at x = i, from point 17 on `stretch` px further."""
    points = np.zeros((len(get_scheme(scheme)), 2))
    points[:, 0] = np.arange(len(points))
    points[17:, 0] += stretch
    return LabelledFace(Path(image), Label(scheme, points), None, None, tags, image, None)


def evaluation(scheme: str, nmes: list[float], measured: list[int], missed: list[int]) -> Evaluation:
    deviations = np.zeros((len(nmes), len(get_scheme(scheme)), 2))
    deviations[..., 1] = np.array(nmes)[:, None]
    people = [str(i) for i in measured]
    nobody = ["x"] * len(missed)
    return Evaluation("m", get_scheme(scheme), "landmarks", deviations, people, nobody, [], 0, measured, missed)


def test_300w_has_full_common_and_challenge() -> None:
    faces = [labelled("300w-68", f"/data/{folder}/a.jpg") for folder in ("helen/test", "ibug", "lfpw", "ibug")]
    rows = paper_rows(evaluation("300w-68", [0.05, 0.01, 0.03], [3, 0, 2], [1]), faces)
    assert [(row.subset, row.faces) for row in rows] == [("full", 4), ("common", 2), ("challenge", 2)]
    assert [row.nme["ocular"] for row in rows] == pytest.approx([0.03, 0.02, 0.05])
    assert all(row.fr is None and row.auc is None for row in rows)
    assert [line.split()[-1] for line in paper_table(rows)] == ["ocular", "3.00", "2.00", "5.00"]


def test_wflw_has_its_subsets_with_failures_and_areas() -> None:
    tags = ((), ("blur",), ("blur", "makeup"))
    faces = [labelled("wflw-98", f"{i}.jpg", *own) for i, own in enumerate(tags)]
    rows = {row.subset: row for row in paper_rows(evaluation("wflw-98", [0.02, 0.2], [0, 1], [2]), faces)}
    assert list(rows) == ["full", "makeup", "blur"]
    assert rows["full"].nme["ocular"] == pytest.approx(0.11)
    assert (rows["full"].fr, rows["blur"].fr, rows["makeup"].fr) == (0.6667, 1.0, 1.0)
    assert rows["full"].auc == pytest.approx(0.8 / 3, abs=1e-3)
    assert np.isnan(rows["makeup"].nme["ocular"]), "its only face was missed"
    json.dumps(paper_json(list(rows.values())), allow_nan=False)
    assert paper_table(list(rows.values()))[0].split()[-2:] == ["FR10", "AUC10"]


def test_cofw_is_divided_by_eye_corners_and_by_pupils() -> None:
    """Pupils (16, 17) are 2 px apart, eye corners (8, 9) 1 px."""
    face = labelled("cofw-29", "a.jpg", stretch=1.0)
    (row,) = paper_rows(evaluation("cofw-29", [0.03], [0], []), [face])
    assert row.nme == pytest.approx({"ocular": 0.06, "pupil": 0.03})
    (row,) = paper_rows(evaluation("cofw-29", [0.06], [0], []), [face], "ocular")
    assert row.nme == pytest.approx({"ocular": 0.06, "pupil": 0.03})


def test_other_schemes_have_no_table() -> None:
    made = evaluation("face-5", [0.1], [0], [])
    assert paper_rows(made, [labelled("face-5", "a.jpg")]) == [] and paper_table([]) == []
