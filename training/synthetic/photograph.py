"""One face of a plan, from its seed to a picture and its true landmarks."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.face import Visibility
from training.synthetic.degrade import degrade, sample_degradation
from training.synthetic.heads import HeadParams, build_head
from training.synthetic.landmarks import face_landmarks
from training.synthetic.look import Look, sample_look
from training.synthetic.mesh import HeadMesh
from training.synthetic.plan import RenderPlan
from training.synthetic.population import before_camera, sample_expression, sample_identity, sample_view
from training.synthetic.pose import View
from training.synthetic.render import Rendered, Renderer
from training.synthetic.truth import SCHEMES, TruePoints


@dataclass(frozen=True, eq=False, slots=True)
class Subject:
    """A head before a camera: all that decides where the landmarks are."""

    params: HeadParams
    mesh: HeadMesh
    view: View


@dataclass(frozen=True, eq=False, slots=True)
class Photograph:
    """One finished picture.

    Attributes:
        pixels: (H, W, 3) uint8 RGB, as the camera gives it.
        jpeg_quality: 0 to 100, of the file.
        truth: by scheme.
        facts: numbers of the head and the view, for statistics.
    """

    pixels: NDArray[np.uint8]
    jpeg_quality: int
    truth: dict[str, TruePoints]
    facts: dict[str, Any]

    def jpeg(self) -> bytes:
        """The picture's file."""
        stream = io.BytesIO()
        Image.fromarray(self.pixels).save(stream, "JPEG", quality=self.jpeg_quality, optimize=True)
        return stream.getvalue()


def place_subject(plan: RenderPlan, person: int, photo: int) -> Subject:
    """Who is on a picture, and how; without any drawing."""
    rng = plan.rng(person, photo)
    expression = sample_expression(rng)
    view = sample_view(rng, plan.size, plan.size)
    params = before_camera(HeadParams(sample_identity(plan.rng(person)), expression), view, rng)
    return Subject(params, build_head(params), view)


def take_photograph(plan: RenderPlan, person: int, photo: int, renderer: Renderer) -> Photograph:
    """Render one face of the plan."""
    subject = place_subject(plan, person, photo)
    rng = plan.rng(person, photo, look=True)
    look = sample_look(plan.rng(person, look=True), rng, subject.params.identity)
    rendered = renderer.render(subject.mesh, subject.view, look)
    how = sample_degradation(rng)
    pixels = degrade(rendered.image, how, rng)
    truth = {scheme: _truth(subject, rendered, scheme) for scheme in SCHEMES}
    return Photograph(pixels, how.jpeg_quality, truth, _facts(subject, look))


def _truth(subject: Subject, rendered: Rendered, scheme: str) -> TruePoints:
    found = face_landmarks(subject.mesh, subject.view, scheme)
    covered = rendered.occluded(found.space)
    visibility = found.visibility.copy()
    visibility[covered & (visibility == Visibility.VISIBLE)] = Visibility.OCCLUDED
    return TruePoints(found.points, visibility, covered)


def _facts(subject: Subject, look: Look) -> dict[str, Any]:
    person, view = subject.params.identity, subject.view
    angles = {name: round(float(getattr(view, name)), 2) for name in ("yaw", "pitch", "roll")}
    return {"years": round(person.years, 1), "gender": round(person.gender, 2), **angles, "hair": look.hair.style}
