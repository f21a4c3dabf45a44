"""The data-set window: its numbers are core's, its parts follow each other, and its files hold what it shows."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from app.dataset_view.curves_page import CurvesPage
from app.dataset_view.distributions_page import DistributionsPage
from app.dataset_view.exporting import csv_text, png_bytes, svg_text, writer
from app.dataset_view.map_page import MapPage, round_length
from app.dataset_view.plot import Plot
from app.dataset_view.scatter_page import ScatterPage
from app.dataset_view.sources_page import SourcesPage
from app.edits import MovePoint
from app.jobs.audit import Evidenced, ProjectAudit
from app.jobs.dataset_numbers import DatasetNumbers, LabelState, compared, dataset_numbers
from app.main_window import MainWindow
from core.audit import judge
from core.face import Label
from core.formats.base import LabelledFace
from core.landmark_scatter import landmark_scatter
from core.landmark_statistics import ranked_faces
from core.metrics import nme, norm_distances
from core.scheme import get_scheme
from tests.app.faces import write_dataset
from tests.app.test_auditor import audited
from tests.app.window import LEFT, PLAIN, Start, face_shown
from tests.core.face_shape import face_68, predicted, right_calibration, right_label

SCHEME = get_scheme("300w-68")
COUNT, CHIN, NOSE = 60, 8, 30


@pytest.fixture(scope="module")
def numbers() -> DatasetNumbers:
    """Sixty faces of thirty people in two folders; folder b slips along the jaw, the nose tip of face 3 is far off."""
    tangent = np.gradient(face_68()[:17], axis=0)
    tangent /= np.hypot(*tangent.T)[:, None]
    faces = []
    for i in range(COUNT):
        points = right_label(i, face_68())
        if i >= COUNT // 2:
            points[:17] += 6.0 * tangent
        if i == 3:
            points[NOSE] += [-30.0, 45.0]
        image = Path("/data") / ("b" if i >= COUNT // 2 else "a") / f"p{i // 2:02d}_{i}.png"
        label_set = "Ann" if i % 4 < 2 else "=Bob"
        faces.append(LabelledFace(image, Label(SCHEME.id, points), None, None, (), label_set, None))
    predictions = [predicted(face_68())] * COUNT
    audit = judge(
        faces, [0] * COUNT, predictions, [(280, 300)] * COUNT, [str(i // 2) for i in range(COUNT)], SCHEME,
        right_calibration(),
    )  # fmt: skip
    found = [Evidenced(f"face {i}", f"image {i}", 0, faces[i], predictions[i], (280, 300)) for i in range(COUNT)]
    return dataset_numbers(ProjectAudit(audit, found, "hash", 0, 0), None)


def at_once(_name: str, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
    done(work())


def click(plot: Plot, x: float, y: float, double: bool = False) -> None:
    QApplication.processEvents()  # axes have found their room: nothing moves under the mouse any more
    viewport, at = plot.view.viewport(), plot.to_screen(x, y)
    QTest.mouseMove(viewport, at + QPoint(1, 0))
    QTest.mouseClick(viewport, LEFT, PLAIN, at)
    if double:
        QTest.mouseDClick(viewport, LEFT, PLAIN, at)  # without the release that follows in life
        QTest.mouseRelease(viewport, LEFT, PLAIN, at)


@pytest.fixture
def map_page(qtbot: QtBot, numbers: DatasetNumbers) -> MapPage:
    page = MapPage(at_once)
    qtbot.addWidget(page)
    page.resize(1200, 800)
    page.show()
    page.show_numbers(numbers)
    return page


def test_table_and_map_show_cores_numbers_and_choose_for_each_other(map_page: MapPage, numbers: DatasetNumbers) -> None:
    for one, row in zip(numbers.landmarks, map_page.table.values.rows, strict=True):
        values = [cell.value for cell in row]
        assert values[3:8] == [one.row.sigma_along, one.row.sigma_across, one.row.anisotropy, one.angle, one.bias]
        assert values[9] == numbers.figure.excess(one.row.index)
    mean = numbers.figure.mean
    assert float(norm_distances(mean, SCHEME)) == pytest.approx(100.0)  # lengths are in % of what NMEs are divided by
    click(map_page.map, *mean[NOSE])
    assert map_page.chosen == map_page.table.chosen() == NOSE
    assert map_page.worst.faces == ranked_faces(numbers.audit, NOSE, 100) and map_page.worst.faces[0] == 3
    map_page.table.choose(CHIN)
    assert map_page.chosen == CHIN and map_page.worst.head.text().count("jaw 9") == 1
    wanted: list[tuple[int, int]] = []
    map_page.wanted.connect(lambda face, index: wanted.append((face, index)))
    click(map_page.map, *mean[NOSE], double=True)
    map_page.table.setFocus()
    QTest.keyClick(map_page.worst.list, Qt.Key.Key_Return)  # nothing is chosen there
    assert wanted == [(3, NOSE)]
    QTest.keyClick(map_page.map.view, Qt.Key.Key_Right)
    assert map_page.chosen == NOSE + 1


def test_the_mouse_zooms_and_a_double_click_or_home_shows_all(map_page: MapPage) -> None:
    plot = map_page.map
    whole = plot.box.viewRect()
    for way_back in (lambda: click(plot, whole.left() + 3, whole.top() + 3, double=True),
                     lambda: QTest.keyClick(plot.view, Qt.Key.Key_Home)):  # fmt: skip
        QTest.keyClick(plot.view, Qt.Key.Key_Plus)
        assert plot.box.viewRect().width() < 0.9 * whole.width()
        way_back()
        assert plot.box.viewRect().width() == pytest.approx(whole.width(), rel=0.05)
    assert [round_length(most) for most in (0.3, 1.0, 4.9, 30.0)] == [0.2, 1.0, 2.0, 20.0]


def test_files_hold_the_right_numbers(map_page: MapPage, numbers: DatasetNumbers, tmp_path: Path) -> None:
    path = writer(tmp_path / "map.csv", lambda: csv_text(map_page.map.table()).encode())()
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["landmark"] for row in rows] == list(SCHEME.points)
    across = [float(row["labels sigma across %"]) for row in rows]
    minor = np.sqrt(np.linalg.eigvalsh(numbers.figure.actual)[:, 0])
    assert np.allclose(across, minor)
    table = list(csv.DictReader(csv_text(map_page.landmarks.table()).splitlines()))
    assert [float(row["bias %"]) for row in table] == [one.bias for one in numbers.landmarks]
    image = map_page.map.as_image()
    assert image.size() == map_page.map.view.size() * 2 and png_bytes(image).startswith(b"\x89PNG")
    assert image.pixelColor(3, 3).name() == "#ffffff"
    drawn = svg_text(map_page.map.as_svg(), "A < B", 640, 480)
    assert '<svg width="640" height="480"' in drawn and "<title>A &lt; B</title>" in drawn
    assert "sans-serif" in drawn and drawn.count("<path") + drawn.count("<polyline") > 68
    assert map_page.map.table().rows[0][1] == SCHEME.points[0]


def test_the_scatter_is_cores_and_its_dots_lead_to_faces(qtbot: QtBot, numbers: DatasetNumbers) -> None:
    page = ScatterPage(at_once)
    qtbot.addWidget(page)
    page.resize(900, 700)
    page.show()
    page.show_numbers(numbers)
    page.choose_landmark(NOSE)
    found = landmark_scatter(numbers.audit, NOSE)
    assert page.scatter is not None and np.array_equal(page.scatter.offsets, found.offsets)
    rows = page.plot.table().rows
    assert [row[3] for row in rows] == found.offsets[:, 0].tolist() and rows[3][5] == "suspect"
    wanted: list[tuple[int, int]] = []
    page.wanted.connect(lambda face, index: wanted.append((face, index)))
    click(page.plot, *found.offsets[3], double=True)
    assert wanted == [(3, NOSE)] and page.said.text().startswith("p01_3.png")


def test_sources_show_which_folder_slips_and_where(qtbot: QtBot, numbers: DatasetNumbers) -> None:
    page = SourcesPage(at_once)
    qtbot.addWidget(page)
    page.show_numbers(numbers)
    assert "b" in page.said.text().split(": ")[1] or "a" in page.said.text().split(": ")[1]
    row = next(i for i, one in enumerate(numbers.dialects.rows) if one.region == "jaw" and one.motion == "slide")
    page.table.choose(row)
    assert page.profile is not None and page.profile.points == tuple(range(17))
    sign = 1 if numbers.dialects.rows[row].source == "b" else -1
    assert np.mean(sign * page.profile.offset) == pytest.approx(100 * 6.0 / 120.0, abs=0.6)
    assert {one.kind for one in numbers.dialects.rows} == {"folder", "label set"}
    kept = csv_text(page.comparisons.table())
    assert "'=Bob" in kept or "Ann" in kept  # no formula for a spreadsheet
    assert ",=Bob" not in kept


def test_distributions_and_curves_count_what_core_counts(qtbot: QtBot, numbers: DatasetNumbers) -> None:
    page = DistributionsPage(at_once)
    qtbot.addWidget(page)
    page.show_numbers(numbers)
    assert page.found is not None and page.found.distance.count == COUNT * 68
    page.region.setCurrentIndex(page.region.findData("jaw"))
    assert page.found.distance.count == COUNT * 17 == page.found.deviation.count
    distance = numbers.audit.evidence.distance[:, :17]
    assert page.distance.table().rows[0][2] == np.mean(distance < page.found.distance.edges[1])
    assert page.found.mean_interval.low < page.found.mean_nme < page.found.mean_interval.high
    labels = np.stack([face.label.points for face in numbers.audit.faces])
    errors = nme(np.stack([face_68()] * COUNT), labels, SCHEME)
    assert np.array_equal(numbers.states[0].nmes, errors)

    before = LabelState("first", "", np.where(np.arange(COUNT) < 10, np.nan, errors + 0.01))
    rows = compared([numbers.states[0], before], numbers.draws, 0.2)
    assert [row.curve.faces for row in rows] == [50, 50]  # only those that both have
    assert rows[1].change == pytest.approx(0.01) and rows[1].interval == pytest.approx((0.01, 0.01))
    curves = CurvesPage(at_once)
    qtbot.addWidget(curves)
    curves.show_numbers(numbers)
    assert curves.table.values.rows[0][2].value == pytest.approx(100 * errors.mean())
    curves.list.item(0).setCheckState(Qt.CheckState.Unchecked)
    assert curves.table.values.rows == [] and curves.plot.table().rows == []


def test_charts_are_loaded_only_when_they_are_asked_for() -> None:
    code = "import sys, app.main_window; print(*(n in sys.modules for n in ('pyqtgraph', 'torch', 'core.dialects')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"] * 3


def opened(window: MainWindow, qtbot: QtBot) -> None:
    """Open the window by its action, and have the audit made by its button."""
    window.actions_["dataset_view"].trigger()
    view = window.dataset.window
    assert view is not None
    qtbot.waitUntil(lambda: view.empty.run.isVisible(), timeout=20_000)
    QTest.mouseClick(view.empty.run, LEFT)
    qtbot.waitUntil(lambda: view.page() is not None and not window.auditor.running, timeout=60_000)


def test_from_the_button_to_a_face_and_back_with_an_edit_and_a_file(
    start: Start, qtbot: QtBot, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = start(write_dataset(tmp_path / "data", 6), model=tiny_model)
    face = face_shown(window, qtbot)
    opened(window, qtbot)
    view = window.dataset.window
    assert view is not None
    qtbot.waitUntil(lambda: window.dataset.numbers is not None and len(window.dataset.numbers.audit) == 6)
    page = view.page()
    assert isinstance(page, MapPage)
    page.choose_landmark(NOSE)
    page.worst.list.choose(5)
    QTest.keyClick(page.worst.list, Qt.Key.Key_Return)
    numbers = window.dataset.numbers
    assert numbers is not None
    last = numbers.source.faces[page.worst.faces[5]]
    qtbot.waitUntil(lambda: window.workbench.active == last.face_id and window.workbench.selection == (NOSE,))

    label = window.document.faces[last.face_id].label
    assert label is not None
    window.document.apply(MovePoint(last.face_id, NOSE, 3.0, 4.0))
    qtbot.waitUntil(lambda: window.dataset.numbers is not numbers, timeout=20_000)
    again = window.dataset.numbers
    assert again is not None and [state.kind for state in again.states] == ["now", "first", "set", "set"]
    place = again.source.places[last.face_id]
    assert again.states[0].nmes[place] != again.states[1].nmes[place] == numbers.states[0].nmes[place]
    assert face in again.source.places

    target = tmp_path / "out.csv"
    monkeypatch.setattr(QFileDialog, "exec", lambda _dialog: 1)
    monkeypatch.setattr(QFileDialog, "selectedFiles", lambda _dialog: [str(target)])
    page.landmarks.export_button.click()
    qtbot.waitUntil(lambda: "out.csv" in view.status.text())
    assert len(target.read_text(encoding="utf-8").splitlines()) == 69


def test_another_project_leaves_nothing_behind(start: Start, qtbot: QtBot, tiny_model: Path, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "data", 2), model=tiny_model)
    face_shown(window, qtbot)
    audited(window, qtbot, 2)
    window.actions_["dataset_view"].trigger()
    view = window.dataset.window
    assert view is not None
    qtbot.waitUntil(lambda: view.page() is not None, timeout=20_000)
    for tab in range(view.tabs.count()):  # two faces: too few for most figures, and no reason to break
        view.tabs.setCurrentIndex(tab)
        qtbot.waitUntil(lambda: not window.dataset.working, timeout=20_000)
    with qtbot.waitSignal(window.document.opened, timeout=20_000):
        window.actions_["new"].trigger()
    assert window.dataset.numbers is None and view.stack.currentWidget() is view.empty
    assert "no images" in view.empty.text.text() and not view.empty.run.isVisible()
