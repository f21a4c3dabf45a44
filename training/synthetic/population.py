"""Who is on the pictures and what they do: random people, expressions and views.

Every function takes a generator of its own and draws from it alone, so that pictures can share a person or an
expression.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from training.synthetic.heads import Expression, HeadParams, Identity
from training.synthetic.local_shapes import LOCAL_SHAPES, OUTLINES
from training.synthetic.pose import View

_SIDES = ("l-", "r-")
_ASYMMETRY = 0.25
"""How much the two sides of a face differ, as a share of how much faces differ."""

_CHILDREN = 0.10

FACE_HEIGHT = 14.0
"""cm from the brows to the chin of a grown head, to say how large a face is in a picture."""

Actions = dict[str, float]


def sample_head(rng: Generator) -> HeadParams:
    """A random person with a random expression; drawn from two generators of their own, which `rng` seeds."""
    person, moment = (np.random.default_rng(int(seed)) for seed in rng.integers(2**63, size=2))
    return HeadParams(sample_identity(person), sample_expression(moment))


def sample_identity(rng: Generator) -> Identity:
    """A random person: grown-ups of all ages, one child in ten."""
    child = rng.random() < _CHILDREN
    years = rng.uniform(4, 17) if child else 18 + 65 * rng.beta(1.4, 2.2)
    male = rng.random() < 0.5
    lean = abs(rng.normal(0, 0.12))
    ancestry = rng.dirichlet((0.45, 0.45, 0.45))
    return Identity(
        gender=float(np.clip(1 - lean if male else lean, 0, 1)),
        years=float(years),
        muscle=float(rng.beta(3, 3)),
        weight=float(rng.beta(2.5, 2.5)),
        ancestry=(float(ancestry[0]), float(ancestry[1]), float(ancestry[2])),
        local=(*_local(rng), (str(rng.choice(OUTLINES)), float(rng.uniform(0, 0.5)))),
    )


def _local(rng: Generator) -> list[tuple[str, float]]:
    amounts = []
    for shape in LOCAL_SHAPES:
        amount = shape.mean + shape.spread * rng.normal()
        if shape.paired:
            for side in _SIDES:
                own = amount + _ASYMMETRY * shape.spread * rng.normal()
                amounts.append(shape.shape(float(np.clip(own, -1.2, 1.2)), side))
        else:
            amounts.append(shape.shape(float(np.clip(amount, -1.2, 1.2))))
    return amounts


def sample_expression(rng: Generator) -> Expression:
    """A random expression: often nearly none, smiles, speech, and now and then the rarer ones."""
    names, chances = zip(*((kind, chance) for kind, chance, _ in _EXPRESSIONS), strict=True)
    drawn = _EXPRESSIONS[rng.choice(len(names), p=chances)][2](rng)
    actions = _twitches(rng)
    for name, amount in drawn.items():
        actions[name] = actions.get(name, 0.0) + amount
    lids = float(np.clip(rng.normal(0.12, 0.14), 0, 0.6))  # nobody's eyes are as open as MakeHuman's
    if rng.random() < 0.06:
        lids = rng.uniform(0.85, 1.0)
    for side in ("Left", "Right"):
        name = f"eyeBlink{side}"
        actions[name] = actions.get(name, 0.0) + lids + abs(rng.normal(0, 0.02))
    bounded = tuple(sorted((name, float(min(amount, 1.0))) for name, amount in actions.items() if amount > 0.005))
    return Expression(bounded, float(rng.normal(0, 7)), float(rng.normal(-1, 4)))


def _twitches(rng: Generator) -> Actions:
    """What no face is ever free of."""
    actions: Actions = {}
    for name, spread in (
        ("browDown", 0.12), ("browOuterUp", 0.12), ("cheekSquint", 0.08), ("eyeSquint", 0.12), ("mouthDimple", 0.08),
        ("mouthFrown", 0.10), ("mouthPress", 0.08), ("mouthSmile", 0.10), ("mouthStretch", 0.06),
        ("mouthUpperUp", 0.05), ("mouthLowerDown", 0.05), ("noseSneer", 0.06),
    ):  # fmt: skip
        actions |= _both(rng, name, abs(rng.normal(0, spread)))
    actions["browInnerUp"] = abs(rng.normal(0, 0.12))
    actions["jawOpen"] = max(0.0, rng.normal(-0.01, 0.03))
    actions[str(rng.choice(("jawLeft", "jawRight")))] = abs(rng.normal(0, 0.05))
    actions[str(rng.choice(("mouthLeft", "mouthRight")))] = abs(rng.normal(0, 0.05))
    return actions


def _both(rng: Generator, name: str, amount: float) -> Actions:
    """An action of both sides, hardly ever the same on either."""
    return {f"{name}{side}": float(amount * np.clip(rng.normal(1, 0.15), 0.3, 1.5)) for side in ("Left", "Right")}


def _neutral(rng: Generator) -> Actions:
    return {}


def _smile(rng: Generator) -> Actions:
    amount = rng.uniform(0.2, 0.8)
    return (
        _both(rng, "mouthSmile", amount)
        | _both(rng, "cheekSquint", 0.5 * amount * rng.random())
        | _both(rng, "eyeSquint", 0.5 * amount * rng.random())
    )


def _laugh(rng: Generator) -> Actions:
    """A smile that shows teeth."""
    amount = rng.uniform(0.3, 0.9)
    return (
        _smile(rng)
        | _both(rng, "mouthSmile", amount)
        | _both(rng, "mouthUpperUp", amount * rng.uniform(0.3, 0.9))
        | _both(rng, "mouthLowerDown", amount * rng.uniform(0.2, 0.9))
        | {"jawOpen": float(max(0.0, rng.normal(0.08, 0.12)))}
    )


def _speech(rng: Generator) -> Actions:
    actions = {"jawOpen": float(0.6 * rng.beta(1.3, 2.5))}
    for name in ("mouthUpperUp", "mouthLowerDown", "mouthStretch"):
        actions |= _both(rng, name, 0.5 * rng.random() ** 2)
    actions[str(rng.choice(("mouthFunnel", "mouthPucker")))] = 0.8 * rng.random() ** 2
    return actions


def _surprise(rng: Generator) -> Actions:
    amount = rng.uniform(0.3, 1.0)
    actions = {"browInnerUp": amount, "jawOpen": float(amount * rng.uniform(0.1, 0.9))}
    return actions | _both(rng, "browOuterUp", amount) | _both(rng, "eyeWide", amount * rng.uniform(0.3, 1.0))


def _anger(rng: Generator) -> Actions:
    amount = rng.uniform(0.3, 1.0)
    return (
        _both(rng, "browDown", amount)
        | _both(rng, "noseSneer", amount * rng.random())
        | _both(rng, "eyeSquint", amount * rng.random())
        | _both(rng, str(rng.choice(("mouthFrown", "mouthPress", "mouthStretch"))), amount * rng.random())
    )


def _sorrow(rng: Generator) -> Actions:
    amount = rng.uniform(0.3, 1.0)
    return _both(rng, "mouthFrown", amount) | {"browInnerUp": amount * rng.random(), "mouthShrugLower": 0.4 * amount}


def _wink(rng: Generator) -> Actions:
    side = str(rng.choice(("Left", "Right")))
    amount = float(rng.uniform(0.7, 1.0))
    return {f"eyeBlink{side}": amount, f"cheekSquint{side}": amount * rng.random(), f"mouthSmile{side}": 0.4 * amount}


def _pout(rng: Generator) -> Actions:
    names = ("mouthPucker", "mouthFunnel", "mouthRollLower", "mouthRollUpper", "mouthShrugUpper", "cheekPuff")
    return {str(rng.choice(names)): float(rng.uniform(0.3, 0.9))}


_EXPRESSIONS: tuple[tuple[str, float, Callable[[Generator], Actions]], ...] = (
    ("neutral", 0.28, _neutral),
    ("smile", 0.16, _smile),
    ("laugh", 0.22, _laugh),
    ("speech", 0.18, _speech),
    ("surprise", 0.04, _surprise),
    ("anger", 0.04, _anger),
    ("sorrow", 0.03, _sorrow),
    ("wink", 0.02, _wink),
    ("pout", 0.03, _pout),
)


def sample_view(rng: Generator, width: int, height: int) -> View:
    """A random camera before a random pose: mostly frontal, one in twelve beyond half profile.

    The camera stands 35 cm (an arm that holds a telephone) to 4 m (a portrait lens) away; the face is 0.35 to 0.68 of
    the picture's shorter side high and lies near its middle.
    """
    yaw = _sample_yaw(rng)
    pitch = float(np.clip(rng.normal(0, 9), -35, 30))
    roll = float(np.clip(rng.normal(0, 8 if rng.random() < 0.9 else 22), -50, 50))
    distance = float(np.exp(rng.uniform(np.log(35), np.log(400))))
    size = rng.uniform(0.35, 0.68) * min(width, height)
    focal = size * distance / FACE_HEIGHT
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    centre = middle + rng.normal(0, 0.15, 2) * (width, height)  # most portraits are cut from larger photos
    aim = middle + rng.normal(0, 0.05, 2) * (width, height)
    view = View(width, height, float(focal), (float(centre[0]), float(centre[1])), yaw, pitch, roll, (0, 0, -distance))
    # The middle of the face, behind the nose and between brows and chin, comes to lie where the camera aims.
    offset = view.turn @ np.array([0.0, -4.3, 0.0])
    depth = distance - offset[2]
    x = (aim[0] - centre[0]) * depth / focal - offset[0]
    y = (centre[1] - aim[1]) * depth / focal - offset[1]
    return replace(view, place=(float(x), float(y), -distance))


def _sample_yaw(rng: Generator) -> float:
    """Degrees: 70 % near frontal, 22 % up to half profile, 8 % beyond, either side alike."""
    kind = rng.random()
    if kind < 0.70:
        return float(np.clip(rng.normal(0, 15), -40, 40))
    low, high = (15, 55) if kind < 0.92 else (50, 90)
    return float(rng.uniform(low, high) * rng.choice((-1, 1)))


def before_camera(params: HeadParams, view: View, rng: Generator) -> HeadParams:
    """The head as it sits on its shoulders and looks in this view: the body turned less than the head, and every second
    person looking into the camera as far as eyes turn."""
    share = rng.uniform(0.3, 0.9)
    turn = np.clip([view.yaw, view.pitch, view.roll], (-60, -25, -35), (60, 25, 35)) * -share
    expression = replace(params.expression, body=(float(turn[0]), float(turn[1]), float(turn[2])))
    if rng.random() < 0.5:
        yaw = float(np.clip(-view.yaw, -24, 24) + rng.normal(0, 1.5))
        pitch = float(np.clip(-view.pitch, -14, 14) + rng.normal(0, 1.5))
        expression = replace(expression, gaze_yaw=yaw, gaze_pitch=pitch)
    return replace(params, expression=expression)
