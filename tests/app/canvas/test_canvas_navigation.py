"""The picture: levels, zoom to the cursor, pan, fit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QInputDevice, QPixmap, QPointingDevice, QPointingDeviceUniqueId, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.canvas.image import ImagePyramid, heat_image, image_from_array

LEFT, MIDDLE, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton


NO_KEY = Qt.KeyboardModifier.NoModifier


def wheel(view, at: QPointF, steps: float, keys=NO_KEY, pixels: QPoint | None = None, device=None) -> None:
    viewport, angle = view.viewport(), QPoint(0, round(120 * steps))
    arguments = [at, viewport.mapToGlobal(at), pixels or QPoint(), angle, Qt.MouseButton.NoButton, keys]
    arguments += [Qt.ScrollPhase.NoScrollPhase, False]
    if device is not None:
        arguments += [Qt.MouseEventSource.MouseEventNotSynthesized, device]
    QApplication.sendEvent(viewport, QWheelEvent(*arguments))


def drag(view, button, start: QPoint, end: QPoint) -> None:
    QTest.mousePress(view.viewport(), button, pos=start)
    QTest.mouseMove(view.viewport(), (start + end) / 2)
    QTest.mouseMove(view.viewport(), end)
    QTest.mouseRelease(view.viewport(), button, pos=end)


def centre(view) -> QPointF:
    return view.to_image(QPointF(view.viewport().width() / 2, view.viewport().height() / 2))


def test_numpy_becomes_an_image_that_owns_its_pixels() -> None:
    pixels = np.zeros((4, 5, 3), np.uint8)
    pixels[2, 3] = (10, 20, 30)
    image = image_from_array(pixels[:, ::-1])
    pixels[:] = 255
    assert (image.width(), image.height()) == (5, 4)
    assert image.pixelColor(1, 2) == QColor(10, 20, 30)
    assert image.pixelColor(0, 0) == QColor(0, 0, 0)
    with pytest.raises(ValueError, match="uint8"):
        image_from_array(np.zeros((4, 5), np.uint8))


def test_levels_are_means_of_four_and_only_as_small_as_needed() -> None:
    pixels = np.zeros((512, 512, 3), np.uint8)
    pixels[::2, ::2] = 200
    pyramid = ImagePyramid(image_from_array(pixels))
    assert pyramid.level(1.0).width() == 512
    assert pyramid.level(0.51).width() == 512
    half = pyramid.level(0.5)
    assert half.width() == 256
    assert abs(half.pixelColor(100, 100).red() - 50) <= 1
    assert pyramid.level(0.2).width() == 128
    assert pyramid.level(1e-6).width() == 64  # the smallest kept


def test_heatmap_colours() -> None:
    picture = heat_image(np.array([[0.0, 1.0], [np.nan, 4.0]]))
    assert picture.pixelColor(0, 0).alpha() == 0
    assert picture.pixelColor(0, 1).alpha() == 0
    assert 0 < picture.pixelColor(1, 0).alpha() < picture.pixelColor(1, 1).alpha()
    assert heat_image(np.zeros((2, 2))).pixelColor(1, 1).alpha() == 0
    with pytest.raises(ValueError, match="heatmap"):
        heat_image(np.zeros((2, 2, 3)))


def test_new_image_is_fitted_and_stays_so_when_resized(canvas, qtbot) -> None:
    assert canvas.zoom == pytest.approx(min((800 - 24) / 400, (620 - 24) / 300))
    with qtbot.waitSignal(canvas.viewChanged):
        canvas.resize(500, 620)
    assert canvas.zoom == pytest.approx((500 - 24) / 400)
    middle = centre(canvas)
    assert (middle.x(), middle.y()) == pytest.approx((199.5, 149.5), abs=1)


def test_resize_keeps_the_middle_after_a_zoom(canvas) -> None:
    canvas.fit_rect(20, 30, 60, 70)
    before = centre(canvas)
    canvas.resize(600, 500)
    after = centre(canvas)
    assert (after.x(), after.y()) == pytest.approx((before.x(), before.y()), abs=1.5 / canvas.zoom)


@pytest.mark.parametrize("steps", [1, -1, 0.25, 7, -4])
@pytest.mark.parametrize("at", [QPointF(133, 410), QPointF(700, 95), QPointF(400, 300)])
def test_wheel_keeps_the_image_point_under_the_cursor(canvas, qtbot, steps, at) -> None:
    before, zoom = canvas.to_image(at), canvas.zoom
    with qtbot.waitSignal(canvas.viewChanged):
        wheel(canvas, at, steps)
    after = canvas.to_screen(before.x(), before.y())
    assert (after.x(), after.y()) == pytest.approx((at.x(), at.y()), abs=1)
    assert (canvas.zoom > zoom) == (steps > 0)


def test_zoom_has_limits(canvas) -> None:
    for _ in range(60):
        wheel(canvas, QPointF(100, 100), 2)
    assert canvas.zoom == 64
    for _ in range(80):
        wheel(canvas, QPointF(100, 100), -2)
    assert 0.1 < canvas.zoom < 1
    canvas.set_zoom(math.nan)
    canvas.set_zoom(-1)
    assert 0.1 < canvas.zoom < 1


def test_touchpad_pans_and_zooms_with_control(canvas) -> None:
    canvas.set_zoom(4)
    kind, pointer = QInputDevice.DeviceType.TouchPad, QPointingDevice.PointerType.Finger
    can = QInputDevice.Capability.Position | QInputDevice.Capability.PixelScroll
    pad = QPointingDevice("pad", 77, kind, pointer, can, 2, 0, "", QPointingDeviceUniqueId())
    before, zoom = centre(canvas), canvas.zoom
    wheel(canvas, QPointF(300, 300), 0.2, pixels=QPoint(16, 24), device=pad)
    after = centre(canvas)
    assert canvas.zoom == zoom
    assert (after.x() - before.x(), after.y() - before.y()) == pytest.approx((-4, -6))
    wheel(canvas, QPointF(300, 300), 0.2, Qt.KeyboardModifier.ControlModifier, QPoint(16, 24), pad)
    assert canvas.zoom > zoom


@pytest.mark.parametrize("button", [MIDDLE, RIGHT, LEFT])
def test_drag_beside_points_pans(canvas, button) -> None:
    canvas.set_zoom(5)
    before = centre(canvas)
    drag(canvas, button, QPoint(400, 300), QPoint(450, 280))
    after = centre(canvas)
    assert (after.x() - before.x(), after.y() - before.y()) == pytest.approx((-10, 4))


def test_space_turns_the_left_button_into_a_hand(canvas, make_face, qtbot) -> None:
    canvas.set_faces([make_face()])
    place = canvas.to_screen(100, 100).toPoint()
    before = centre(canvas)
    with qtbot.assertNotEmitted(canvas.pointMoved):
        QTest.keyPress(canvas, Qt.Key.Key_Space)
        assert canvas.viewport().cursor().shape() == Qt.CursorShape.OpenHandCursor
        drag(canvas, LEFT, place, place + QPoint(40, 0))
        QTest.keyRelease(canvas, Qt.Key.Key_Space)
    assert centre(canvas).x() < before.x() - 10
    assert canvas.selection == (None, ())


def test_keys_zoom_and_fit(canvas) -> None:
    fitted = canvas.zoom
    QTest.keyClick(canvas, Qt.Key.Key_Plus)
    assert canvas.zoom == pytest.approx(fitted * 1.25)
    QTest.keyClick(canvas, Qt.Key.Key_Minus)
    QTest.keyClick(canvas, Qt.Key.Key_Minus)
    assert canvas.zoom == pytest.approx(fitted / 1.25)
    QTest.keyClick(canvas, Qt.Key.Key_0)
    assert canvas.zoom == pytest.approx(fitted)
    canvas.actual_size()
    assert canvas.zoom == 1


def test_view_state_comes_back(canvas) -> None:
    canvas.fit_rect(200, 100, 260, 150)
    state = canvas.view_state()
    canvas.fit_image()
    canvas.restore_view(state)
    assert canvas.view_state() == pytest.approx(state, abs=1 / canvas.zoom)


def test_reduced_picture_is_stretched_over_the_image(canvas) -> None:
    small = QImage(100, 75, QImage.Format.Format_RGB32)
    small.fill(QColor("#204060"))
    small.setPixelColor(50, 30, QColor("#ffffff"))
    canvas.set_image(QPixmap.fromImage(small), 4000, 3000)
    assert canvas.image_rect.width() == 4000
    canvas.restore_view((1.0, 2019.5, 1219.5))  # the white pixel covers 2000..2040 x 1200..1240
    seen = canvas.grab().toImage()
    assert seen.pixelColor(400, 310).lightness() > 245
    assert seen.pixelColor(100, 100) == QColor("#204060")


def test_pixels_are_sharp_and_in_place_when_close(canvas) -> None:
    pixels = np.zeros((300, 400, 3), np.uint8)
    pixels[120, 200] = 255
    canvas.set_image(image_from_array(pixels))
    canvas.restore_view((32.0, 200.0, 120.0))
    seen = canvas.grab().toImage()
    place = canvas.to_screen(200, 120)
    for dx, dy, white in ((0, 0, True), (14, 14, True), (-14, 14, True), (18, 0, False), (0, -18, False)):
        colour = seen.pixelColor(round(place.x() + dx), round(place.y() + dy))
        assert (colour.red() > 250) == white
        assert colour.red() in range(6) or colour.red() in range(250, 256)


def test_cursor_place_is_told_in_image_px(canvas, qtbot) -> None:
    with qtbot.waitSignal(canvas.cursorMoved) as moved:
        QTest.mouseMove(canvas.viewport(), canvas.to_screen(50, 60).toPoint())
    assert moved.args == pytest.approx([50, 60], abs=0.5)


def test_canvas_without_image_ignores_everything(canvas, qtbot) -> None:
    canvas.set_image(None)
    assert not canvas.has_image
    wheel(canvas, QPointF(10, 10), 1)
    drag(canvas, LEFT, QPoint(10, 10), QPoint(90, 90))
    QTest.keyClick(canvas, Qt.Key.Key_Plus)
    canvas.fit_rect(0, 0, 10, 10)
    assert canvas.zoom == 1
    canvas.grab()


def test_background_follows_the_theme(canvas) -> None:
    palette = canvas.palette()
    seen = {}
    for window in ("#101010", "#f0f0f0"):
        palette.setColor(palette.ColorRole.Window, QColor(window))
        canvas.setPalette(palette)
        seen[window] = canvas.grab().toImage().pixelColor(2, 2).lightness()
    assert seen["#101010"] < 60 < 180 < seen["#f0f0f0"]
