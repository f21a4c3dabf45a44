"""Skin: colour over all human tones, what varies on it, make-up."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.synthetic.colour import Colour, along, colour
from training.synthetic.mesh import Float32, HeadMesh
from training.synthetic.noise import fractal_image
from training.synthetic.regions import Regions
from training.synthetic.scene import MOUTH, SKIN, Surface, UniformValue, pack, part_of_head

TONES = (
    (243, 212, 197),
    (232, 190, 168),
    (218, 169, 139),
    (198, 149, 120),
    (168, 121, 92),
    (134, 93, 69),
    (97, 63, 45),
    (66, 43, 33),
)
"""sRGB of skin in white light, from the lightest to the darkest."""

MAP_SIZE = (480, 672)
"""Width and height of the painted maps: 20 x 28 cm of the template's front at 24 px/cm, from y = -14 cm up."""


@dataclass(frozen=True, slots=True)
class SkinLook:
    """Attributes:
    tone: 0 lightest to 1 darkest.
    albedo, lip: linear colours.
    lip_cover: 0 bare lips to 1 opaque lipstick; lip_gloss: how they shine.
    redness: of cheeks, nose and ears; under_eyes: how dark the skin about the eyes is.
    pores, wrinkles, blotches, spots: strengths; the spots are freckles and moles.
    gloss, exponent: of the oily film.
    eyeshadow: linear colour and its amount.
    seed: of what is painted.
    """

    tone: float
    albedo: Colour
    lip: Colour
    lip_cover: float
    lip_gloss: float
    redness: tuple[float, float, float]
    under_eyes: float
    pores: float
    wrinkles: float
    blotches: float
    spots: float
    gloss: float
    exponent: float
    eyeshadow: Colour
    eyeshadow_amount: float
    seed: int


def sample_skin(
    rng: np.random.Generator, photo: np.random.Generator, *, years: float, femininity: float, tone: float
) -> SkinLook:
    """A skin of about a tone; make-up and shine belong to the photo."""
    hue = rng.normal(0, 0.05)  # towards pink or towards olive
    albedo = along(TONES, tone) * np.exp([0.35 * hue, -hue, -0.6 * hue + rng.normal(0, 0.06)]) * rng.uniform(0.92, 1.06)
    pale = 1 - tone
    lip = albedo * np.exp(-np.array([0.12, 0.75, 0.55]) * rng.uniform(0.45, 1.1) - (0.25 if tone > 0.7 else 0.0))
    made_up = photo.random() < 0.75 * femininity * float(np.interp(years, [12, 18], [0.1, 1]))
    bold = made_up and photo.random() < 0.5
    if bold:
        lipstick = along(
            ((170, 30, 45), (200, 60, 80), (150, 40, 70), (190, 90, 80), (110, 30, 40), (215, 110, 120)), photo.random()
        )
        lip = 0.7 * lipstick + 0.3 * lip
    age = float(np.interp(years, [15, 30, 50, 70, 90], [0.0, 0.15, 0.5, 0.9, 1.2]))
    shade = along(
        ((60, 40, 35), (90, 70, 110), (40, 60, 90), (120, 80, 60), (150, 90, 110), (30, 30, 30)), photo.random()
    )
    return SkinLook(
        tone=tone,
        albedo=colour(albedo),
        lip=colour(lip),
        lip_cover=float(photo.uniform(0.4, 0.9)) if bold else 0.0,
        lip_gloss=float(photo.gamma(2.0, 0.25) * (1.8 if bold else 0.7)),
        redness=(
            float(rng.gamma(2, 0.18) * (0.5 + pale) + 0.3 * made_up * photo.random()),
            float(rng.gamma(2, 0.14) * (0.5 + pale)),
            float(rng.gamma(2, 0.18)),
        ),
        under_eyes=float(rng.gamma(2.0, 0.09)),
        pores=float(rng.uniform(0.15, 0.6) * (0.6 if made_up else 1.0)),
        wrinkles=age * float(rng.uniform(0.6, 1.3)),
        blotches=float(rng.gamma(2.0, 0.09)),
        spots=float(rng.gamma(0.8, 0.45) * pale + 0.25 * age),
        gloss=float(photo.gamma(2.2, 0.22)),
        exponent=float(photo.uniform(14, 45)),
        eyeshadow=colour(shade * photo.uniform(0.6, 1.2)),
        eyeshadow_amount=float(photo.uniform(0.15, 0.75)) if made_up and photo.random() < 0.6 else 0.0,
        seed=int(rng.integers(2**31)),
    )


def _pixel(x: float, y: float) -> tuple[float, float]:
    """Map pixel (rows from below) of a place on the template's front, cm."""
    return (x + 10) * 24 - 0.5, (y + 14) * 24 - 0.5


def _line(canvas: Float32, points: list[tuple[float, float]], depth: float, width: float) -> None:
    """A crease through points (cm), deepest in its middle."""
    place = np.array([_pixel(x, y) for x, y in points])
    t = np.linspace(0, 1, len(place))
    fine = np.linspace(0, 1, 24)
    curve = np.stack([np.interp(fine, t, place[:, 0]), np.interp(fine, t, place[:, 1])], axis=1)
    curve = cv2.GaussianBlur(curve.astype(np.float32), (1, 7), 0, borderType=cv2.BORDER_REPLICATE)
    for k in range(len(curve) - 1):
        strength = depth * np.sin(np.pi * (k + 0.5) / (len(curve) - 1)) ** 0.6
        start, end = (tuple(int(v * 16) for v in curve[i]) for i in (k, k + 1))
        cv2.line(
            canvas, start, end, float(strength), max(1, round(width * 24)), cv2.LINE_AA if False else cv2.LINE_8, 4
        )


def _creases(look: SkinLook, rng: np.random.Generator) -> Float32:
    """(H, W) float32 depth of the wrinkles, in cm times their strength."""
    width, height = MAP_SIZE
    fine = np.zeros((height, width), np.float32)
    broad = np.zeros((height, width), np.float32)
    jitter = lambda scale: float(rng.normal(0, scale))  # noqa: E731
    for k in range(int(rng.integers(3, 6))):  # the forehead
        y, bow = 2.9 + 1.0 * k + jitter(0.15), jitter(0.25)
        xs = np.linspace(-4.5 + jitter(0.5), 4.5 + jitter(0.5), 9)
        _line(fine, [(x, y + bow * (x / 4) ** 2 + jitter(0.1)) for x in xs], rng.uniform(0.3, 1.0), 0.07)
    for side in (-1, 1):
        _line(
            broad,
            [(side * x, y) for x, y in ((1.9, -3.6), (2.9, -4.9), (3.3, -6.2), (3.3 + jitter(0.2), -7.4))],
            rng.uniform(0.6, 1.2),
            0.14,
        )
        for k in range(int(rng.integers(2, 5))):  # crow's feet
            _line(
                fine,
                [(side * 4.9, 0.1 - 0.3 * k), (side * 5.6, 0.15 - 0.5 * k + jitter(0.1)), (side * 6.3, 0.5 - 0.9 * k)],
                rng.uniform(0.3, 1.0),
                0.05,
            )
        _line(
            broad,
            [(side * x, y + jitter(0.08)) for x, y in ((1.5, -0.7), (2.2, -1.4), (3.2, -1.6), (4.2, -1.1))],
            rng.uniform(0.4, 1.0),
            0.10,
        )
        _line(
            fine, [(side * 0.45, 0.8), (side * 0.5 + jitter(0.1), 1.7), (side * 0.7, 2.5)], rng.uniform(0.0, 1.0), 0.07
        )
        _line(fine, [(side * 2.75, -6.9), (side * 3.1, -7.6), (side * 3.0, -8.4)], rng.uniform(0.0, 0.8), 0.08)
    return cv2.GaussianBlur(fine, (0, 0), 1.2) * 0.9 + cv2.GaussianBlur(broad, (0, 0), 2.6) * 1.3


def paint_map(look: SkinLook) -> NDArray[np.uint8]:
    """(H, W, 4) uint8, rows from below: slopes of the wrinkles across and upwards, spots, redness."""
    rng = np.random.Generator(np.random.PCG64(look.seed))
    width, height = MAP_SIZE
    depth = -_creases(look, rng)
    across = np.gradient(depth, axis=1)
    upwards = np.gradient(depth, axis=0)
    spots = np.zeros((height, width), np.float32)
    where = fractal_image(MAP_SIZE, 0.6, rng)
    for _ in range(int(40 + 500 * min(look.spots, 1.2))):  # freckles
        x, y = rng.uniform(0, width), rng.uniform(0.15 * height, height)
        strength = float(rng.uniform(0.1, 0.6) * where[int(y), int(x)])
        cv2.circle(spots, (int(x * 16), int(y * 16)), int(16 * rng.uniform(0.8, 2.2)), strength, -1, cv2.LINE_8, 4)
    moles = np.zeros_like(spots)
    for _ in range(int(rng.poisson(2.0))):
        cv2.circle(
            moles,
            (int(rng.uniform(0, width) * 16), int(rng.uniform(0, height) * 16)),
            int(16 * rng.uniform(1.0, 3.0)),
            1.0,
            -1,
            cv2.LINE_8,
            4,
        )
    spots = np.minimum(
        cv2.GaussianBlur(spots, (0, 0), 0.9) * min(look.spots, 1.5) + cv2.GaussianBlur(moles, (0, 0), 0.8), 1
    )
    redness = (0.5 + 0.6 * look.blotches * (fractal_image(MAP_SIZE, 0.7, rng, 8) - 0.5)).astype(np.float32)
    for _ in range(int(rng.poisson(2.5 if look.blotches > 0.2 else 0.7))):  # blemishes
        place = (int(rng.uniform(0.2, 0.8) * width * 16), int(rng.uniform(0.1, 0.85) * height * 16))
        cv2.circle(redness, place, int(16 * rng.uniform(1.5, 4.0)), float(rng.uniform(0.7, 1.0)), -1, cv2.LINE_8, 4)
    redness = np.asarray(cv2.GaussianBlur(redness, (0, 0), 1.5), np.float32)
    stacked = np.stack([0.5 + 2.2 * across, 0.5 + 2.2 * upwards, spots, redness], axis=-1)
    return np.clip(255 * stacked + 0.5, 0, 255).astype(np.uint8)


def skin_surfaces(
    mesh: HeadMesh,
    parts: Regions,
    scalp: Float32,
    beard: Float32,
    openness: Float32,
    look: SkinLook,
    cover: tuple[float, float],
    hair: Colour,
) -> list[Surface]:
    """Skin, and the insides of mouth and sockets.

    Args:
        mesh: the head.
        parts: its regions.
        scalp, beard: (V,) where hair grows, even weights.
        openness: (V,) share of the surroundings that each vertex sees.
        look: the skin.
        cover: how far hair of the scalp and of the beard colours the skin below it.
        hair: linear colour of the hair.
    """
    table = pack(
        mesh.vertices,
        mesh.normals,
        uv=mesh.uv,
        rest=mesh.rest,
        a=np.stack([parts.lips, np.maximum(parts.sockets, 0.6 * parts.eyelids), np.zeros_like(beard), scalp], axis=1),
        b=np.stack([parts.cheeks, parts.nose, parts.ears, beard], axis=1),
        ao=openness,
    )
    rng = np.random.Generator(np.random.PCG64(look.seed))
    uniforms: dict[str, UniformValue] = {
        "u_albedo": look.albedo,
        "u_lip": look.lip,
        "u_lip_cover": look.lip_cover,
        "u_region": (*look.redness, look.under_eyes),
        "u_texture": (look.pores, look.wrinkles, look.blotches, min(look.spots, 1.5)),
        "u_gloss": (look.gloss, look.exponent),
        "u_lip_gloss": look.lip_gloss,
        "u_hair": hair,
        "u_cover": cover,
        "u_eyeshadow": look.eyeshadow,
        "u_shade": look.eyeshadow_amount,
        "u_noise_offset": (float(rng.random()), float(rng.random())),
    }
    vertices, triangles = part_of_head(mesh, table, "skin", "torso")
    surfaces = [Surface("skin", vertices, triangles, SKIN, uniforms)]
    inside = table.copy()
    inside[:, 11:15] = (0.42, 0.12, 0.11, 1.0)
    inside[:, 19] *= 0.5
    vertices, triangles = part_of_head(mesh, inside, "mouth", "socket")
    surfaces.append(Surface("plain", vertices, triangles, MOUTH, {"u_shine": (1.0, 40.0)}))
    return surfaces
