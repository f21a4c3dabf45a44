"""A new user starts the real program with --sample and takes the tour; what is in the project file afterwards."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from app.settings import Settings
from core import sample
from core.project import Project
from core.sample import Planted, read_plan
from tests.e2e.program import ROOT, finish, milestone, program
from tests.screen import needs_xvfb, screen

BUNDLED = sorted((ROOT / "resources" / "models").glob("*.safetensors"))
STEPS = ("look", "accept", "predict", "find", "worst", "drag", "undo", "redo", "end")


def off(project: Project, spot: Planted) -> float:
    """How far the label shown is from the truth, as a share of how far it was planted."""
    record = next(record for record in project.images() if record.path.name == spot.image)
    (face,) = project.faces(record.id)
    label = project.current_label(face.id, str(Settings().value("author")))
    assert label is not None and spot.label is not None
    return math.dist(label.label.points[spot.point], spot.truth) / math.dist(spot.label, spot.truth)


def review(project: Project, spot: Planted) -> str:
    record = next(record for record in project.images() if record.path.name == spot.image)
    return project.faces(record.id)[0].review


@needs_xvfb
@pytest.mark.skipif(not BUNDLED, reason="no model is bundled with this checkout")
@pytest.mark.skipif(not sample.is_there(), reason="this checkout has no sample")
def test_the_tour_by_a_new_user(isolated_home: Path, tmp_path: Path) -> None:
    plan = read_plan()
    with screen(tmp_path) as shown, program("tour", "--sample", environ=shown.environ()) as process:
        offer = milestone(process)
        assert offer["name"] == "Sample" and "two minutes" in offer["offer"]
        for number, step in enumerate(STEPS, start=1):
            said = milestone(process)
            assert said["step"] == step
            assert f"{number} of {len(STEPS)}" in said["said"]
        assert "Traceback" not in finish(process)
    with Project.open(isolated_home / "starmark" / "sample" / "Sample.starmark") as project:
        assert review(project, plan.ambiguous) == "accepted"
        assert off(project, plan.ambiguous) == pytest.approx(1), "it was left where it was"
        assert off(project, plan.wrong) < 0.25, "it was put right"
        assert project.verify() == []
        assert len(project.images()) == project.image_count() >= 41
    assert Settings().value("tour") == "finished"
