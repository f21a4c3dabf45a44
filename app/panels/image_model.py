"""The list of images as a Qt model: rows are light, thumbnails are asked for only where a row is painted."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QImage

THUMBNAILS_KEPT = 1500


@dataclass(slots=True)
class ImageRow:
    """What the list knows of one image.

    Attributes:
        id: the project's image id.
        path: absolute path.
        faces: number of faces in the project; None while unknown.
        review: what reviewers made of its faces, as `core.project.ImageEntry` has it.
        worst: largest deviation of a label from the prediction, fraction of the normaliser; None while unknown.
        predicted: whether a prediction was made in this session.
        problem: one sentence if the image cannot be used.
        missing: whether its file is not where it was.
    """

    id: str
    path: str
    faces: int | None = None
    review: str = ""
    worst: float | None = None
    predicted: bool = False
    problem: str | None = None
    missing: bool = False

    @property
    def name(self) -> str:
        """File name; not kept, since a project may have very many images."""
        return os.path.basename(self.path)  # noqa: PTH119


class Role(IntEnum):
    """Item data roles of the image list."""

    ROW = Qt.ItemDataRole.UserRole
    THUMBNAIL = Qt.ItemDataRole.UserRole + 1


Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


class ImageListModel(QAbstractListModel):
    """Rows in the order of the project or worst first, filtered by text.

    Signals:
        thumbnail_wanted(image id, path): a row without thumbnail was painted.
    """

    thumbnail_wanted = Signal(str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[ImageRow] = []
        self._by_id: dict[str, ImageRow] = {}
        self._shown: list[ImageRow] = []
        self._place: dict[str, int] = {}
        self._filter = ""
        self._order = "added"
        self._thumbnails: OrderedDict[str, QImage | None] = OrderedDict()

    # -- Qt's side

    def rowCount(self, parent: Index = _ROOT) -> int:  # noqa: N802
        """Number of rows that pass the filter."""
        return 0 if parent.isValid() else len(self._shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Name, tooltip, row and thumbnail; a missing thumbnail is asked for."""
        if not index.isValid() or not 0 <= index.row() < len(self._shown):
            return None
        row = self._shown[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return row.name
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tooltip(row)
        if role == Role.ROW:
            return row
        if role == Role.THUMBNAIL:
            return self._thumbnail(row)
        return None

    def _thumbnail(self, row: ImageRow) -> QImage | None:
        if row.id in self._thumbnails:
            self._thumbnails.move_to_end(row.id)
            return self._thumbnails[row.id]
        self.thumbnail_wanted.emit(row.id, row.path)
        return None

    # -- the document's side

    def reset(self, rows: Sequence[ImageRow]) -> None:
        """Show other rows; thumbnails of images that stay are kept."""
        self.beginResetModel()
        for row in rows:
            old = self._by_id.get(row.id)
            if old is not None and old.path != row.path:
                self._thumbnails.pop(row.id, None)
        self._rows = list(rows)
        self._by_id = {row.id: row for row in self._rows}
        self._arrange()
        self.endResetModel()

    def row_of(self, image_id: str) -> ImageRow | None:
        """The row of an image, filtered out or not."""
        return self._by_id.get(image_id)

    def index_of(self, image_id: str) -> QModelIndex:
        """Where the image stands in the list; invalid if it is filtered out."""
        place = self._place.get(image_id)
        return self.index(place) if place is not None else QModelIndex()

    def ids(self) -> list[str]:
        """Image ids in the order shown."""
        return [row.id for row in self._shown]

    def id_at(self, place: int) -> str | None:
        """The image id of a visible row."""
        return self._shown[place].id if 0 <= place < len(self._shown) else None

    def total(self) -> int:
        """Number of images, with those filtered out."""
        return len(self._rows)

    def changed(self, image_id: str) -> None:
        """Tell the views that a row's values changed."""
        index = self.index_of(image_id)
        if index.isValid():
            self.dataChanged.emit(index, index)

    def all_changed(self) -> None:
        """Tell the views that values of many rows changed."""
        if self._shown:
            self.dataChanged.emit(self.index(0), self.index(len(self._shown) - 1))

    def set_thumbnail(self, image_id: str, image: QImage | None) -> None:
        """Keep a thumbnail; None marks an image that has none."""
        self._thumbnails[image_id] = image
        while len(self._thumbnails) > THUMBNAILS_KEPT:
            self._thumbnails.popitem(last=False)
        self.changed(image_id)

    def forget_thumbnails(self) -> None:
        """Another project is shown."""
        self._thumbnails.clear()

    def set_filter(self, text: str) -> None:
        """Show only rows whose path contains `text`, upper or lower case alike."""
        text = text.strip().casefold()
        if text != self._filter:
            self._filter = text
            self._rearrange()

    def set_order(self, order: str) -> None:
        """Sort: "added", "name" or "worst" (largest deviation first, unknown last)."""
        self._order = order
        self._rearrange()

    def _rearrange(self) -> None:
        self.layoutAboutToBeChanged.emit()
        old = self.persistentIndexList()
        ids = [self.id_at(index.row()) for index in old]
        self._arrange()
        self.changePersistentIndexList(old, [self.index_of(i) if i else QModelIndex() for i in ids])
        self.layoutChanged.emit()

    def _arrange(self) -> None:
        needle = self._filter
        shown = [row for row in self._rows if needle in row.path.casefold()] if needle else list(self._rows)
        if self._order == "name":
            shown.sort(key=lambda row: row.name.casefold())
        elif self._order == "worst":
            shown.sort(key=lambda row: -1.0 if row.worst is None else row.worst, reverse=True)
        self._shown = shown
        self._place = {row.id: place for place, row in enumerate(shown)}


def _tooltip(row: ImageRow) -> str:
    lines = [row.path]
    if row.review:
        lines.append({"accepted": "✓ Accepted", "question": "? In question", "rejected": "✕ Rejected"}[row.review])
    if row.missing:
        lines.append("The file is not where it was. File > Relink images finds it if it was moved.")
    elif row.problem:
        lines.append(row.problem)
    elif row.worst is not None:
        lines.append(
            f"Worst label: {row.worst:.1%} of the distance between the outer eye corners away from the prediction"
        )
    return "\n".join(lines)
