"""Two states of one face against each other: on top, by turns, or on either side of a divider."""

# ruff: noqa: N802 (Qt names its events and signals so)

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from app.canvas import marks, palette
from app.canvas.face_item import FaceItem
from app.canvas.items import GhostItem
from app.canvas.model import FaceView, Ghost, Layers
from app.canvas.overlays import Tag
from app.texts import tr

if TYPE_CHECKING:
    from app.canvas.faces_view import FacesView

Mode = Literal["overlay", "flicker", "split"]
_GRIP_PX = 13
_KEY_STEP = 0.02
_TAG_TOP = 12


@dataclass(frozen=True, eq=False, slots=True)
class Comparison:
    """What is compared.

    Attributes:
        name_a, name_b: for the screen.
        a: None for the face as it is being worked on.
        b: the other state of the same face.
    """

    mode: Mode
    name_a: str
    name_b: str
    a: FaceView | None
    b: FaceView


class SplitBar(QWidget):
    """The divider: dragged by mouse, moved by arrow keys.

    Signals:
        moved(part): the user put it there, 0 to 1 of the canvas' width.
    """

    moved = Signal(float)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._canvas = parent
        self.setObjectName("split_bar")
        self.setCursor(Qt.CursorShape.SplitHCursor)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setAccessibleName(tr("Divider between the two states compared"))
        self.setToolTip(tr("Drag to compare; left and right arrow keys move it too."))
        self.hide()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()  # else the canvas below would take it

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._move_to(self.mapToParent(event.position()).x())
        event.accept()

    def event(self, event: QEvent) -> bool:
        # The arrows also turn images: with the divider in hand they move it.
        mine = isinstance(event, QKeyEvent) and event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right)
        if mine and event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -_KEY_STEP, Qt.Key.Key_Right: _KEY_STEP}.get(Qt.Key(event.key()))
        if step is None:
            event.ignore()
            return
        self._move_to(self.x() + self.width() / 2 + step * self._canvas.width())

    def _move_to(self, x: float) -> None:
        self.moved.emit(min(max(x / max(self._canvas.width(), 1), 0.0), 1.0))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle, half = self.width() / 2, self.height() / 2
        for width, rgb in ((3.6, palette.HALO), (1.6, (255, 255, 255))):
            painter.setPen(marks.pen(rgb, width))
            painter.drawLine(QPointF(middle, 0), QPointF(middle, self.height()))
        painter.setPen(marks.pen(palette.HALO, 1.4))
        painter.setBrush(QColor(255, 255, 255))
        painter.drawRoundedRect(QRectF(1.5, half - 20, self.width() - 3, 40), 4, 4)
        for dx in (-2.0, 2.0):
            painter.drawLine(QPointF(middle + dx, half - 7), QPointF(middle + dx, half + 7))
        painter.end()


class CompareLayer:
    """The items of a comparison on a canvas. The canvas' own items stay its own: they are clipped or hidden only."""

    def __init__(self, view: FacesView) -> None:
        self._view = view
        self._items: tuple[FaceItem | None, FaceItem | None] = (None, None)
        self._ghosts: list[GhostItem] = []
        self._part = 0.5
        self._flipped = False
        self.comparison: Comparison | None = None
        self.bar = SplitBar(view)
        self.bar.moved.connect(self.set_part)
        self.tags = Tag(view), Tag(view)

    # -- from outside

    def show(self, comparison: Comparison | None) -> None:
        """Compare this, or nothing any more."""
        self._clear()
        self.comparison = comparison
        if comparison is not None:
            if comparison.mode == "overlay":
                self._add_ghosts(comparison)
            else:
                self._items = self._item(comparison.a), self._item(comparison.b)
        self.arrange()

    def flip(self, flipped: bool) -> None:
        """While comparing by turns: show the other state (b)."""
        if flipped != self._flipped:
            self._flipped = flipped
            self.arrange()

    @property
    def flipped(self) -> bool:
        """Whether b is on screen in place of a."""
        return self._flipped and self.comparison is not None and self.comparison.mode == "flicker"

    @property
    def part(self) -> float:
        """Where the divider is, 0 to 1 of the canvas' width."""
        return self._part

    def set_part(self, part: float) -> None:
        """Put the divider somewhere else."""
        self._part = part
        self.arrange()

    @property
    def ghosts(self) -> tuple[Ghost, ...]:
        """What is laid on top, for the legend."""
        return tuple(item.ghost for item in self._ghosts)

    def set_layers(self, layers: Layers) -> None:
        """Draw with other layers."""
        for item in self._items:
            if item is not None:
                item.set_layers(layers)
        for ghost in self._ghosts:
            ghost.set_colours(layers.colours)
            ghost.setOpacity(layers.opacity.others)

    def set_zoom(self, zoom: float) -> None:
        """The canvas was zoomed."""
        for item in self._items:
            if item is not None:
                item.set_zoom(zoom)

    def covers(self, position: QPointF) -> bool:
        """Whether what is seen at a place of the viewport is not the face being worked on, so takes no mouse."""
        comparison = self.comparison
        if comparison is None or comparison.mode == "overlay":
            return False
        if comparison.mode == "flicker":
            return comparison.a is not None or self._flipped
        return comparison.a is not None or position.x() > self._part * self._view.viewport().width()

    # -- inside

    def _item(self, face: FaceView | None) -> FaceItem | None:
        if face is None:
            return None
        item = FaceItem(face, self._view.layers, self._view.zoom)
        self._view.scene().addItem(item)
        return item

    def _add_ghosts(self, comparison: Comparison) -> None:
        layers = self._view.layers
        states = [(comparison.name_a, comparison.a), (comparison.name_b, comparison.b)]
        for shade, (name, face) in enumerate(states):
            if face is not None:
                ghost = GhostItem(Ghost(name, face.scheme, face.points, shade), layers.colours)
                ghost.setOpacity(layers.opacity.others)
                self._view.scene().addItem(ghost)
                self._ghosts.append(ghost)

    def _clear(self) -> None:
        for item in (*self._items, *self._ghosts):
            if item is not None:
                self._view.scene().removeItem(item)
        self._items, self._ghosts = (None, None), []

    def arrange(self) -> None:
        """Show, hide and clip by mode, divider and size of the canvas."""
        comparison, (a, b) = self.comparison, self._items
        mode = None if comparison is None else comparison.mode
        live = self._view.active_item()
        first = live if a is None else a
        width = self._view.viewport().width()
        at = self._part * width
        split = mode == "split"
        if live is not None:
            live.setVisible(b is None or (a is None and not self.flipped))
            live.set_clip((-1.0, at) if split and a is None else None)
        if b is not None:
            b.setVisible(split or self.flipped)
            b.set_clip((at, width + 1.0) if split else None)
        if a is not None and first is not None:
            a.setVisible(split or not self.flipped)
            a.set_clip((-1.0, at) if split else None)
        self.bar.setVisible(split)
        self.bar.setGeometry(round(at) - _GRIP_PX // 2, 0, _GRIP_PX, self._view.height())
        self._place_tags(at, width)

    def _place_tags(self, at: float, width: int) -> None:
        comparison, (left, right) = self.comparison, self.tags
        if comparison is None or comparison.mode == "overlay":
            left.hide()
            right.hide()
            return
        if comparison.mode == "flicker":
            right.hide()
            name = f"B: {comparison.name_b}" if self._flipped else f"A: {comparison.name_a}"
            left.show_text(name)
            left.move(round((width - left.width()) / 2), _TAG_TOP)
            return
        left.show_text(f"A: {comparison.name_a}")
        right.show_text(f"B: {comparison.name_b}")
        left.move(round(at) - left.width() - 14, _TAG_TOP)
        right.move(round(at) + 14, _TAG_TOP)
