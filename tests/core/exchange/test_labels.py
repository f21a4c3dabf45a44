"""Labels into a project and out of it: the same points, in the order of the images, with what was left out listed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import ProjectError, UsageError
from core.exchange import import_labels, project_labels
from core.face import Visibility
from core.formats import LabelledFace
from core.formats.base import ImportResult
from core.project import Project, SetLabel
from tests.core.format_samples import make_faces


def _result(faces: list[LabelledFace], scheme: str = "300w-68") -> ImportResult:
    return ImportResult(faces, [], scheme, "test")


@pytest.fixture
def faces(tmp_path: Path) -> list[LabelledFace]:
    return make_faces(tmp_path / "images")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.create(tmp_path / "faces.starmark")


def test_in_and_out_again(project: Project, faces: list[LabelledFace]) -> None:
    with project:
        imported = import_labels(project, _result(faces), "first", author="anna")
        out = project_labels(project)
    assert imported.report.drift == 0
    assert imported.report.faces == len(faces)
    assert imported.report.missing_points == sum(np.isnan(face.label.points[:, 0]).sum() for face in faces)
    assert out.scheme.id == "300w-68"
    assert (out.skipped, out.unlabelled) == ([], 0)
    assert [face.image.resolve() for face in out.faces] == [face.image.resolve() for face in faces]
    for face, again in zip(faces, out.faces, strict=True):
        assert again.label == face.label
        assert again.crop == face.crop
        assert again.tags == face.tags
        assert face.box is None or again.box == face.box
        assert again.info is not None
        assert (again.info.width, again.info.height) == (200, 160)


def test_corrections_come_out_and_the_import_can_still_be_had(project: Project, faces: list[LabelledFace]) -> None:
    with project:
        import_labels(project, _result(faces), "first", author="anna")
        image = project.images()[0]
        face = project.faces(image.id)[0]
        own = project.ensure_label_set("anna", "annotator")
        corrected = faces[0].label.with_point(8, (50.125, 60.5))
        project.apply(SetLabel(face.id, own.id, None, corrected, 0, "move point"), "anna")
        shown = project_labels(project, author="anna").faces[0]
        imported = project_labels(project, label_set="first").faces[0]
        only = project_labels(project, label_set="anna").faces
        with pytest.raises(UsageError, match=r"no label set 'bert'.*There are: 'first', 'anna'"):
            project_labels(project, label_set="bert")
    assert shown.label == corrected
    assert imported.label == faces[0].label
    assert len(only) == 1


def test_several_schemes_are_kept_apart(project: Project, tmp_path: Path, faces: list[LabelledFace]) -> None:
    others = make_faces(tmp_path / "others", 2, "cofw-29")
    with project:
        import_labels(project, _result(faces), "first", author="anna")
        import_labels(project, _result(others, "cofw-29"), "second", author="anna")
        most = project_labels(project)
        few = project_labels(project, scheme="cofw-29")
    assert len(most.faces) == len(faces)
    assert [entry.reason for entry in most.skipped] == ["its label has scheme cofw-29, not 300w-68"] * 2
    assert len(few.faces) == 2


def test_an_image_without_a_file_keeps_its_label(project: Project, faces: list[LabelledFace]) -> None:
    with project:
        import_labels(project, _result(faces), "first", author="anna")
        faces[0].image.unlink()
        out = project_labels(project)
    assert out.faces[0].label == faces[0].label
    assert out.faces[0].info is not None  # as the project knew it


def test_an_empty_project_says_so(project: Project) -> None:
    with project, pytest.raises(UsageError, match="no label in the project"):
        project_labels(project)


def test_a_store_that_loses_a_digit_is_caught(
    project: Project, faces: list[LabelledFace], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison after an import is a real one."""
    from core.project import codec, importing

    def coarse(label: object) -> bytes:
        half = type(faces[0].label)(label.scheme, label.points + 0.25, label.visibility)  # type: ignore[attr-defined]
        return codec.encode_label(half)

    monkeypatch.setattr(importing, "encode_label", coarse)
    with project:
        assert import_labels(project, _result(faces), "first", author="anna").report.drift == pytest.approx(0.25)


def test_a_store_that_loses_a_label_is_caught(
    project: Project, faces: list[LabelledFace], monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.project import Project as Store

    real = Store.labels_of
    monkeypatch.setattr(Store, "labels_of", lambda self, ids: {i: [] for i in real(self, ids)})
    with project, pytest.raises(ProjectError, match="does not give back"):
        import_labels(project, _result(faces), "first", author="anna")


def test_cancelled_imports_leave_nothing(project: Project, tmp_path: Path) -> None:
    faces = make_faces(tmp_path / "many", 300, nested=False)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with project:
        with pytest.raises(KeyboardInterrupt):
            import_labels(project, _result(faces), "first", author="anna", progress=stop)
        assert project.image_count() == 0
        assert project.label_sets() == []


def test_visibility_goes_both_ways(project: Project, faces: list[LabelledFace]) -> None:
    with project:
        import_labels(project, _result(faces), "first", author="anna")
        states = {state for face in project_labels(project).faces for state in face.label.visibility.tolist()}
    assert states == set(Visibility)
