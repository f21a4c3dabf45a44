"""Pictures of faces in the report: a small JPEG in the page, with label, prediction and ellipses drawn over it."""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from app.report.figures import ellipse
from app.report.markup import Markup, element
from core.audit import Audit
from core.errors import ImageError, StarmarkError
from core.face import FloatArray
from core.images import probe_image, read_image_data, read_reduced

SIDE = 320
"""px of the picture; also the units of what is drawn over it."""

SHARE = 0.99
"""Share of right labels that the ellipses hold."""

_QUALITY = 80
_MARGIN = 0.18
_FARTHEST = 1.0
"""A label is followed outside the face for no more than this many of its sides: the face would become too small."""


@dataclass(frozen=True, slots=True)
class Window:
    """The square of an image that is shown: its corner and side, image px."""

    x: float
    y: float
    side: float

    def place(self, points: FloatArray) -> FloatArray:
        """Points (..., 2), image px (centre of the first pixel at 0), in units of the drawing."""
        return (points + 0.5 - np.array([self.x, self.y])) * (SIDE / self.side)


def window(audit: Audit, face: int) -> Window:
    """What to show of a face: the expected points, and the label as far as it is near."""
    expected, label = audit.evidence.expected[face], audit.evidence.labels[face]
    low, high = expected.min(axis=0), expected.max(axis=0)
    size = max(float((high - low).max()), 1.0)
    near = np.clip(label[np.isfinite(label).all(axis=1)], low - _FARTHEST * size, high + _FARTHEST * size)
    low, high = np.vstack([near, low]).min(axis=0), np.vstack([near, high]).max(axis=0)
    side = float((high - low).max()) * (1 + 2 * _MARGIN)
    x, y = (low + high) / 2 - side / 2
    return Window(float(x), float(y), side)


def thumbnail(audit: Audit, face: int) -> Markup:
    """The picture of a face; a sentence in its place where the image cannot be read any more."""
    shown = window(audit, face)
    try:
        picture = _picture(audit, face, shown)
    except StarmarkError as error:
        return element("p", f"The image cannot be shown: {error.what}.", class_="gone")
    name = f"Face with its label: {audit.verdict_of(face)}"
    looks = {"viewBox": f"0 0 {SIDE} {SIDE}", "role": "img", "aria_label": name, "class_": "face"}
    return element("svg", picture, _marks(audit, face, shown), **looks)


def _picture(audit: Audit, face: int, shown: Window) -> Markup:
    """The part of the image inside the window, where it lies in the drawing."""
    path = audit.faces[face].image
    info = probe_image(path)
    box = (
        max(0, math.floor(shown.x)), max(0, math.floor(shown.y)),
        min(info.width, math.ceil(shown.x + shown.side)), min(info.height, math.ceil(shown.y + shown.side)),
    )  # fmt: skip
    if box[0] >= box[2] or box[1] >= box[3]:
        raise ImageError("the face lies outside the image")
    wanted = max(info.width, info.height) * SIDE / shown.side
    image = read_reduced(read_image_data(path), str(path), max(1, round(wanted)))
    scale = SIDE / shown.side
    size = tuple(max(1, round((box[i + 2] - box[i]) * min(scale, 2.0))) for i in (0, 1))  # never blown up a lot
    part = [(box[i] - image.origin[i % 2]) / image.factor for i in range(4)]
    limit = image.pixels.shape[1], image.pixels.shape[0]
    left, top, right, bottom = (min(max(value, 0.0), float(limit[i % 2])) for i, value in enumerate(part))
    small = Image.fromarray(image.pixels).resize(
        (size[0], size[1]), Image.Resampling.BICUBIC, (left, top, right, bottom)
    )
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=_QUALITY, optimize=True)
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    x, y = ((box[i] - (shown.x, shown.y)[i]) * scale for i in (0, 1))
    width, height = ((box[i + 2] - box[i]) * scale for i in (0, 1))
    looks = {"x": x, "y": y, "width": width, "height": height, "preserveAspectRatio": "none"}
    return element("image", href=f"data:image/jpeg;base64,{data}", **looks)


def _marks(audit: Audit, face: int, shown: Window) -> list[Markup | None]:
    """Points, ellipses of what is not ok, and the way from where a label is to where it is expected."""
    e = audit.evidence
    scale = SIDE / shown.side
    labels, expected = shown.place(e.labels[face]), shown.place(e.expected[face])
    covariance = e.calibration.covariance(e.raw[face]) * scale**2
    sigmas = float(e.calibration.tail.radius(SHARE))
    worst = audit.worst_point(face)
    under: list[Markup | None] = []
    over: list[Markup | None] = []
    for index, verdict in enumerate(audit.verdicts[face].tolist()):
        calm = verdict == "ok" and index != worst
        under.append(ellipse(expected[index], covariance[index], sigmas, "calm ell" if calm else f"ell l-{verdict}"))
        if not np.isfinite(labels[index]).all():
            continue
        (x, y), (to_x, to_y) = labels[index].tolist(), expected[index].tolist()
        if not calm:
            under.append(element("line", x1=x, y1=y, x2=to_x, y2=to_y, class_=f"way l-{verdict}"))
            under.append(element("circle", cx=to_x, cy=to_y, r=1.5, class_=f"p-{verdict}"))
        tip = element("title", audit.scheme.points[index])
        dot = element("circle", cx=x, cy=y, r=2.0 if calm else 3.4, class_=f"p-{verdict}")
        over.append(element("g", tip, dot))
        if index == worst:
            over.append(element("circle", cx=x, cy=y, r=9.0, class_="ring"))
    return under + over
