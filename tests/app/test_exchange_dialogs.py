"""Import and export in the window: seen before anything is kept, kept whole, and nobody's files replaced."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from app.exchange.export_dialog import ExportDialog
from app.exchange.import_dialog import ImportDialog
from app.exchange.preview import SIDE, draw_face
from app.main_window import MainWindow
from app.settings import Settings
from core.face import Label
from core.formats import LabelledFace, read_dataset, write_pts
from core.images import probe_image
from core.project import Project
from core.scheme import get_scheme
from tests.core.format_samples import make_faces, save_image, shape_of

SCHEME = get_scheme("300w-68")


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """A 300W folder of eight faces and a spoilt one."""
    folder = tmp_path / "set ä"
    for number in range(9):
        image = save_image(folder / f"face {number}.png", seed=number)
        write_pts(image.with_suffix(".pts"), shape_of(SCHEME, number))
    (folder / "face 8.pts").write_text("not points")
    return folder


@pytest.fixture
def window(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    """The window with an empty project and no model."""
    settings = Settings()
    settings.set("model", "none")
    window = MainWindow(settings)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitUntil(lambda: window.document.is_open and not window.document.busy, timeout=20_000)
    yield window
    window.close()


def _dialog(qtbot: QtBot, window: MainWindow, kind: type, action: str) -> ImportDialog | ExportDialog:
    window.actions_[action].trigger()
    found = window.findChild(kind)
    assert found is not None
    qtbot.waitExposed(found)
    return found


def test_nothing_is_kept_before_the_user_says_so(qtbot: QtBot, window: MainWindow, dataset: Path) -> None:
    dialog = _dialog(qtbot, window, ImportDialog, "import_data")
    assert not dialog.accept_button.isEnabled()
    with qtbot.waitSignal(dialog.settled, timeout=20_000):
        dialog.source.edit.setText(str(dataset))
    assert dialog.accept_button.text() == "Import 8 faces"
    assert dialog.label_set.text() == "set ä"
    text = dialog.report.toPlainText()
    assert "8 faces of 8 images read (300w, 300w-68)." in text
    assert "face 8.pts" in text
    qtbot.waitUntil(lambda: not dialog.preview.cells[5].pixmap().isNull(), timeout=20_000)
    dialog.preview.turn(6)
    assert dialog.preview.range.text() == "Faces 7 to 8 of 8"
    qtbot.waitUntil(lambda: not dialog.preview.cells[1].pixmap().isNull(), timeout=20_000)
    assert dialog.preview.cells[2].pixmap().isNull()
    assert window.document.project is not None
    assert window.document.project.image_count() == 0
    dialog.label_set.setText("the first")
    with qtbot.waitSignal(window.document.rows_changed, timeout=20_000):
        dialog.accept_button.click()
    assert [one.name for one in window.document.project.label_sets()] == ["the first"]
    assert window.document.project.face_count() == 8
    assert "1 entry left out" in window.messages.messages[-1].text


def test_giving_up_keeps_nothing(qtbot: QtBot, window: MainWindow, dataset: Path) -> None:
    dialog = _dialog(qtbot, window, ImportDialog, "import_data")
    with qtbot.waitSignal(dialog.settled, timeout=20_000):
        dialog.source.edit.setText(str(dataset))
    dialog.reject()
    assert window.document.project is not None
    assert window.document.project.image_count() == 0


def test_what_cannot_be_read_says_why(qtbot: QtBot, window: MainWindow, tmp_path: Path, dataset: Path) -> None:
    (tmp_path / "odd.txt").write_text("hello")
    dialog = _dialog(qtbot, window, ImportDialog, "import_data")
    with qtbot.waitSignal(dialog.settled, timeout=20_000):
        dialog.source.edit.setText(str(tmp_path / "odd.txt"))
    assert "looks like no known data set" in dialog.report.toPlainText()
    assert not dialog.accept_button.isEnabled()
    with qtbot.waitSignal(dialog.settled, timeout=20_000):  # a better choice mends it
        dialog.source.edit.setText(str(dataset))
    assert dialog.accept_button.isEnabled()
    with qtbot.waitSignal(dialog.settled, timeout=20_000):
        dialog.base.setCurrentIndex(dialog.base.findData(0))
    assert "The first pixel's centre is 0 in the files." in dialog.report.toPlainText()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    from core.exchange import import_labels
    from core.formats.base import ImportResult

    faces = make_faces(tmp_path / "images")
    with Project.create(tmp_path / "p") as project:
        import_labels(project, ImportResult(faces, [], "300w-68", "x"), "first", author="anna")
        yield project


def _export(qtbot: QtBot, project: Project) -> ExportDialog:
    dialog = ExportDialog(project, "anna", Settings())
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: dialog.gathered is not None, timeout=20_000)
    return dialog


def test_losses_are_said_before_and_the_report_after(qtbot: QtBot, project: Project, tmp_path: Path) -> None:
    dialog = _export(qtbot, project)
    dialog.format.setCurrentIndex(dialog.format.findData("300w"))
    qtbot.waitUntil(lambda: dialog.gathered is not None and dialog.gathered.choice.format == "300w", timeout=20_000)
    before = dialog.lines.toPlainText()
    assert "faces would be left out; the first point 7 is missing" in before
    assert "no room for tags" in before
    assert not dialog.write_button.isEnabled()
    dialog.target.edit.setText(str(tmp_path / "out"))
    with qtbot.waitSignal(dialog.settled, timeout=20_000):
        dialog.write_button.click()
    assert dialog.report is not None
    assert "Largest move" in dialog.lines.toPlainText()
    assert len(read_dataset(tmp_path / "out", images_root=tmp_path / "images").faces) == dialog.report.faces
    dialog.close()


def test_points_of_another_scheme(qtbot: QtBot, project: Project, tmp_path: Path) -> None:
    dialog = _export(qtbot, project)
    dialog.to_scheme.setCurrentIndex(dialog.to_scheme.findData("300w-51"))
    qtbot.waitUntil(lambda: dialog.gathered is not None and dialog.gathered.scheme.id == "300w-51", timeout=20_000)
    assert all(len(face.label) == 51 for face in dialog.gathered.faces)
    dialog.to_scheme.setCurrentIndex(dialog.to_scheme.findData("wflw-98"))
    qtbot.waitUntil(lambda: dialog._job is None, timeout=20_000)
    assert "wflw-98" in dialog.lines.toPlainText()
    assert not dialog.write_button.isEnabled()
    dialog.close()


def test_replacing_is_asked_for(
    qtbot: QtBot, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "mine.txt").write_text("months of work")
    answers = [QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes]
    monkeypatch.setattr(QMessageBox, "question", lambda *_args: answers.pop(0))
    dialog = _export(qtbot, project)
    dialog.format.setCurrentIndex(dialog.format.findData("300w"))
    dialog.target.edit.setText(str(target))
    for left in (1, 0):
        qtbot.waitUntil(lambda: dialog.write_button.isEnabled(), timeout=20_000)
        dialog.write_button.click()
        qtbot.waitUntil(lambda left=left: len(answers) == left and dialog._job is None, timeout=20_000)
    qtbot.waitUntil(lambda: dialog.report is not None, timeout=20_000)
    assert (target / "mine.txt").read_text() == "months of work"
    assert list(target.rglob("*.pts"))
    dialog.close()


def test_corrections_as_a_patch(qtbot: QtBot, project: Project, tmp_path: Path) -> None:
    dialog = _export(qtbot, project)
    dialog.labels.setCurrentIndex(dialog.labels.count() - 1)
    dialog.target.edit.setText(str(tmp_path / "fix.json"))
    with qtbot.waitSignal(dialog.settled, timeout=20_000):
        dialog.write_button.click()
    assert "no label differs from the import" in dialog.lines.toPlainText()
    assert not (tmp_path / "fix.json").exists()
    dialog.close()


def test_a_face_is_drawn_where_it_is(tmp_path: Path) -> None:
    """The picture is cut around the points, and points lie on the pixels they name, also in a reduced photo."""
    from PIL import Image

    pixels = np.zeros((600, 800, 3), np.uint8)
    pixels[300:304, 500:504] = 255  # a white spot around (501.5, 301.5)
    path = tmp_path / "spot.jpg"
    Image.fromarray(pixels).resize((1600, 1200), Image.Resampling.NEAREST).save(path, quality=95)
    points = np.full((68, 2), np.nan)
    points[[0, 30, 45]] = ((903.5, 503.5), (1103.5, 703.5), (1103.5, 503.5))
    face = LabelledFace(path, Label("300w-68", points), None, None, (), "", probe_image(path))
    picture = draw_face(face, SCHEME, SIDE)

    # The spot's centre, (1003.5, 603.5), is the middle of the points' extent, so of the picture.
    def light(dx: int, dy: int) -> int:
        return picture.pixelColor(QPoint(SIDE // 2 + dx, SIDE // 2 + dy)).lightness()

    assert min(light(0, 0), light(-1, 0), light(0, -1)) > 150
    assert max(light(8, 0), light(-8, 0), light(0, 8)) < 60


def _drop(window: MainWindow, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    left, plain = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, data, left, plain))


def test_a_dropped_data_set_goes_in_at_once_only_where_nothing_else_is(
    qtbot: QtBot, window: MainWindow, dataset: Path, tmp_path: Path
) -> None:
    with qtbot.waitSignal(window.document.noticed, timeout=20_000):
        _drop(window, dataset)
    assert len(window.document.rows) == 8
    other = tmp_path / "other"
    other.mkdir()
    write_pts(save_image(other / "b.png", seed=20).with_suffix(".pts"), shape_of(SCHEME, 20))
    _drop(window, other)
    qtbot.waitUntil(lambda: window.findChild(ImportDialog) is not None)
    dialog = window.findChild(ImportDialog)
    assert isinstance(dialog, ImportDialog)
    qtbot.waitUntil(lambda: dialog.found is not None, timeout=20_000)
    assert dialog.source.text() == str(other) and len(window.document.rows) == 8
    dialog.reject()
    photo = save_image(tmp_path / "photo.png", seed=21)  # a photo spoils nothing
    with qtbot.waitSignal(window.document.noticed, timeout=20_000):
        _drop(window, photo)
    assert len(window.document.rows) == 9
