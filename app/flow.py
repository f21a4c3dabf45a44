"""From face to face: accept and go on, flagged points, bookmarks, what is left, and how fast it goes."""

from __future__ import annotations

import time
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal

from app.document import Document
from app.edits import DescribeFace, Review
from app.face_state import FaceState
from app.facts_reader import FactsReader
from app.image_filter import ImageFilter
from app.jobs.flags import Flagged, first_marked, marked_points
from app.jobs.pool import Job, WorkerPool
from app.jobs.store import count_text, error_text
from app.kept import Kept
from app.pace import Pace, left_text
from app.panels.image_model import ImageRow
from app.panels.images import ImagePanel
from app.panels.message_bar import Tone
from app.place import Place, PlaceKeeper
from app.texts import tr
from app.workbench import Workbench

SHOW_DELAY_MS = 150
"""Many rows change at a time; the count follows a moment later."""


class Flow(QObject):
    """What the Go menu does beyond the neighbouring image.

    Signals:
        said(text, details, tone, key): a message for the user.
        withdrawn(key): such a message no longer holds.
        left_changed(text): what is left, and the pace.
    """

    said = Signal(str, str, object, str)
    withdrawn = Signal(str)
    left_changed = Signal(str)

    def __init__(self, document: Document, bench: Workbench, images: ImagePanel, kept: Kept) -> None:
        super().__init__(bench)
        self._document, self._bench, self._images, self._kept = document, bench, images, kept
        self.place = PlaceKeeper(document, bench, kept)
        self.pace = Pace()
        self.left = LeftCounter(document, self)
        self._facts = FactsReader(document, self)
        self._bookmarks: set[str] = set()
        self._looks = WorkerPool(1, "flags", self)
        self._look: Job | None = None
        self._show_timer = QTimer(self)
        self._show_timer.setSingleShot(True)
        self._show_timer.setInterval(SHOW_DELAY_MS)
        self._show_timer.timeout.connect(self._show_left)
        self.left.changed.connect(self._show_timer.start)
        kept.loaded.connect(self._kept_loaded)
        document.rows_changed.connect(self._mark_bookmarks)
        document.rows_marked.connect(self._again_with_facts)
        document.current_changed.connect(lambda: self.withdrawn.emit("flow"))
        images.filter_changed.connect(lambda wanted: kept.put("filter", wanted.to_json()))
        busy = (document.current_changed, document.faces_stored, bench.selection_changed, bench.canvas.viewChanged)
        for sign in (*busy, bench.canvas.cursorMoved):
            sign.connect(self._active)

    def close(self) -> None:
        """Keep what waits, and stop the thread."""
        self._show_timer.stop()
        self.left.close()
        self._facts.close()
        self._kept.flush()
        self._looks.close()

    # -- reviewing

    def accept(self, *, go_on: bool = True) -> None:
        """The active face is right."""
        self._review("accepted", go_on)

    def dispute(self) -> None:
        """Somebody else is to look at the active face."""
        self._review("question", True)

    def _review(self, state: Review, go_on: bool) -> None:
        face = self._bench.active_face()
        if face is None or self._document.read_only:
            return
        if face.as_label() is None:
            text = tr("This face has no points yet. Press P to predict it, then look at them and accept.")
            self.said.emit(text, "", Tone.INFO, "flow")
            return
        if face.review != state:
            self._document.apply(DescribeFace(face.face_id, review=state))
            self.pace.finished(time.monotonic())
            self._show_timer.start()
        if go_on:
            self._go_on(face)

    def _go_on(self, done: FaceState) -> None:
        """To the next face of the image that nobody has reviewed, else to the next image that has one."""
        ids = list(self._document.faces)
        here = ids.index(done.face_id)
        for face_id in ids[here + 1 :] + ids[:here]:
            if not self._document.faces[face_id].review:
                self._bench.activate_face(face_id)
                if not self._bench.canvas.fitted:  # who looks closely at one face wants to see the next as closely
                    self._bench.canvas.fit_face(face_id)
                return
        self.next_undone()

    def next_undone(self) -> None:
        """To the next image of the list with a face that nobody has reviewed."""
        here = self._document.row(self._document.current_id or "")
        found = None
        if self.left.total > (0 if here is None else here.left):  # else a long list need not be gone through
            found = self._images.following(lambda row: row is not here and row.left > 0)
        if found is not None:
            self._document.set_current(found)
            return
        shown = self._images.model.shown
        hidden = self.left.total - sum(row.left for row in shown) if len(shown) < len(self._document.rows) else 0
        text = tr("Nothing else is left in this list.")
        if hidden > 0:
            text += tr(" {count} more in images that the filter hides.", count=count_text(hidden, "face"))
        self.said.emit(text, "", Tone.INFO, "flow")

    # -- flagged points

    def next_flag(self, by: int = 1) -> None:
        """To the next marked point: of this face, of the image's other faces, of the images after it; -1: before it."""
        document, bench = self._document, self._bench
        ids = list(document.faces)
        here = ids.index(bench.active) if bench.active in ids else 0
        selected = bench.selection[0] if bench.selection else (-1 if by > 0 else 1 << 30)
        places = [(at, index) for at, face in enumerate(document.faces.values()) for index in marked_points(face.label)]
        ahead = [place for place in places if (place > (here, selected) if by > 0 else place < (here, selected))]
        if ahead:
            at, index = ahead[0] if by > 0 else ahead[-1]
            self._arrived(Flagged(document.current_id or "", ids[at], index))
            return
        self._look_further(by)

    def _look_further(self, by: int) -> None:
        document = self._document
        project, author = document.project, str(self._bench.settings.value("author"))
        ids, current = self._images.model.ids()[::by], document.current_id
        if project is None or not ids:
            return
        here = ids.index(current) if current in ids else -1
        order = ids[here + 1 :] + ids[: here + 1]
        if self._look is not None:
            self._look.cancel()

        def found(flagged: Flagged | None) -> None:
            if flagged is None:
                text = tr("No point of the listed images is flagged for a second look.")
                self.said.emit(text, "", Tone.INFO, "flow")
            elif document.current_id == current:  # else the user has gone elsewhere meanwhile
                self._arrived(flagged)

        self._look = self._looks.submit(
            partial(first_marked, project, author, order, by < 0),
            on_done=found,
            on_error=lambda error: self.said.emit(error_text(error), "", Tone.ERROR, ""),
        )

    def _arrived(self, flagged: Flagged) -> None:
        self.withdrawn.emit("flow")
        self.place.go(Place(flagged.image_id, flagged.face_id, (flagged.point,), close=True))

    # -- bookmarks and filter

    def toggle_bookmark(self) -> None:
        """Set a bookmark on the current image, or take it away."""
        image_id = self._document.current_id
        if image_id is not None:
            self._bookmarks ^= {image_id}
            self._document.images.set_bookmark(image_id, image_id in self._bookmarks)
            self._kept.put("bookmarks", sorted(self._bookmarks))

    def next_bookmark(self) -> None:
        """To the next image of the list with a bookmark."""
        found = self._images.following(lambda row: row.bookmarked)
        if found is not None:
            self._document.set_current(found)
        else:
            text = tr("No image of this list has a bookmark. Go > Bookmark sets one on the image on screen.")
            self.said.emit(text, "", Tone.INFO, "flow")

    def _kept_loaded(self) -> None:
        kept = self._kept.get("bookmarks")
        self._bookmarks = {name for name in kept if isinstance(name, str)} if isinstance(kept, list) else set()
        self._mark_bookmarks()
        self._images.set_filter(ImageFilter.from_json(self._kept.get("filter")))
        self.reset_pace()

    def _mark_bookmarks(self) -> None:
        if self._bookmarks or any(row.bookmarked for row in self._document.rows):
            self._document.images.set_bookmarks(self._bookmarks)

    def _again_with_facts(self) -> None:
        """What a filter or an order asks for may be known only now."""
        if not self._images.model.filter.empty or self._images.model.order in ("worst", "status"):
            self._images.model.apply_again()

    # -- what is left

    def reset_pace(self) -> None:
        """Measure the pace anew."""
        self.pace.reset()
        self._show_left()

    def _active(self, *_: object) -> None:
        self.pace.active(time.monotonic())

    def _show_left(self) -> None:
        self.left_changed.emit(left_text(self.left.total, self.pace.seconds) if self._document.rows else "")


class LeftCounter(QObject):
    """Number of faces that nobody has reviewed, kept in step with the rows without counting them all each time.

    Signals:
        changed(): `total` is another number.
    """

    changed = Signal()

    def __init__(self, document: Document, parent: QObject) -> None:
        super().__init__(parent)
        self._document = document
        self.total = 0
        self._counted: dict[str, int] = {}
        self._pool = WorkerPool(1, "count", self)
        self._job: Job | None = None
        self._meanwhile: set[str] = set()
        document.rows_changed.connect(self._count)
        document.rows_marked.connect(self._count)
        document.row_changed.connect(self._row_changed)

    def close(self) -> None:
        """Stop the thread."""
        self._pool.close()

    def _count(self) -> None:
        if self._job is not None:
            self._job.cancel()
        self._meanwhile.clear()
        rows = self._document.rows
        self._job = self._pool.submit(partial(_counted, rows), on_done=self._take)

    def _take(self, counted: dict[str, int]) -> None:
        self._job = None
        self._counted, self.total = counted, sum(counted.values())
        meanwhile, self._meanwhile = self._meanwhile, set()
        for image_id in meanwhile:
            self._row_changed(image_id)
        self.changed.emit()

    def _row_changed(self, image_id: str) -> None:
        row = self._document.row(image_id)
        if self._job is not None:
            self._meanwhile.add(image_id)
        elif row is not None and self._counted.get(image_id) != row.left:
            self.total += row.left - self._counted.get(image_id, 0)
            self._counted[image_id] = row.left
            self.changed.emit()


def _counted(rows: list[ImageRow], _job: Job) -> dict[str, int]:
    return {row.id: row.left for row in rows}
