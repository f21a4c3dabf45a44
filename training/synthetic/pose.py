"""The camera, and where the head is before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def rotation(yaw: float, pitch: float, roll: float) -> FloatArray:
    """(3, 3) head to camera axes: roll about the line of sight after pitch after yaw; all in degrees.

    Positive yaw turns the face to the viewer's right, positive pitch lifts it, positive roll tilts the head clockwise
    as the viewer sees it.
    """
    y, p, r = np.radians([yaw, pitch, roll])
    turn = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    nod = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    tilt = np.array([[np.cos(r), np.sin(r), 0], [-np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return tilt @ nod @ turn


@dataclass(frozen=True, slots=True)
class View:
    """A pinhole camera and the head's pose before it.

    Camera axes are those of OpenGL: +x to the right, +y up, and the camera looks along -z. Image coordinates are the
    project's: px, x to the right, y down, the centre of the top-left pixel at (0, 0), so that a picture covers
    [-0.5, width - 0.5] x [-0.5, height - 0.5].

    Attributes:
        width, height: of the picture, px.
        focal: px.
        centre: the principal point (x, y), image px.
        yaw, pitch, roll: degrees, see `rotation`.
        place: (x, y, z) cm in camera axes of the head's origin; z is negative.
    """

    width: int
    height: int
    focal: float
    centre: tuple[float, float]
    yaw: float
    pitch: float
    roll: float
    place: tuple[float, float, float]

    @property
    def distance(self) -> float:
        """cm from the camera's plane to the head's origin."""
        return -self.place[2]

    @property
    def turn(self) -> FloatArray:
        """(3, 3) head to camera axes."""
        return rotation(self.yaw, self.pitch, self.roll)

    def to_camera(self, points: NDArray[np.floating]) -> FloatArray:
        """(N, 3) cm in camera axes of head coordinates (N, 3)."""
        return np.asarray(points, np.float64) @ self.turn.T + np.array(self.place)

    def project(self, points: NDArray[np.floating]) -> FloatArray:
        """(N, 2) image px of head coordinates (N, 3), cm."""
        return self.to_image(self.to_camera(points))

    def to_image(self, points: FloatArray) -> FloatArray:
        """(N, 2) image px of points (N, 3) in camera axes, cm, before the camera."""
        scale = self.focal / -points[:, 2]
        return np.stack([self.centre[0] + scale * points[:, 0], self.centre[1] - scale * points[:, 1]], axis=1)

    def inside(self, points: FloatArray) -> NDArray[np.bool_]:
        """(N,) which image points (N, 2) lie in the picture."""
        low = (points >= -0.5).all(axis=1)
        return low & (points[:, 0] <= self.width - 0.5) & (points[:, 1] <= self.height - 0.5)

    def camera_matrix(self) -> FloatArray:
        """(4, 4) head coordinates to camera axes, for column vectors."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.turn
        matrix[:3, 3] = self.place
        return matrix

    def clip_matrix(self, near: float = 5.0, far: float = 2000.0) -> FloatArray:
        """(4, 4) camera axes to OpenGL's clip coordinates, for column vectors and pictures whose first row is on top.

        Row 0 of the picture is the top row of the frame buffer as glReadPixels numbers it from the bottom: flip it
        after reading. A pixel's centre has the image coordinate that `project` gives, since px = (ndc + 1) / 2 * width
        - 0.5.
        """
        w, h = self.width, self.height
        matrix = np.zeros((4, 4))
        matrix[0, 0] = 2 * self.focal / w
        matrix[0, 2] = 1 - 2 * (self.centre[0] + 0.5) / w
        matrix[1, 1] = 2 * self.focal / h
        matrix[1, 2] = 2 * (self.centre[1] + 0.5) / h - 1
        matrix[2, 2] = (far + near) / (near - far)
        matrix[2, 3] = 2 * far * near / (near - far)
        matrix[3, 2] = -1
        return matrix
