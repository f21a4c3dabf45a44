"""Plans: what they hold, and that a folder belongs to one of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.errors import ConfigError, FormatError, UsageError
from core.face import Visibility
from training.split import groups_of
from training.synthetic.plan import RenderPlan, face_name, keep_plan, read_plan
from training.synthetic.truth import SCHEMES, TruePoints, gather, load_truth, save_truth, write_face


def some_face(seed: int) -> dict[str, TruePoints]:
    rng = np.random.default_rng(seed)
    faces = {}
    for scheme in SCHEMES:
        count = int(scheme.rsplit("-", 1)[1])
        points = np.round(rng.uniform(0, 100, (count, 2)), 4)
        faces[scheme] = TruePoints(points, rng.integers(0, 3, count).astype(np.uint8), rng.random(count) < 0.5)
    return faces


def test_names_tell_people_apart() -> None:
    plan = RenderPlan(people=30, photos=2)
    names = [face_name(*face) for face in plan.faces()]
    assert len(set(names)) == len(plan) == 60
    assert len(set(groups_of([Path(f"{name}.jpg") for name in names]))) == 30


def test_everything_has_a_generator_of_its_own() -> None:
    plan = RenderPlan(people=2, photos=2, seed=5)
    drawn = [plan.rng(person).random() for person in (0, 1)]
    drawn += [plan.rng(person, look=True).random() for person in (0, 1)]
    drawn += [plan.rng(*face, look=look).random() for face in plan.faces() for look in (False, True)]
    assert len(set(drawn)) == len(drawn)
    assert RenderPlan(2, 2, 5).rng(1, 0).random() == plan.rng(1, 0).random()
    assert RenderPlan(2, 2, 6).rng(1, 0).random() != plan.rng(1, 0).random()


def test_a_folder_belongs_to_one_plan(tmp_path: Path) -> None:
    plan, folder = RenderPlan(3), tmp_path / "new" / "set"
    keep_plan(plan, "300w-68", folder)
    keep_plan(plan, "300w-68", folder)
    assert read_plan(folder) == plan
    for other, scheme in ((RenderPlan(4), "300w-68"), (plan, "wflw-98")):
        with pytest.raises(UsageError, match="another plan"):
            keep_plan(other, scheme, folder)
    (tmp_path / "mine.txt").touch()
    with pytest.raises(UsageError, match="not empty"):
        keep_plan(plan, "300w-68", tmp_path)


def test_plans_of_another_version_and_none_are_refused(tmp_path: Path) -> None:
    keep_plan(RenderPlan(3), "300w-68", tmp_path / "set")
    path = tmp_path / "set" / "plan.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 99}))
    with pytest.raises(ConfigError, match="version"):
        read_plan(tmp_path / "set")
    with pytest.raises(UsageError, match="'people' must be from"):
        RenderPlan(0)


def test_truth_comes_back_as_it_was(tmp_path: Path) -> None:
    kept = {"a_0": some_face(0), "b_0": some_face(1)}
    for name, faces in kept.items():
        write_face(tmp_path / f"{name}.json", faces, {"yaw": 1.5})
    truth = gather(tmp_path, list(kept))
    save_truth(tmp_path / "truth.npz", truth)
    back = load_truth(tmp_path)
    assert back.names == ("a_0", "b_0")
    for scheme in SCHEMES:
        for row, faces in enumerate(kept.values()):
            assert np.array_equal(back.faces[scheme].points[row], faces[scheme].points)
            assert np.array_equal(back.faces[scheme].visibility[row], faces[scheme].visibility)
            assert np.array_equal(back.faces[scheme].covered[row], faces[scheme].covered)
    assert set(np.unique(back.faces["300w-68"].visibility)) <= {v.value for v in Visibility}


@pytest.mark.parametrize("damage", ["{", "{}", '{"300w-68": 3}'])
def test_damaged_faces_and_archives_are_named(tmp_path: Path, damage: str) -> None:
    (tmp_path / "a_0.json").write_text(damage)
    with pytest.raises(FormatError, match=r"a_0\.json"):
        gather(tmp_path, ["a_0"])
    (tmp_path / "truth.npz").write_text(damage)
    with pytest.raises(FormatError, match=r"truth\.npz"):
        load_truth(tmp_path)
