"""How long the canvas takes to follow dragged points: `python benchmarks/canvas_drag.py` prints percentiles in ms.

A 12-megapixel photo, one face of 98 points with 1, 2 and 3-sigma ellipses, label and prediction, painted in software
into a 1600 x 1000 window (`--scale 2`: on a screen of twice the resolution). Each step is a real mouse event and the
repaint it causes, callout included. In the soft drag neighbours along the curve follow, all layers are on, deviations
are split, and the loupe is beside the point; so it is where all points are selected and dragged together.
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

from PySide6.QtCore import QEvent, QPointF, Qt, QThreadPool
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from app.canvas.adjust import Adjustment
from app.canvas.image import ImagePyramid, image_from_array
from app.canvas.model import FaceView, Layers
from app.canvas.view import CanvasView
from core.face import Box, Label, Prediction
from core.scheme import Scheme, get_scheme

SIZE = (4000, 3000)
FRAME_MS = 16
SOFT_RADIUS = 8.0


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


Time = tuple[float, float]
"""Milliseconds on the clock, and of the processor for this thread: the two differ where others use the machine."""


def timed(step: Callable[[], object]) -> Time:
    """Time for `step` and the repaint it asks for."""
    start, work = time.perf_counter(), time.thread_time()
    step()
    QApplication.sendPostedEvents()
    QApplication.processEvents()
    return (time.perf_counter() - start) * 1000, (time.thread_time() - work) * 1000


def report(what: str, times: list[Time]) -> None:
    """One line of percentiles."""
    wall, work = np.array(times).T
    ranks = (50, 95, 99)
    values = "  ".join(f"p{p} {value:5.1f}" for p, value in zip(ranks, np.percentile(wall, ranks), strict=True))
    p50, p95 = np.percentile(work, [50, 95])
    quick = np.mean(wall < FRAME_MS)
    print(f"{what:<36} {values} ms  {quick:4.0%} under {FRAME_MS} ms   (processor p50 {p50:5.1f}  p95 {p95:5.1f})")


def drag(view: CanvasView, index: int, steps: int) -> list[Time]:
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


def soft_drag(view: CanvasView, index: int, steps: int) -> list[Time]:
    """As `drag`, while neighbours along the curve follow and the loupe shows the point."""

    def look(_face: str, _index: int, x: float, y: float) -> None:
        view.loupe.look(QPointF(x, y), view.to_screen(x, y), index, view.callout.geometry())

    view.set_soft(SOFT_RADIUS)
    view.pointDragging.connect(look)
    times = drag(view, index, steps)
    view.pointDragging.disconnect(look)
    view.loupe.hide()
    view.set_soft(0)
    return times


def drag_all(view: CanvasView, index: int, steps: int) -> list[Time]:
    """As `soft_drag`, with every point of the face selected."""
    view.select_all()
    times = soft_drag(view, index, steps)
    view.set_selection(None, ())
    QApplication.processEvents()
    return times


def repaint(view: CanvasView, face: FaceView) -> None:
    """Everything anew: the photo scaled, the face as after an edit."""
    view.resetCachedContent()
    view.update_face(face)
    view.viewport().update()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--scale", type=float, default=1.0, help="device pixels a pixel of the window")
    options = parser.parse_args()
    steps = options.steps
    os.environ["QT_SCALE_FACTOR"] = str(options.scale)
    app = QApplication([])
    width, height = SIZE
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    pyramid = ImagePyramid(image_from_array(pixels))
    view = CanvasView()
    view.resize(1600, 1000)
    view.show()
    print("first image, levels included       ", f"{timed(lambda: view.set_image(pyramid, width, height))[0]:.1f} ms")
    view.set_layers(Layers(numbers=True, ambiguous_threshold=2.5))
    face = make_face(get_scheme("wflw-98"), (2000, 1500), 900)
    print("first face                         ", f"{timed(lambda: view.set_faces([face]))[0]:.1f} ms")
    report("drag a jaw point, whole image", drag(view, 16, steps))
    report("drag an inner point, whole image", drag(view, 60, steps))
    view.fit_point("face", 60)
    QApplication.processEvents()
    report("drag an inner point, close", drag(view, 60, steps))
    view.fit_face()
    QApplication.processEvents()
    view.set_layers(Layers(numbers=True, names=True, split=True, ambiguous_threshold=2.5))
    report("soft drag, all layers, loupe", soft_drag(view, 60, steps))
    report("all points, all layers, loupe", drag_all(view, 60, steps))
    view.set_adjustment(Adjustment(0.1, 0.2, 1.4))
    QThreadPool.globalInstance().waitForDone()
    QApplication.processEvents()
    report("soft drag, adjusted tones", soft_drag(view, 16, steps))
    report("all points, adjusted tones", drag_all(view, 16, steps))
    tones = [Adjustment(i / 99) for i in range(steps // 5)]
    report("change of tones", [timed(lambda t=t: view.set_adjustment(t)) for t in tones])  # type: ignore[misc]
    QThreadPool.globalInstance().waitForDone()
    view.set_adjustment(Adjustment())
    report("repaint everything", [timed(view.viewport().update) for _ in range(steps // 3)])
    report("paint everything anew", [timed(lambda: repaint(view, face)) for _ in range(steps // 3)])
    report("zoom one step", [timed(view.zoom_in if i % 2 else view.zoom_out) for i in range(steps // 3)])
    report("pan", [timed(lambda i=i: view.pan(9 if i % 2 else -9, 4)) for i in range(steps // 3)])  # type: ignore[misc]
    del app


if __name__ == "__main__":
    main()
