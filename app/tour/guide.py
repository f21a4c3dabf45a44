"""Offers the tour, starts it on the sample, and keeps its callout in place."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QTimer, Signal
from PySide6.QtWidgets import QDockWidget

from app.panels.message_bar import Tone
from app.settings import Settings
from app.texts import tr, tr_later
from app.tour.callout import Callout, Content
from app.tour.engine import Tour
from app.tour.offer import Offer
from app.tour.stage import Stage
from app.tour.steps import Page, pages
from core import sample
from core.errors import StarmarkError

if TYPE_CHECKING:
    from app.main_window import MainWindow
    from core.project import Project

FINISHED, DECLINED = "finished", "declined"
"""Values of the setting "tour"; empty as long as the user has not said."""

_LAYOUT = frozenset({QEvent.Type.Resize, QEvent.Type.Move, QEvent.Type.Show, QEvent.Type.Hide})
_SKIP, _SHOW = ("skip", tr_later("S&kip")), ("show", tr_later("&Show me"))
_BACK, _FINISH = ("back", tr_later("&Back to it")), ("finish", tr_later("F&inish"))
_LATER, _TAKE = ("later", tr_later("Not now")), ("take", tr_later("Ta&ke the tour"))


class Guide(QObject):
    """The sample and its tour, as far as the window has to do with them.

    Signals:
        said(text, details, tone, key): a message for the user.
    """

    said = Signal(str, str, object, str)

    def __init__(self, window: MainWindow, settings: Settings) -> None:
        super().__init__(window)
        self._window, self._settings = window, settings
        self._document, self._opening = window.document, window.opening
        self.offer = Offer(window.actions_["tour"], window.actions_["sample"], window.welcome)
        self.offer.declined.connect(self._decline)
        window.welcome.add(self.offer)
        self.callout: Callout | None = None
        self.tour: Tour | None = None
        self.stage: Stage | None = None
        self._pages: tuple[Page, ...] = ()
        self._place: str | None = None
        self._wanted = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._put)
        self._document.opened.connect(self._project_opened)
        for trouble in (self._document.failed, self._opening.said):
            trouble.connect(self._not_opened)
        settings.changed.connect(lambda key: self._invite() if key in ("tour", "recent") else None)
        self._invite()

    # -- what the menus ask for

    def open_sample(self) -> None:
        """Open the user's copy of the sample."""
        self._opening.open_sample()

    def start_afresh(self) -> None:
        """Open another copy of the sample, as it was; the present one stays."""
        self._opening.open_sample(fresh=True)

    def start_tour(self) -> None:
        """Play the tour from its beginning, on a copy of the sample that nobody has corrected yet."""
        self._end_tour()
        self._wanted = True  # or the sample would offer the tour
        if self._on_sample():
            self._check_sample()
        else:
            self._opening.open_sample(self._check_sample)

    # -- offering it

    def _invite(self) -> None:
        there = sample.is_there()
        self.offer.setVisible(there)
        self.offer.invite(not self._settings.value("tour") and not self._settings.value("recent"))
        for name in ("tour", "sample", "sample_afresh"):
            self._window.actions_[name].setVisible(there)

    def _decline(self) -> None:
        self._settings.set("tour", DECLINED)

    def _not_opened(self, *_what: object) -> None:
        self._wanted = False

    def _project_opened(self) -> None:
        if self.tour is not None and self._document.location != self._place:
            self._end_tour()
        if self.callout is not None and self.tour is None:
            self.callout.hide()
        if self._on_sample() and not self._wanted and not self._settings.value("tour") and self.tour is None:
            self._offer_tour()

    def _offer_tour(self) -> None:
        self._sheet().show_content(
            Content(
                tr("A look around?"),
                tr(
                    "These are faces with the labels of two annotators. Some labels are wrong. The tour shows in "
                    "two minutes how to find them, and how to tell them from those that only look wrong."
                ),
                buttons=(_LATER, _TAKE),
                primary=_TAKE[0],
                closing=tr("No tour"),
            )
        )
        self._soon.start(0)

    def _on_sample(self) -> bool:
        path = self._document.path
        return path is not None and sample.is_copy(path)

    # -- playing it

    def _check_sample(self) -> None:
        try:
            plan = sample.read_plan()
        except StarmarkError as error:
            self._wanted = False
            self.said.emit(str(error), "", Tone.ERROR, "")
            return
        author = str(self._settings.value("author"))

        def checked(untouched: bool) -> None:
            if untouched:
                self._begin(plan)
            else:
                self._opening.open_sample(partial(self._begin, plan), fresh=True)

        self._document.read(partial(_untouched, plan=plan, author=author), checked)

    def _begin(self, plan: sample.Plan) -> None:
        self._wanted = False
        self._place = self._document.location
        self.stage = Stage(self._window, plan)
        self._pages = pages(self.stage)
        self.tour = Tour([page.step for page in self._pages], self.stage, self)
        self.tour.stepped.connect(self._show_page)
        self.tour.ended.connect(self._ended)
        self.stage.changed.connect(self._changed)
        self.tour.start()

    def _changed(self) -> None:
        if self.tour is not None:
            self.tour.look()
            self._put()

    def _show_page(self) -> None:
        tour = self.tour
        if tour is None or not tour.running:
            return
        page = self._pages[tour.index]
        praise = next((other.praise for other in self._pages if other.step.id == tour.achieved), "")
        text, task = page.text, page.task
        buttons = (_SKIP, _SHOW) if page.step.show is not None else (_FINISH,)
        if tour.away:
            text, task, buttons = tr("This step is about another picture."), "", (_SKIP, _BACK)
        self._sheet().show_content(
            Content(
                page.title,
                text,
                task,
                praise,
                tr("{n} of {total}", n=tour.index + 1, total=len(self._pages)),
                buttons,
                primary=buttons[-1][0] if buttons[-1] in (_FINISH, _BACK) else "",
                closing=tr("End the tour"),
            )
        )
        self._put()

    def _ended(self, finished: bool) -> None:
        self._forget()
        if finished or not self._settings.value("tour"):
            self._settings.set("tour", FINISHED if finished else DECLINED)

    def _end_tour(self) -> None:
        """Something else goes on: no word on whether the user wants the tour."""
        if self.tour is not None:
            self.tour.blockSignals(True)
            self.tour.stop()
            self._forget()

    def _forget(self) -> None:
        for thing in (self.tour, self.stage):
            if thing is not None:
                thing.deleteLater()
        self.tour = self.stage = None
        self._hide()

    # -- the callout

    def _sheet(self) -> Callout:
        if self.callout is None:
            self.callout = Callout(self._window)
            self.callout.pressed.connect(self._pressed)
            self.callout.closed.connect(self._closed)
            for watched in (self._window, self._window.pages, *self._window.findChildren(QDockWidget)):
                watched.installEventFilter(self)
        return self.callout

    def _pressed(self, name: str) -> None:
        if name == _TAKE[0]:
            self.start_tour()
        elif name == _LATER[0]:
            self._closed()
        elif self.tour is not None:
            steps = {_SKIP[0]: self.tour.go_on, _FINISH[0]: self.tour.go_on, _SHOW[0]: self.tour.show}
            steps.get(name, self.tour.back)()

    def _closed(self) -> None:
        if self.tour is not None:
            self.tour.stop()
        else:
            self._decline()
            self._hide()

    def _hide(self) -> None:
        if self.callout is not None:
            if self.callout.isAncestorOf(self._window.focusWidget() or self._window):
                self._window.canvas.setFocus()
            self.callout.hide()

    def _put(self) -> None:
        """Beside what the step speaks of, wherever that now is."""
        callout, stage, tour = self.callout, self.stage, self.tour
        if callout is None or not callout.isVisible():
            return
        if stage is None or tour is None or not tour.running:
            pages = self._window.pages  # bars above them ask things of their own
            corner = self._window.mapFromGlobal(pages.mapToGlobal(QPoint(0, 0)))
            callout.put(None, QRect(corner, pages.size()))
            return
        page = self._pages[tour.index]
        target = page.target(stage) if tour.begun and not tour.away else None
        on_canvas = target is None or stage.canvas_area().contains(target)
        free = stage.face_areas() if page.keep_face or target is None else ()
        callout.put(target, stage.canvas_area() if on_canvas else stage.work_area(), free)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """The window was laid out anew."""
        if event.type() in _LAYOUT and not self._soon.isActive():
            self._soon.start(0)
        return super().eventFilter(watched, event)


def _untouched(project: Project, plan: sample.Plan, author: str) -> bool:
    from core.sample_copy import untouched

    return untouched(project, plan, author)
