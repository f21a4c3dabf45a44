"""What each action of the window does, and when it may."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from app import dialogs
from app.canvas.gestures import Tool
from app.cheat_sheet import CheatSheet
from app.focus import move_focus, typing
from app.workbench import LAYERS

if TYPE_CHECKING:
    from app.main_window import MainWindow


def bind_actions(window: MainWindow) -> None:
    """Connect every action of the table to what it does."""
    bench, document, canvas, opening = window.workbench, window.document, window.canvas, window.opening
    window.actions_.connect(
        {
            "new": opening.new_project,
            "open_files": opening.choose_files,
            "open_folder": opening.choose_folder,
            "import_data": lambda: opening.import_data(),
            "export_data": opening.export_data,
            "open_project": opening.choose_project,
            "save_as": opening.save_as,
            "backups": window.keeper.show_backups,
            "relink": window.keeper.relink,
            "merge": window.keeper.merge,
            "conflicts": window.keeper.show_conflicts,
            "quit": window.close,
            "undo": document.undo,
            "redo": document.redo,
            "draw_box": lambda: _toggle_box_tool(window),
            "repair": lambda: open_repair(window),
            "settings": lambda: dialogs.SettingsDialog(window.settings, window).exec(),
            "previous": lambda: _step(window, -1),
            "next": lambda: _step(window, 1),
            "accept_next": lambda: window.blind.finish_face() if window.blind.active else window.flow.accept(),
            "blind": window.blind.ask,
            "dispute_next": window.flow.dispute,
            "accept": lambda: window.flow.accept(go_on=False),
            "next_undone": window.flow.next_undone,
            "next_face": bench.next_face,
            "previous_face": lambda: bench.next_face(-1),
            "next_flag": window.flow.next_flag,
            "previous_flag": lambda: window.flow.next_flag(-1),
            "bookmark": window.flow.toggle_bookmark,
            "next_bookmark": window.flow.next_bookmark,
            "reset_pace": window.flow.reset_pace,
            "author": window.annotator.ask,
            "next_pane": lambda: move_focus(window, 1),
            "previous_pane": lambda: move_focus(window, -1),
            "clear_filter": lambda: window.images.clear_filter(),
            "palette": window.commands.toggle,
            "worst_point": bench.select_worst,
            "find": lambda: _find(window),
            "fit": canvas.fit_image,
            "fit_face": canvas.fit_face,
            "fit_point": canvas.fit_point,
            "zoom_in": canvas.zoom_in,
            "zoom_out": canvas.zoom_out,
            "actual": canvas.actual_size,
            "predict": bench.predict_current,
            "predict_all": lambda: bench.predictions.request_all(window.images.model.ids()),
            "cancel": lambda: _cancel(window),
            "tour": window.guide.start_tour,
            "sample": window.guide.open_sample,
            "sample_afresh": window.guide.start_afresh,
            "cheat_sheet": lambda: CheatSheet(window.actions_.keys, window).exec(),
            "about": lambda: dialogs.show_about(window, bench.predictions.state.info),
            **window.seeing.handlers(),
            **window.points.handlers(),
            **dict.fromkeys(LAYERS, lambda: switch_layers(window)),
        }
    )


def conditions(window: MainWindow) -> Iterable[str]:
    """The conditions of the table that hold now."""
    document, bench = window.document, window.workbench
    holding = {
        "project": document.is_open,
        "writable": document.is_open and not document.read_only,
        "labels": document.is_open and any(row.faces for row in document.rows),
        "labelled": document.is_open and not document.read_only and any(row.faces for row in document.rows),
        "images": bool(document.rows),
        "image": bench.picture_ready,
        "face": bench.active_face() is not None,
        "reviewable": reviewable(window),
        "selection": bool(bench.selection),
        "undo": document.undo_text is not None and not document.read_only,
        "redo": document.redo_text is not None and not document.read_only,
        "model": bool(document.rows) and bench.predictions.state.kind == "ready",
        "working": document.busy or bench.predictions.batch_running,
    }
    return (name for name, holds in holding.items() if holds)


def reviewable(window: MainWindow) -> bool:
    """Whether the active face is on screen and can be accepted, and Return would not end typing instead."""
    bench = window.workbench
    seen = bench.picture_ready and bench.active_face() is not None
    return seen and not (window.document.read_only or typing())


def switch_layers(window: MainWindow) -> None:
    """Show the layers that are switched on, and keep that."""
    switches = {name: window.actions_[name].isChecked() for name in LAYERS}
    for name, on in switches.items():
        window.settings.set(name, on)
    window.workbench.set_layers(switches)


def open_repair(window: MainWindow) -> None:
    """The dialog of bulk repair."""
    from app.repair.dialog import RepairDialog

    dialog = RepairDialog(window.document, window.auditor, window)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()


def _find(window: MainWindow) -> None:
    dock = window.images.parentWidget()
    if dock is not None:
        dock.show()
        dock.raise_()
    window.images.filter.setFocus(Qt.FocusReason.ShortcutFocusReason)
    window.images.filter.selectAll()


def _step(window: MainWindow, by: int) -> None:
    image_id = window.images.step(by)
    if image_id is not None:
        window.document.set_current(image_id)


def _cancel(window: MainWindow) -> None:
    window.document.cancel()
    window.workbench.predictions.cancel_batch()


def _toggle_box_tool(window: MainWindow) -> None:
    window.canvas.set_tool(Tool.BOX if window.actions_["draw_box"].isChecked() else Tool.SELECT)
