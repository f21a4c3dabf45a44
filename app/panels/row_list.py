"""A list of tall rows: a table of one column, since a list view lays out all its rows again whenever one changes."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, Qt
from PySide6.QtWidgets import QHeaderView, QStyledItemDelegate, QTableView, QWidget


def row_list(
    parent: QWidget, model: QAbstractItemModel, delegate: QStyledItemDelegate, row_height: int, name: str
) -> QTableView:
    """A view of `model` in rows of `row_height` px that `delegate` paints; `name` is what screen readers say."""
    view = QTableView(parent)
    view.setModel(model)
    delegate.setParent(view)
    view.setItemDelegate(delegate)
    view.horizontalHeader().hide()
    view.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    view.verticalHeader().hide()
    view.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    view.verticalHeader().setDefaultSectionSize(row_height)
    view.setShowGrid(False)
    view.setTabKeyNavigation(False)
    view.setSelectionMode(QTableView.SelectionMode.SingleSelection)
    view.setVerticalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    view.setEditTriggers(QTableView.EditTrigger.NoEditTriggers)
    view.setAccessibleName(name)
    return view
