"""The picture and the way around it: zoom to the cursor, pan, fit. Knows nothing of faces."""

# ruff: noqa: N802, N815 (Qt names its events and signals so)

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QInputDevice,
    QNativeGestureEvent,
    QPainter,
    QPalette,
    QPixmap,
    QResizeEvent,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QGraphicsScene, QGraphicsView, QWidget

from app.canvas import palette
from app.canvas.adjust import Adjustment
from app.canvas.image import ImagePyramid
from app.canvas.tones import Toner

MAX_ZOOM = 64.0
_MIN_FACTOR = 0.25
"""Smallest zoom as a part of the one that fits the image."""
_WHEEL_STEP = 1.25
_KEY_STEP = 1.25
_NEAREST_FROM = 4.0
"""Screen pixels an image pixel from which pixels are shown as they are."""
_FIT_MARGIN = 12
_OVERSCROLL = 0.75
"""How far the image can be pushed out of sight, as a part of the window."""


class ZoomView(QGraphicsView):
    """A photo in image coordinates: the centre of its top-left pixel is the scene's (0, 0).

    `zoom` is screen px (logical) an image px.
    """

    viewChanged = Signal(float)
    """zoom; after every change of zoom, place or size."""
    cursorMoved = Signal(float, float)
    """x, y in image px; NaN, NaN when the cursor leaves."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setScene(QGraphicsScene(self))
        self.scene().setItemIndexMethod(QGraphicsScene.ItemIndexMethod.NoIndex)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setResizeAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.MinimalViewportUpdate)
        # The photo is scaled once a change of view; a drag then only copies the part beneath it.
        self.setCacheMode(QGraphicsView.CacheModeFlag.CacheBackground)
        self.setOptimizationFlag(QGraphicsView.OptimizationFlag.DontSavePainterState)
        self.setOptimizationFlag(QGraphicsView.OptimizationFlag.DontAdjustForAntialiasing)
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._pyramid: ImagePyramid | None = None
        self._image_rect = QRectF()
        self._fitted = True
        self._pan_from: QPoint | None = None
        self._toner = Toner(self)
        self._toner.ready.connect(self._repaint_photo)
        self._photo_opacity = 1.0

    # -- image -------------------------------------------------------------------------------------------------------

    def set_image(
        self, image: QImage | QPixmap | ImagePyramid | None, width: int = 0, height: int = 0, *, keep_view: bool = False
    ) -> None:
        """Show a picture that stands for an image of `width` x `height` px.

        Args:
            image: may have fewer pixels than the image; it is stretched. None empties the canvas. QImage.Format_RGB32
                (what `app.canvas.image.image_from_array` makes) costs nothing here, other formats are converted.
            width, height: of the oriented image, px; 0 means those of `image`.
            keep_view: keep zoom and place, for another version of the same image.
        """
        if image is None:
            self._pyramid, self._image_rect = None, QRectF()
        else:
            self._pyramid = image if isinstance(image, ImagePyramid) else ImagePyramid(image)
            size = self._pyramid.size
            self._image_rect = QRectF(-0.5, -0.5, width or size.width(), height or size.height())
        self._toner.set_pyramid(self._pyramid)
        self.resetCachedContent()
        if keep_view and image is not None:
            self._update_scene_rect()
            self.viewport().update()
        else:
            self.fit_image()

    @property
    def has_image(self) -> bool:
        """Whether a picture is shown."""
        return self._pyramid is not None

    @property
    def fitted(self) -> bool:
        """Whether the whole image is shown, and stays so when the window is resized."""
        return self._fitted

    @property
    def image_rect(self) -> QRectF:
        """Area of the image in image px, from (-0.5, -0.5); null without an image."""
        return QRectF(self._image_rect)

    @property
    def pyramid(self) -> ImagePyramid | None:
        """The picture as it was given."""
        return self._pyramid

    @property
    def adjustment(self) -> Adjustment:
        """How the picture's tones are changed for looking at it."""
        return self._toner.adjustment

    def set_adjustment(self, adjustment: Adjustment) -> None:
        """Show the picture with other tones; its pixels stay as they are."""
        if adjustment != self._toner.adjustment:
            self._toner.set_adjustment(adjustment)
            self._repaint_photo()

    def set_photo_opacity(self, opacity: float) -> None:
        """Fade the picture towards the background: 1 not at all, 0 away."""
        if opacity != self._photo_opacity:
            self._photo_opacity = opacity
            self._repaint_photo()

    def _repaint_photo(self) -> None:
        self.resetCachedContent()
        self.viewport().update()

    # -- coordinates -------------------------------------------------------------------------------------------------

    @property
    def zoom(self) -> float:
        """Screen px (logical) an image px."""
        return self.transform().m11()

    def to_image(self, position: QPointF | QPoint) -> QPointF:
        """Image px of a place in the viewport, exact to fractions of a screen pixel."""
        inverse, _ = self.viewportTransform().inverted()
        return inverse.map(QPointF(position))

    def to_screen(self, x: float, y: float) -> QPointF:
        """Place in the viewport of an image point."""
        return self.viewportTransform().map(QPointF(x, y))

    # -- zoom and place ----------------------------------------------------------------------------------------------

    def set_zoom(self, zoom: float, anchor: QPointF | None = None) -> None:
        """Zoom so that the image point under `anchor` (viewport px, default: the middle) stays where it is."""
        if not self.has_image or not math.isfinite(zoom) or zoom <= 0:
            return
        anchor = QPointF(self.viewport().rect().center()) if anchor is None else anchor
        held = self.to_image(anchor)
        self._fitted = False
        self._apply_zoom(min(max(zoom, self._min_zoom()), MAX_ZOOM))
        self._place(held, anchor)
        self._view_moved()

    def zoom_in(self) -> None:
        """One step in, about the middle."""
        self.set_zoom(self.zoom * _KEY_STEP)

    def zoom_out(self) -> None:
        """One step out, about the middle."""
        self.set_zoom(self.zoom / _KEY_STEP)

    def actual_size(self) -> None:
        """One image px to one screen px."""
        self.set_zoom(1.0)

    def fit_image(self) -> None:
        """Show the whole image; it stays fitted while the window is resized, until the user zooms or pans."""
        self._fitted = True
        if self._image_rect.isNull():
            self._apply_zoom(1.0)
        else:
            self._apply_zoom(min(self._fit_zoom(self._image_rect), MAX_ZOOM))
            self._place(self._image_rect.center(), QRectF(self.viewport().rect()).center())
        self._view_moved()

    def fit_rect(self, left: float, top: float, right: float, bottom: float) -> None:
        """Show an area of the image, px, in the middle and as large as fits."""
        if not self.has_image:
            return
        rect = QRectF(QPointF(left, top), QPointF(right, bottom)).normalized()
        self._fitted = False
        self._apply_zoom(min(max(self._fit_zoom(rect), self._min_zoom()), MAX_ZOOM))
        self._place(rect.center(), QRectF(self.viewport().rect()).center())
        self._view_moved()

    def pan(self, dx: float, dy: float) -> None:
        """Move the picture by screen px."""
        if not self.has_image or (round(dx) == 0 and round(dy) == 0):
            return
        self._fitted = False
        self.horizontalScrollBar().setValue(self.horizontalScrollBar().value() - round(dx))
        self.verticalScrollBar().setValue(self.verticalScrollBar().value() - round(dy))
        self._view_moved()

    def view_state(self) -> tuple[float, float, float]:
        """(zoom, centre x, centre y), to come back with `restore_view`."""
        centre = self.to_image(QRectF(self.viewport().rect()).center())
        return self.zoom, centre.x(), centre.y()

    def restore_view(self, state: Sequence[float]) -> None:
        """Go back to a place that `view_state` gave."""
        zoom, x, y = state
        if self.has_image and all(map(math.isfinite, state)) and zoom > 0:
            self._fitted = False
            self._apply_zoom(min(max(zoom, self._min_zoom()), MAX_ZOOM))
            self._place(QPointF(x, y), QRectF(self.viewport().rect()).center())
            self._view_moved()

    def _fit_zoom(self, rect: QRectF) -> float:
        view = self.viewport().rect()
        width = max(view.width() - 2 * _FIT_MARGIN, 16)
        height = max(view.height() - 2 * _FIT_MARGIN, 16)
        return min(width / max(rect.width(), 1e-6), height / max(rect.height(), 1e-6))

    def _min_zoom(self) -> float:
        return min(self._fit_zoom(self._image_rect) * _MIN_FACTOR, 1.0)

    def _apply_zoom(self, zoom: float) -> None:
        self.setTransform(QTransform.fromScale(zoom, zoom))
        self.resetCachedContent()
        self._update_scene_rect()
        self._zoom_applied(zoom)

    def _update_scene_rect(self) -> None:
        """Leave room around the image, so that any part of it can be brought to the middle."""
        if self._image_rect.isNull():
            self.setSceneRect(QRectF(0, 0, 1, 1))
            return
        view, zoom = self.viewport().rect(), self.zoom
        dx, dy = _OVERSCROLL * view.width() / zoom, _OVERSCROLL * view.height() / zoom
        self.setSceneRect(self._image_rect.adjusted(-dx, -dy, dx, dy))

    def _place(self, point: QPointF, at: QPointF) -> None:
        """Scroll so that image point `point` comes to `at`, viewport px, rounded to whole screen pixels."""
        now = self.to_screen(point.x(), point.y())
        horizontal, vertical = self.horizontalScrollBar(), self.verticalScrollBar()
        horizontal.setValue(horizontal.value() + round(now.x() - at.x()))
        vertical.setValue(vertical.value() + round(now.y() - at.y()))

    def _zoom_applied(self, zoom: float) -> None:
        """For subclasses: the zoom is now `zoom`."""

    def _view_moved(self) -> None:
        self.viewChanged.emit(self.zoom)

    # -- events ------------------------------------------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:
        if not self.has_image:
            event.ignore()
            return
        touchpad = event.device() is not None and event.device().type() == QInputDevice.DeviceType.TouchPad
        zooming = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if touchpad and not zooming and not event.pixelDelta().isNull():
            self.pan(event.pixelDelta().x(), event.pixelDelta().y())
        elif event.angleDelta().y():
            self.set_zoom(self.zoom * _WHEEL_STEP ** (event.angleDelta().y() / 120), event.position())
        event.accept()

    def viewportEvent(self, event: QEvent) -> bool:
        if (
            event.type() == QEvent.Type.NativeGesture
            and isinstance(event, QNativeGestureEvent)
            and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture
        ):
            self.set_zoom(self.zoom * (1.0 + event.value()), event.position())
            return True
        return super().viewportEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        middle = self.to_image(QRectF(QPointF(0, 0), event.oldSize()).center())
        super().resizeEvent(event)
        if self._fitted:
            self.fit_image()
        else:
            self._update_scene_rect()
            self._place(middle, QRectF(self.viewport().rect()).center())
            self._view_moved()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self.resetCachedContent()
            self.viewport().update()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.cursorMoved.emit(math.nan, math.nan)

    @property
    def dark(self) -> bool:
        """Whether the window's theme is dark."""
        return self.palette().color(QPalette.ColorRole.Window).lightness() < 128

    def drawBackground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        exposed = QRectF(rect)
        painter.fillRect(exposed, QColor(*(palette.BACKGROUND_DARK if self.dark else palette.BACKGROUND_LIGHT)))
        if self._pyramid is None:
            return
        painter.setOpacity(self._photo_opacity)
        self.paint_photo(painter, exposed)
        painter.setOpacity(1.0)

    def paint_photo(self, painter: QPainter, exposed: QRectF) -> None:
        """Paint the part `exposed` (image px) of the photo, adjusted, with a painter in image px."""
        if self._pyramid is None:
            return
        full, image_rect = self._pyramid.size, self._image_rect
        screen = painter.worldTransform().m11() * painter.device().devicePixelRatioF()
        picture = self._toner.level(self._pyramid.level_index(screen * image_rect.width() / full.width()))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, screen < _NEAREST_FROM)
        # Only whole pixels around the exposed part: at 64-fold zoom the whole would exceed what the painter can map.
        sx, sy = picture.width() / image_rect.width(), picture.height() / image_rect.height()
        left = max(math.floor((exposed.left() - image_rect.left()) * sx) - 2, 0)
        top = max(math.floor((exposed.top() - image_rect.top()) * sy) - 2, 0)
        right = min(math.ceil((exposed.right() - image_rect.left()) * sx) + 2, picture.width())
        bottom = min(math.ceil((exposed.bottom() - image_rect.top()) * sy) + 2, picture.height())
        if right <= left or bottom <= top:
            return
        source = QRectF(left, top, right - left, bottom - top)
        target = QRectF(
            image_rect.left() + left / sx, image_rect.top() + top / sy, source.width() / sx, source.height() / sy
        )
        painter.drawImage(target, picture, source)
