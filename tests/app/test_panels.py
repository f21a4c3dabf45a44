"""The list of images and the table of landmarks as models and panels."""

from __future__ import annotations

import time

import numpy as np
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.image_filter import ImageFilter
from app.panels.image_model import ImageListModel, ImageRow, Role
from app.panels.images import ImagePanel, row_caption
from app.panels.landmark_model import COLUMNS, Col, landmark_numbers
from app.panels.landmarks import LandmarkPanel
from app.panels.message_bar import Message, MessageBar
from core.face import Label, PointFlag, Prediction
from core.scheme import get_scheme
from tests.app.faces import face_points

SCHEME = get_scheme("300w-68")


def rows(count: int) -> list[ImageRow]:
    return [ImageRow(f"id{i}", f"/photos/{('even', 'odd')[i % 2]}/{i}.jpg", faces=1) for i in range(count)]


def prediction(points: np.ndarray, covariance: np.ndarray) -> Prediction:
    count = len(points)
    return Prediction(
        "300w-68", points, np.tile(covariance, (count, 1, 1)), np.ones(count), np.ones(count),
        np.full((count, 2), np.nan), np.zeros(count), np.array([1.0, 100.0, 100.0]),
    )  # fmt: skip


def test_the_list_filters_and_sorts(qtbot: QtBot) -> None:
    model = ImageListModel()
    data = rows(6)
    data[4].worst = 0.3
    data[1].worst = 0.1
    model.reset(data)
    model.set_filter(ImageFilter("ODD"))
    assert model.ids() == ["id1", "id3", "id5"]
    model.set_filter(ImageFilter())
    model.set_order("worst")
    assert model.ids()[:2] == ["id4", "id1"]
    model.set_order("name")
    assert model.ids() == [f"id{i}" for i in range(6)]


def test_a_thumbnail_is_asked_for_only_when_a_row_is_looked_at(qtbot: QtBot) -> None:
    model = ImageListModel()
    model.reset(rows(100_000))
    wanted: list[str] = []
    model.thumbnail_wanted.connect(lambda image_id, _path: wanted.append(image_id))
    assert wanted == []
    assert model.index(5).data(Role.THUMBNAIL) is None
    assert wanted == ["id5"]
    model.set_thumbnail("id5", QImage(QSize(4, 4), QImage.Format.Format_RGB32))
    assert model.index(5).data(Role.THUMBNAIL).width() == 4
    model.set_thumbnail("id6", None)  # a bad image is not asked for again and again
    assert model.index(6).data(Role.THUMBNAIL) is None
    assert wanted == ["id5"]


def test_only_rows_on_screen_ask_for_thumbnails(qtbot: QtBot) -> None:
    panel = ImagePanel()
    qtbot.addWidget(panel)
    panel.resize(260, 600)
    wanted: set[str] = set()
    panel.model.thumbnail_wanted.connect(lambda image_id, _path: wanted.add(image_id))
    panel.model.reset(rows(100_000))
    panel.show()
    qtbot.waitExposed(panel)
    panel.grab()
    assert 3 <= len(wanted) <= 12
    panel.view.scrollToBottom()
    panel.grab()
    assert "id99999" in wanted
    assert len(wanted) <= 24


def test_choosing_a_row_is_told_but_showing_one_is_not(qtbot: QtBot) -> None:
    panel = ImagePanel()
    qtbot.addWidget(panel)
    panel.model.reset(rows(5))
    heard: list[str] = []
    panel.activated.connect(heard.append)
    panel.show_current("id2")
    assert heard == []
    assert panel.current_id() == "id2"
    assert (panel.step(1), panel.step(-1)) == ("id3", "id1")
    assert panel.neighbours(2) == ["id3", "id1", "id4", "id0"]
    panel.view.setCurrentIndex(panel.model.index(4))
    assert heard == ["id4"]
    assert panel.step(1) is None
    panel.filter.setText("even")
    assert panel.summary.text() == "3 of 5 shown"
    assert panel.current_id() == "id4"  # stays, if it passes the filter
    assert heard == ["id4"]


def test_captions_say_what_is_known() -> None:
    row = ImageRow("a", "/a.jpg", faces=2)
    assert row_caption(row) == "New · 2 faces"
    row.worst = 0.0625
    assert row_caption(row) == "New · 2 faces · worst 6.2%"
    row.problem = "not an image"
    assert row_caption(row) == "not an image"
    assert row_caption(ImageRow("b", "/b.jpg", faces=0)) == "not yet looked at"
    assert row_caption(ImageRow("b", "/b.jpg", faces=0, predicted=True)) == "no face found"


def test_landmark_numbers_against_a_case_worked_out_by_hand() -> None:
    points = face_points()
    mean = points - [3.0, 4.0]
    values = landmark_numbers(SCHEME, Label("300w-68", points), prediction(mean, np.diag([9.0, 1.0])), 2.0)
    by_title = {column.title: values[10, i] for i, column in enumerate(COLUMNS)}
    assert by_title["x"] == points[10, 0]
    assert by_title["Dev. px"] == 5.0
    norm = np.hypot(*(points[36] - points[45]))
    np.testing.assert_allclose(by_title["Dev. %"], 500 / norm)
    np.testing.assert_allclose(
        [by_title[t] for t in ("Along", "Across", "σ along", "σ across", "Anis.", "Angle", "▲")],
        [3.0, 4.0, 3.0, 1.0, 3.0, 0.0, 1.0],
        atol=1e-9,
    )
    assert landmark_numbers(SCHEME, None, prediction(mean, np.eye(2)), 2.0)[0, Col.X] == mean[0, 0]
    alone = landmark_numbers(SCHEME, Label("300w-68", points), None, 2.0)
    assert np.isnan(alone[:, Col.FLAG : Col.ACROSS + 1]).all()


def test_the_table_sorts_by_size_and_keeps_the_selection_on_the_point(qtbot: QtBot) -> None:
    panel = LandmarkPanel()
    qtbot.addWidget(panel)
    points = face_points()
    moved = points.copy()
    moved[33] += [20, 0]
    panel.show_face(SCHEME, Label("300w-68", moved), prediction(points, np.eye(2)), 2.0)
    heard: list[tuple[int, ...]] = []
    panel.selection_changed.connect(heard.append)
    panel.select((33,))
    assert (panel.selected(), heard) == ((33,), [])
    panel.table.sortByColumn(Col.PERCENT, Qt.SortOrder.DescendingOrder)
    assert panel.proxy.index(0, 0).data() == "33"
    assert panel.selected() == (33,)
    assert panel.model.worst() == 33
    panel.resize(500, 300)
    panel.show()
    second = panel.table.visualRect(panel.proxy.index(1, Col.NAME)).center()
    QTest.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, second)
    assert len(heard[-1]) == 1 and heard[-1] != (33,)


def test_the_table_shows_marks_and_as_many_columns_as_fit(qtbot: QtBot) -> None:
    panel = LandmarkPanel()
    qtbot.addWidget(panel)
    flags = np.zeros(68, np.uint8)
    flags[3], flags[4] = PointFlag.LOCKED, PointFlag.LOCKED | PointFlag.MARKED
    panel.show_face(SCHEME, Label("300w-68", face_points(), flags=flags), None, 2.0)
    tips = [panel.model.data(panel.model.index(i, Col.MARKS), Qt.ItemDataRole.ToolTipRole) for i in (2, 3, 4)]
    assert tips[0] is None and tips[1].startswith("Locked") and tips[2].splitlines()[1].startswith("Flagged")
    assert panel.model.data(panel.model.index(4, Col.MARKS), Qt.ItemDataRole.DecorationRole).availableSizes()
    panel.resize(360, 300)
    panel.show()
    assert panel.table.horizontalScrollBar().maximum() == 0 and not panel.table.isColumnHidden(Col.MARKS)
    assert panel.table.isColumnHidden(Col.REGION)
    panel.resize(1600, 300)
    assert not panel.table.isColumnHidden(Col.REGION)


def test_messages_wait_until_they_are_read(qtbot: QtBot) -> None:
    bar = MessageBar()
    qtbot.addWidget(bar)
    bar.show_message(Message("first"))
    bar.show_message(Message("second", key="k"))
    bar.show_message(Message("third", key="k"))
    assert bar.text() == "third"
    bar.close_current()
    assert bar.text() == "first"
    bar.withdraw("k")
    bar.close_current()
    assert bar.isHidden()


def test_a_hundred_thousand_rows_are_filtered_in_a_blink(qtbot: QtBot) -> None:
    model = ImageListModel()
    model.reset(rows(100_000))
    started = time.perf_counter()
    model.set_filter(ImageFilter("odd/4"))
    qtbot.waitUntil(lambda: not model.arranging)
    assert 0 < model.rowCount() < 100_000
    model.close()
    assert time.perf_counter() - started < 5  # a guard against anything quadratic, not a measurement
