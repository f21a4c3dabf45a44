"""How long the canvas takes to follow a dragged point: `python benchmarks/canvas_drag.py` prints p50 and p95 in ms.

A 12-megapixel photo, one face of 98 points with 1, 2 and 3-sigma ellipses, label and prediction, painted in software
into a 1600 x 1000 window. Each step is a real mouse event and the repaint it causes, callout included.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from app.canvas.image import ImagePyramid, image_from_array
from app.canvas.model import FaceView, Layers
from app.canvas.view import CanvasView
from core.face import Box, Label, Prediction
from core.scheme import Scheme, get_scheme

SIZE = (4000, 3000)


def make_face(scheme: Scheme, centre: tuple[float, float], radius: float, seed: int = 0) -> FaceView:
    """A face-sized cloud: an arc for the jaw, rows of points inside, ellipses along the rows; image px."""
    rng = np.random.default_rng(seed)
    count = len(scheme)
    points = np.empty((count, 2))
    turn = np.linspace(0.05 * math.pi, 0.95 * math.pi, 33)
    points[:33] = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    rest = np.arange(count - 33)
    points[33:] = np.stack([-0.6 + 0.12 * (rest % 11), -0.5 + 0.2 * (rest // 11)], axis=1)
    points = np.array(centre) + radius * points
    angle = rng.uniform(-math.pi, math.pi, count)
    axis = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    long, short = radius * rng.uniform(0.02, 0.05, count), radius * 0.012
    covariance = (long**2 - short**2)[:, None, None] * axis[:, :, None] * axis[:, None, :] + short**2 * np.eye(2)
    mean = points + rng.normal(0, radius * 0.02, points.shape)
    nothing = np.zeros(count)
    prediction = Prediction(
        scheme.id,
        mean,
        covariance,
        nothing + 1,
        nothing + 1,
        np.full((count, 2), np.nan),
        nothing,
        np.array([1.0, 0, 0]),
    )
    return FaceView("face", scheme, Box.around(points), Label(scheme.id, points), prediction, active=True)


def send(view: CanvasView, kind: QEvent.Type, at: QPointF, buttons: Qt.MouseButton) -> None:
    """Deliver one left-button mouse event, viewport px."""
    button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else Qt.MouseButton.LeftButton
    event = QMouseEvent(kind, at, view.viewport().mapToGlobal(at), button, buttons, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(view.viewport(), event)


def timed(step: Callable[[], object]) -> float:
    """Milliseconds for `step` and the repaint it asks for."""
    start = time.perf_counter()
    step()
    QApplication.sendPostedEvents()
    QApplication.processEvents()
    return (time.perf_counter() - start) * 1000


def report(what: str, times: list[float]) -> None:
    """One line of percentiles."""
    p50, p95 = np.percentile(times, [50, 95])
    print(f"{what:<34} p50 {p50:6.1f} ms   p95 {p95:6.1f} ms   n {len(times)}")


def drag(view: CanvasView, index: int, steps: int) -> list[float]:
    """Drag one point around a small circle."""
    label = view.faces[0].label
    assert label is not None
    start = view.to_screen(*label.points[index].tolist())
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    send(view, QEvent.Type.MouseMove, start, none)
    send(view, QEvent.Type.MouseButtonPress, start, left)
    QApplication.processEvents()
    times = []
    for i in range(steps):
        place = start + QPointF(8 + 25 * math.sin(i / 7), 25 * math.cos(i / 7))
        times.append(timed(lambda place=place: send(view, QEvent.Type.MouseMove, place, left)))  # type: ignore[misc]
    send(view, QEvent.Type.MouseButtonRelease, start + QPointF(8, 8), left)
    view.update_face(view.faces[0])
    QApplication.processEvents()
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=150)
    steps = parser.parse_args().steps
    app = QApplication([])
    width, height = SIZE
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    pyramid = ImagePyramid(image_from_array(pixels))
    view = CanvasView()
    view.resize(1600, 1000)
    view.show()
    print("first image, levels included       ", f"{timed(lambda: view.set_image(pyramid, width, height)):.1f} ms")
    view.set_layers(Layers(numbers=True, ambiguous_threshold=2.5))
    face = make_face(get_scheme("wflw-98"), (2000, 1500), 900)
    print("first face                         ", f"{timed(lambda: view.set_faces([face])):.1f} ms")
    report("drag a jaw point, whole image", drag(view, 16, steps))
    report("drag an inner point, whole image", drag(view, 60, steps))
    view.fit_point("face", 60)
    QApplication.processEvents()
    report("drag an inner point, close", drag(view, 60, steps))
    view.fit_face()
    report("repaint everything", [timed(view.viewport().update) for _ in range(steps // 3)])
    report("zoom one step", [timed(view.zoom_in if i % 2 else view.zoom_out) for i in range(steps // 3)])
    report("pan", [timed(lambda i=i: view.pan(9 if i % 2 else -9, 4)) for i in range(steps // 3)])  # type: ignore[misc]
    del app


if __name__ == "__main__":
    main()
