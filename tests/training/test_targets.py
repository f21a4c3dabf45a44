"""Point and edge maps against golden files."""

from __future__ import annotations

import numpy as np
import pytest

from core.scheme import builtin_schemes, get_scheme
from tests.golden import SCHEMES, golden
from training.augment import flip_matrix, geometry_matrix
from training.targets import edge_curves, edge_maps, point_maps, spline_samples


@pytest.mark.parametrize("dataset", SCHEMES)
def test_edge_maps_equal_the_reference(dataset: str) -> None:
    want, groups = golden(f"targets_{dataset}"), get_scheme(SCHEMES[dataset]).edge_groups
    if "edgemap" not in want:
        pytest.skip("this map is only in the shared golden files")
    maps = edge_maps(edge_curves(want["points"].astype(np.float64), groups), groups, 256)
    np.testing.assert_array_equal(maps, want["edgemap"])


@pytest.mark.parametrize("dataset", SCHEMES)
def test_point_maps_equal_the_reference(dataset: str) -> None:
    want = golden(f"targets_{dataset}")
    maps = point_maps(want["points"].astype(np.float64), 256, reference_border=True)
    if "pointmap" in want:
        assert np.abs(maps - want["pointmap"]).max() < 1e-7
    if "point_sum" in want:
        np.testing.assert_allclose(maps.sum(axis=(1, 2)), want["point_sum"], rtol=1e-5)


def test_points_at_the_border_are_drawn_in_place_unless_asked_otherwise() -> None:
    points = np.array([[2.3, 140.6]])
    rows = point_maps(points, 256)[0].sum(axis=0)
    shifted = point_maps(points, 256, reference_border=True)[0].sum(axis=0)
    cells = np.arange(64) * 4 + 1.5
    # Cut off by the border, the mean lies right of the point, and one pixel further in the reference.
    assert (rows * cells).sum() / rows.sum() < (shifted * cells).sum() / shifted.sum() - 0.3
    inside = np.array([[102.3, 140.6]])
    np.testing.assert_array_equal(point_maps(inside, 256), point_maps(inside, 256, reference_border=True))


def test_missing_points_make_no_curve() -> None:
    scheme = get_scheme("300w-68")
    points = golden("targets_300W")["points"].astype(np.float64)
    points[8] = np.nan
    maps = edge_maps(edge_curves(points, scheme.edge_groups), scheme.edge_groups, 256)
    assert maps[0].max() == 0
    assert all(map_.max() > 0 for map_ in maps[1:])


@pytest.mark.parametrize("name", sorted(builtin_schemes()))
def test_every_built_in_scheme_has_maps_to_train_on(name: str) -> None:
    scheme = get_scheme(name)
    points = np.random.default_rng(0).uniform(40, 200, (len(scheme), 2))
    maps = edge_maps(edge_curves(points, scheme.edge_groups), scheme.edge_groups, 256)
    assert len(maps) == len(scheme.edge_groups) > 0
    assert all(map_.max() > 0 for map_ in [*maps, *point_maps(points, 256)])


def test_a_similarity_moves_curves_with_their_points() -> None:
    points = golden("targets_300W")["points"].astype(np.float64)[36:42]
    matrix = geometry_matrix(0.4, 1.2, (3.0, -5.0), 256) @ flip_matrix(256)
    moved = points @ matrix[:2, :2].T + matrix[:2, 2]
    curve = spline_samples(points, closed=True)
    np.testing.assert_allclose(spline_samples(moved, closed=True), curve @ matrix[:2, :2].T + matrix[:2, 2], atol=1e-9)


def test_coincident_neighbours_fall_back_to_the_points() -> None:
    points = np.array([[0.0, 0.0], [5.0, 0.0], [5.0, 0.0], [9.0, 3.0]])
    np.testing.assert_array_equal(spline_samples(points, closed=False), points)
