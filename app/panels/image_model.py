"""The list of images as a Qt model: rows are light, thumbnails are asked for only where a row is painted."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QImage

from app.image_filter import ImageFilter
from app.jobs.pool import Job, WorkerPool
from app.panels.image_order import AT_ONCE, Arrangement, arrange
from app.texts import tr
from core.work_status import NO_FACTS, STATUS_TEXTS, ImageFacts, WorkStatus, work_status

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
        scored: whether the model has seen it in an earlier session.
        problem: one sentence if the image cannot be used.
        missing: whether its file is not where it was.
        facts: what its faces and labels come to; rows with the same share one object.
        bookmarked: whether the annotator has a bookmark there.
    """

    id: str
    path: str
    faces: int | None = None
    review: str = ""
    worst: float | None = None
    predicted: bool = False
    scored: bool = False
    problem: str | None = None
    missing: bool = False
    facts: ImageFacts = NO_FACTS
    bookmarked: bool = False

    @property
    def name(self) -> str:
        """File name; not kept, since a project may have very many images."""
        return os.path.basename(self.path)  # noqa: PTH119

    @property
    def status(self) -> WorkStatus:
        """How far the work on it is."""
        facts = self.facts
        return work_status(self.review if self.faces else "", facts.started, self.seen or facts.modelled)

    @property
    def seen(self) -> bool:
        """Whether the model has seen it."""
        return self.predicted or self.scored

    @property
    def left(self) -> int:
        """Faces nobody has reviewed; an image nobody has looked at yet is taken to have one."""
        if self.faces:
            return self.facts.left
        return 0 if self.seen or self.missing or self.problem else 1


class Role(IntEnum):
    """Item data roles of the image list."""

    ROW = Qt.ItemDataRole.UserRole
    THUMBNAIL = Qt.ItemDataRole.UserRole + 1


Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


class ImageListModel(QAbstractListModel):
    """Rows in the chosen order, as far as they pass the filter.

    A row that changes stays where it is, so that nothing moves under the user's hands; `apply_again` goes through all.

    Signals:
        thumbnail_wanted(image id, path): a row without thumbnail was painted.
        outdated_changed(): `outdated` is another number.
    """

    thumbnail_wanted = Signal(str, str)
    outdated_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[ImageRow] = []
        self._by_id: dict[str, ImageRow] = {}
        self._shown: list[ImageRow] = []
        self._place: dict[str, int] = {}
        self._filter = ImageFilter()
        self._passes: Callable[[ImageRow], bool] | None = None
        self._order = "added"
        self._outdated: set[str] = set()
        self._pool = WorkerPool(1, "filter", self)
        self._job: Job | None = None
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
        if role == Qt.ItemDataRole.DisplayRole:
            return row.name
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{row.name}, {tr(STATUS_TEXTS[row.status])}" + (tr(", bookmarked") if row.bookmarked else "")
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tooltip(row)
        if role == Role.ROW:
            return row
        if role == Role.THUMBNAIL:
            return self._thumbnail(row)
        return None

    def thumbnail(self, image_id: str) -> QImage | None:
        """The thumbnail of an image, listed or filtered out; a missing one is asked for."""
        row = self._by_id.get(image_id)
        return None if row is None else self._thumbnail(row)

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
        few = len(self._rows) <= AT_ONCE
        # Many are first shown as they come, then filtered and sorted.
        self._take(arrange(self._rows, self._passes, self._order) if few else arrange(self._rows, None, "added"))
        self.endResetModel()
        if not few and (self._passes is not None or self._order != "added"):
            self.apply_again()

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

    @property
    def shown(self) -> Sequence[ImageRow]:
        """The rows as shown."""
        return self._shown

    def words(self) -> tuple[list[str], list[str]]:
        """Tags and label sets of all images, to choose from."""
        facts = {id(row.facts): row.facts for row in self._rows}.values()  # most rows share theirs
        tags = {tag for one in facts for tag in one.tags}
        return sorted(tags), sorted({name for one in facts for name in one.label_sets})

    def total(self) -> int:
        """Number of images, with those filtered out."""
        return len(self._rows)

    def changed(self, image_id: str) -> None:
        """Tell the views that a row's values changed."""
        index = self.index_of(image_id)
        if not index.isValid():
            return
        if self._passes is not None:
            before = len(self._outdated)
            keeps = self._passes(self._by_id[image_id])
            (self._outdated.discard if keeps else self._outdated.add)(image_id)
            if before != len(self._outdated):
                self.outdated_changed.emit()
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

    @property
    def filter(self) -> ImageFilter:
        """What is shown."""
        return self._filter

    @property
    def order(self) -> str:
        """How the rows are sorted."""
        return self._order

    @property
    def outdated(self) -> int:
        """Rows that are shown though they do not pass any more."""
        return len(self._outdated)

    @property
    def arranging(self) -> bool:
        """Whether a filter or order is still being worked out."""
        return self._job is not None

    def set_filter(self, wanted: ImageFilter) -> None:
        """Show only rows that pass; of a long list a moment later."""
        if wanted != self._filter:
            self._filter = wanted
            self._passes = None if wanted.empty else wanted.test()
            self.apply_again()

    def set_order(self, order: str) -> None:
        """Sort by one of `image_order.ORDERS`, as `set_filter`."""
        self._order = order
        self.apply_again()

    def apply_again(self) -> None:
        """Filter and sort all rows as they are now."""
        if self._job is not None:
            self._job.cancel()
            self._job = None
        rows, passes, order = self._rows, self._passes, self._order
        if len(rows) <= AT_ONCE:
            self._rearrange(arrange(rows, passes, order))
            return
        self._job = self._pool.submit(
            lambda job: arrange(rows, passes, order, job.check), on_done=partial(self._arranged, rows)
        )

    def _arranged(self, rows: list[ImageRow], found: Arrangement) -> None:
        self._job = None
        if rows is self._rows:
            self._rearrange(found)

    def _rearrange(self, found: Arrangement) -> None:
        self.layoutAboutToBeChanged.emit()
        old = self.persistentIndexList()
        ids = [self.id_at(index.row()) for index in old]
        self._take(found)
        self.changePersistentIndexList(old, [self.index_of(i) if i else QModelIndex() for i in ids])
        self.layoutChanged.emit()

    def _take(self, found: Arrangement) -> None:
        self._shown, self._place = found
        self._outdated.clear()
        self.outdated_changed.emit()

    def close(self) -> None:
        """Stop the thread."""
        self._pool.close()


def _tooltip(row: ImageRow) -> str:
    lines = [row.path, _status_tip(row)]
    if row.bookmarked:
        lines.append(tr("Bookmarked"))
    if row.facts.tags:
        lines.append(tr("Tags: ") + ", ".join(row.facts.tags))
    if row.missing:
        lines.append(tr("The file is not where it was. File > Relink images finds it if it was moved."))
    elif row.problem:
        lines.append(row.problem)
    elif row.worst is not None:
        lines.append(
            tr(
                "Worst label: {worst:.1%} of the distance between the outer eye corners away from the prediction",
                worst=row.worst,
            )
        )
    return "\n".join(lines)


def _status_tip(row: ImageRow) -> str:
    why = tr("rejected") if row.review == "rejected" else tr(_STATUS_TIPS[row.status])
    return f"{tr(STATUS_TEXTS[row.status])}: {why}"


_STATUS_TIPS: dict[WorkStatus, str] = {
    "new": "nobody has worked on it, and no model has looked at it",
    "predicted": "a model has looked at it, and nobody has worked on it",
    "progress": "somebody has begun, and some face is not accepted yet",
    "disputed": "somebody has put a face in question",
    "done": "every face is accepted",
}

