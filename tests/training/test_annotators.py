"""Simulated annotators: what they do is what their spec says, and what is said of it is true."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from core.ambiguity import eigen
from core.face import FloatArray, Visibility
from core.geometry import axis_difference, region_contour, tangent_angles
from core.scheme import get_scheme
from tests.training.conftest import mean_face
from training.synthetic.annotator_spec import (
    CORNER,
    MEASURED_NOISE,
    OTHER,
    AnnotatorSpec,
    PartNoise,
    annotator_group,
    face_unit,
    part_of_points,
)
from training.synthetic.annotators import (
    COVERED,
    SEEN,
    SELF_HIDDEN,
    Annotation,
    Kind,
    annotate,
    dialect_signs,
    expected_labels,
    pooled,
)

SCHEME = get_scheme("300w-68")
TRUTH = mean_face() * 4
CALM = AnnotatorSpec(gross_rate=0, swap_rate=0, shift_rate=0, missing_rate=0, hidden_missing_rate=0)
STEADY = replace(CALM, noise={})
JAW = list(range(17))
COUNT = 1500


def many(spec: AnnotatorSpec, count: int = COUNT, visibility: NDArray[np.integer] | None = None) -> list[Annotation]:
    rng = np.random.default_rng(5)
    return [annotate(TRUTH, visibility, SCHEME, spec, rng) for _ in range(count)]


def points_of(annotations: list[Annotation]) -> FloatArray:
    return np.stack([annotation.label.points for annotation in annotations])


def kinds_of(annotations: list[Annotation]) -> NDArray[np.uint8]:
    return np.stack([annotation.kind for annotation in annotations])


def test_labels_spread_as_stated() -> None:
    spec = annotator_group(1, CALM, dialects=1.0, seed=4)[0]
    found = points_of(many(spec))
    law = expected_labels(TRUTH, None, SCHEME, spec)
    apart = found - found.mean(axis=0)
    covariance = np.einsum("fni,fnj->nij", apart, apart) / (len(found) - 1)
    size = np.trace(law.covariance, axis1=1, axis2=2)
    # A variance estimated from n draws of a normal law is off by sqrt(2 / n): 3.7 % here; five of those at most.
    assert (np.abs(covariance - law.covariance).max(axis=(1, 2)) < 5 * np.sqrt(2 / COUNT) * size).all()
    error = np.abs(found.mean(axis=0) - TRUTH - law.offset)
    assert (error < 5 * np.sqrt(size / COUNT)[:, None]).all()
    assert np.hypot(*law.offset.T).max() > 0.01 * face_unit(TRUTH, SCHEME)


def test_noise_lies_along_contours_as_wide_as_the_spec_says() -> None:
    law = expected_labels(TRUTH, None, SCHEME, CALM)
    major, minor, angle = eigen(law.covariance)
    plain = [i for i, part in enumerate(part_of_points(SCHEME)) if part in ("jaw", "brow", "nose bridge")]
    assert axis_difference(angle, tangent_angles(TRUTH, SCHEME))[plain].max() < 12
    unit, jaw = face_unit(TRUTH, SCHEME), MEASURED_NOISE["jaw"]
    straight = [3, 4, 12, 13]
    assert np.sqrt(major[straight]) == pytest.approx(np.hypot(jaw.slip, jaw.jitter) * unit, rel=0.02)
    assert np.sqrt(minor[straight]) == pytest.approx(jaw.jitter * unit, rel=0.05)


def test_slipped_points_stay_on_their_contour() -> None:
    slippery = replace(CALM, noise={part: PartNoise(0.05, 0.0) for part in ("jaw", "brow", "eye", "lip", CORNER)})
    annotations = many(slippery, 50)
    for region in SCHEME.regions:
        curve = region_contour(TRUTH, region, 16)
        assert curve is not None
        # The ends of open contours may slide beyond, straight on.
        inner = list(region.indices if region.closed else region.indices[2:-2])
        for annotation in annotations:
            off = [curve.project(annotation.label.points[i]).distance for i in inner]
            assert max(off, default=0.0) < 1e-6
            assert (np.abs(annotation.slide[inner]) > 0).all() or region.name.startswith("nose")


def test_an_end_slides_straight_beyond() -> None:
    spec = replace(STEADY, dialect={"jaw": -0.1})
    moved = annotate(TRUTH, None, SCHEME, spec, np.random.default_rng(0)).label.points
    step = moved[0] - TRUTH[0]
    assert np.hypot(*step) == pytest.approx(0.1 * face_unit(TRUTH, SCHEME))
    outward = TRUTH[0] - TRUTH[1]
    assert step @ outward / np.hypot(*step) / np.hypot(*outward) > 0.95


def test_corners_hardly_slip() -> None:
    corners = [i for i, part in enumerate(part_of_points(SCHEME)) if part == CORNER]
    assert corners == [36, 39, 42, 45, 48, 54, 60, 64]
    slides = np.stack([annotation.slide for annotation in many(CALM, 300)]).std(axis=0)
    assert slides[corners].max() < 0.5 * np.delete(slides, corners).min()


def test_a_dialect_is_mirrored() -> None:
    face = TRUTH.copy()
    mirror = np.array(SCHEME.flip)
    face = (face + np.array([1, -1]) * face[mirror] * -1 + np.array([512, 0])) / 2  # the same on both sides of x = 256
    face[:, 1] = (TRUTH[:, 1] + TRUTH[mirror, 1]) / 2
    spec = replace(STEADY, dialect={"jaw": 0.05, "brow": 0.04, "eye": 0.02, "lip": 0.03, "nose base": 0.02})
    moved = annotate(face, None, SCHEME, spec, np.random.default_rng(0)).label.points
    assert moved[mirror, 0] == pytest.approx(512 - moved[:, 0], abs=1e-6)
    assert moved[mirror, 1] == pytest.approx(moved[:, 1], abs=1e-6)
    assert np.hypot(*(moved - face).T)[[0, 16, 18, 25]] == pytest.approx(
        face_unit(face, SCHEME) * np.array([0.05, 0.05, 0.04, 0.04]), rel=0.02
    )


@pytest.mark.parametrize("scheme_id", ["300w-68", "300w-51", "wflw-98", "cofw-29", "face-5"])
def test_every_scheme_has_parts_and_signs(scheme_id: str) -> None:
    scheme = get_scheme(scheme_id)
    parts, signs = part_of_points(scheme), dialect_signs(scheme)
    if scheme_id != "face-5":
        assert all((part == OTHER) == (scheme.region_of(i) is None) for i, part in enumerate(parts))
    assert all(signs[i] == 0 for i in range(len(scheme)) if scheme.region_of(i) is None)
    points = np.random.default_rng(1).uniform(0, 200, (len(scheme), 2))
    annotation = annotate(points, None, scheme, AnnotatorSpec().scaled(20), np.random.default_rng(2))
    assert annotation.label.scheme == scheme_id
    assert annotation.kind.any()


def test_rates() -> None:
    spec = replace(STEADY, gross_rate=0.05, missing_rate=0.02, hidden_missing_rate=0.3)
    visibility = np.full(68, SEEN)
    visibility[:10] = COVERED
    visibility[10:12] = SELF_HIDDEN
    annotations = many(spec, 1000, visibility)
    kinds = kinds_of(annotations)
    assert (kinds[:, 12:] == Kind.MISSING).mean() == pytest.approx(0.02, abs=0.004)
    assert (kinds[:, :12] == Kind.MISSING).mean() == pytest.approx(0.3, abs=0.02)
    labelled = kinds[:, 12:] != Kind.MISSING
    assert (kinds[:, 12:][labelled] == Kind.GROSS).mean() == pytest.approx(0.05, abs=0.006)
    points = points_of(annotations)
    assert np.array_equal(np.isnan(points[..., 0]), kinds == Kind.MISSING)
    far = np.hypot(*np.moveaxis(points - TRUTH, -1, 0))[kinds == Kind.GROSS] / face_unit(TRUTH, SCHEME)
    assert 0.1 <= far.min() < 0.12 and 0.28 < far.max() <= 0.3
    said = annotations[0].label.visibility
    assert set(said[kinds[0] != Kind.MISSING][:5]) <= {Visibility.OCCLUDED, Visibility.VISIBLE}
    assert (said[:10][kinds[0, :10] != Kind.MISSING] == Visibility.OCCLUDED).all()


def test_slips_are_as_frequent_as_a_normal_law_has_them() -> None:
    kinds = kinds_of(many(CALM, 500))
    assert (kinds[:, JAW] == Kind.SLIP).mean() == pytest.approx(0.0455, abs=0.01)
    assert set(np.unique(kinds)) == {Kind.NONE, Kind.SLIP}


def test_swaps_exchange_sides() -> None:
    annotations = many(replace(STEADY, swap_rate=1.0), 100)
    mirror = np.array(SCHEME.flip)
    parts = set()
    for annotation in annotations:
        swapped = annotation.kind == Kind.SWAP
        assert np.array_equal(annotation.label.points[swapped], TRUTH[mirror][swapped])
        assert np.array_equal(annotation.label.points[~swapped], TRUTH[~swapped])
        parts.add(tuple(np.flatnonzero(swapped)))
    eyes = tuple(range(36, 48))
    assert eyes in parts and tuple(i for i in JAW if i != 8) in parts
    few = kinds_of(many(replace(STEADY, swap_rate=0.2), 500))
    # The nose bridge, one region of nine, has no sides.
    assert (few == Kind.SWAP).any(axis=1).mean() == pytest.approx(0.2 * 8 / 9, abs=0.05)


def test_shifts_take_neighbours_places() -> None:
    annotations = many(replace(STEADY, shift_rate=1.0), 200)
    for annotation in annotations:
        moved = np.flatnonzero(annotation.kind == Kind.SHIFT)
        assert len(moved)
        region = SCHEME.region_of(int(moved[0]))
        assert region is not None and set(moved) <= set(region.indices)
        order = [*region.indices, region.indices[0]] if region.closed else list(region.indices)
        steps = dict(pairwise(order)), {after: before for before, after in pairwise(order)}
        hits = [[np.allclose(annotation.label.points[i], TRUTH[s[i]]) for i in moved if i in s] for s in steps]
        assert any(hit and all(hit) for hit in hits)
    few = kinds_of(many(replace(STEADY, shift_rate=0.2), 500))
    assert (few == Kind.SHIFT).any(axis=1).mean() == pytest.approx(0.2, abs=0.05)


def test_hidden_points_are_noisier() -> None:
    visibility = np.full(68, SEEN)
    visibility[4] = SELF_HIDDEN
    open_law, hidden_law = (expected_labels(TRUTH, seen, SCHEME, CALM) for seen in (None, visibility))
    growth = np.sqrt(np.linalg.det(hidden_law.covariance) / np.linalg.det(open_law.covariance))
    assert growth[4] == pytest.approx(1.5**2, rel=0.03)
    assert np.delete(growth, 4) == pytest.approx(1.0)


def test_pooled_law_is_that_of_all_labels_together() -> None:
    group = annotator_group(3, CALM, dialects=1.5, seed=2)
    law = pooled([expected_labels(TRUTH, None, SCHEME, spec) for spec in group])
    found = np.concatenate([points_of(many(spec, 500)) for spec in group])
    apart = found - found.mean(axis=0)
    covariance = np.einsum("fni,fnj->nij", apart, apart) / len(found)
    size = np.trace(law.covariance, axis1=1, axis2=2)
    assert (np.abs(covariance - law.covariance).max(axis=(1, 2)) < 5 * np.sqrt(2 / len(found)) * size).all()
    assert len({spec.name for spec in group}) == 3


def test_a_seed_gives_the_same_labels() -> None:
    first, second = (annotate(TRUTH, None, SCHEME, AnnotatorSpec(), np.random.default_rng(3)) for _ in range(2))
    other = annotate(TRUTH, None, SCHEME, AnnotatorSpec(), np.random.default_rng(4))
    assert first.label == second.label and np.array_equal(first.kind, second.kind)
    assert first.label != other.label
    assert annotator_group(4, seed=1) == annotator_group(4, seed=1) != annotator_group(4, seed=2)


def test_scaling_keeps_the_draws() -> None:
    once, twice = (annotate(TRUTH, None, SCHEME, CALM.scaled(f), np.random.default_rng(3)) for f in (1, 2))
    assert twice.slide == pytest.approx(2 * once.slide)
    none = annotate(TRUTH, None, SCHEME, annotator_group(2)[1].scaled(0), np.random.default_rng(3))
    assert np.array_equal(none.label.points, TRUTH)
    assert not none.kind.any()


def test_missing_truth_stays_missing() -> None:
    truth = TRUTH.copy()
    truth[[3, 40]] = np.nan
    annotation = annotate(truth, None, SCHEME, CALM, np.random.default_rng(0))
    assert np.flatnonzero(np.isnan(annotation.label.points[:, 0])).tolist() == [3, 40]
    assert (annotation.kind[[3, 40]] == Kind.MISSING).all()
    assert np.isnan(annotation.expected.covariance[[3, 40]]).all()
    nothing = annotate(np.full((68, 2), np.nan), None, SCHEME, AnnotatorSpec(), np.random.default_rng(0))
    assert (nothing.kind == Kind.MISSING).all()


def test_whole_px_and_their_variance() -> None:
    spec = replace(CALM, whole_px=True)
    annotation = annotate(TRUTH, None, SCHEME, spec, np.random.default_rng(0))
    assert np.array_equal(annotation.label.points, np.round(annotation.label.points))
    plain = expected_labels(TRUTH, None, SCHEME, CALM).covariance
    assert annotation.expected.covariance - plain == pytest.approx(np.broadcast_to(np.eye(2) / 12, (68, 2, 2)))


@pytest.mark.parametrize(
    "wrong",
    [{"gross_rate": 1.5}, {"dialect": {"ear": 0.1}}, {"noise": {"jaw": PartNoise(-1, 0)}}, {"hidden_factor": -1}],
)
def test_impossible_specs_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must|unknown"):
        replace(AnnotatorSpec(), **wrong)  # type: ignore[arg-type]
