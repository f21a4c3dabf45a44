"""What is on the screen: marks in their places, layers, and repaints of a part that equal those of the whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from app.canvas import palette
from app.canvas.image import image_from_array
from app.canvas.model import FaceView, Layers
from app.canvas.overlays import plain, signed
from app.theme import apply_theme
from core.face import Box, Label
from core.scheme import get_scheme

BARE = Layers(points=False, curves=False, ellipses=False, deviations=False, boxes=False, legend=False)


def pixels(image: QImage) -> np.ndarray:
    """(H, W, 3) int16 RGB."""
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(np.int16)


def shot(view) -> np.ndarray:
    return pixels(view.grab().toImage())


def near(picture: np.ndarray, place: QPoint, rgb: palette.RGB, reach: int = 1, tolerance: int = 24) -> bool:
    """Whether a pixel within `reach` of `place` has about this colour."""
    x, y = place.x(), place.y()
    patch = picture[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1]
    return bool((np.abs(patch - np.array(rgb)).max(axis=2) <= tolerance).any())


def at(view, x: float, y: float) -> QPoint:
    return view.to_screen(x, y).toPoint()


@pytest.fixture
def plain_canvas(canvas):
    """The canvas with a uniform grey photo and no layers."""
    canvas.set_image(image_from_array(np.full((300, 400, 3), 100, np.uint8)), 400, 300)
    canvas.set_layers(BARE)
    return canvas


def changed_area(view, layers: Layers) -> int:
    """Number of pixels that differ between no layers and `layers`."""
    view.set_layers(BARE)
    before = shot(view)
    view.set_layers(layers)
    return int((shot(view) != before).any(axis=2).sum())


def test_label_is_a_disc_and_prediction_a_cross(plain_canvas, make_face) -> None:
    plain_canvas.set_faces([make_face()])
    plain_canvas.set_layers(replace(BARE, points=True, point_size=11))
    picture = shot(plain_canvas)
    label, mean = at(plain_canvas, 100, 100), at(plain_canvas, 112, 108)
    assert near(picture, label, palette.LABEL)
    assert near(picture, mean, palette.PREDICTION)
    for corner in (QPoint(2, 2), QPoint(-2, 2)):
        assert near(picture, label + corner, palette.LABEL, reach=0)  # filled
        assert not near(picture, mean + corner, palette.PREDICTION, reach=0)  # two bars
    assert near(picture, label + QPoint(7, 0), palette.HALO, tolerance=60)


@pytest.mark.parametrize("name", ["points", "curves", "ellipses", "deviations", "boxes", "legend"])
def test_each_layer_draws_something_of_its_own(plain_canvas, make_face, name) -> None:
    plain_canvas.set_faces([make_face()])
    extra = {"points": True} if name == "legend" else {}
    base = changed_area(plain_canvas, replace(BARE, **extra)) if extra else 0
    assert changed_area(plain_canvas, replace(BARE, **extra, **{name: True})) > base + 50


def test_labels_and_predictions_are_switched_apart(plain_canvas, make_face) -> None:
    plain_canvas.set_faces([make_face()])
    plain_canvas.set_layers(replace(BARE, points=True, curves=True, deviations=True, labels=False))
    picture = shot(plain_canvas)
    assert not near(picture, at(plain_canvas, 100, 100), palette.LABEL)
    assert near(picture, at(plain_canvas, 112, 108), palette.PREDICTION)
    plain_canvas.set_layers(replace(BARE, points=True, curves=True, deviations=True, predictions=False))
    picture = shot(plain_canvas)
    assert near(picture, at(plain_canvas, 100, 100), palette.LABEL)
    assert not near(picture, at(plain_canvas, 112, 108), palette.PREDICTION)


def test_ellipses_have_their_true_size_and_colour(plain_canvas, make_face) -> None:
    plain_canvas.set_faces([make_face(label=False)])
    plain_canvas.restore_view((8.0, 152.0, 98.0))
    plain_canvas.set_layers(replace(BARE, ellipses=True, predictions=False, sigma_levels=(2,)))
    picture = shot(plain_canvas)
    colour = palette.scale("viridis")[int(palette.steps(np.array(3.0)))]  # sigma 6 and 2, mean (152, 98)
    for x, y in ((152 + 12, 98), (152 - 12, 98), (152, 98 + 4), (152, 98 - 4)):
        assert near(picture, at(plain_canvas, x, y), colour, tolerance=60)
    assert not near(picture, at(plain_canvas, 152 + 9, 98), colour, tolerance=60)
    plain_canvas.set_layers(replace(BARE, ellipses=True, predictions=False, sigma_levels=(2,), ellipse_scale=0.5))
    assert near(shot(plain_canvas), at(plain_canvas, 152 + 6, 98), colour, tolerance=60)


def test_sigma_levels_are_drawn_as_asked(plain_canvas, make_face) -> None:
    plain_canvas.set_faces([make_face(label=False)])
    areas = [
        changed_area(plain_canvas, replace(BARE, ellipses=True, predictions=False, sigma_levels=levels))
        for levels in ((), (1,), (1, 2), (1, 2, 3))
    ]
    assert areas[0] == 0
    assert areas == sorted(set(areas))


def test_ambiguous_points_carry_their_mark(plain_canvas, make_face) -> None:
    plain_canvas.set_faces([make_face()])
    layers = replace(BARE, points=True)
    for threshold, expected in ((None, (False, False)), (2.0, (True, False)), (1.0, (True, True))):
        plain_canvas.set_layers(replace(layers, ambiguous_threshold=threshold))
        picture = shot(plain_canvas)
        places = (at(plain_canvas, 100, 100), at(plain_canvas, 110, 170))
        assert tuple(near(picture, place, palette.AMBIGUOUS, reach=12) for place in places) == expected


def test_selection_is_ringed(plain_canvas, make_face) -> None:
    plain_canvas.set_faces([make_face()])
    plain_canvas.set_layers(replace(BARE, points=True))
    plain_canvas.set_selection("a", (1,))
    picture = shot(plain_canvas)
    assert near(picture, at(plain_canvas, 140, 90) + QPoint(8, 0), palette.SELECTED)
    assert not near(picture, at(plain_canvas, 180, 100) + QPoint(8, 0), palette.SELECTED)


def test_heatmap_lies_where_its_matrix_says(plain_canvas, make_face) -> None:
    heat = np.zeros((8, 8))
    heat[2, 5] = 3.0
    plain_canvas.set_heatmap(heat, np.array([[10.0, 0, 100], [0, 10.0, 50], [0, 0, 1]]))
    before = shot(plain_canvas)
    plain_canvas.set_layers(replace(BARE, heatmap=True))
    after = shot(plain_canvas)
    place = at(plain_canvas, 150, 70)
    assert (after[place.y(), place.x()] != before[place.y(), place.x()]).any()
    rows, columns = np.nonzero((after != before).any(axis=2))
    assert (columns.mean(), rows.mean()) == pytest.approx((place.x(), place.y()), abs=2)
    plain_canvas.set_heatmap(None)
    np.testing.assert_array_equal(shot(plain_canvas), before)
    with pytest.raises(ValueError, match="affine"):
        plain_canvas.set_heatmap(heat, np.full((3, 3), np.nan))


def test_numbers_appear_only_where_there_is_room(plain_canvas, make_face) -> None:
    face = make_face(predicted=False)
    plain_canvas.set_faces([replace(face, label=Label(face.scheme.id, face.label_points * 0.2 + 100))])
    layers = replace(BARE, points=True)

    def extra() -> int:
        return changed_area(plain_canvas, replace(layers, numbers=True)) - changed_area(plain_canvas, layers)

    plain_canvas.set_zoom(4)
    assert extra() > 200
    plain_canvas.set_zoom(1)
    assert extra() == 0


def test_degenerate_predictions_paint_without_harm(plain_canvas, make_face) -> None:
    face = make_face()
    covariance = np.array(face.prediction.covariance)
    covariance[0] = 0
    covariance[1] = [[np.nan, 0], [0, 1]]
    covariance[2] = [[1e9, 0], [0, 1e-12]]
    covariance[3] = [[-1, 0], [0, -1]]
    mean = np.array(face.prediction.mean)
    mean[4] = np.nan
    prediction = replace(face.prediction, covariance=covariance, mean=mean)
    points = face.label_points.copy()
    points[5] = np.nan
    plain_canvas.set_faces([replace(face, prediction=prediction, label=Label(face.scheme.id, points))])
    plain_canvas.set_layers(Layers(numbers=True, names=True, ambiguous_threshold=2))
    plain_canvas.set_selection("a", range(6))
    shot(plain_canvas)
    for index in range(6):
        QTest.mouseMove(plain_canvas.viewport(), at(plain_canvas, *face.label_points[index].tolist()))
    shot(plain_canvas)


def test_empty_and_box_only_faces_paint(plain_canvas, scheme) -> None:
    plain_canvas.set_faces([FaceView("a", scheme), FaceView("b", scheme, Box(50, 60, 80, 90), active=True)])
    plain_canvas.set_layers(Layers(numbers=True))
    assert near(shot(plain_canvas), at(plain_canvas, 50, 60), palette.BOX, reach=2)
    plain_canvas.fit_face("a")
    plain_canvas.fit_face("b")


def screen(view) -> np.ndarray:
    """What is on the screen now, made of all the partial repaints so far."""
    QTest.qWait(1)
    return pixels(view.screen().grabWindow(view.winId()).toImage())


@pytest.mark.parametrize("zoom", [1.9, 6.0])
@pytest.mark.parametrize("theirs", [(100.0, 100.0), (220.0, 140.0)])
def test_drag_and_hover_repaint_all_that_changes(canvas, make_face, zoom, theirs) -> None:
    canvas.set_faces([make_face(), make_face("b", shift=40, active=False)])
    canvas.set_layers(Layers(numbers=True, ambiguous_threshold=2))
    canvas.restore_view((zoom, theirs[0] + 20, theirs[1] + 20))
    start = at(canvas, *theirs)
    viewport = canvas.viewport()
    screen(canvas)
    QTest.mouseMove(viewport, start)
    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=start)
    rng = np.random.default_rng(1)
    for dx, dy in rng.integers(-90, 90, (6, 2)).tolist():
        QTest.mouseMove(viewport, start + QPoint(dx, dy))
        partial = screen(canvas)
        np.testing.assert_array_equal(partial, shot(canvas))
    QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=start + QPoint(dx, dy))
    QTest.mouseMove(viewport, at(canvas, 140, 90))
    np.testing.assert_array_equal(screen(canvas), shot(canvas))
    canvas.update_face(make_face())
    canvas.set_selection("a", (4,))
    np.testing.assert_array_equal(screen(canvas), shot(canvas))


def test_panning_shows_the_same_as_painting_anew(canvas, make_face) -> None:
    canvas.set_faces([make_face()])
    canvas.restore_view((6.0, 150.0, 120.0))
    screen(canvas)
    for dx, dy in ((40, 0), (0, -70), (-300, 20), (500, 200), (-90, -40)):
        canvas.pan(dx, dy)
        partial = screen(canvas)
        canvas.set_faces([])
        canvas.set_faces([make_face()])
        canvas.resetCachedContent()
        canvas.viewport().update()
        difference = np.abs(partial - screen(canvas)).max(axis=2)
        assert (difference > 8).mean() < 1e-4


def test_legend_explains_what_is_drawn(canvas, make_face) -> None:
    assert not canvas.legend.isVisible()
    canvas.set_faces([make_face()])
    canvas.set_layers(Layers(ambiguous_threshold=2.5, ellipse_scale=0.5, sigma_levels=(1, 3)))
    assert canvas.legend.isVisible()
    assert canvas.legend.lines() == [
        "Ellipses 1, 3 σ × 0.5",
        "anisotropy",
        "label",
        "prediction",
        "prediction to label",
        "ambiguous (≥ 2.5)",
    ]
    canvas.set_faces([make_face(label=False)])
    assert "label" not in canvas.legend.lines()
    canvas.set_layers(Layers(ambiguous_threshold=4, ambiguous_measure="sigma_along"))
    assert canvas.legend.lines()[-1] == "ambiguous (≥ 4 px along)"
    canvas.set_layers(Layers(legend=False))
    assert not canvas.legend.isVisible()


def test_legend_stays_in_its_corner_and_gives_way_on_a_small_canvas(canvas, make_face) -> None:
    canvas.set_faces([make_face()])
    for size in ((800, 620), (600, 400)):
        canvas.resize(*size)
        assert canvas.rect().contains(canvas.legend.geometry())
        assert canvas.legend.geometry().left() == size[1] - canvas.legend.geometry().bottom() - 1
    canvas.pan(50, 50)
    assert canvas.rect().contains(canvas.legend.geometry())
    canvas.resize(300, 200)
    assert not canvas.legend.isVisible()


def test_legend_is_readable_in_both_themes(canvas, make_face, qapp) -> None:
    canvas.set_faces([make_face()])
    try:
        for theme in ("dark", "light"):
            apply_theme(qapp, theme)
            area = canvas.legend.geometry()
            picture = pixels(canvas.grab(QRect(area)).toImage())
            assert (np.median(picture) < 90) == (theme == "dark")
    finally:
        apply_theme(qapp, "system")


def test_numbers_read_well() -> None:
    assert signed(-0.04) == "0.0"
    assert signed(1.26) == "+1.3"
    assert signed(-2.0) == "−2.0"
    assert plain(-0.0) == "0.0"
    assert plain(-31.4, 0) == "−31"


@pytest.mark.parametrize("name", ["300w-68", "wflw-98", "cofw-29"])
def test_every_scheme_paints(canvas, name) -> None:
    scheme = get_scheme(name)
    points = np.random.default_rng(0).uniform((20, 20), (380, 280), (len(scheme), 2))
    canvas.set_faces([FaceView("a", scheme, Box(20, 20, 300, 200), Label(name, points), active=True)])
    assert near(shot(canvas), at(canvas, *points[-1].tolist()), palette.LABEL, reach=2)


def test_dragged_point_leaves_no_ghost_and_comes_back_whole(canvas, make_face) -> None:
    canvas.set_faces([make_face(predicted=False)])
    before = shot(canvas)
    start, viewport = at(canvas, 100, 100), canvas.viewport()
    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(viewport, start + QPoint(-60, 50))
    dragging = shot(canvas)
    assert near(before, start, palette.LABEL) and not near(dragging, start, palette.LABEL)
    assert near(dragging, start + QPoint(-60, 50), palette.LABEL)
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=start + QPoint(-60, 50))
    canvas.set_selection(None, ())
    np.testing.assert_array_equal(shot(canvas), before)
