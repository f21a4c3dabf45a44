"""Rendering into a folder: the same each time, taken up again, and readable as any data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import UsageError
from core.formats.registry import read_dataset
from core.images import read_image
from training.synthetic.dataset import points_in, render_dataset
from training.synthetic.plan import RenderPlan
from training.synthetic.truth import TruePoints, load_truth

PLAN = RenderPlan(people=2, photos=1, seed=3, size=96)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rendered") / "set"
    assert render_dataset(PLAN, folder) == 2
    return folder


def test_a_rendered_folder_is_a_data_set(rendered: Path) -> None:
    result = read_dataset(str(rendered), "300w")
    truth = load_truth(rendered)
    assert [face.image.stem for face in result.faces] == list(truth.names) == ["p00000_0", "p00001_0"]
    for row, face in enumerate(result.faces):
        assert np.allclose(face.label.points, truth.faces["300w-68"].points[row], atol=1e-3)
        assert read_image(face.image).shape == (96, 96, 3)
    assert truth.faces["wflw-98"].points.shape == (2, 98, 2)
    outer_corner_68, outer_corner_98 = truth.faces["300w-68"].points[:, 36], truth.faces["wflw-98"].points[:, 60]
    assert np.allclose(outer_corner_68, outer_corner_98, atol=0.02)


def test_what_is_there_is_kept_and_what_is_missing_is_made_again_the_same(rendered: Path) -> None:
    before = files(rendered)
    assert render_dataset(PLAN, rendered) == 0
    assert files(rendered) == before
    for path in (rendered / "faces" / "p00001_0.json", rendered / "images" / "p00001_0.jpg", rendered / "truth.npz"):
        path.unlink()
    assert render_dataset(PLAN, rendered) == 1
    after = files(rendered)
    assert {name for name in before if after[name] != before[name]} <= {"truth.npz"}, "an archive has the time in it"


def test_processes_change_nothing(rendered: Path, tmp_path: Path) -> None:
    folder = tmp_path / "two"
    assert render_dataset(PLAN, folder, jobs=2) == 2
    ours, theirs = files(rendered), files(folder)
    assert {name for name in theirs if ours[name] != theirs[name]} <= {"truth.npz"}


def test_other_schemes_come_from_the_same_points(rendered: Path) -> None:
    truth = load_truth(rendered)
    first = {scheme: TruePoints(f.points[0], f.visibility[0], f.covered[0]) for scheme, f in truth.faces.items()}
    assert points_in(first, "cofw-29").shape == (29, 2)
    assert points_in(first, "wflw-98") is first["wflw-98"].points


def test_a_folder_of_something_else_is_left_alone(rendered: Path) -> None:
    before = files(rendered)
    with pytest.raises(UsageError, match="another plan"):
        render_dataset(RenderPlan(people=3, photos=1, seed=3, size=96), rendered)
    assert files(rendered) == before
