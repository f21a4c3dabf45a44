"""Everything about how a head looks, sampled."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from training.synthetic.background import Background, sample_background
from training.synthetic.beard import BeardLook, beard_surfaces, bearded, sample_beard
from training.synthetic.brows import BrowLook, brow_surface, lash_surfaces, sample_brows
from training.synthetic.clothes import Clothes, clothes_surfaces, sample_clothes
from training.synthetic.colour import colour
from training.synthetic.eyes import EyeLook, eye_surfaces, sample_eyes
from training.synthetic.film import Film, sample_film
from training.synthetic.glasses import Glasses, glasses_surfaces, sample_glasses
from training.synthetic.hair import HairLook, growing, hair_surfaces, sample_hair, sample_hair_colour
from training.synthetic.heads import Identity
from training.synthetic.lighting import Lighting, sample_lighting
from training.synthetic.mesh import Float32, HeadMesh
from training.synthetic.occluders import Occluders, held_surfaces, sample_occluders, worn_region, worn_surfaces
from training.synthetic.regions import regions
from training.synthetic.scene import Surface
from training.synthetic.skin import SkinLook, sample_skin, skin_surfaces


@dataclass(frozen=True, slots=True)
class Look:
    """What a head looks like in one picture. `glasses` is None for a face without; the rest says itself what is not."""

    skin: SkinLook
    eyes: EyeLook
    brows: BrowLook
    hair: HairLook
    beard: BeardLook
    clothes: Clothes
    glasses: Glasses | None
    occluders: Occluders
    lighting: Lighting
    film: Film
    background: Background


def sample_look(rng: np.random.Generator, photo: np.random.Generator, identity: Identity) -> Look:
    """The look of a person in a photo.

    Args:
        rng: draws what stays from photo to photo: skin, eyes, brows, haircut, beard.
        photo: draws what changes: make-up, clothes, glasses, what hides the face, light, camera, background.
        identity: age and gender bear on hair, beard and wrinkles. Skin tone is drawn apart from the ancestry, so
            that no shape goes with one tone alone.
    """
    tone = float(rng.random())
    years, femininity = identity.years, 1 - identity.gender
    hair_colour = sample_hair_colour(rng, tone=tone, years=years)
    brow_colour = colour(np.array(hair_colour) ** rng.uniform(1.0, 1.25) * rng.uniform(0.6, 1.1))
    skin = sample_skin(rng, photo, years=years, femininity=femininity, tone=tone)
    hair = sample_hair(rng, photo, hair=hair_colour, femininity=femininity, years=years, tone=tone)
    lighting = sample_lighting(photo)
    occluders = sample_occluders(photo, skin=skin.albedo, femininity=femininity)
    if occluders.covers_hair:  # what is left of the hair lies flat below it
        hair = replace(hair, volume=0.15, fringe=0.0, curl=0.0, tidy=1.0)
        if hair.style in ("quiff", "curly", "afro"):
            hair = replace(hair, style="buzz", length=0.3)
    return Look(
        skin=skin,
        eyes=sample_eyes(rng, photo, tone=tone, years=years),
        brows=sample_brows(rng, photo, brow=brow_colour, femininity=femininity, years=years),
        hair=hair,
        beard=sample_beard(rng, colour=brow_colour, tip=hair.tip, femininity=femininity, years=years),
        clothes=sample_clothes(photo),
        glasses=sample_glasses(photo),
        occluders=occluders,
        lighting=lighting,
        film=sample_film(photo, lighting, skin.albedo),
        background=sample_background(photo),
    )


def build_scene(mesh: HeadMesh, look: Look, openness: Float32) -> list[Surface]:
    """All that is drawn of a head; `openness` (V,) is how much of its surroundings each vertex sees."""
    parts = regions(mesh)
    scalp = growing(parts, mesh, look.hair)
    cover = (0.5 if look.hair.style == "bald" else 0.95, look.beard.shadow)
    stubble = bearded(mesh, parts, look.beard)
    if look.occluders.covers_hair:
        scalp = np.minimum(scalp, 1 - worn_region(mesh, look.occluders)[0] - 0.03)
    hair = hair_surfaces(mesh, scalp, openness, look.hair)
    return [
        *skin_surfaces(mesh, parts, scalp, stubble, openness, look.skin, cover, look.hair.colour),
        *eye_surfaces(mesh, openness, look.eyes),
        brow_surface(mesh, openness, look.brows),
        *lash_surfaces(mesh, look.brows),
        *hair,
        *(beard_surfaces(mesh, parts, openness, look.beard) if look.occluders.worn != "mask" else []),
        *clothes_surfaces(mesh, openness, look.clothes),
        *([] if look.glasses is None else glasses_surfaces(mesh, look.glasses)),
        *worn_surfaces(mesh, openness, look.occluders),
        *held_surfaces(mesh, look.occluders),
    ]
