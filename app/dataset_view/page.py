"""What the pages of the data-set window have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.dataset_view.plot import Plot
from app.dataset_view.tables import TitledTable
from app.jobs.dataset_numbers import DatasetNumbers

Compute = Callable[[str, Callable[[], Any], Callable[[Any], None]], None]
"""Takes a name, work for a thread, and who gets the result. Work of the same name that is not done is dropped."""


class Page(QWidget):
    """A page: shows numbers when it is looked at.

    Signals:
        wanted(face, index): go to that face of the audit and that landmark (-1 for none).
        landmark_chosen(index): another landmark is looked at.
    """

    wanted = Signal(int, int)
    landmark_chosen = Signal(int)

    def __init__(self, compute: Compute, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.compute = compute
        self.numbers: DatasetNumbers | None = None

    def exportable(self) -> list[Plot | TitledTable]:
        """What can be taken along."""
        return [*self.plots(), *self.findChildren(TitledTable)]

    def plots(self) -> list[Plot]:
        """Its charts."""
        return self.findChildren(Plot)

    def show_numbers(self, numbers: DatasetNumbers) -> None:
        """Show these from here on."""
        self.numbers = numbers
        self.refresh()

    def choose_landmark(self, index: int) -> None:
        """Look at a landmark; pages about all of them do nothing."""

    def refresh(self) -> None:
        """Fill the page from `numbers`."""
        raise NotImplementedError
