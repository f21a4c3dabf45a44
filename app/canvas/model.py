"""What the canvas shows: faces and layers, as values without Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from app.canvas.colours import STANDARD, MarkColours
from core.face import Box, FloatArray, Label, Prediction
from core.scheme import Scheme

Measure = Literal["anisotropy", "sigma_along"]
ColourScheme = Literal["viridis", "cividis"]


@dataclass(frozen=True, eq=False, slots=True)
class FaceView:
    """One face as the canvas shows it.

    Attributes:
        face_id: the document's id.
        scheme: names and regions of the points; label and prediction have one row for each of its points.
        box: image px, or None.
        label: or None.
        prediction: or None.
        active: whether this is the face being worked on; at most one is.
    """

    face_id: str
    scheme: Scheme
    box: Box | None = None
    label: Label | None = None
    prediction: Prediction | None = None
    active: bool = False

    def __post_init__(self) -> None:
        for name, value in (("label", self.label), ("prediction", self.prediction)):
            if value is not None and len(value) != len(self.scheme):
                raise ValueError(f"a {name} of {len(value)} points does not fit scheme {self.scheme.id}")

    @property
    def label_points(self) -> FloatArray:
        """(N, 2) float64, x, y, image px; NaN where there is no label."""
        return self._missing() if self.label is None else self.label.points

    @property
    def predicted_points(self) -> FloatArray:
        """(N, 2) float64, x, y, image px; NaN where there is no prediction."""
        return self._missing() if self.prediction is None else self.prediction.mean

    @property
    def points(self) -> FloatArray:
        """(N, 2) float64, image px: the label's point, else the prediction's mean, else NaN."""
        label, mean = self.label_points, self.predicted_points
        return np.where(np.isnan(label), mean, label)

    def _missing(self) -> FloatArray:
        return np.full((len(self.scheme), 2), np.nan)


@dataclass(frozen=True, eq=False, slots=True)
class Ghost:
    """Another label of a face, drawn dimmed for comparison; it takes no mouse.

    Attributes:
        name: what the legend calls it.
        scheme: regions of the points.
        points: (N, 2) float64, x, y, image px; NaN where missing.
        shade: which of the colours of ghosts it has.
    """

    name: str
    scheme: Scheme
    points: FloatArray
    shade: int = 0


@dataclass(frozen=True, slots=True)
class Opacity:
    """How opaque each layer is drawn, 0 to 1; a photo fades towards the background."""

    labels: float = 1.0
    predictions: float = 1.0
    ellipses: float = 1.0
    curves: float = 1.0
    deviations: float = 1.0
    heatmap: float = 1.0
    edges: float = 1.0
    others: float = 1.0
    photo: float = 1.0

    def __post_init__(self) -> None:
        for name in OPACITIES:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"the opacity of {name} must be from 0 to 1")


OPACITIES = ("labels", "predictions", "ellipses", "curves", "deviations", "heatmap", "edges", "others", "photo")
"""The fields of `Opacity`."""


@dataclass(frozen=True, slots=True)
class Layers:
    """What is drawn, and how.

    Attributes:
        points: markers of labels and predictions.
        numbers: point indices beside the markers.
        names: point names instead of bare indices; only where there is room.
        curves: the scheme's regions as smooth curves.
        ellipses: the prediction's covariance ellipses.
        labels: everything drawn from the label.
        predictions: markers and curves drawn from the prediction (ellipses have their own switch).
        deviations: arrows from the predicted mean to the label.
        split: each of those arrows as two, along and across the ellipse's major axis.
        boxes: face boxes.
        heatmap: the map given to `CanvasView.set_heatmap`.
        edges: the map given to `CanvasView.set_edge_map`.
        verdicts: rings around the points given to `CanvasView.set_verdicts`.
        legend: the explanation in the corner.
        sigma_levels: which k-sigma ellipses, k in 1, 2, 3.
        ellipse_scale: factor on the drawn size of the ellipses, > 0; numbers shown stay true.
        point_size: diameter of a label's marker, screen px.
        ambiguous_threshold: points at or above it carry the ambiguity mark; None marks none.
        ambiguous_measure: what the threshold is compared with: anisotropy, or sigma along the major axis in image px.
        colour_scheme: the scale for anisotropy.
        colours: of the marks.
        opacity: of each layer.
        text_size: height of numbers and names, screen px.
    """

    points: bool = True
    numbers: bool = False
    names: bool = False
    curves: bool = True
    ellipses: bool = True
    labels: bool = True
    predictions: bool = True
    deviations: bool = True
    split: bool = False
    boxes: bool = True
    heatmap: bool = False
    edges: bool = False
    verdicts: bool = True
    legend: bool = True
    sigma_levels: tuple[int, ...] = (1, 2, 3)
    ellipse_scale: float = 1.0
    point_size: float = 7.0
    ambiguous_threshold: float | None = None
    ambiguous_measure: Measure = "anisotropy"
    colour_scheme: ColourScheme = "viridis"
    colours: MarkColours = STANDARD
    opacity: Opacity = Opacity()
    text_size: int = 11

    def __post_init__(self) -> None:
        if not all(level in (1, 2, 3) for level in self.sigma_levels):
            raise ValueError(f"sigma levels are 1, 2 and 3, not {self.sigma_levels}")
        if not (np.isfinite(self.ellipse_scale) and self.ellipse_scale > 0):
            raise ValueError("the ellipse scale must be positive")
        if not 1 <= self.point_size <= 60:
            raise ValueError("the point size must be from 1 to 60 px")
        if not 8 <= self.text_size <= 40:
            raise ValueError("the text size must be from 8 to 40 px")
