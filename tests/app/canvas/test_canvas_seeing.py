"""Looking closely on the canvas: tones, opacity, palettes, split deviations, the loupe, comparing, going to places."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from app.canvas.adjust import NEUTRAL, Adjustment, auto
from app.canvas.colours import PALETTES, STANDARD, chosen, parse, text_of
from app.canvas.compare import Comparison
from app.canvas.image import ImagePyramid, image_from_array
from app.canvas.model import Layers, Opacity
from app.canvas.palette import BACKGROUND_DARK, BACKGROUND_LIGHT
from core.face import Label
from tests.app.canvas.test_canvas_painting import BARE, at, near, pixels, shot

DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
"""Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB."""


def flat(value: int, size: tuple[int, int] = (400, 300)) -> QImage:
    return image_from_array(np.full((size[1], size[0], 3), value, np.uint8))


@pytest.fixture
def bare(canvas):
    canvas.set_image(flat(100), 400, 300)
    canvas.set_layers(BARE)
    return canvas


# -- tones


def test_tables_of_adjustments() -> None:
    assert NEUTRAL.neutral and NEUTRAL.table().tolist() == list(range(256))
    assert Adjustment(invert=True).table().tolist() == list(range(255, -1, -1))
    assert Adjustment(brightness=0.2).table()[[0, 100, 255]].tolist() == [51, 151, 255]
    assert Adjustment(contrast=0.5).table()[[0, 96, 255]].tolist() == [0, 64, 255]  # gain 2 about the middle
    assert Adjustment(gamma=2.0).table()[64] == round(255 * (64 / 255) ** 0.5)
    for bad in ({"brightness": 1.5}, {"contrast": -2}, {"gamma": 0.1}, {"gamma": float("nan")}):
        with pytest.raises(ValueError):
            Adjustment(**bad)


def test_adjusting_a_picture_leaves_it_alone() -> None:
    colours = np.array([[[200, 100, 50], [10, 20, 30]]], np.uint8)
    image = image_from_array(colours)
    inverted = pixels(Adjustment(invert=True).applied(image))
    assert inverted.tolist() == (255 - colours.astype(int)).tolist()
    grey = pixels(Adjustment(grey=True).applied(image))
    assert (grey == grey[..., :1]).all() and abs(int(grey[0, 0, 0]) - (0.299 * 200 + 0.587 * 100 + 0.114 * 50)) <= 1
    assert pixels(image).tolist() == colours.tolist()


def test_auto_spreads_the_tones() -> None:
    ramp = np.repeat(np.linspace(60, 180, 200).astype(np.uint8)[None, :, None], 3, axis=2).repeat(50, axis=0)
    brightness, contrast = auto(image_from_array(ramp))
    table = Adjustment(brightness, contrast).table()
    assert table[62] <= 8 and table[178] >= 247 and abs(int(table[120]) - 127) < 8
    assert auto(flat(128))[1] == pytest.approx(1.0)  # nothing to spread: the largest gain, and no error


def test_a_small_picture_is_adjusted_at_once_and_a_large_one_soon(canvas, qtbot) -> None:
    canvas.set_layers(BARE)
    for size in ((400, 300), (1600, 1200)):
        canvas.set_image(flat(100, size), *size)
        middle = at(canvas, size[0] / 2, size[1] / 2)
        assert near(shot(canvas), middle, (100, 100, 100), tolerance=1)
        canvas.set_adjustment(Adjustment(invert=True))
        assert near(shot(canvas), middle, (155, 155, 155), tolerance=1)
        canvas.actual_size()
        middle = QPoint(canvas.width() // 2, canvas.height() // 2)
        if size[0] > 400:
            shot(canvas)
            qtbot.waitUntil(lambda: 0 in canvas._toner._levels)
        assert near(shot(canvas), middle, (155, 155, 155), tolerance=1)
        canvas.set_adjustment(NEUTRAL)
        assert near(shot(canvas), middle, (100, 100, 100), tolerance=1)


def test_the_loupe_and_the_window_have_a_level_each(canvas, qtbot) -> None:
    """Neither takes the other's adjusted level away: they would make each other's anew for ever."""
    canvas.set_image(flat(100, (2400, 2000)), 2400, 2000)
    canvas.set_adjustment(Adjustment(invert=True))
    canvas.loupe.look(QPointF(1200, 1000), QPointF(400, 300), None, QRect())
    made = []
    canvas._toner.ready.connect(lambda: made.append(1))
    levels = canvas._toner._levels
    qtbot.waitUntil(lambda: {0, 1} <= {i for i, (tones, _) in levels.items() if not tones.neutral})
    shot(canvas)
    count = len(made)
    for _ in range(3):
        shot(canvas)
        canvas.loupe.grab()
    assert len(made) == count and canvas._toner._working is None
    assert near(pixels(canvas.loupe.grab().toImage()), QPoint(92, 92), (155, 155, 155), tolerance=1)


def test_the_next_picture_keeps_the_tones_and_memory_is_known(canvas) -> None:
    canvas.set_layers(BARE)
    canvas.set_adjustment(Adjustment(brightness=0.2))
    pyramid = ImagePyramid(flat(50))
    canvas.set_image(pyramid, 400, 300)
    assert near(shot(canvas), at(canvas, 200, 150), (101, 101, 101), tolerance=1)
    pyramid.prepare()
    assert pyramid.memory == sum(pyramid[i].sizeInBytes() for i in range(len(pyramid))) > 4 * 400 * 300
    assert pyramid.smallest().width() < 400


# -- opacity and palettes


def test_opacity_of_labels_and_of_the_photo(bare, make_face) -> None:
    bare.set_faces([make_face()])
    shown = replace(BARE, points=True)
    bare.set_layers(shown)
    assert near(shot(bare), at(bare, 100, 100), STANDARD.label)
    bare.set_layers(replace(shown, opacity=Opacity(labels=0.0)))
    picture = shot(bare)
    assert near(picture, at(bare, 100, 100), (100, 100, 100)) and near(picture, at(bare, 112, 108), STANDARD.prediction)
    bare.set_layers(replace(shown, opacity=Opacity(photo=0.0)))
    background = BACKGROUND_DARK if bare.dark else BACKGROUND_LIGHT
    assert near(shot(bare), at(bare, 300, 250), background, tolerance=2)
    with pytest.raises(ValueError, match="edges"):
        Opacity(edges=1.2)


def test_faces_not_worked_on_are_dimmed(bare, make_face) -> None:
    bare.set_layers(replace(BARE, points=True))
    bare.set_faces([make_face(active=True)])
    bright = shot(bare)[at(bare, 100, 100).y(), at(bare, 100, 100).x()]
    bare.set_faces([make_face(active=False)])
    dim = shot(bare)[at(bare, 100, 100).y(), at(bare, 100, 100).x()]
    assert np.abs(dim - 100).max() < 0.7 * np.abs(bright - 100).max()


@pytest.mark.parametrize("name", PALETTES)
def test_palettes_are_drawn(bare, make_face, name) -> None:
    colours = PALETTES[name][1]
    bare.set_faces([make_face()])
    bare.set_layers(replace(BARE, points=True, colours=colours))
    picture = shot(bare)
    assert near(picture, at(bare, 100, 100), colours.label) and near(picture, at(bare, 112, 108), colours.prediction)


def seen_with_deuteranopia(rgb) -> np.ndarray:
    linear = (np.array(rgb) / 255.0) ** 2.2
    return np.clip(DEUTERANOPIA @ linear, 0, 1) ** (1 / 2.2) * 255


@pytest.mark.parametrize("name", ["standard", "okabe-ito", "contrast"])
def test_kinds_of_marks_stay_apart_without_green_cones(name) -> None:
    colours = PALETTES[name][1]
    kinds = [colours.label, colours.prediction, colours.deviation]
    seen = [seen_with_deuteranopia(rgb) for rgb in kinds]
    gaps = [np.linalg.norm(a - b) for i, a in enumerate(seen) for b in seen[:i]]
    assert min(gaps) > 60, gaps
    assert np.linalg.norm(seen_with_deuteranopia(colours.along) - seen_with_deuteranopia(colours.across)) > 60


def test_own_colours() -> None:
    assert parse("#ff9f1c") == (255, 159, 28) and text_of((255, 159, 28)) == "#ff9f1c"
    assert parse("red") is None and parse("") is None and parse("#12345g") is None
    own = chosen("contrast", label="#010203", others="#040506")
    assert own.label == (1, 2, 3) and own.other(0) == (4, 5, 6)
    assert own.prediction == PALETTES["contrast"][1].prediction
    assert chosen("no such palette", "nonsense") == STANDARD


def test_deviations_split_along_and_across(bare, make_face) -> None:
    bare.set_faces([make_face()])
    bare.fit_point("a", 3)
    bare.set_layers(replace(BARE, deviations=True, split=True))
    picture = shot(bare)  # label 3 at (220, 140), mean at (232, 148), the long axis is x: by way of (220, 148)
    assert near(picture, at(bare, 227, 148), STANDARD.along, tolerance=60)
    assert near(picture, at(bare, 220, 145), STANDARD.across, tolerance=60)
    assert not near(picture, at(bare, 226, 144), STANDARD.deviation, tolerance=60)
    bare.set_layers(replace(BARE, deviations=True))
    assert near(shot(bare), at(bare, 226, 144), STANDARD.deviation, tolerance=60)
    assert "label off, along the axis" not in bare.legend.lines()


# -- the loupe


@pytest.mark.parametrize("place", [(20, 20), (780, 20), (20, 600), (780, 600), (400, 300)])
def test_the_loupe_keeps_away_from_the_cursor_and_inside(canvas, place) -> None:
    cursor = QPointF(*place)
    canvas.loupe.look(canvas.to_image(cursor), cursor, None, QRect())
    frame = canvas.loupe.geometry()
    assert canvas.viewport().rect().contains(frame)
    assert not frame.adjusted(-20, -20, 20, 20).contains(cursor.toPoint())
    canvas.loupe.look(canvas.to_image(QPointF(400, 300)), QPointF(400, 300), None, frame.translated(0, 0))
    again = canvas.loupe.geometry()
    canvas.loupe.look(canvas.to_image(QPointF(400, 300)), QPointF(400, 300), None, again)
    assert not canvas.loupe.geometry().intersects(again)


def test_the_loupe_shows_the_pixel_under_the_point(canvas, make_face) -> None:
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 255, (300, 400, 3), dtype=np.uint8)
    canvas.set_image(image_from_array(colours), 400, 300)
    canvas.set_faces([make_face()])
    for x, y in ((100, 100), (150, 180), (37, 211)):
        canvas.loupe.look(QPointF(x, y), QPointF(400, 300), 0 if x == 100 else None, QRect())
        picture = pixels(canvas.loupe.grab().toImage())
        middle = picture[len(picture) // 2, picture.shape[1] // 2]
        assert np.abs(middle - colours[y, x].astype(int)).max() <= 2


# -- comparing


def other_state(face, by: float):
    return replace(face, face_id="b", box=None, label=Label(face.scheme.id, face.label.points + by), prediction=None)


def test_split_shows_each_state_on_its_side(bare, make_face, qtbot) -> None:
    face = make_face(predicted=False)
    bare.set_faces([face])
    bare.set_layers(replace(BARE, points=True))
    bare.set_comparison(Comparison("split", "now", "before", None, other_state(face, 20.0)))
    bare.compare.set_part(at(bare, 165, 0).x() / bare.width())
    picture = shot(bare)
    assert near(picture, at(bare, 100, 100), STANDARD.label) and not near(picture, at(bare, 120, 120), STANDARD.label)
    assert near(picture, at(bare, 240, 160), STANDARD.label) and not near(picture, at(bare, 220, 140), STANDARD.label)
    assert bare.point_at(QPointF(at(bare, 100, 100))) is not None  # what is worked on can be taken
    assert bare.point_at(QPointF(at(bare, 220, 140))) is None  # what is covered can not
    bar = bare.compare.bar
    before = bare.compare.part
    QTest.mousePress(bar, Qt.MouseButton.LeftButton, pos=bar.rect().center())
    QTest.mouseMove(bar, bar.rect().center() + QPoint(60, 0))
    QTest.mouseRelease(bar, Qt.MouseButton.LeftButton, pos=bar.rect().center())
    assert bare.compare.part == pytest.approx(before + 60 / bare.width(), abs=0.01)
    QTest.keyClick(bar, Qt.Key.Key_Left)
    assert bare.compare.part < before + 60 / bare.width()
    assert [tag.text for tag in bare.compare.tags] == ["A: now", "B: before"]
    bare.set_comparison(None)
    assert near(shot(bare), at(bare, 220, 140), STANDARD.label) and bar.isHidden()


def test_flicker_shows_one_state_at_a_time(bare, make_face) -> None:
    face = make_face(predicted=False)
    bare.set_faces([face])
    bare.set_layers(replace(BARE, points=True))
    bare.set_comparison(Comparison("flicker", "now", "before", None, other_state(face, 20.0)))
    for flipped in (False, True, False):
        bare.compare.flip(flipped)
        picture = shot(bare)
        assert near(picture, at(bare, 100, 100), STANDARD.label) is not flipped
        assert near(picture, at(bare, 120, 120), STANDARD.label) is flipped
        assert (bare.point_at(QPointF(at(bare, 100, 100))) is None) is flipped
        assert bare.compare.tags[0].text == ("B: before" if flipped else "A: now")
    bare.set_faces([replace(face, label=Label(face.scheme.id, face.label.points + 1))])  # an edit while comparing
    assert bare.compare.comparison is not None


def test_overlay_is_named_in_the_legend(bare, make_face) -> None:
    face = make_face(predicted=False)
    bare.set_faces([face])
    bare.set_layers(replace(BARE, points=True, legend=True))
    bare.set_comparison(Comparison("overlay", "now", "Bob", None, other_state(face, 20.0)))
    assert "Bob" in bare.legend.lines()
    assert near(shot(bare), at(bare, 120, 120), STANDARD.other(1), reach=2)


# -- going to places


def test_fit_region_shows_all_of_it(canvas, make_face) -> None:
    canvas.set_faces([make_face()])
    before = canvas.view_state()
    canvas.fit_region()
    assert canvas.view_state() == before  # nothing is selected
    canvas.set_selection("a", (1,))
    canvas.fit_region()
    assert canvas.zoom > before[0]
    for x, y in ((100, 100), (140, 90), (180, 100), (220, 140)):  # the brow
        assert canvas.viewport().rect().contains(at(canvas, x, y))


def test_show_point_moves_only_where_it_must(canvas, make_face) -> None:
    canvas.set_faces([make_face()])
    before = canvas.view_state()
    canvas.show_point("a", 0)
    assert canvas.view_state() == before  # in sight and far enough from its neighbours
    canvas.restore_view((6.0, 350.0, 50.0))
    canvas.show_point("a", 4)
    assert canvas.zoom == pytest.approx(6.0)
    assert canvas.viewport().rect().adjusted(80, 80, -80, -80).contains(at(canvas, 150, 180))
    face = make_face(predicted=False)
    small = Label(face.scheme.id, face.label.points / 10 + 100)
    canvas.set_faces([replace(face, label=small)])
    canvas.fit_image()
    before = canvas.zoom
    canvas.show_point("a", 4)  # 4 px to the next point are 8 on the screen: closer
    assert canvas.zoom > 2 * before
    canvas.show_point("nobody", 4)


def test_the_edge_map_is_laid_over_the_photo(bare) -> None:
    edges = np.zeros((30, 40), np.float32)
    edges[10, 20] = 1.0
    bare.set_edge_map(edges, np.diag([10.0, 10.0, 1.0]))
    assert near(shot(bare), at(bare, 200, 100), (100, 100, 100), tolerance=3)
    bare.set_layers(replace(BARE, edges=True))
    picture = shot(bare)
    assert near(picture, at(bare, 200, 100), STANDARD.edge, tolerance=60)
    assert near(picture, at(bare, 60, 250), (100, 100, 100), tolerance=3)
    bare.set_edge_map(None)
    assert near(shot(bare), at(bare, 200, 100), (100, 100, 100), tolerance=3)


def test_layers_refuse_unreadable_texts() -> None:
    with pytest.raises(ValueError, match="text"):
        Layers(text_size=4)
