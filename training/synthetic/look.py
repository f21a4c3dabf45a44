"""Everything about how a head looks, sampled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.synthetic.background import Background, sample_background
from training.synthetic.brows import BrowLook, brow_surface, lash_surfaces, sample_brows
from training.synthetic.colour import colour
from training.synthetic.eyes import EyeLook, eye_surfaces, sample_eyes
from training.synthetic.film import Film, sample_film
from training.synthetic.hair import HairLook, growing, hair_surfaces, sample_hair, sample_hair_colour
from training.synthetic.heads import Identity
from training.synthetic.lighting import Lighting, sample_lighting
from training.synthetic.mesh import Float32, HeadMesh
from training.synthetic.regions import regions
from training.synthetic.scene import Surface
from training.synthetic.skin import SkinLook, sample_skin, skin_surfaces


@dataclass(frozen=True, slots=True)
class Look:
    skin: SkinLook
    eyes: EyeLook
    brows: BrowLook
    hair: HairLook
    lighting: Lighting
    film: Film
    background: Background


def sample_look(rng: np.random.Generator, photo: np.random.Generator, identity: Identity) -> Look:
    tone = float(rng.random())
    years, femininity = identity.years, 1 - identity.gender
    hair_colour = sample_hair_colour(rng, tone=tone, years=years)
    brow_colour = colour(np.array(hair_colour) ** rng.uniform(1.0, 1.25) * rng.uniform(0.6, 1.1))
    skin = sample_skin(rng, photo, years=years, femininity=femininity, tone=tone)
    lighting = sample_lighting(photo)
    return Look(
        skin=skin,
        eyes=sample_eyes(rng, photo, tone=tone, years=years),
        brows=sample_brows(rng, photo, colour=brow_colour, femininity=femininity, years=years),
        hair=sample_hair(rng, photo, hair=hair_colour, femininity=femininity, years=years, tone=tone),
        lighting=lighting,
        film=sample_film(photo, lighting, skin.albedo),
        background=sample_background(photo),
    )


def build_scene(mesh: HeadMesh, look: Look, openness: Float32) -> list[Surface]:
    parts = regions(mesh)
    scalp = growing(parts, mesh, look.hair)
    cover = {"scalp": 0.35 if look.hair.style == "bald" else 0.9}
    return [
        *skin_surfaces(mesh, parts, scalp, openness, look.skin, cover, look.hair.colour),
        *eye_surfaces(mesh, openness, look.eyes),
        brow_surface(mesh, openness, look.brows),
        *lash_surfaces(mesh, look.brows),
        *hair_surfaces(mesh, parts, openness, look.hair),
    ]
