"""From a head, a camera and a look to a picture."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.synthetic import gl
from training.synthetic.background import paint_background
from training.synthetic.film import develop
from training.synthetic.lighting import Lighting
from training.synthetic.look import Look, build_scene
from training.synthetic.mesh import Float32, HeadMesh
from training.synthetic.noise import detail_texture
from training.synthetic.openness import bake_openness
from training.synthetic.pose import View
from training.synthetic.scene import BEARD, BROW, EYE, HIDING, MOUTH, NOTHING, SKIN
from training.synthetic.shadow import looking_along
from training.synthetic.skin import paint_map

_SHADOW_SIZE = 640
_SHADOW_CENTRE = np.array([0.0, -5.0, -5.0])
_SHADOW_RADIUS = 26.0
_SAMPLES = 4


@dataclass(frozen=True, eq=False, slots=True)
class Rendered:
    """A rendered head.

    Attributes:
        image: (H, W, 3) uint8 RGB before anything that degrades it.
        what: (H, W) uint8, what is seen at each pixel's centre (numbers of `scene`).
        distance: (H, W) float32, cm from the camera to it; infinite where there is nothing.
        view: the camera.
    """

    image: NDArray[np.uint8]
    what: NDArray[np.uint8]
    distance: Float32
    view: View

    @property
    def face_mask(self) -> NDArray[np.bool_]:
        """(H, W) where head or neck is seen: skin, eyes, mouth, brows and beard, not hair, clothes or things."""
        return np.isin(self.what, (SKIN, EYE, MOUTH, BROW, BEARD))

    def occluded(self, points: NDArray[np.floating], tolerance: float = 0.6) -> NDArray[np.bool_]:
        """(N,) whether something lies before (N, 3) points of the head: hair, clothes, frames, dark lenses, things.

        The head itself is not asked. A point counts as hidden where what hides is nearer than the point by `tolerance`
        cm at most of the nine pixels about it. Points outside the picture are not hidden.
        """
        place = np.rint(self.view.project(points)).astype(int)
        far = np.linalg.norm(points - camera_place(self.view), axis=1)
        votes = np.zeros(len(points), int)
        height, width = self.what.shape
        inside = (place >= 0).all(axis=1) & (place < (width, height)).all(axis=1)
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                x = np.clip(place[:, 0] + dx, 0, width - 1)
                y = np.clip(place[:, 1] + dy, 0, height - 1)
                votes += np.isin(self.what[y, x], HIDING) & (self.distance[y, x] < far - tolerance)
        return inside & (votes >= 5)


class Renderer:
    """A graphics context with everything that heads share. For one thread; use it as a context manager."""

    def __init__(self, samples: int = _SAMPLES) -> None:
        """`samples` a pixel; 1 draws twice as many pixels each way instead, as is done where drivers cannot.

        Raises: StarmarkError without moderngl, DeviceError without a driver."""
        self._context = gl.create_context()
        several = self._context.version_code >= 400 and self._context.max_samples >= samples > 1
        self._samples = samples if several else 1
        self._programs = gl.Programs(self._context, multisampled=several)
        self._noise = gl.texture(self._context, detail_texture(), repeat=True)
        self._shadow = self._context.texture((_SHADOW_SIZE, _SHADOW_SIZE), 1, dtype="f4")
        self._shadow.filter = (self._context.NEAREST, self._context.NEAREST)
        self._shadow.repeat_x = self._shadow.repeat_y = False
        depth = self._context.depth_renderbuffer((_SHADOW_SIZE, _SHADOW_SIZE))
        self._shadow_target = self._context.framebuffer([self._shadow], depth)
        self._targets: dict[tuple[int, int], gl.Targets] = {}
        self._openness: Float32 | None = None

    def __enter__(self) -> Renderer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the graphics memory."""
        self._context.release()

    @property
    def driver(self) -> str:
        """The name of what draws."""
        return str(self._context.info["GL_RENDERER"])

    def render(self, mesh: HeadMesh, view: View, look: Look) -> Rendered:
        """Draw a head as `view` sees it."""
        with self._context:  # several renderers may take turns in one thread
            return self._render(mesh, view, look)

    def _render(self, mesh: HeadMesh, view: View, look: Look) -> Rendered:
        if self._openness is None or len(self._openness) != len(mesh.rest):
            self._openness = bake_openness(self._context, self._programs, mesh)
        size = view.width, view.height
        surfaces = build_scene(mesh, look, self._openness)
        lighting = look.lighting.turned(view.turn.T)
        paint = gl.texture(self._context, paint_map(look.skin), repeat=False)
        loaded = [gl.Loaded(self._programs, surface) for surface in surfaces]
        try:
            self._cast_shadow(loaded, lighting)
            for unit, texture in enumerate((self._noise, self._shadow, paint)):
                texture.use(unit)
            targets = self._target(size)
            light = self._colours(loaded, view, lighting, targets)
            what, distance = self._idents(loaded, view, targets)
        finally:
            for each in (*loaded, paint):
                each.release()
        image = develop(light, paint_background(look.background, size), look.film)
        return Rendered(image, what, distance, view)

    def _target(self, size: tuple[int, int]) -> gl.Targets:
        if size not in self._targets:
            self._targets[size] = gl.Targets(self._context, size, self._samples)
        return self._targets[size]

    def _cast_shadow(self, loaded: list[gl.Loaded], lighting: Lighting) -> None:
        """Fill the depth map of the key light."""
        self._shadow_target.use()
        self._shadow_target.clear(1.0)
        self._context.enable_only(self._context.DEPTH_TEST)
        matrix = _shadow_matrix(lighting.directions[0])
        for each in loaded:
            if each.surface.casts_shadow and not each.surface.transparent:
                self._programs.set("depth", {**_CUT_DEFAULTS, **each.surface.uniforms, "u_clip": _columns(matrix)})
                each.draw("depth")

    def _colours(self, loaded: list[gl.Loaded], view: View, lighting: Lighting, targets: gl.Targets) -> Float32:
        context = self._context
        shared = _shared_uniforms(view, lighting, self._samples)
        targets.colour.use()
        targets.colour.clear(0, 0, 0, 0)
        context.enable_only(context.DEPTH_TEST)
        for each in loaded:
            if not each.surface.transparent:
                cut = {"hair": "hair_cut", "fur": "fur_cut"}.get(each.surface.material, "solid_cut")
                self._programs.set(cut, {**_DEFAULTS, **shared, **each.surface.uniforms})
                each.draw(cut)
        # The nearest surface of each sample is known; only that one is shaded.
        targets.colour.depth_mask = False
        for transparent in (False, True):
            context.enable_only(context.DEPTH_TEST | (context.BLEND if transparent else 0))
            context.depth_func = "<=" if transparent else "=="
            context.blend_func = context.ONE, context.ONE_MINUS_SRC_ALPHA
            for each in loaded:
                if each.surface.transparent == transparent:
                    material = each.surface.material
                    self._programs.set(material, {**_DEFAULTS, **shared, **each.surface.uniforms})
                    each.draw()
        targets.colour.depth_mask = True
        context.depth_func = "<"
        return targets.read_colour()

    def _idents(self, loaded: list[gl.Loaded], view: View, targets: gl.Targets) -> tuple[NDArray[np.uint8], Float32]:
        targets.ident.use()
        targets.ident.clear(float(NOTHING), np.inf, 0, 0)
        self._context.enable_only(self._context.DEPTH_TEST)
        eye = tuple(float(v) for v in camera_place(view))
        clip = _columns(view.clip_matrix() @ view.camera_matrix())
        for each in loaded:
            if not each.surface.transparent or each.surface.hides:
                uniforms = {
                    **_CUT_DEFAULTS,
                    **each.surface.uniforms,
                    "u_clip": clip,
                    "u_eye": eye,
                    "u_id": each.surface.what,
                }
                self._programs.set("ident", uniforms)
                each.draw("ident")
        return targets.read_ident()


_CUT_DEFAULTS: dict[str, Any] = {
    "u_cut": 0.0,
    "u_strands": 0.0,
    "u_layers": 0.0,
    "u_density": 1.0,
    "u_layer_step": 0.0,
    "u_droop": 0.0,
}
_DEFAULTS: dict[str, Any] = {
    **_CUT_DEFAULTS,
    "u_noise": 0,
    "u_shadow": 1,
    "u_paint": 2,
    "u_tint": (1.0, 1.0, 1.0),
    "u_second": (1.0, 1.0, 1.0),
    "u_pattern": (0.0, 0.0, 0.0, 0.0),
    "u_shine": (1.0, 30.0),
    "u_mirror": 0.0,
    "u_opacity": 1.0,
    "u_salt": 0,
    "u_suit": (0.0, 0.0),
}


def _shared_uniforms(view: View, lighting: Lighting, samples: int) -> dict[str, Any]:
    to_map = np.array([[0.5, 0, 0, 0.5], [0, 0.5, 0, 0.5], [0, 0, 0.5, 0.5], [0, 0, 0, 1]])
    return {
        "u_clip": _columns(view.clip_matrix() @ view.camera_matrix()),
        "u_eye": tuple(float(v) for v in camera_place(view)),
        "u_irradiance": list(lighting.irradiance),
        "u_light": list(lighting.directions),
        "u_light_colour": list(lighting.colours),
        "u_lights": lighting.count,
        "u_shadow_matrix": _columns(to_map @ _shadow_matrix(lighting.directions[0])),
        "u_shadow_softness": lighting.shadow_softness,
        "u_window": lighting.window,
        "u_samples": float(max(samples, 1)),
    }


def camera_place(view: View) -> NDArray[np.float64]:
    """(3,) the camera in head coordinates, cm."""
    return -view.turn.T @ np.array(view.place)


def _columns(matrix: NDArray[np.float64]) -> tuple[float, ...]:
    """OpenGL's order: column after column."""
    return tuple(float(v) for v in matrix.T.ravel())


def _shadow_matrix(towards: tuple[float, float, float]) -> NDArray[np.float64]:
    """(4, 4) clip from head coordinates, for parallel light that comes from a direction."""
    return looking_along(-np.array(towards), _SHADOW_CENTRE, _SHADOW_RADIUS)
