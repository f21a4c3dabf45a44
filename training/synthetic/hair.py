"""Hair of the head: bald, shaved, short, combed, long, curly, tied back, with or without a fringe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.synthetic.colour import Colour, along, colour
from training.synthetic.groom import Growth, Hull, Roots, grow, ribbons, scatter
from training.synthetic.mesh import Float32, HeadMesh
from training.synthetic.regions import Regions, even, smooth, within
from training.synthetic.scene import HAIR, Surface, UniformValue, compact, pack

STYLES = ("bald", "buzz", "afro", "short", "side", "back", "quiff", "long", "tied", "curly")

_COLOURS = ((18, 14, 13), (34, 24, 20), (58, 40, 28), (92, 62, 40), (128, 92, 58), (176, 138, 92), (214, 184, 134))
_GREYS = ((60, 58, 58), (130, 128, 126), (200, 198, 194), (236, 234, 230))
_REDS = ((96, 42, 22), (160, 78, 36))


@dataclass(frozen=True, slots=True)
class HairLook:
    """Attributes:
    style: one of `STYLES`.
    colour, tip: linear colours at the root and at the tip.
    length: cm.
    volume: cm between the skin and the outermost hairs.
    parting: cm of the line where it is parted.
    fringe: length over the forehead in cm, 0 without; fringe_side: where it is combed to.
    tidy: share of the hair that is kept out of the face.
    recede: 0 to 1: how far the hairline has gone.
    curl, turns: radius in cm, turns a cm.
    density: number of cards, or share of the skin that fur covers.
    width: of a card, cm. gloss, exponent: of the hair's shine.
    seed: of the places.
    """

    style: str
    colour: Colour
    tip: Colour
    length: float
    volume: float
    parting: float
    fringe: float
    fringe_side: float
    tidy: float
    recede: float
    curl: float
    turns: float
    density: float
    width: float
    gloss: float
    exponent: float
    seed: int


def sample_hair_colour(rng: np.random.Generator, *, tone: float, years: float) -> Colour:
    """Dark with dark skin, grey with age, now and then dyed."""
    light = rng.random() < max(0.0, 0.8 - 1.4 * tone)
    place = rng.uniform(0.35, 1.0) if light else rng.beta(1.2, 2.5) * 0.5
    hair = along(_COLOURS, float(place))
    if light and rng.random() < 0.12:
        hair = along(_REDS, rng.random())
    grey = rng.random() < float(np.interp(years, [30, 45, 60, 75], [0.0, 0.2, 0.7, 0.97]))
    if grey:
        share = rng.uniform(0.4, 1.0)
        hair = hair * (1 - share) + share * along(_GREYS, rng.random())
    if rng.random() < 0.015:
        hair = rng.uniform(0.02, 0.6, 3)
    return colour(hair * rng.uniform(0.85, 1.15))


def sample_hair(
    rng: np.random.Generator, photo: np.random.Generator, *, hair: Colour, femininity: float, years: float, tone: float
) -> HairLook:
    """A haircut; how it lies belongs to the photo."""
    curly = rng.random() < 0.12 + 0.45 * tone
    old = float(np.interp(years, [25, 70], [0, 1]))
    men = (0.10 + 0.12 * old, 0.17, 0.10 * curly, 0.25, 0.14, 0.10, 0.08, 0.05, 0.02, 0.10 * (1 + curly))
    women = (0.01, 0.03, 0.08 * curly, 0.10, 0.10, 0.05, 0.01, 0.38, 0.18, 0.10 * (1 + curly))
    chances = np.array(women) if rng.random() < femininity else np.array(men)
    style = str(rng.choice(STYLES, p=chances / chances.sum()))
    length = {
        "bald": (0.1, 0.3),
        "buzz": (0.15, 0.7),
        "afro": (1.0, 4.5),
        "short": (2.0, 5.5),
        "side": (5.0, 12.0),
        "back": (6.0, 14.0),
        "quiff": (4.0, 8.0),
        "long": (16.0, 45.0),
        "tied": (14.0, 20.0),
        "curly": (5.0, 26.0),
    }[style]
    male = rng.random() >= femininity
    recede = (
        float(rng.beta(1.2, 2.5) * old * (1.3 if male else 0.4)) if style != "bald" else float(rng.uniform(0.7, 1.6))
    )
    fringe = style in ("short", "side", "long", "tied", "curly") and recede < 0.3 and rng.random() < 0.38
    tip = np.array(hair) * rng.uniform(0.9, 1.5)
    return HairLook(
        style=style,
        colour=hair,
        tip=colour(tip),
        length=float(rng.uniform(*length)),
        volume=float(rng.uniform(0.5, 2.0) if style != "tied" else rng.uniform(0.2, 0.6)),
        parting=float(rng.choice([0.0, -1.0, 1.0]) * rng.uniform(1.5, 4.5) + rng.normal(0, 0.3)),
        fringe=float(rng.uniform(4.0, 8.5)) if fringe else 0.0,
        fringe_side=float(photo.normal(0, 0.5)),
        tidy=float(1 - photo.beta(0.5, 6) * 0.8),
        recede=recede,
        curl=float(rng.uniform(0.35, 1.0) if style == "curly" else rng.uniform(0, 0.25)),
        turns=float(rng.uniform(0.1, 0.35) if style == "curly" else rng.uniform(0.03, 0.12)),
        density=float(rng.uniform(0.75, 1.0)),
        width=float(rng.uniform(0.55, 1.0) * (0.6 if style == "curly" else 1.0)),
        gloss=float(photo.gamma(2.0, 0.35)),
        exponent=float(photo.uniform(20, 90)),
        seed=int(rng.integers(2**31)),
    )


def growing(parts: Regions, mesh: HeadMesh, look: HairLook) -> Float32:
    """(V,) float32 even weight: where hair still grows, with the hairline gone back and the crown bare."""
    if look.recede < 0.02:
        return parts.scalp
    x, y, z = np.abs(mesh.rest[:, 0]), mesh.rest[:, 1], mesh.rest[:, 2]
    front = 3.5 - 9.0 * look.recede + 1.2 * np.exp(-((x / 1.8) ** 2))  # the temples go first
    top = 12.0 - 9.5 * smooth(0.5, 1.0, np.full_like(x, look.recede))
    left = np.maximum(front - z - 0.25 * np.maximum(x - 5.5, 0), np.minimum(top - 2.0 - y, -z - 3.5))
    left = np.minimum(left, np.maximum(top - y, -z - 30.0 + 26.0 * (look.recede < 0.5)))
    return np.minimum(parts.scalp, even(left.astype(np.float32)))


def hair_surfaces(mesh: HeadMesh, where: Float32, openness: Float32, look: HairLook) -> list[Surface]:
    """The hair that grows where (V,) `where` (an even weight) says, or none."""
    if where.max() <= 0.52:
        return []
    if look.style in ("bald", "buzz", "afro"):
        return _fur(mesh, where, openness, look)
    return [_cards(mesh, where, openness, look)]


def fur_surface(
    mesh: HeadMesh,
    amount: Float32,
    openness: Float32,
    *,
    length: float,
    density: float,
    scale: float,
    layers: int,
    droop: float,
    gloss: tuple[float, float],
    colours: tuple[Colour, Colour],
    offset: tuple[float, float],
    what: int,
) -> Surface:
    """Layers over the skin where the (V,) even weight `amount` is above a half."""
    table = pack(
        mesh.vertices,
        mesh.normals,
        rest=mesh.rest,
        a=np.stack([np.zeros_like(amount), np.zeros_like(amount), np.ones_like(amount), amount], axis=1),
        b=np.stack(
            [np.zeros_like(amount), -0.4 * np.ones_like(amount), np.zeros_like(amount), np.sqrt(within(amount, 2.2))],
            axis=1,
        ),
        ao=openness,
    )
    triangles = mesh.of_part("skin")
    vertices, triangles = compact(table, triangles[amount[triangles].max(axis=1) > 0.45])
    uniforms: dict[str, UniformValue] = {
        "u_hair": colours[0],
        "u_tip": colours[1],
        "u_layers": float(layers),
        "u_density": density,
        "u_scale": scale,
        "u_gloss": gloss,
        "u_layer_step": length / layers,
        "u_droop": droop,
        "u_noise_offset": offset,
    }
    return Surface("fur", vertices, triangles, what, uniforms, layers=layers)


def _fur(mesh: HeadMesh, where: Float32, openness: Float32, look: HairLook) -> list[Surface]:
    rng = np.random.Generator(np.random.PCG64(look.seed))
    layers = int(np.clip(look.length * 7, 5, 26))
    scale = 7.0 if look.style != "afro" else float(rng.uniform(2.0, 4.0))
    density = {"bald": 0.55, "buzz": 0.95, "afro": 1.35}[look.style] * look.density
    offset = (float(rng.random()), float(rng.random()))
    return [
        fur_surface(
            mesh, where, openness, length=look.length, density=density, scale=scale, layers=layers, droop=0.0,
            gloss=(0.5 * look.gloss, look.exponent), colours=(look.colour, look.tip), offset=offset, what=HAIR,
        )
    ]  # fmt: skip


def _cards(mesh: HeadMesh, where: Float32, openness: Float32, look: HairLook) -> Surface:
    rng = np.random.Generator(np.random.PCG64(look.seed))
    count = int(look.density * np.interp(look.length, [2, 6, 14, 40], [1500, 1000, 560, 460]))
    roots = scatter(mesh, within(where), openness, count, rng)
    level = np.linspace(1, 0, count, dtype=np.float32)  # 1 outermost, 0 next to the skin: the nearest is drawn first
    growth = _growth(roots, level, look, rng)
    hull = Hull(mesh)
    steps = int(np.interp(look.length, [3, 7, 14, 40], [5, 8, 12, 16])) if look.style != "curly" else 28
    path = grow(roots, growth, hull, steps, rng)
    outward = path - hull.centre
    outward /= np.linalg.norm(outward, axis=2, keepdims=True)
    t = np.linspace(0, 1, steps + 1, dtype=np.float32)
    width = look.width * rng.uniform(0.6, 1.3, (count, 1)).astype(np.float32) * (1 - 0.55 * t**2)
    light = (0.5 + 0.5 * level)[:, None] * (0.7 + 0.3 * t)
    random = rng.random(count).astype(np.float32)
    vertices, triangles = ribbons(path, outward, width, random=random, light=light, ao=0.4 + 0.6 * roots.openness)
    uniforms: dict[str, UniformValue] = {
        "u_hair": look.colour,
        "u_tip": look.tip,
        "u_strands": 22.0 * look.width / 0.8,
        "u_gloss": (look.gloss, look.exponent),
    }
    return Surface("hair", vertices, triangles, HAIR, uniforms)


def _growth(roots: Roots, level: Float32, look: HairLook, rng: np.random.Generator) -> Growth:
    count = len(level)
    x, y, z = roots.rest.T
    length = np.full(count, look.length, np.float32) * rng.uniform(0.85, 1.1, count).astype(np.float32)
    comb = _combed(x, y, z, look)
    lift = {"short": 0.55, "side": 0.35, "back": 0.3, "quiff": 0.9, "long": 0.25, "tied": 0.12, "curly": 0.8}[
        look.style
    ]
    down = np.array([0, -1, 0], np.float32)
    weight = {"short": 0.15, "side": 0.5, "back": 0.35, "quiff": 0.1, "long": 1.5, "tied": 0.3, "curly": 0.5}[
        look.style
    ]
    pull = comb * (0.8 if look.style in ("tied", "back") else 0.45) + weight * down
    cling = {"short": 1.2, "side": 1.5, "back": 1.5, "quiff": 0.5, "long": 1.6, "tied": 3.0, "curly": 0.4}[look.style]
    if look.style in ("short", "side", "quiff", "back"):  # the sides are cut short
        low = smooth(4.5, 1.5, y) * smooth(3.5, 6.5, np.abs(x)) if look.length < 8 else smooth(-1.0, -4.0, y)
        length *= 1 - 0.6 * low
        length = np.minimum(length, np.maximum(0.7, y + 6.0))  # none hangs over the neck
    swept = rng.random(count) < look.tidy * (0.85 if look.style == "curly" else 1.0)
    sweep = np.where(x > look.parting + rng.normal(0, 0.4, count), 2.5, -2.5) * swept
    if look.fringe > 0:
        front = (z > -2.5) & (np.abs(x) < 5.2)
        sweep = np.where(front, 0, sweep)
        length = np.where(front, look.fringe * rng.uniform(0.85, 1.1, count), length)
        forward = np.stack([0.35 * look.fringe_side + 0.06 * x, np.full(count, -0.2), np.ones(count)], axis=1)
        comb = np.where(front[:, None], forward, comb)
        pull = np.where(front[:, None], np.array([0.3 * look.fringe_side, -0.9, 0.25], np.float32), pull)
    start = comb + lift * roots.normal + rng.normal(0, 0.12 if look.style != "curly" else 0.4, (count, 3))
    start /= np.linalg.norm(start, axis=1, keepdims=True)
    stiffness = 3.0 if look.length > 7 else 2.2
    margin = (0.12 + look.volume * level).astype(np.float32)
    return Growth(
        length.astype(np.float32),
        start.astype(np.float32),
        pull.astype(np.float32),
        stiffness,
        margin,
        look.curl,
        min(look.turns, 4.0 / look.length),
        cling,
        sweep.astype(np.float32),
    )


def _combed(x: Float32, y: Float32, z: Float32, look: HairLook) -> Float32:
    """(S, 3) the direction that hair is combed to at places of the template."""
    one = np.ones_like(x)
    aside = np.where(x > look.parting, 1.0, -1.0) * smooth(0.0, 1.0, np.abs(x - look.parting) + 0.3)
    if look.style in ("back", "tied"):
        comb = np.stack([0.10 * x, 0.25 * smooth(2.0, -6.0, -z) - 0.3 * smooth(-4.0, -12.0, z), -one], axis=1)
    elif look.style == "quiff":
        comb = np.stack([0.25 * aside, 0.6 * one, np.where(z > -3, 0.35, -0.5)], axis=1)
    elif look.style == "short":
        comb = np.stack([0.5 * aside, 0.1 * one, 0.55 * one], axis=1)
    elif look.style == "curly":
        comb = np.stack([0.5 * aside, 0.1 * one, 0.1 * one], axis=1)
    else:
        comb = np.stack([aside, 0.1 * one, -0.35 * one], axis=1)
    return comb.astype(np.float32)
