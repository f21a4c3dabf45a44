"""Menus and tool bar of the main window, made from the table of actions."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QMenu, QToolBar, QToolButton

from app.action_table import MENUS, TABLE
from app.actions import ActionSet
from app.texts import tr


def build_menus(window: QMainWindow, actions: ActionSet, docks: Sequence[QDockWidget], take: QMenu) -> QMenu:
    """Fill the menu bar, `take` (what points can be taken from) included; the menu of recent projects, which its owner
    fills."""
    recent = QMenu(tr("Open &recent"), window)
    menus: dict[str, QMenu] = {title: window.menuBar().addMenu(tr(title)) for title in MENUS}
    within: dict[str, QMenu] = {}
    inserted = {"open_project": recent, "snap_across": take}
    for spec in TABLE:
        menu = menus[spec.menu]
        first = bool(spec.submenu) and spec.submenu not in within
        if spec.submenu and not first:
            menu = within[spec.submenu]
        if spec.separator:
            menu.addSeparator()
        if first:
            menu = within[spec.submenu] = menu.addMenu(tr(spec.submenu))
        menu.addAction(actions[spec.id])
        if not spec.on_canvas:
            window.addAction(actions[spec.id])
        if spec.id in inserted:
            menu.addMenu(inserted[spec.id])
    panels = menus["&View"].addMenu(tr("Pa&nels"))
    for dock in docks:
        panels.addAction(dock.toggleViewAction())
    return recent


def build_toolbar(window: QMainWindow, actions: ActionSet) -> None:
    """The groups of the table, with lines between them."""
    bar = QToolBar(tr("Tools"), window)
    bar.setObjectName("tools")
    bar.setMovable(False)
    bar.setIconSize(window.iconSize())  # its own, or a change of theme resets it
    for group in sorted({spec.toolbar for spec in TABLE if spec.toolbar}):
        if bar.actions():
            bar.addSeparator()
        for spec in TABLE:
            if spec.toolbar == group:
                bar.addAction(actions[spec.id])
                button = bar.widgetForAction(actions[spec.id])
                if spec.caption and isinstance(button, QToolButton):
                    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    window.addToolBar(bar)
