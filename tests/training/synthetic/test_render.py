"""The renderer: what is seen where, what hides what, and that the same seed gives the same picture."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from core.errors import StarmarkError
from training.synthetic import gl
from training.synthetic.glasses import Glasses
from training.synthetic.heads import Identity, build_head
from training.synthetic.landmarks import face_landmarks
from training.synthetic.look import Look, sample_look
from training.synthetic.mesh import HeadMesh
from training.synthetic.occluders import Occluders
from training.synthetic.population import before_camera, sample_head, sample_view
from training.synthetic.pose import View
from training.synthetic.render import Renderer
from training.synthetic.scene import CLOTH, EYE, FRAME, HAIR, NOTHING, OBJECT, SKIN

SIZE = 96
FRONT = View(SIZE, SIZE, 465.0, (47.5, 47.5), 0.0, 0.0, 0.0, (0.0, 3.0, -100.0))
PERSON = Identity(gender=0.5, years=30, muscle=0.5, weight=0.5, ancestry=(0.3, 0.3, 0.4))
EYES = slice(36, 48)


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    """Skip where nothing can draw, or fail where that is promised."""
    try:
        if importlib.util.find_spec("moderngl") is None:
            raise StarmarkError("the package moderngl is missing")
        made = Renderer()
    except StarmarkError as error:
        if os.environ.get("CI", "").lower() in ("true", "1"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
    with made:
        yield made


def rng(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def plain_look(seed: int = 1) -> Look:
    """A look without anything before the face."""
    look = sample_look(rng(seed), rng(seed + 100), PERSON)
    hair = replace(look.hair, style="buzz", length=0.3, fringe=0.0, recede=0.0)
    occluders = replace(look.occluders, worn="none", held="none")
    return replace(look, hair=hair, glasses=None, occluders=occluders)


def test_a_head_is_seen_before_its_background(renderer: Renderer, average_head: HeadMesh) -> None:
    drawn = renderer.render(average_head, FRONT, plain_look())
    assert drawn.image.shape == (SIZE, SIZE, 3)
    assert drawn.image.dtype == np.uint8
    assert drawn.image.std() > 10
    seen = set(np.unique(drawn.what))
    assert {NOTHING, SKIN, EYE, HAIR} <= seen
    assert drawn.face_mask.mean() == pytest.approx(np.isin(drawn.what, (HAIR, NOTHING, CLOTH), invert=True).mean())
    assert np.isinf(drawn.distance[drawn.what == NOTHING]).all()
    assert ((drawn.distance > 85) & (drawn.distance < 130))[drawn.what == SKIN].all()


def test_each_thing_is_where_the_camera_projects_it(renderer: Renderer, average_head: HeadMesh) -> None:
    turned = replace(FRONT, yaw=25.0, roll=10.0, centre=(30.0, 60.0))
    drawn = renderer.render(average_head, turned, plain_look())
    for eye in (average_head.right_eye, average_head.left_eye):
        x, y = np.rint(turned.project(eye.pupil[None])[0]).astype(int)
        assert drawn.what[y, x] == EYE
        assert drawn.distance[y, x] == pytest.approx(np.linalg.norm(turned.to_camera(eye.pupil[None])), abs=0.1)


def test_the_same_seed_gives_the_same_picture(renderer: Renderer, average_head: HeadMesh) -> None:
    first = renderer.render(average_head, FRONT, sample_look(rng(5), rng(6), PERSON))
    renderer.render(average_head, FRONT, sample_look(rng(7), rng(8), PERSON))
    again = renderer.render(average_head, FRONT, sample_look(rng(5), rng(6), PERSON))
    assert np.array_equal(first.image, again.image)
    other = renderer.render(average_head, FRONT, sample_look(rng(7), rng(8), PERSON))
    assert not np.array_equal(first.image, other.image)


def test_another_context_gives_the_same_picture(renderer: Renderer, average_head: HeadMesh) -> None:
    look = sample_look(rng(5), rng(6), PERSON)
    first = renderer.render(average_head, FRONT, look)
    with Renderer() as second:
        assert np.array_equal(first.image, second.render(average_head, FRONT, look).image)
    # The first context still works after the second has gone.
    assert np.array_equal(first.image, renderer.render(average_head, FRONT, look).image)


def test_a_bare_face_hides_no_landmark(renderer: Renderer, average_head: HeadMesh) -> None:
    drawn = renderer.render(average_head, FRONT, plain_look())
    assert not drawn.occluded(face_landmarks(average_head, FRONT, "300w-68").space).any()


def before_the_mouth(look: Look) -> Occluders:
    return replace(look.occluders, held="blob", place=(0.0, -6.6), size=1.4)


def test_a_thing_before_the_mouth_hides_it_alone(renderer: Renderer, average_head: HeadMesh) -> None:
    look = plain_look()
    drawn = renderer.render(average_head, FRONT, replace(look, occluders=before_the_mouth(look)))
    assert (drawn.what == OBJECT).any()
    hidden = drawn.occluded(face_landmarks(average_head, FRONT, "300w-68").space)
    assert hidden[61:64].all()
    assert not hidden[EYES].any()
    assert not hidden[17:27].any()


def glasses(darkness: float) -> Glasses:
    dark = (0.02, 0.02, 0.02)
    return Glasses(dark, 0.1, 2.5, 2.0, 3.0, 0.0, 0.2, dark, darkness, 0.05, 1.0)


def test_clear_glasses_leave_the_eyes_visible(renderer: Renderer, average_head: HeadMesh) -> None:
    drawn = renderer.render(average_head, FRONT, replace(plain_look(), glasses=glasses(0.05)))
    assert (drawn.what == FRAME).any()
    assert (drawn.what == EYE).any()
    assert not drawn.occluded(face_landmarks(average_head, FRONT, "300w-68").space)[EYES].any()


def test_sunglasses_hide_the_eyes(renderer: Renderer, average_head: HeadMesh) -> None:
    drawn = renderer.render(average_head, FRONT, replace(plain_look(), glasses=glasses(0.95)))
    assert drawn.occluded(face_landmarks(average_head, FRONT, "300w-68").space)[EYES].all()
    assert not (drawn.what == EYE).any()


def test_a_full_beard_hides_no_landmark(renderer: Renderer, average_head: HeadMesh) -> None:
    look = plain_look()
    drawn = renderer.render(average_head, FRONT, replace(look, beard=replace(look.beard, kind="full", length=0.8)))
    assert not drawn.occluded(face_landmarks(average_head, FRONT, "300w-68").space).any()


@pytest.mark.parametrize("style", ["bald", "afro", "short", "back", "quiff", "long", "tied", "curly"])
def test_every_haircut_leaves_the_face_open(renderer: Renderer, average_head: HeadMesh, style: str) -> None:
    look = plain_look()
    length = {"long": 30.0, "tied": 15.0, "curly": 10.0, "back": 8.0}.get(style, 3.0)
    hair = replace(look.hair, style=style, length=length, tidy=1.0, recede=0.9 if style == "bald" else 0.0)
    drawn = renderer.render(average_head, FRONT, replace(look, hair=hair))
    assert drawn.occluded(face_landmarks(average_head, FRONT, "300w-68").space)[17:68].mean() < 0.1


THINGS = [
    ("beanie", "hand"),
    ("cap", "microphone"),
    ("hat", "card"),
    ("headscarf", "stick"),
    ("mask", "none"),
    ("scarf", "blob"),
]


@pytest.mark.parametrize(("worn", "held"), THINGS)
def test_everything_worn_and_held_can_be_seen(renderer: Renderer, average_head: HeadMesh, worn: str, held: str) -> None:
    look = plain_look()
    occluders = replace(look.occluders, worn=worn, held=held, place=(1.0, -4.0))
    drawn = renderer.render(average_head, FRONT, replace(look, occluders=occluders))
    assert (drawn.what == OBJECT).sum() > 0.01 * SIZE**2
    if worn in ("headscarf", "mask"):
        assert drawn.occluded(face_landmarks(average_head, FRONT, "300w-68").space).any()


@pytest.mark.parametrize("seed", range(8))
def test_any_person_in_any_photo_can_be_drawn(renderer: Renderer, seed: int) -> None:
    view = sample_view(rng(seed), 64, 48)
    head = before_camera(sample_head(rng(seed + 10)), view, rng(seed + 20))
    drawn = renderer.render(build_head(head), view, sample_look(rng(seed + 30), rng(seed + 40), head.identity))
    assert drawn.image.shape == (48, 64, 3)
    assert drawn.image.std() > 3
    assert (drawn.what != NOTHING).mean() > 0.15


def test_no_driver_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    moderngl = pytest.importorskip("moderngl")

    def broken(**_options: object) -> None:
        raise Exception("libEGL.so not loaded")

    monkeypatch.setattr(moderngl, "create_context", broken)
    with pytest.raises(StarmarkError, match=r"libEGL.so not loaded.*apt install libegl1"):
        gl.create_context()
