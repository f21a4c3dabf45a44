"""All keys on one page, from the table of actions and the user's own keys; also as a page to print."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.action_table import MENUS, TABLE
from app.actions import native, plain
from app.gestures_text import MOUSE
from app.shortcuts import Keys
from app.texts import shown_language, tr
from core.errors import StarmarkError
from core.files import write_atomic

Group = tuple[str, list[tuple[str, str]]]
"""Title, and (keys, what they do) in order."""


def groups(keys: Mapping[str, Keys]) -> list[Group]:
    """The page: a group for each menu that has keys, then mouse and canvas."""
    found: list[Group] = []
    for menu in MENUS:
        rows = [
            ("  ".join(native(key) for key in keys[spec.id]), f"{plain(tr(spec.text))}. {tr(spec.tip)}")
            for spec in TABLE
            if spec.menu == menu and keys[spec.id]
        ]
        if rows:
            found.append((plain(tr(menu)), rows))
    return [*found, (tr("Mouse and canvas"), [(tr(how), tr(what)) for how, what in MOUSE])]


def as_html(keys: Mapping[str, Keys]) -> str:
    """A page of its own for the browser, made to be printed on two columns."""
    parts = []
    for title, rows in groups(keys):
        lines = "".join(f"<tr><th>{escape(left)}</th><td>{escape(right)}</td></tr>" for left, right in rows)
        parts.append(f"<section><h2>{escape(title)}</h2><table>{lines}</table></section>")
    title = escape(tr("Starmark: keys and tools"))
    return (
        f"<!DOCTYPE html><html lang='{shown_language()}'><head><meta charset='utf-8'><title>{title}</title><style>"
        "body{font:10pt/1.35 sans-serif;margin:1.2cm;columns:2;column-gap:1cm}h1{column-span:all;font-size:15pt}"
        "section{break-inside:avoid-column;margin-bottom:.5cm}h2{font-size:11.5pt;margin:0 0 .15cm}"
        "table{border-collapse:collapse;width:100%}th{text-align:left;width:32%;padding-right:.3cm}"
        "th,td{vertical-align:top;border-top:1px solid #ccc;padding:2px 4px}</style></head>"
        f"<body><h1>{title}</h1>{''.join(parts)}</body></html>"
    )


class CheatSheet(QDialog):
    """The page with a field to find a key."""

    def __init__(self, keys: Mapping[str, Keys], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Keys and tools"))
        self._keys = keys
        self.search = QLineEdit(self)
        self.search.setPlaceholderText(tr("Find a key or what it does"))
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName(tr("Find a key or what it does"))
        self.outcome = QLabel(self)
        self.outcome.setWordWrap(True)
        page = QWidget(self)
        columns = QHBoxLayout(page)
        columns.setSpacing(16)
        sides = [QVBoxLayout(), QVBoxLayout()]
        for side in sides:
            columns.addLayout(side, 1)
        lengths = [0, 0]
        self._lines: list[tuple[QGroupBox, QLabel, QLabel]] = []
        for title, rows in groups(keys):
            shorter = 0 if lengths[0] <= lengths[1] else 1
            sides[shorter].addWidget(self._group(title, rows))
            lengths[shorter] += len(rows) + 2
        for side in sides:
            side.addStretch(1)
        scroll = QScrollArea(self)
        scroll.setWidget(page)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.copy = buttons.addButton(tr("&Page to print…"), QDialogButtonBox.ButtonRole.ActionRole)
        for button in buttons.buttons():
            button.setAutoDefault(False)  # type: ignore[attr-defined]  # Return in the field presses nothing
        self.copy.setToolTip(tr("Keep these keys as a web page, to be printed from the browser."))
        self.copy.clicked.connect(self._save)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.search)
        layout.addWidget(scroll)
        layout.addWidget(self.outcome)
        layout.addWidget(buttons)
        self.search.textChanged.connect(self._find)
        self.outcome.hide()
        self.resize(980, 720)

    def _group(self, title: str, rows: list[tuple[str, str]]) -> QGroupBox:
        box = QGroupBox(title, self)
        grid = QGridLayout(box)
        grid.setColumnStretch(1, 1)
        grid.setHorizontalSpacing(14)
        for line, (keys, text) in enumerate(rows):
            left, right = QLabel(f"<b>{escape(keys)}</b>", box), QLabel(text, box)
            right.setTextFormat(Qt.TextFormat.PlainText)
            left.setWordWrap(len(keys) > 24)
            left.setMaximumWidth(190)
            right.setWordWrap(True)
            right.setMinimumWidth(200)
            grid.addWidget(left, line, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(right, line, 1)
            self._lines.append((box, left, right))
        return box

    def _find(self, text: str) -> None:
        needle = text.strip().casefold()
        shown: set[QGroupBox] = set()
        for box, left, right in self._lines:
            there = needle in f"{left.text()} {right.text()} {box.title()}".casefold()
            left.setVisible(there)
            right.setVisible(there)
            if there:
                shown.add(box)
        for box in {box for box, _, _ in self._lines}:
            box.setVisible(box in shown)

    def _save(self) -> None:
        start = str(Path.home() / "starmark-keys.html")
        name, _ = QFileDialog.getSaveFileName(self, tr("Page to print"), start, tr("Web page (*.html)"))
        if not name:
            return
        try:
            write_atomic(Path(name), as_html(self._keys).encode())
            self.outcome.setText(tr("Kept as {name}. Open it in a browser, and print it from there.", name=name))
        except (OSError, StarmarkError) as error:
            self.outcome.setText(tr("The page could not be written. {error}", error=error))
        self.outcome.show()
