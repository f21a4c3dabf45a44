"""The graphics context: programs, buffers and targets. Works without a screen, on a GPU or on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import DeviceError, StarmarkError
from training.synthetic.scene import COLUMNS, Surface

_SHADERS = Path(__file__).parent / "shaders"
_SOURCES = {
    "skin": ("lighting.glsl", "skin.frag"),
    "eye": ("lighting.glsl", "eye.frag"),
    "plain": ("lighting.glsl", "plain.frag"),
    "hair": ("lighting.glsl", "hair_cover.glsl", "hair.frag"),
    "fur": ("lighting.glsl", "fur_cover.glsl", "fur.frag"),
    "solid_cut": ("solid_cut.frag",),
    "hair_cut": ("hair_cover.glsl", "hair_cut.frag"),
    "fur_cut": ("fur_cover.glsl", "fur_cut.frag"),
    "ident": ("ident.frag",),
    "depth": ("depth.frag",),
}


def create_context() -> Any:
    """A context of OpenGL 3.3 or later that needs no screen.

    Raises:
        StarmarkError: the package moderngl is missing.
        DeviceError: there is no driver.
    """
    try:
        import moderngl
    except ImportError as error:
        raise StarmarkError(
            "rendering faces needs the package moderngl", remedy='Run: pip install "starmark[synthetic]"'
        ) from error
    problems = []
    attempts: tuple[dict[str, Any], ...] = ({"backend": "egl"}, {})
    for options in attempts:
        try:
            return moderngl.create_context(standalone=True, require=330, **options)
        except Exception as error:  # moderngl raises Exception itself, ctypes OSError
            problems.append(str(error))
    raise DeviceError(
        f"no OpenGL 3.3 without a screen ({'; '.join(problems)})",
        remedy="Install a driver; on Debian and Ubuntu: sudo apt install libegl1 libgl1-mesa-dri",
    )


def _source(name: str) -> str:
    return (_SHADERS / name).read_text(encoding="utf-8")


class Programs:
    """The compiled shaders, by material."""

    def __init__(self, context: Any, *, multisampled: bool) -> None:
        self.context = context
        head = "#version 400\n#define MULTISAMPLED\n" if multisampled else "#version 330\n"
        vertex = head + _source("surface.vert")
        self._programs = {
            name: context.program(vertex_shader=vertex, fragment_shader=head + "".join(map(_source, files)))
            for name, files in _SOURCES.items()
        }

    def __getitem__(self, name: str) -> Any:
        return self._programs[name]

    def set(self, name: str, values: dict[str, Any]) -> None:
        """Give a program the uniforms it has among `values`."""
        program = self._programs[name]
        for key, value in values.items():
            member = program.get(key, None)
            if member is not None:
                member.value = value


class Loaded:
    """A surface's buffers in the graphics memory."""

    def __init__(self, programs: Programs, surface: Surface) -> None:
        context = programs.context
        self.surface = surface
        self._programs = programs
        self._vertices = context.buffer(np.ascontiguousarray(surface.vertices, np.float32).tobytes())
        self._triangles = context.buffer(np.ascontiguousarray(surface.triangles, np.int32).tobytes())
        self._arrays: dict[str, Any] = {}

    def draw(self, material: str | None = None) -> None:
        """Draw with the surface's own material or another."""
        name = material or self.surface.material
        if name not in self._arrays:
            program = self._programs[name]
            used = [(column, width) for column, width in COLUMNS if column in program]
            layout = " ".join(f"{width}f4" if column in program else f"{4 * width}x" for column, width in COLUMNS)
            content = [(self._vertices, layout, *(column for column, _ in used))]
            self._arrays[name] = self._programs.context.vertex_array(program, content, self._triangles)
        self._arrays[name].render(instances=self.surface.layers)

    def release(self) -> None:
        for array in self._arrays.values():
            array.release()
        self._vertices.release()
        self._triangles.release()


def texture(context: Any, pixels: NDArray[np.uint8], *, repeat: bool) -> Any:
    """A mipmapped texture of (H, W, C) uint8 pixels, the first row at the bottom."""
    height, width, channels = pixels.shape
    made = context.texture((width, height), channels, np.ascontiguousarray(pixels).tobytes())
    made.build_mipmaps()
    made.filter = (context.LINEAR_MIPMAP_LINEAR, context.LINEAR)
    made.repeat_x = made.repeat_y = repeat
    return made


class Targets:
    """What is drawn into, for pictures of one size."""

    def __init__(self, context: Any, size: tuple[int, int], samples: int) -> None:
        """`samples` a pixel; 1 where the driver cannot take several: then twice as many pixels each way are drawn."""
        self._size = size
        self._finer = 1 if samples > 1 else 2
        large = (self._finer * size[0], self._finer * size[1])
        samples = samples if samples > 1 else 0
        self.colour = context.framebuffer(
            [context.renderbuffer(large, 4, samples=samples, dtype="f2")],
            context.depth_renderbuffer(large, samples=samples),
        )
        self._context = context
        self._resolved = context.framebuffer([context.renderbuffer(large, 4, dtype="f2")])
        self.ident = context.framebuffer([context.renderbuffer(size, 2, dtype="f4")], context.depth_renderbuffer(size))

    def read_colour(self) -> NDArray[np.float32]:
        """(H, W, 4) float32, the top row first."""
        self._context.copy_framebuffer(self._resolved, self.colour)
        raw = self._resolved.read(components=4, dtype="f2")
        width, height = self._size
        fine = self._finer
        pixels = np.frombuffer(raw, np.float16).reshape(height * fine, width * fine, 4)[::-1].astype(np.float32)
        return pixels if fine == 1 else pixels.reshape(height, fine, width, fine, 4).mean(axis=(1, 3))

    def read_ident(self) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """(H, W) uint8 what is seen and (H, W) float32 how far away, the top row first."""
        raw = self.ident.read(components=2, dtype="f4")
        width, height = self._size
        both = np.frombuffer(raw, np.float32).reshape(height, width, 2)[::-1]
        return both[..., 0].astype(np.uint8), both[..., 1].copy()
