"""The settings of each rule of bulk repair, a page each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.jobs.repair import Habits
from app.jobs.store import count_text
from app.texts import tr, tr_later
from core.repair.spacing import LEAST
from core.scheme import Scheme

if TYPE_CHECKING:
    from core.dialects import Dialect
    from core.repair.plan import Repair
    from core.repair.set_offset import SetOffset

VERDICTS = {
    "suspect": tr_later("suspect: farther off than ambiguity explains"),
    "shifted": tr_later("shifted: one further along the contour"),
    "swapped": tr_later("swapped with the other side"),
    "unsure": tr_later("unsure: the model does not know either"),
    "missing": tr_later("missing: has no place yet"),
}
_VALUE = Qt.ItemDataRole.UserRole
_ROOMY = "QListView::item { padding: 3px; }"


class Page(QWidget):
    """Settings of one rule.

    Signals:
        changed(): another setting.
    """

    changed = Signal()

    def show_scheme(self, scheme: Scheme) -> None:
        """Of the labels that are repaired."""

    def show_habits(self, habits: Habits | None) -> None:
        """What was found of sources; None while that is looked for."""

    def repair(self) -> Repair | None:
        """What is set; None where that is nothing."""
        raise NotImplementedError

    def hint(self) -> str:
        """Why that is nothing."""
        return tr("Choose what is to be repaired.")


class SwapPage(Page):
    """Whole labels, single pairs."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.faces, self.pairs = QCheckBox(tr("whole labels"), self), QCheckBox(tr("single pairs of points"), self)
        layout = QVBoxLayout(self)
        for box in (self.faces, self.pairs):
            box.setChecked(True)
            box.toggled.connect(self.changed)
            layout.addWidget(box)
        layout.addStretch(1)

    def repair(self) -> Repair | None:
        """Un-swap."""
        from core.repair.sides import Unswap

        faces, pairs = self.faces.isChecked(), self.pairs.isChecked()
        return Unswap(faces, pairs) if faces or pairs else None


class _FoundPage(Page):
    """A list of what was found, and a sentence in its place where there is nothing."""

    def __init__(self, parent: QWidget, name: str) -> None:
        super().__init__(parent)
        self._habits: Habits | None = None
        self.note = QLabel(self)
        self.note.setWordWrap(True)
        self.list = QListWidget(self)
        self.list.setAccessibleName(name)
        self.list.setWordWrap(True)
        self.list.setTextElideMode(Qt.TextElideMode.ElideNone)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setStyleSheet(_ROOMY)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.note)
        layout.addStretch(0)

    def hint(self) -> str:
        """Looked for still, not there, or not chosen."""
        if self._habits is None:
            return tr("Comparing the labels with the predictions…")
        return self.note.text() if not self.list.count() else super().hint()

    def _show(self, habits: Habits | None, nothing: str) -> None:
        self._habits = habits
        self.note.setText("" if self.list.count() else nothing if habits is not None else self.hint())
        self.note.setVisible(not self.list.count())
        self.list.setVisible(bool(self.list.count()))


class OffsetPage(_FoundPage):
    """One of the offsets that are more than chance."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, tr("Offsets of labels"))
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.currentRowChanged.connect(lambda _row: self.changed.emit())

    def show_habits(self, habits: Habits | None) -> None:
        """Fill the list, keeping the choice."""
        before = self._chosen()
        self.list.blockSignals(True)
        self.list.clear()
        for offset in habits.offsets if habits is not None else ():
            item = QListWidgetItem(offset_text(offset))
            item.setData(_VALUE, offset)
            self.list.addItem(item)
            if before is None or (before.kind, before.source) == (offset.kind, offset.source):
                before = before or offset
                self.list.setCurrentItem(item)
        self.list.blockSignals(False)
        self._show(habits, tr("No labels lie to one side of the predictions by more than chance."))

    def _chosen(self) -> SetOffset | None:
        item = self.list.currentItem()
        return None if item is None else item.data(_VALUE)

    def repair(self) -> Repair | None:
        """Shift a set back."""
        from core.repair.set_offset import ShiftSet

        chosen = self._chosen()
        return None if chosen is None else ShiftSet((chosen,))


class DialectPage(_FoundPage):
    """Some of the dialects that are more than chance; none to begin with."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, tr("Dialects"))
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.list.itemChanged.connect(lambda _item: self.changed.emit())

    def show_habits(self, habits: Habits | None) -> None:
        """Fill the list."""
        self.list.blockSignals(True)
        self.list.clear()
        for row in habits.dialects if habits is not None else ():
            item = QListWidgetItem(dialect_text(row))
            item.setData(_VALUE, row)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Unchecked)
            self.list.addItem(item)
        self.list.blockSignals(False)
        self._show(habits, tr("No folder or tag sets its points elsewhere along a contour by more than chance."))

    def repair(self) -> Repair | None:
        """Shift dialects back."""
        from core.repair.habits import ShiftDialects

        rows = tuple(item.data(_VALUE) for item in _ticked(self.list))
        return ShiftDialects(rows) if rows else None


class SpacingPage(Page):
    """Which contours, how, and from which move on."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.spacing = QComboBox(self)
        for value, text in (
            ("predicted", tr("as predicted of each face")),
            ("median", tr("as usual in this data set")),
            ("even", tr("evenly")),
        ):
            self.spacing.addItem(text, value)
        self.spacing.setToolTip(
            tr("Contours that turn away with the head are spaced fairly only as predicted of each face.")
        )
        self.least = QDoubleSpinBox(self)
        self.least.setRange(0.0, 20.0)
        self.least.setSingleStep(0.5)
        self.least.setDecimals(1)
        self.least.setValue(100 * LEAST)
        self.least.setSuffix(tr(" % of the face"))
        self.least.setToolTip(tr("A contour of which no point would move farther is left as it is."))
        self.list = QListWidget(self)
        self.list.setAccessibleName(tr("Contours"))
        self.list.setStyleSheet(_ROOMY)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow(tr("Spaced"), self.spacing)
        form.addRow(tr("Moves from"), self.least)
        form.addRow(self.list)
        self.spacing.currentIndexChanged.connect(self.changed)
        self.least.valueChanged.connect(self.changed)
        self.list.itemChanged.connect(lambda _item: self.changed.emit())

    def show_scheme(self, scheme: Scheme) -> None:
        """List its contours, all ticked."""
        names = [region.name for region in scheme.regions if len(region.indices) >= 3]
        if names == [self.list.item(row).text() for row in range(self.list.count())]:
            return
        self.list.blockSignals(True)
        self.list.clear()
        for name in names:
            item = QListWidgetItem(name)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked)
            self.list.addItem(item)
        self.list.blockSignals(False)

    def repair(self) -> Repair | None:
        """Re-space."""
        from core.repair.spacing import Respace

        names = frozenset(item.text() for item in _ticked(self.list))
        return Respace(names, self.spacing.currentData(), self.least.value() / 100) if names else None


class VerdictPage(Page):
    """Which verdicts; of weighing down also the weight."""

    def __init__(self, rule: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._rule = rule
        self.boxes: dict[str, QCheckBox] = {}
        layout = QVBoxLayout(self)
        for value, text in VERDICTS.items():
            if value == "missing" and rule != "replace":
                continue
            box = QCheckBox(tr(text), self)
            box.setChecked(value == "suspect")
            box.toggled.connect(self.changed)
            layout.addWidget(box)
            self.boxes[value] = box
        self.weight = QDoubleSpinBox(self)
        self.weight.setRange(0.0, 1.0)
        self.weight.setSingleStep(0.05)
        self.weight.setValue(0.1)
        self.weight.valueChanged.connect(self.changed)
        form = QFormLayout()
        form.addRow(tr("They count"), self.weight)
        layout.addLayout(form)
        form.setRowVisible(0, rule == "weigh")
        layout.addStretch(1)

    def repair(self) -> Repair | None:
        """Replace, drop or weigh down."""
        from core.repair.doubted import DropPoints, ReplacePoints, WeighDown

        verdicts = frozenset(value for value, box in self.boxes.items() if box.isChecked())
        if not verdicts:
            return None
        if self._rule == "weigh":
            return WeighDown(verdicts, self.weight.value())
        return ReplacePoints(verdicts) if self._rule == "replace" else DropPoints(verdicts)


def _ticked(items: QListWidget) -> list[QListWidgetItem]:
    every = (items.item(row) for row in range(items.count()))
    return [item for item in every if item.checkState() == Qt.CheckState.Checked]


def offset_text(offset: SetOffset) -> str:
    """Whose, how far, how sure."""
    x, y = offset.typical.tolist()
    ways = [
        (x, tr("{px:.1f} px right", px=x) if x > 0 else tr("{px:.1f} px left", px=-x)),
        (y, tr("{px:.1f} px down", px=y) if y > 0 else tr("{px:.1f} px up", px=-y)),
    ]
    parts = [text for value, text in ways if abs(value) >= 0.05]
    across, down = offset.interval
    return tr(
        "{source}: {way}\n{faces}, for a face of {size:.0f} px; 95 % sure: x {x0:+.1f} to {x1:+.1f}, y {y0:+.1f} to "
        "{y1:+.1f}",
        source=_source(offset.kind, offset.source), way=", ".join(parts), faces=count_text(offset.faces, "face"),
        size=offset.size, x0=across.low, x1=across.high, y0=down.low, y1=down.high,
    )  # fmt: skip


def dialect_text(row: Dialect) -> str:
    """Whose, where, how far, how sure."""
    if row.motion == "slide":
        text = tr("{source}, {region}: {offset:+.1f} % along it", source=_source(row.kind, row.source),
                  region=row.region, offset=row.offset)  # fmt: skip
    else:
        text = tr("{source}, {region}: {offset:+.1f} % outwards at its ends", source=_source(row.kind, row.source),
                  region=row.region, offset=row.offset)  # fmt: skip
    return text + tr("\n{faces}; 95 % sure: {low:+.1f} to {high:+.1f} %", faces=count_text(row.faces, "face"),
                     low=row.interval.low, high=row.interval.high)  # fmt: skip


def _source(kind: str | None, name: str) -> str:
    if kind is None:
        return tr("All labels")
    return tr("folder “{name}”", name=name) if kind == "folder" else tr("tag “{name}”", name=name)
