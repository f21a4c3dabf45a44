"""The landmarks of one face as a table: numbers are worked out once a change, for all points together."""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from app.panels.point_marks import point_marks
from app.texts import tr
from core.ambiguity import angle_deg, anisotropy, eigen, split_deviation
from core.face import FloatArray, Label, PointFlag, Prediction
from core.scheme import Scheme

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()

SORT_ROLE = int(Qt.ItemDataRole.UserRole)
AMBIGUOUS_COLOUR = QColor("#d9622b")


class ColumnSpec(NamedTuple):
    """A column: header, tooltip, number format (None for text), and width in characters."""

    title: str
    tip: str
    format: str | None
    width: int


class Col(IntEnum):
    """Columns in order: what an annotator acts on stands first."""

    (
        INDEX, NAME, MARKS, FLAG, PERCENT, DISTANCE, ANISOTROPY, SIGMA_ALONG, SIGMA_ACROSS, ANGLE, ALONG, ACROSS, X, Y,
        REGION,
    ) = range(15)  # fmt: skip


_PLACE = "Position in image px: of the label, or of the prediction where there is no label"

COLUMNS: tuple[ColumnSpec, ...] = (
    ColumnSpec("#", "Index of the point in the scheme", "d", 5),
    ColumnSpec("Name", "Name of the point", None, 12),
    ColumnSpec("!", "Locked points (brackets, L) and points flagged for a second look (pennant, K)", None, 5),
    ColumnSpec("▲", "Ambiguous: the anisotropy reaches the threshold set under 'View'", "flag", 4),
    ColumnSpec("Dev. %", "Deviation of the label in per cent of the distance between the outer eye corners", ".1f", 8),
    ColumnSpec("Dev. px", "Deviation: distance from the prediction to the label, px", ".1f", 8),
    ColumnSpec("Anis.", "Anisotropy: σ along / σ across; 1 is a circle", ".2f", 7),
    ColumnSpec("σ along", "Standard deviation of the prediction along its long axis, px", ".1f", 8),
    ColumnSpec("σ across", "Standard deviation of the prediction across its long axis, px", ".1f", 9),
    ColumnSpec("Angle", "Direction of the long axis, degrees from the image's x axis, downwards positive", ".0f", 7),
    ColumnSpec("Along", "Deviation along the long axis of the ellipse, px (signed)", ".1f", 7),
    ColumnSpec("Across", "Deviation across the long axis of the ellipse, px (signed)", ".1f", 8),
    ColumnSpec("x", _PLACE, ".1f", 7),
    ColumnSpec("y", _PLACE, ".1f", 7),
    ColumnSpec("Region", "Contour the point lies on", None, 13),
)


def landmark_numbers(
    scheme: Scheme, label: Label | None, prediction: Prediction | None, threshold: float
) -> FloatArray:
    """The number columns of the table.

    Args:
        scheme: of the face.
        label: label of the face or None.
        prediction: prediction in the same scheme or None.
        threshold: anisotropy from which on a point counts as ambiguous.

    Returns:
        (N, 15) float64 in the order of `COLUMNS`; text columns and unknown numbers are NaN.
    """
    count = len(scheme)
    values = np.full((count, len(COLUMNS)), np.nan)
    values[:, Col.INDEX] = np.arange(count)
    if prediction is not None:
        major, minor, _ = eigen(prediction.covariance)
        values[:, [Col.X, Col.Y]] = prediction.mean
        values[:, Col.SIGMA_ALONG], values[:, Col.SIGMA_ACROSS] = np.sqrt(major), np.sqrt(minor)
        values[:, Col.ANISOTROPY] = anisotropy(prediction.covariance)
        values[:, Col.ANGLE] = angle_deg(prediction.covariance)
        values[:, Col.FLAG] = values[:, Col.ANISOTROPY] >= threshold
    if label is not None:
        values[:, [Col.X, Col.Y]] = label.points
    if label is not None and prediction is not None:
        split = split_deviation(label.points, prediction.mean, prediction.covariance)
        distance = np.hypot(split.along, split.across)
        norm = scheme.norm_distance(label.points)
        values[:, Col.DISTANCE] = distance
        values[:, Col.PERCENT] = 100 * distance / norm if norm > 0 else np.nan
        values[:, Col.ALONG], values[:, Col.ACROSS] = split.along, split.across
    return values


class LandmarkModel(QAbstractTableModel):
    """One row a landmark of the active face."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._scheme: Scheme | None = None
        self._values: FloatArray = np.zeros((0, len(COLUMNS)))
        self._regions: list[str] = []
        self._flags: NDArray[np.uint8] = np.zeros(0, np.uint8)

    def show(self, scheme: Scheme | None, label: Label | None, prediction: Prediction | None, threshold: float) -> None:
        """Show a face, or nothing (`scheme` None). The same scheme again keeps selection and scroll place."""
        if scheme is None:
            values = np.zeros((0, len(COLUMNS)))
        else:
            values = landmark_numbers(scheme, label, prediction, threshold)
        self._flags = np.zeros(len(values), np.uint8) if label is None or scheme is None else label.flags
        if scheme is not self._scheme or len(values) != len(self._values):
            self.beginResetModel()
            self._scheme, self._values = scheme, values
            self._regions = [] if scheme is None else _region_names(scheme)
            self.endResetModel()
        elif len(values):
            self._values = values
            self.dataChanged.emit(self.index(0, 0), self.index(len(values) - 1, len(COLUMNS) - 1))

    def ambiguous_count(self) -> int:
        """Number of points flagged as ambiguous."""
        return int(np.nansum(self._values[:, Col.FLAG]))

    def worst(self, below: float = math.inf) -> int | None:
        """Index of the point with the largest deviation, px, of those less than `below`; None of none."""
        column = self._values[:, Col.DISTANCE]
        wanted = np.isfinite(column) & (column < below)
        return int(np.argmax(np.where(wanted, column, -np.inf))) if wanted.any() else None

    def deviation(self, index: int) -> float:
        """Distance of a point's label from its prediction, px; NaN where there are not both."""
        return float(self._values[index, Col.DISTANCE])

    def rowCount(self, parent: Index = _ROOT) -> int:  # noqa: N802
        """Number of landmarks."""
        return 0 if parent.isValid() else len(self._values)

    def columnCount(self, parent: Index = _ROOT) -> int:  # noqa: N802
        """Number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Titles and their explanations."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(COLUMNS):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return tr(COLUMNS[section].title)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tr(COLUMNS[section].tip)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Texts, sort keys, alignment, and the colour of ambiguous points."""
        if not index.isValid() or self._scheme is None:
            return None
        row, column = index.row(), index.column()
        number = COLUMNS[column].format is not None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column)
        if role == SORT_ROLE:
            if column == Col.MARKS:
                return int(self._flags[row])
            if not number:
                return self._text(row, column)
            value = float(self._values[row, column])
            return -np.inf if np.isnan(value) else abs(value)
        if role == Qt.ItemDataRole.TextAlignmentRole and number:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        flagged = self._values[row, Col.FLAG] == 1
        if role == Qt.ItemDataRole.ForegroundRole and flagged and column in (Col.FLAG, Col.ANISOTROPY):
            return AMBIGUOUS_COLOUR
        if role == Qt.ItemDataRole.ToolTipRole and column in (Col.NAME, Col.REGION):
            return self._text(row, column)
        return self._marks(row, role) if column == Col.MARKS else None

    def _marks(self, row: int, role: int) -> Any:
        """What is said of a point itself: as a picture, and in words."""
        locked, marked = (bool(self._flags[row] & np.uint8(flag)) for flag in (PointFlag.LOCKED, PointFlag.MARKED))
        if not (locked or marked):
            return None
        if role == Qt.ItemDataRole.DecorationRole:
            return point_marks(locked, marked)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            lines = [tr("Locked: no move touches it")] if locked else []
            return "\n".join([*lines, tr("Flagged for a second look")] if marked else lines)
        return None

    def _text(self, row: int, column: int) -> str:
        assert self._scheme is not None
        if column == Col.NAME:
            return self._scheme.points[row]
        if column == Col.REGION:
            return self._regions[row]
        if column == Col.MARKS:  # shown as a picture; sorted by this text
            return ""
        value = float(self._values[row, column])
        if COLUMNS[column].format == "flag":
            return "▲" if value == 1 else ""
        if np.isnan(value):
            return "–"
        if COLUMNS[column].format == "d":
            return str(int(value))
        return format(value, COLUMNS[column].format or "")


def _region_names(scheme: Scheme) -> list[str]:
    regions = [scheme.region_of(i) for i in range(len(scheme))]
    return ["" if region is None else region.name.replace("_", " ") for region in regions]
