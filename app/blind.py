"""Blind re-annotation: faces of a sample are labelled again while labels and predictions of them are hidden.

The document works under the name of the sample's label set meanwhile (`Document.blind`): edits, undo and what is read
of faces are those of that set (`app.jobs.store`), and nothing else of a face is read or shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from uuid import UUID

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.actions import ActionSet
from app.blind_result import BlindResult
from app.document import Document
from app.image_filter import ImageFilter
from app.jobs import blind
from app.jobs.blind import Figures, Ready
from app.jobs.store import error_text
from app.panels.blind_bar import BlindBar, what_is_so
from app.panels.images import ImagePanel
from app.panels.message_bar import Tone
from app.place import Place, PlaceKeeper
from app.settings import Settings
from app.texts import tr
from app.workbench import Workbench
from core.blind import BlindSample, Progress

NOT_BLIND = (
    "accept", "dispute_next", "next_undone", "next_flag", "previous_flag", "remove_face", "draw_box", "predict",
    "predict_all", "conflicts", "merge", "blind",
)  # fmt: skip
"""Actions that would show what is hidden, or change faces themselves."""


class BlindDesk(QObject):
    """Begins, leads through and ends it.

    Signals:
        said(text, details, tone, key): a message for the user.
        withdrawn(key): such a message no longer holds.
        changed(): whether faces are being labelled blind.
    """

    said = Signal(str, str, object, str)
    withdrawn = Signal(str)
    changed = Signal()

    def __init__(
        self, document: Document, bench: Workbench, images: ImagePanel, place: PlaceKeeper, settings: Settings,
        bar: BlindBar,
    ) -> None:  # fmt: skip
        super().__init__(bench)
        self._document, self._bench, self._images, self._place = document, bench, images, place
        self._settings, self.bar = settings, bar
        self._ready: Ready | None = None
        self._offered: Ready | None = None
        self._before = ImageFilter()
        self.result: BlindResult | None = None
        bar.drawn.connect(self.draw)
        bar.continued.connect(self._continue)
        bar.finished.connect(self.finish_face)
        bar.compared.connect(self.compare)
        bar.left.connect(self.leave)
        document.opened.connect(self._opened)
        document.faces_stored.connect(self._stored)
        settings.changed.connect(lambda key: self._end() if key == "author" and self.active else None)

    @property
    def active(self) -> bool:
        """Whether faces are being labelled blind."""
        return self._ready is not None

    def restrict(self, actions: ActionSet) -> None:
        """Disable what would show what is hidden."""
        if self.active:
            for name in NOT_BLIND:
                actions[name].setEnabled(False)

    # -- beginning

    def ask(self) -> None:
        """Ask how many faces to draw, or whether to go on with those drawn before."""
        if not self.active:
            self._in_store(partial(blind.offered, annotator=self._author()), self._offer)

    def _offer(self, found: Ready | None) -> None:
        self._offered = found
        self.bar.ask(*((0, 0) if found is None else (len(found.progress.done), len(found.sample.faces))))

    def draw(self, count: int, seed: int) -> None:
        """Draw a sample and begin with it."""
        self._in_store(partial(blind.draw, annotator=self._author(), count=count, seed=seed), self._begin)

    def _continue(self) -> None:
        if self._offered is not None:
            self._in_store(partial(blind.again, sample=self._offered.sample), self._begin)

    def _begin(self, ready: Ready) -> None:
        if self.active:
            return
        self._ready = ready
        self._before = self._images.model.filter
        self._document.blind = ready.sample.label_set
        self._images.set_filter(ImageFilter(images=frozenset(ready.images.values())))
        self._document.reload_undo()
        self.changed.emit()
        self._show_progress()
        self.said.emit(what_is_so(), "", Tone.INFO, "blind")
        self._go_on(None)

    # -- on the way

    def finish_face(self) -> None:
        """The face on screen is done, be it that points stay missing: on to the next one."""
        ready, face = self._ready, self._bench.active_face()
        if ready is None or face is None or face.face_id not in ready.images:
            self._go_on(None)
            return
        if face.label is None or not np.isfinite(face.label.points).any():
            text = tr("This face has no points yet. T places them one after another.")
            self.said.emit(text, "", Tone.INFO, "blind")
            return
        here = face.face_id

        def done(sample: BlindSample) -> None:
            if self._ready is not None:
                self._ready = replace(self._ready, sample=sample)
                self._take((here,), Progress(frozenset({UUID(here)}), frozenset()))
                self._go_on(here)

        self._in_store(partial(blind.finish, sample=ready.sample, face_id=here), done)

    def _go_on(self, here: str | None) -> None:
        """To the next face of the sample that is not done, after the one `here`."""
        ready = self._ready
        if ready is None:
            return
        order = [str(face) for face in ready.sample.faces]
        start = order.index(here) + 1 if here in order else 0
        done = {str(face) for face in ready.progress.done}
        left = [face for face in order[start:] + order[:start] if face not in done]
        target = left[0] if left else (here or order[0])
        image = ready.images[target]
        if here is None or image != self._document.current_id:
            self._document.set_current(image, again=True)  # what is on screen was not read blind
        self._place.go(Place(image, target))
        if not left:
            self.bar.compare.setFocus()
            self.said.emit(tr("All faces are done. Now compare them with the first labels."), "", Tone.INFO, "blind")

    def _stored(self, faces: frozenset[str]) -> None:
        ready = self._ready
        mine = tuple(face for face in faces if ready is not None and face in ready.images)
        if ready is not None and mine:
            work = partial(blind.look_at, sample=ready.sample, face_ids=mine)
            self._document.read(work, partial(self._take, mine))

    def _take(self, faces: Sequence[str], now: Progress) -> None:
        """Some faces of the sample are that far."""
        ready = self._ready
        if ready is None or not ready.images.keys() >= set(faces):
            return
        looked_at = frozenset(UUID(face) for face in faces)
        old = ready.progress
        done, begun = (old.done - looked_at) | now.done, (old.begun - looked_at) | now.begun
        self._ready = replace(ready, progress=Progress(done | (ready.sample.finished & looked_at), begun))
        self._show_progress()

    def _show_progress(self) -> None:
        if self._ready is not None:
            self.bar.show_progress(len(self._ready.progress.done), len(self._ready.sample.faces))

    # -- ending

    def compare(self) -> None:
        """End it and show first against second labels."""
        if self._ready is not None:
            self._in_store(partial(blind.compare, sample=self._ready.sample), self._show_result)

    def _show_result(self, found: Figures) -> None:
        self._end()
        self.result = BlindResult(found, self.bar.window())
        self.result.destroyed.connect(self._result_closed)
        self.result.show()

    def _result_closed(self) -> None:
        self.result = None

    def leave(self) -> None:
        """Stop for now, once the last edit is on disk; or close the question."""
        if self.active:
            self._in_store(lambda _project: None, lambda _nothing: self._end())
        else:
            self.bar.hide()

    def _end(self) -> None:
        """Show everything again."""
        if not self.active:
            return
        self._forget()
        self._images.set_filter(self._before)
        self._document.set_current(self._document.current_id, again=True)
        self._document.reload_undo()
        self.changed.emit()

    def _opened(self) -> None:
        """Another project: what was hidden in the last one is not in this one."""
        active = self.active
        self._forget()
        if active:
            self.changed.emit()

    def _forget(self) -> None:
        self._ready = self._offered = None
        self._document.blind = ""
        self.bar.hide()
        self.withdrawn.emit("blind")

    # -- inside

    def _author(self) -> str:
        return str(self._settings.value("author"))

    def _in_store(self, work: Callable[..., object], done: Callable[..., None]) -> None:
        """In the store's thread, so that it comes after the edits that wait."""
        self._document.in_store(
            work, done, lambda error: self.said.emit(error_text(error), "", Tone.ERROR, "blind")
        )
