"""Light and dark: follows the desktop unless the user chose one."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

_SCHEMES = {
    "system": Qt.ColorScheme.Unknown,
    "light": Qt.ColorScheme.Light,
    "dark": Qt.ColorScheme.Dark,
}

_TICK = Path(__file__).resolve().parents[1] / "resources" / "icons" / "tick.svg"

ACCENT_LIGHT = "#1f6feb"
ACCENT_DARK = "#5b9bf8"


def apply_theme(app: QApplication, name: str) -> None:
    """Set the appearance: "system", "light" or "dark". Anything else counts as "system"."""
    if app.style().objectName().lower() != "fusion":
        app.setStyle("Fusion")  # the one style that follows the colour scheme on every desktop
    app.styleHints().setColorScheme(_SCHEMES.get(name, Qt.ColorScheme.Unknown))
    dark = is_dark(app, name)
    app.setPalette(_palette(dark))
    app.setStyleSheet(_sheet(dark))


def is_dark(app: QApplication, name: str = "system") -> bool:
    """Whether the window is, or with the setting `name` would be, dark."""
    if name in ("light", "dark"):
        return name == "dark"
    return app.styleHints().colorScheme() == Qt.ColorScheme.Dark


def _palette(dark: bool) -> QPalette:
    role = QPalette.ColorRole
    if dark:
        colours = {
            role.Window: "#24262b", role.WindowText: "#e6e7ea", role.Base: "#1b1d21", role.AlternateBase: "#212328",
            role.Text: "#e6e7ea", role.Button: "#2e3137", role.ButtonText: "#e6e7ea", role.BrightText: "#ffffff",
            role.ToolTipBase: "#33363d", role.ToolTipText: "#f0f1f3", role.Highlight: "#2f5fb3",
            role.HighlightedText: "#ffffff", role.Link: ACCENT_DARK, role.PlaceholderText: "#a0a5ae",
            role.Light: "#3d4149", role.Midlight: "#363a41", role.Mid: "#44484f", role.Dark: "#15161a",
            role.Shadow: "#0b0c0e", role.Accent: ACCENT_DARK,
        }  # fmt: skip
        faded = "#70757e"
    else:
        colours = {
            role.Window: "#f4f5f7", role.WindowText: "#1d2025", role.Base: "#ffffff", role.AlternateBase: "#f7f8fa",
            role.Text: "#1d2025", role.Button: "#eceef1", role.ButtonText: "#1d2025", role.BrightText: "#ffffff",
            role.ToolTipBase: "#fffef5", role.ToolTipText: "#1d2025", role.Highlight: "#2f6fd6",
            role.HighlightedText: "#ffffff", role.Link: ACCENT_LIGHT, role.PlaceholderText: "#6b717b",
            role.Light: "#ffffff", role.Midlight: "#e7e9ed", role.Mid: "#c3c7ce", role.Dark: "#9aa0a9",
            role.Shadow: "#70757e", role.Accent: ACCENT_LIGHT,
        }  # fmt: skip
        faded = "#9a9fa8"
    palette = QPalette()
    for key, value in colours.items():
        palette.setColor(key, QColor(value))
    for key in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, key, QColor(faded))
    return palette


def _sheet(dark: bool) -> str:
    line = "#3a3d44" if dark else "#d9dce1"
    hover = "#353840" if dark else "#e3e6ea"
    checked = "#2b4470" if dark else "#d3e3fd"
    # The style's own frames of boxes are darker than the window, and so vanish in the dark.
    frame, faint = ("#8b9099", "#4b4f57") if dark else ("#8a909a", "#c3c7ce")
    boxes = [f"{kind}::indicator" for kind in ("QCheckBox", "QListView", "QTreeView", "QMenu")]

    def of(state: str) -> str:
        return ", ".join(f"{box}{state}" for box in boxes)

    return f"""
QToolBar {{ border: 0; border-bottom: 1px solid {line}; spacing: 2px; padding: 3px 6px; }}
QToolBar::separator {{ background: {line}; width: 1px; margin: 5px 5px; }}
QToolButton {{ border: 0; border-radius: 5px; padding: 4px; }}
QToolButton:hover {{ background: {hover}; }}
QToolButton:checked {{ background: {checked}; }}
QToolButton#qt_toolbar_ext_button {{ padding: 0; }}
QStatusBar {{ border-top: 1px solid {line}; }}
QStatusBar::item {{ border: 0; }}
QDockWidget::title {{ padding: 6px 8px; text-align: left; border-bottom: 1px solid {line}; }}
QMainWindow::separator {{ background: {line}; width: 1px; height: 1px; }}
QMainWindow::separator:hover {{ background: palette(accent); }}
QToolButton#chip, QToolButton#chip_plain {{ border-radius: 9px; padding: 2px 8px; }}
QToolButton#chip {{ background: {checked}; }}
QToolButton#chip:hover, QToolButton#chip_plain:hover {{ background: {hover}; }}
QToolButton#chip:focus, QToolButton#chip_plain:focus {{ border: 1px solid palette(accent); }}
QListView, QTableView, QTreeView {{ border: 1px solid transparent; }}
QListView:focus, QTableView:focus, QTreeView:focus {{ border-color: palette(accent); }}
QHeaderView::section {{ border: 0; border-bottom: 1px solid {line}; padding: 4px 6px; background: palette(window); }}
QTableView {{ gridline-color: transparent; }}
{of("")} {{ width: 13px; height: 13px; border: 1px solid {frame}; border-radius: 3px; background: palette(base); }}
{of(":hover")} {{ border-color: palette(accent); }}
{of(":checked")} {{ background: palette(accent); border-color: palette(accent); image: url("{_TICK.as_posix()}"); }}
QRadioButton::indicator {{ width: 13px; height: 13px; border: 1px solid {frame}; border-radius: 7px;
  background: palette(base); }}
QRadioButton::indicator:hover {{ border-color: palette(accent); }}
QRadioButton::indicator:checked {{ width: 5px; height: 5px; border: 5px solid palette(accent); border-radius: 7px; }}
QRadioButton::indicator:disabled {{ border-color: {faint}; background: transparent; }}
{of(":disabled")} {{ border-color: {faint}; background: transparent; }}
{of(":checked:disabled")} {{ background: {faint}; }}
"""
