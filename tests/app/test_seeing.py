"""Looking closely in the window: keys that are held, following, tones, maps, comparing; all by keys and mouse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.canvas.adjust import NEUTRAL
from app.compare_sources import OtherModel, other_models, sources
from app.edits import MovePoint
from app.face_state import FaceState
from app.layer_options import edges_through, layer_options
from app.main_window import MainWindow
from app.settings import Settings
from core.face import Label, Prediction
from core.scheme import get_scheme
from tests.app.faces import face_points, write_dataset
from tests.app.window import LEFT, PLAIN, Start, drag, face_shown, point

SHIFT = Qt.KeyboardModifier.ShiftModifier


def press(window: MainWindow, key: Qt.Key, modifier: Qt.KeyboardModifier = PLAIN) -> None:
    QTest.keyClick(window.canvas, key, modifier)


def details_shown(window: MainWindow, qtbot: QtBot) -> str:
    face = face_shown(window, qtbot)
    qtbot.waitUntil(lambda: window.desk.details is not None and window.desk.details.face_id == face)
    return face


def test_before_and_after_side_by_side_and_by_turns(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 2))
    face, canvas, page = details_shown(window, qtbot), window.canvas, window.seeing.comparing
    before = point(window, face, 30)
    with qtbot.waitSignal(window.document.faces_stored):
        window.document.apply(MovePoint(face, 30, before[0] + 12, before[1]))
    canvas.setFocus()
    press(window, Qt.Key.Key_J)
    comparison = canvas.compare.comparison
    assert comparison is not None and comparison.mode == "split" and window.seeing.mode == "split"
    assert comparison.a is None and comparison.b.label is not None
    assert tuple(comparison.b.label.points[30]) == before  # the label as it was when the image was opened
    assert page.chosen() == ("now", "opening")
    press(window, Qt.Key.Key_J)
    assert canvas.compare.comparison is None and canvas.compare.bar.isHidden()
    QTest.keyPress(canvas, Qt.Key.Key_QuoteLeft)
    assert canvas.compare.flipped and canvas.compare.tags[0].text == "B: Label when the image was opened"
    QTest.keyRelease(canvas, Qt.Key.Key_QuoteLeft)
    assert not canvas.compare.flipped and canvas.compare.comparison is None
    item = canvas.active_item()
    assert item is not None and item.isVisible()
    # Another image has another face: nothing of the old one stays.
    press(window, Qt.Key.Key_J)
    window.document.set_current(window.images.model.ids()[1])
    assert canvas.compare.comparison is None
    details_shown(window, qtbot)
    qtbot.waitUntil(lambda: canvas.compare.comparison is not None)
    again = canvas.compare.comparison
    assert again is not None and again.b.label is not None
    assert tuple(again.b.label.points[30]) == point(window, window.workbench.active or "", 30)


def test_turns_by_themselves_and_what_cannot_be_compared(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 1))
    details_shown(window, qtbot)
    page, seen = window.seeing.comparing, []
    window.view_options.show_page(page)
    names = [page.b.itemText(row) for row in range(page.b.count())]
    assert names[:2] == ["What you work on", "Label when the image was opened"] and "Labels of set" in names
    page.mode.setCurrentIndex(page.mode.findData("flicker"))
    page.changed.emit()
    window.seeing._turns.setInterval(1)
    window.seeing._turns.timeout.connect(lambda: seen.append(window.canvas.compare.flipped))
    assert page.timer.isEnabled()
    page.timer.setChecked(True)
    qtbot.waitUntil(lambda: len(seen) >= 4)
    page.timer.setChecked(False)
    assert {True, False} <= set(seen) and not window.canvas.compare.flipped
    page.b.setCurrentIndex(page.b.findData("prediction"))
    page.changed.emit()
    assert page.hint.text() == "There is no prediction yet." and window.canvas.compare.comparison is None
    page.b.setCurrentIndex(0)
    page.changed.emit()
    assert page.hint.text() == "A and B are the same."


def test_the_loupe_while_dragging_and_while_its_key_is_held(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 1))
    face, canvas = face_shown(window, qtbot), window.canvas
    at = canvas.to_screen(*point(window, face, 30)).toPoint()
    QTest.mouseMove(canvas.viewport(), at)
    QTest.mousePress(canvas.viewport(), LEFT, PLAIN, at)
    QTest.mouseMove(canvas.viewport(), at + QPoint(15, 9))
    assert canvas.loupe.isVisible() and canvas.loupe.index == 30
    place = canvas.to_image(QPointF(at + QPoint(15, 9)))
    assert (canvas.loupe.at - place).manhattanLength() * canvas.zoom < 3
    assert not canvas.loupe.geometry().contains(at + QPoint(15, 9))
    assert not canvas.loupe.geometry().intersects(canvas.callout.geometry())
    QTest.mouseRelease(canvas.viewport(), LEFT, PLAIN, at + QPoint(15, 9))
    assert canvas.loupe.isHidden()
    canvas.setFocus()
    QTest.keyPress(canvas, Qt.Key.Key_Q)
    assert canvas.loupe.isVisible()
    QTest.mouseMove(canvas.viewport(), QPoint(100, 100))
    assert (canvas.loupe.at - canvas.to_image(QPoint(100, 100))).manhattanLength() < 0.01
    QTest.keyRelease(canvas, Qt.Key.Key_Q)
    assert canvas.loupe.isHidden()
    window.actions_["loupe_drag"].trigger()
    assert window.settings.value("loupe_drag") is False
    drag(window, face, 30, (12, 0))
    assert canvas.loupe.isHidden()


def test_following_the_selection(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 1))
    face, canvas = face_shown(window, qtbot), window.canvas
    canvas.setFocus()
    canvas.restore_view((12.0, *point(window, face, 0)))

    def seen(index: int) -> bool:
        return canvas.viewport().rect().contains(canvas.to_screen(*point(window, face, index)).toPoint())

    window.landmarks.table.selectRow(8)
    assert not window.seeing._follow_selection() and not seen(8)  # it is off
    press(window, Qt.Key.Key_Y)
    assert window.settings.value("follow") is True
    window.landmarks.table.selectRow(16)
    qtbot.waitUntil(lambda: seen(16))
    assert canvas.zoom == pytest.approx(12.0)
    # What the mouse takes stays under the mouse.
    state = canvas.view_state()
    at = canvas.to_screen(*point(window, face, 16)).toPoint()
    with qtbot.waitSignal(window.seeing._follow.timeout):
        canvas.set_selection(None, ())
        QTest.mouseMove(canvas.viewport(), at)
        QTest.mousePress(canvas.viewport(), LEFT, PLAIN, at)
    assert canvas.view_state() == state
    QTest.mouseRelease(canvas.viewport(), LEFT, PLAIN, at)


def test_tones_by_keys_and_what_the_screen_says(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 2))
    face_shown(window, qtbot)
    canvas, photo = window.canvas, window.seeing.photo
    canvas.setFocus()
    press(window, Qt.Key.Key_I)
    assert photo.brightness.slider.hasFocus() and window.view_options.is_shown(photo)
    QTest.keyClick(photo.brightness.slider, Qt.Key.Key_Right)
    photo.grey.click()
    assert canvas.adjustment.brightness == pytest.approx(0.05) and canvas.adjustment.grey
    assert canvas.notice.text == "Adjusted view: brightness +0.05, grey"
    photo.auto.click()
    first = canvas.adjustment
    assert first.contrast > 0 and first.grey
    window.document.set_current(window.images.model.ids()[1])
    face_shown(window, qtbot)
    assert canvas.adjustment != first and canvas.adjustment.contrast > 0  # each image has its own
    QTest.keyClick(photo.gamma.slider, Qt.Key.Key_Right)
    assert not photo.auto.isChecked()
    photo.reset.click()
    assert canvas.adjustment == NEUTRAL and canvas.notice.text == "" and not photo.reset.isEnabled()


def test_edges_names_opacity_and_colours_are_kept(
    start: Start, qtbot: QtBot, tmp_path: Path, tiny_model: Path
) -> None:
    window = start(write_dataset(tmp_path / "set", 1), model=tiny_model)
    face, canvas = face_shown(window, qtbot), window.canvas
    qtbot.waitUntil(lambda: window.document.faces[face].prediction is not None)
    canvas.setFocus()
    shown: list[object] = []
    window.workbench.maps_shown.connect(shown.append)
    press(window, Qt.Key.Key_H, SHIFT)
    qtbot.waitUntil(lambda: bool(shown) and shown[-1] is not None)
    assert canvas.layers.edges and not canvas._edge_map.empty and "edge map" in canvas.legend.lines()
    press(window, Qt.Key.Key_9)
    window.actions_["split"].trigger()
    panel = window.view_options
    panel.layers.opacities["labels"].setValue(10)
    panel.marks.text_size.set_value(15)
    panel.marks.palette_box.setCurrentIndex(panel.marks.palette_box.findData("okabe-ito"))
    panel.marks.palette_box.activated.emit(1)
    assert canvas.layers.names and canvas.layers.split and canvas.layers.text_size == 15
    assert canvas.layers.opacity.labels == 0.5 and canvas.layers.colours.label == (230, 159, 0)
    kept = layer_options(Settings())
    assert kept["opacity"].labels == 0.5 and kept["text_size"] == 15 and kept["colours"].label == (230, 159, 0)


def test_settings_out_of_range_are_brought_back(isolated_home: Path) -> None:
    settings = Settings()
    settings.set("opacity_labels", 7.0)
    settings.set("text_size", -3.0)
    settings.set("palette", "nonsense")
    options = layer_options(settings)
    assert options["opacity"].labels == 1.0 and options["text_size"] == 8


def test_edges_through_a_point() -> None:
    scheme = get_scheme("300w-68")
    groups = scheme.edge_groups
    maps = np.stack([np.full((2, 2), row, np.float32) for row in range(len(groups))])
    jaw = next(row for row, group in enumerate(groups) if 8 in group.indices)
    assert float(edges_through(scheme, maps, 8)[0, 0]) == jaw  # type: ignore[index]
    assert float(edges_through(scheme, maps, None)[0, 0]) == len(groups) - 1  # type: ignore[index]
    assert edges_through(scheme, maps[:2], 8) is None


def test_other_models_come_from_the_cache(start: Start, qtbot: QtBot, tmp_path: Path, tiny_model: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 1), model=tiny_model)
    face = face_shown(window, qtbot)
    qtbot.waitUntil(lambda: window.document.faces[face].prediction is not None)
    document, info = window.document, window.workbench.predictions.state.info
    prediction = document.faces[face].prediction
    assert document.project is not None and prediction is not None and info is not None
    image_id = document.current_id or ""
    models = other_models(document.project, document.cache, image_id, prediction.crop, info.hash)
    assert all(model.prediction is None for model in models)  # nobody asked them
    found = sources(document.faces[face], None, None, None, models or [OtherModel("lite", None)])
    asked = [source for source in found if source.key.startswith("model:")]
    assert asked and all("has not predicted this face" in source.reason for source in asked)


def test_sources_of_a_face() -> None:
    points = face_points()
    label = Label("300w-68", points)
    nothing = np.zeros(68)
    prediction = Prediction(
        "300w-68", points + 1, np.tile(np.eye(2), (68, 1, 1)), nothing + 1, nothing + 1, np.full((68, 2), np.nan),
        nothing, np.array([1.0, 0, 0]),
    )  # fmt: skip
    face = FaceState("f", "i", None, None, "import", label, "set", prediction)
    found = {source.key: source for source in sources(face, None, None, None, [OtherModel("big", prediction)])}
    assert found["now"].usable and found["now"].view is None
    assert found["opening"].reason == "It had no label then."
    assert found["prediction"].usable and found["model:big"].usable
    assert found["step"].reason == "Select a step in the History dock."
    strange = FaceState("f", "i", None, None, "import", Label("no-such-scheme", points), "set", None)
    unknown = {source.key: source for source in sources(strange, strange.label, None, None, None)}
    assert unknown["opening"].reason == "Its scheme no-such-scheme is not known." and "model" not in unknown
