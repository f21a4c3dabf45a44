"""The camera: conventions of the project and of OpenGL at once."""

from __future__ import annotations

import numpy as np
import pytest

from training.synthetic.population import before_camera, sample_head, sample_view
from training.synthetic.pose import View, rotation

PLAIN = View(640, 480, 800.0, (319.5, 239.5), 0, 0, 0, (0, 0, -100))


def test_known_points_are_projected_to_known_pixels() -> None:
    points = np.array([[0, 0, 0], [10, 0, 0], [0, 10, 0], [0, 0, 20.0]])
    expected = [[319.5, 239.5], [399.5, 239.5], [319.5, 159.5], [319.5, 239.5]]
    np.testing.assert_allclose(PLAIN.project(points), expected)
    nearer = PLAIN.project(np.array([[10, 0, 20.0]]))
    np.testing.assert_allclose(nearer, [[319.5 + 800 * 10 / 80, 239.5]])


@pytest.mark.parametrize(
    ("angles", "forward"),
    [((90, 0, 0), [1, 0, 0]), ((0, 90, 0), [0, 1, 0]), ((-90, 0, 0), [-1, 0, 0])],
)
def test_the_face_looks_where_yaw_and_pitch_say(angles: tuple[float, float, float], forward: list[float]) -> None:
    np.testing.assert_allclose(rotation(*angles) @ [0, 0, 1], forward, atol=1e-12)


def test_positive_roll_is_clockwise() -> None:
    np.testing.assert_allclose(rotation(0, 0, 90) @ [0, 1, 0], [1, 0, 0], atol=1e-12)


def test_clip_coordinates_mean_the_same_pixels() -> None:
    rng = np.random.default_rng(0)
    view = View(300, 200, 450.0, (130.2, 120.9), 33, -12, 8, (3, -2, -70))
    points = rng.normal(0, 8, (50, 3))
    clip = np.c_[points, np.ones(50)] @ (view.clip_matrix() @ view.camera_matrix()).T
    ndc = clip[:, :3] / clip[:, 3:]
    pixels = np.stack([(ndc[:, 0] + 1) / 2 * 300 - 0.5, (1 - ndc[:, 1]) / 2 * 200 - 0.5], axis=1)
    np.testing.assert_allclose(pixels, view.project(points), atol=1e-9)
    assert (np.abs(ndc[:, 2]) < 1).all()
    depth = -view.to_camera(points)[:, 2]
    np.testing.assert_array_equal(np.argsort(ndc[:, 2]), np.argsort(depth))


def test_the_border_of_the_picture_is_half_a_pixel_out() -> None:
    points = np.array([[-0.5, -0.5], [-0.51, 0], [639.5, 479.5], [0, 479.6]])
    assert PLAIN.inside(points).tolist() == [True, False, True, False]


def test_sampled_faces_lie_in_the_picture() -> None:
    yaws = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        view = sample_view(rng, 320, 240)
        middle = view.project(np.array([[0.0, -4.0, 0.0]]))[0]
        assert np.all(np.abs(middle - (159.5, 119.5)) < (90, 65))
        brow, chin = view.project(np.array([[0, 2.0, 0], [0, -11.0, 0]]))
        assert np.linalg.norm(brow - chin) < 0.75 * 240
        yaws.append(abs(view.yaw))
        assert 30 < view.distance < 410
    assert max(yaws) > 70 and np.median(yaws) < 25


def test_body_and_gaze_follow_the_view() -> None:
    rng = np.random.default_rng(3)
    view = View(320, 240, 800.0, (159.5, 119.5), 50, 0, 0, (0, 0, -100))
    params = [before_camera(sample_head(rng), view, rng) for _ in range(20)]
    assert all(-60 <= one.expression.body[0] < 0 for one in params)
    looking = sum(one.expression.gaze_yaw < -18 for one in params)
    assert 3 < looking < 17
