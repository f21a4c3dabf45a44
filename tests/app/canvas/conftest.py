"""A canvas with one generated photo, and faces of a small scheme to put on it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from app.canvas.image import image_from_array
from app.canvas.model import FaceView
from app.canvas.view import CanvasView
from core.face import Box, Label, Prediction
from core.scheme import Normaliser, Region, Scheme

IMAGE_SIZE = (400, 300)
POINTS = np.array([[100.0, 100.0], [140.0, 90.0], [180.0, 100.0], [220.0, 140.0], [150.0, 180.0], [110.0, 170.0]])

MakeFace = Callable[..., FaceView]


@pytest.fixture(scope="session")
def scheme() -> Scheme:
    """Six points: an open brow of four, a closed triangle sharing one of them."""
    regions = (
        Region("brow", (0, 1, 2, 3), closed=False, edge=True, edge_closed=False),
        Region("mouth", (3, 4, 5), closed=True, edge=True, edge_closed=True),
    )
    names = ("brow 1", "brow 2", "brow 3", "corner", "chin", "cheek")
    return Scheme("test-6", "Test", names, regions, (0, 1, 2, 3, 4, 5), (Normaliser("width", (0,), (3,)),))


@pytest.fixture
def make_face(scheme: Scheme) -> MakeFace:
    """make_face(face_id, shift, label=True, predicted=True, active=True) of the points above."""

    def make(
        face_id: str = "a", shift: float = 0.0, *, label: bool = True, predicted: bool = True, active: bool = True
    ) -> FaceView:
        points = POINTS + shift
        count = len(points)
        covariance = np.tile(np.diag([36.0, 4.0]), (count, 1, 1))
        covariance[5] = np.diag([9.0, 9.0])
        prediction = Prediction(
            scheme.id,
            points + np.array([12.0, 8.0]),
            covariance,
            np.ones(count),
            np.ones(count),
            np.full((count, 2), np.nan),
            np.zeros(count),
            np.array([1.0, 0.0, 0.0]),
        )
        return FaceView(
            face_id,
            scheme,
            Box(points[:, 0].min() - 20, points[:, 1].min() - 20, 160, 140),
            Label(scheme.id, points) if label else None,
            prediction if predicted else None,
            active,
        )

    return make


@pytest.fixture
def photo() -> QImage:
    """A grey photo with a soft pattern, 400 x 300."""
    width, height = IMAGE_SIZE
    y, x = np.mgrid[:height, :width]
    grey = (90 + 20 * np.sin(x / 9) + 20 * np.cos(y / 7)).astype(np.uint8)
    return image_from_array(np.repeat(grey[:, :, None], 3, axis=2))


@pytest.fixture
def canvas(qtbot: QtBot, photo: QImage) -> CanvasView:
    """A shown canvas, 800 x 620, with the photo fitted."""
    view = CanvasView()
    qtbot.addWidget(view)
    view.resize(800, 620)
    view.show()
    qtbot.waitExposed(view)
    view.set_image(photo, *IMAGE_SIZE)
    return view
