"""The left side of bulk repair: which rule, and its settings; out comes a repair of `core.repair`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QGroupBox,
    QLabel,
    QRadioButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.jobs.repair import Habits
from app.repair.pages import DialectPage, OffsetPage, Page, SpacingPage, SwapPage, VerdictPage
from app.texts import tr, tr_later
from core.scheme import Scheme

if TYPE_CHECKING:
    from core.repair.plan import Repair

RULES: dict[str, tuple[str, str]] = {
    "unswap": (
        tr_later("&Un-swap left and right"),
        tr_later("Labels, or pairs of points, whose left and right are exchanged, are exchanged back."),
    ),
    "offset": (
        tr_later("Shift labels &back"),
        tr_later(
            "Labels that all lie to one side of the predictions are moved back as a whole. What the model has learnt "
            "itself it cannot tell."
        ),
    ),
    "dialect": (
        tr_later("Shift a &dialect back"),
        tr_later(
            "Where one source sets its points elsewhere along a contour than all others, they slide back along it. "
            "Which of two is right is for you to say."
        ),
    ),
    "respace": (
        tr_later("&Space contours anew"),
        tr_later("Points are spread along their own contour; its shape, ends and corners stay."),
    ),
    "replace": (
        tr_later("&Put doubted points where expected"),
        tr_later(
            "Where the model expects them, with the habit of this data set's labels, so that they fit in with their "
            "neighbours. Labels that are doubted as a whole stay as they are."
        ),
    ),
    "drop": (
        tr_later("D&rop doubted points"),
        tr_later("They become missing, and training goes without them. Labels that are doubted as a whole stay."),
    ),
    "weigh": (
        tr_later("&Weigh doubted points down"),
        tr_later("They stay where they are, and count less in training. Labels that are doubted as a whole stay."),
    ),
}
"""Rules by name: title, and what it does."""


class Choices(QWidget):
    """Signals:
    changed(): another rule, or another setting.
    """

    changed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.buttons: dict[str, QRadioButton] = {}
        group = QButtonGroup(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for name, (title, _) in RULES.items():
            button = QRadioButton(tr(title), self)
            group.addButton(button)
            layout.addWidget(button)
            self.buttons[name] = button
            button.clicked.connect(lambda _on=False, name=name: self.choose(name))
        self._about = QLabel(self)
        self._about.setWordWrap(True)
        self._about.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.pages: dict[str, Page] = {
            "unswap": SwapPage(self), "offset": OffsetPage(self), "dialect": DialectPage(self),
            "respace": SpacingPage(self), "replace": VerdictPage("replace", self), "drop": VerdictPage("drop", self),
            "weigh": VerdictPage("weigh", self),
        }  # fmt: skip
        self._stack = QStackedWidget(self)
        for page in self.pages.values():
            self._stack.addWidget(page)
            page.changed.connect(self.changed)
        self._box = QGroupBox(self)
        inside = QVBoxLayout(self._box)
        inside.addWidget(self._about)
        inside.addWidget(self._stack, 1)
        layout.addSpacing(6)
        layout.addWidget(self._box, 1)
        self.rule = "unswap"
        self.choose(self.rule)

    def choose(self, rule: str) -> None:
        """Another rule."""
        self.rule = rule
        self.buttons[rule].setChecked(True)
        self._about.setText(tr(RULES[rule][1]))
        self._stack.setCurrentWidget(self.pages[rule])
        self.changed.emit()

    def show_scheme(self, scheme: Scheme) -> None:
        """Of the labels that are repaired."""
        for page in self.pages.values():
            page.show_scheme(scheme)

    def show_habits(self, habits: Habits | None) -> None:
        """What was found of sources; None while that is looked for."""
        for page in self.pages.values():
            page.show_habits(habits)

    def repair(self) -> Repair | None:
        """What is chosen; None where that is nothing."""
        return self.pages[self.rule].repair()

    def hint(self) -> str:
        """Why there is nothing to do yet."""
        return self.pages[self.rule].hint()
