"""Landmarks: where the schemes say, on both sides alike, on the outline, hidden or not."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from core.errors import StarmarkError
from core.face import Visibility
from core.scheme import get_scheme
from tests.training.synthetic.conftest import AVERAGE
from training.synthetic.heads import Expression, HeadParams, build_head
from training.synthetic.landmarks import SCHEMES, face_label, face_landmarks
from training.synthetic.mesh import HeadMesh
from training.synthetic.population import before_camera, sample_head, sample_view
from training.synthetic.pose import View
from training.synthetic.surface_curves import brow_outline, locate, surface_curves

PX_CM = 20.0


def seen(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> View:
    return View(640, 640, 200 * PX_CM, (319.5, 319.5), yaw, pitch, roll, (0, 4, -200))


def face_mask(mesh: HeadMesh, view: View) -> np.ndarray:
    """(H, W) 1 where the skin of the face covers the picture: without ears, neck, nose and lips' red."""
    off = mesh.masks["ears"] + mesh.masks["neck"] + (mesh.rest[:, 1] < -11.1) + (mesh.rest[:, 2] < -5.2)
    triangles = mesh.of_part("skin")
    triangles = triangles[(off[triangles] < 0.5).all(axis=1)]
    place = view.project(mesh.vertices)
    mask = np.zeros((view.height, view.width), np.uint8)
    for corners in place[triangles]:
        cv2.fillConvexPoly(mask, np.round(corners * 16).astype(np.int32), 1, shift=4)
    return mask


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("pitch", "roll"), [(0, 0), (15, 0), (-15, 0)])
def test_a_plain_face_from_the_front_is_its_own_mirror_image(
    average_head: HeadMesh, scheme: str, pitch: float, roll: float
) -> None:
    found = face_landmarks(average_head, seen(pitch=pitch, roll=roll), scheme)
    mirrored = found.points[list(get_scheme(scheme).flip)]
    mirrored[:, 0] = 639 - mirrored[:, 0]
    np.testing.assert_allclose(mirrored, found.points, atol=0.05 * PX_CM)
    assert (found.visibility == Visibility.VISIBLE).mean() > 0.95


@pytest.mark.parametrize("scheme", SCHEMES)
def test_mirrored_views_give_mirrored_points(average_head: HeadMesh, scheme: str) -> None:
    one = face_landmarks(average_head, seen(40, 5, 10), scheme).points
    other = face_landmarks(average_head, seen(-40, 5, -10), scheme).points[list(get_scheme(scheme).flip)]
    other[:, 0] = 639 - other[:, 0]
    np.testing.assert_allclose(one, other, atol=0.08 * PX_CM)


def test_points_are_ordered_as_on_a_face(average_head: HeadMesh) -> None:
    points = face_landmarks(average_head, seen(), "300w-68").points
    x, y = points[:, 0], points[:, 1]
    assert (np.diff(x[:17]) > 0).sum() >= 14 and y[8] == y[:17].max()
    assert (np.diff(x[17:27]) > 0).all() and (np.diff(y[27:31]) > 0).all() and (np.diff(x[31:36]) > 0).all()
    for region in get_scheme("300w-68").regions:
        if region.closed:  # clockwise in the picture
            ring = points[list(region.indices)]
            turned = np.roll(ring, -1, axis=0)
            assert (ring[:, 0] * turned[:, 1] - ring[:, 1] * turned[:, 0]).sum() > 0
    assert y[19] < y[37] < y[30] < y[33] < y[51] < y[57] < y[8]


def test_the_two_schemes_agree_where_they_mean_the_same(average_head: HeadMesh) -> None:
    view = seen(25, -10)
    small, large = (face_landmarks(average_head, view, scheme).points for scheme in SCHEMES)
    same = {8: 16, 0: 0, 16: 32, 30: 54, 33: 57, 36: 60, 39: 64, 42: 68, 45: 72, 48: 76, 54: 82, 51: 79, 57: 85, 62: 90}
    np.testing.assert_allclose(small[list(same)], large[list(same.values())], atol=0.1)


def test_corners_of_the_eyes_are_the_ends_of_the_lids() -> None:
    """Closed lids meet along their whole length, and at the corners always."""
    shut = build_head(HeadParams(AVERAGE, Expression((("eyeBlinkLeft", 1.0), ("eyeBlinkRight", 1.0)))))
    wide = build_head(HeadParams(AVERAGE, Expression()))
    curves = surface_curves()
    for side in (curves.right, curves.left):
        for mesh in (shut, wide):
            upper, lower = side["upper lid"].on(mesh), side["lower lid"].on(mesh)
            np.testing.assert_allclose(upper[[0, -1]], lower[[0, -1]])
    lids = [face_landmarks(mesh, seen(), "wflw-98").points[[62, 66]] for mesh in (shut, wide)]
    closed, opened = (np.linalg.norm(upper - lower) for upper, lower in lids)
    assert closed < 0.15 * opened


@pytest.mark.parametrize("yaw", [-60, -35, 35, 60])
def test_the_far_cheek_is_labelled_on_its_outline(average_head: HeadMesh, yaw: float) -> None:
    view = seen(yaw)
    found = face_landmarks(average_head, view, "wflw-98")
    far = found.points[20:30] if yaw > 0 else found.points[3:13]
    mask = face_mask(average_head, view)
    border = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    outline = max(border, key=cv2.contourArea)
    off = np.array([abs(cv2.pointPolygonTest(outline, (float(x), float(y)), True)) for x, y in far])
    if abs(yaw) == 60:  # nose and lips stand before the cheek's outline there; chin and cheekbone do not
        off = np.sort(off)[:5]
    assert off.max() < 0.25 * PX_CM


def test_the_edge_of_the_face_wanders_with_the_view(average_head: HeadMesh) -> None:
    front, turned = (face_landmarks(average_head, seen(yaw), "300w-68").space for yaw in (0, 50))
    moved = np.linalg.norm(front - turned, axis=1)
    assert moved[10:16].min() > 1.0  # the far cheek
    assert moved[17:].max() < 1e-9  # what is fixed to the skin
    assert moved[0] < 1.0


def test_jaw_points_of_wflw_are_evenly_spaced(average_head: HeadMesh) -> None:
    points = face_landmarks(average_head, seen(30), "wflw-98").points[:33]
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    for side in (steps[:16], steps[16:]):
        assert side.std() < 0.06 * side.mean()


@pytest.mark.parametrize("yaw", [-90, 90])
def test_a_profile_hides_the_far_eye(average_head: HeadMesh, yaw: float) -> None:
    found = face_landmarks(average_head, seen(yaw), "wflw-98")
    far, near = ((96, 64, 68), (97,)) if yaw < 0 else ((97, 68), (96,))
    far_eye = range(60, 68) if yaw < 0 else range(68, 76)
    assert (found.visibility[list(far_eye)] == Visibility.OCCLUDED).mean() > 0.7
    assert found.visibility[far[0]] == Visibility.OCCLUDED
    assert found.visibility[near[0]] == Visibility.VISIBLE
    assert found.visibility[54] == found.visibility[16] == Visibility.VISIBLE  # the tip of the nose, the chin


def test_closed_lids_hide_the_pupil() -> None:
    shut = build_head(HeadParams(AVERAGE, Expression((("eyeBlinkRight", 1.0),))))
    visibility = face_landmarks(shut, seen(), "wflw-98").visibility
    assert visibility[96] == Visibility.OCCLUDED
    assert visibility[97] == Visibility.VISIBLE


def test_points_beside_the_picture_are_said_to_be(average_head: HeadMesh) -> None:
    view = replace(seen(), place=(-16.0, 4.0, -200.0))
    found = face_landmarks(average_head, view, "300w-68")
    outside = found.points[:, 0] < -0.5
    assert outside.any() and not outside.all()
    np.testing.assert_array_equal(found.visibility == Visibility.OUTSIDE, outside)


def test_labels_of_all_schemes_are_valid(average_head: HeadMesh) -> None:
    for scheme in (*SCHEMES, "cofw-29", "face-5"):
        label = face_label(average_head, seen(20), scheme)
        assert len(label) == len(get_scheme(scheme)) and np.isfinite(label.points).all()
    with pytest.raises(StarmarkError, match="face-5"):
        face_landmarks(average_head, seen(), "face-5")


def test_the_same_seed_is_the_same_label() -> None:
    def label(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        params, view = sample_head(rng), sample_view(rng, 256, 256)
        return face_landmarks(build_head(before_camera(params, view, rng)), view, "300w-68").points

    np.testing.assert_array_equal(label(11), label(11))
    assert np.abs(label(11) - label(12)).max() > 1


def test_brows_lie_between_their_edges() -> None:
    right, left = brow_outline()
    np.testing.assert_allclose(right * [-1, 1], left)
    curves = surface_curves()
    for side in (curves.right, curves.left):
        heights = [side[name].weights.shape for name in ("brow", "brow upper", "brow lower")]
        assert len(set(heights)) == 1


def test_locate_finds_the_triangle_and_says_where_there_is_none() -> None:
    plane = np.array([[0, 0], [2, 0], [0, 2], [2, 2]], np.float32)
    triangles = np.array([[0, 1, 2], [1, 3, 2]], np.int32)
    corners, weights = locate(plane, triangles, np.array([[0.5, 0.5], [1.5, 1.5]]))
    assert corners.tolist() == triangles.tolist()
    np.testing.assert_allclose(weights, [[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]])
    with pytest.raises(ValueError, match="no triangle"):
        locate(plane, triangles, np.array([[3.0, 3.0]]))
