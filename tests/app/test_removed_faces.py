"""A face that somebody took away does not come back because the detector sees it again."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.jobs import faces, prepare, store
from core.face import Box, Detection
from core.project import Project
from tests.app.faces import write_photo


def test_detections_of_removed_faces_are_left_out(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p.starmark") as project:
        (image,) = project.add_images([write_photo(tmp_path / "a.png")])
        kept = store.add_box(project, "Ann", str(image.id), Box(10, 10, 80, 80)).faces[0]
        boxes = (Box(12, 9, 80, 80), Box(120, 90, 60, 60))
        seen = [Detection(box, 0.9, np.zeros((5, 2))) for box in boxes]
        assert prepare._not_removed(project, str(image.id), seen) == seen
        done = faces.remove_face(project, "Ann", kept.face_id)
        assert done.kind == "delete face" and done.images == {str(image.id): (0, "")}
        assert prepare._not_removed(project, str(image.id), seen) == seen[1:]
        back = store.undo(project, "Ann", redo=False)
        assert back is not None and [face.face_id for face in back.faces] == [kept.face_id]
        assert prepare._not_removed(project, str(image.id), seen) == seen
