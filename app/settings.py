"""The table of settings with their defaults, and where the program keeps its own files."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QSettings, Signal

from app.canvas.colours import PALETTES
from app.canvas.model import OPACITIES
from app.texts import SOURCE_LANGUAGE, SYSTEM
from core.paths import user_home

RECENT_LIMIT = 10


def scratch_dir() -> Path:
    """Where projects without a name live."""
    return user_home() / "scratch"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no account entry, as in some containers
        return "annotator"


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table.

    Attributes:
        key: name in the file.
        default: value, or a function that finds it on this machine.
        label: what the settings dialog calls it; empty if the dialog does not show it.
        help: one sentence for the tooltip.
        choices: (value, text) pairs, if only some values are allowed.
    """

    key: str
    default: Any
    label: str = ""
    help: str = ""
    choices: tuple[tuple[str, str], ...] = ()


TABLE: tuple[Setting, ...] = (
    Setting("author", _user, "Your name", "Goes with every edit and names the label set of your corrections."),
    Setting(
        "theme",
        "system",
        "Appearance",
        "Light or dark; 'As the system' follows the desktop.",
        (("system", "As the system"), ("light", "Light"), ("dark", "Dark")),
    ),
    Setting(
        "language",
        SYSTEM,
        "Language",
        "Of menus, panels and messages, from the next start on. Some errors are in English always.",
        ((SYSTEM, "As the system"), (SOURCE_LANGUAGE, "English"), ("de", "Deutsch")),
    ),
    Setting(
        "device",
        "auto",
        "Compute on",
        "Where the network runs; 'Automatic' takes a graphics card if there is one.",
        (("auto", "Automatic"), ("cpu", "Processor (CPU)"), ("cuda", "NVIDIA GPU (CUDA)"), ("mps", "Apple GPU (MPS)")),
    ),
    Setting("model", "", "Model", "Name or file of a model; empty takes the one that comes with Starmark."),
    Setting("predict_on_open", True, "Predict the image on screen by itself", "Otherwise press P for every image."),
    Setting("shortcuts", ""),  # JSON: keys by action, of those that the user changed
    Setting("prefetch", 2, "", "How many neighbours of the current image are prepared in advance on each side."),
    Setting("export_format", "coco"),
    Setting("last_project", ""),
    Setting("recent", ()),
    Setting("tour", ""),  # "finished" or "declined"
    Setting("image_folder", ""),
    Setting("project_folder", ""),
    Setting("chart_folder", ""),
    Setting("image_sort", "added"),
    Setting("points", True),
    Setting("numbers", False),
    Setting("curves", True),
    Setting("ellipses", True),
    Setting("labels", True),
    Setting("predictions", True),
    Setting("deviations", True),
    Setting("boxes", True),
    Setting("heatmap", False),
    Setting("names", False),
    Setting("split", False),
    Setting("edges", False),
    Setting("verdicts", True),
    Setting("queue_snap", True),
    *(Setting(f"opacity_{layer}", 1.0) for layer in OPACITIES),
    Setting("palette", "standard", choices=tuple((name, text) for name, (text, _) in PALETTES.items())),
    Setting("label_colour", ""),
    Setting("prediction_colour", ""),
    Setting("others_colour", ""),
    Setting("text_size", 11.0),
    Setting("follow", False),
    Setting("loupe_drag", True),
    Setting("soft_radius", 2.0),
    Setting("sigma_levels", "1,2,3"),
    # Ellipses are drawn as predicted. Heatmaps have a broad floor, so that they are several times too wide (verdicts
    # use calibrated ones): at full size 68 of them hide the face.
    Setting("ellipse_scale", 0.2),
    Setting("point_size", 1.0),
    Setting("ambiguous_threshold", 1.5),
)

_BY_KEY = {setting.key: setting for setting in TABLE}


class Settings(QObject):
    """Typed access to the table, kept in `settings.ini` under the data folder.

    A value of the wrong type in the file (edited by hand, or from another version) counts as absent.
    """

    changed = Signal(str)

    def __init__(self, folder: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folder = folder if folder is not None else user_home()
        self._file = QSettings(str(self._folder / "settings.ini"), QSettings.Format.IniFormat, self)
        self._window = QSettings(str(self._folder / "window.ini"), QSettings.Format.IniFormat, self)

    @property
    def window_state(self) -> QSettings:
        """Geometry of windows and docks, apart from what the user chose on purpose."""
        return self._window

    def value(self, key: str) -> Any:
        """The value of `key`, or its default; KeyError for a key that is not in the table."""
        setting = _BY_KEY[key]
        default = setting.default() if callable(setting.default) else setting.default
        raw = self._file.value(key)
        if raw is None:
            return default
        value = _coerce(raw, default)
        if setting.choices and value not in {choice for choice, _ in setting.choices}:
            return default
        return value

    def has(self, key: str) -> bool:
        """Whether somebody chose a value."""
        return self._file.contains(key)

    def keep(self, key: str, value: Any) -> None:
        """As `set`, and keep it even if it is the default: somebody chose it."""
        self.set(key, value)
        self._file.setValue(key, value)

    def set(self, key: str, value: Any) -> None:
        """Keep `value`; emits `changed` if it differs."""
        if key not in _BY_KEY:
            raise KeyError(key)
        if value == self.value(key):
            return
        self._file.setValue(key, list(value) if isinstance(value, tuple) else value)
        self.changed.emit(key)

    def add_recent(self, path: str) -> None:
        """Put `path` on top of the recent list."""
        rest = [entry for entry in self.value("recent") if entry != path]
        self.set("recent", (path, *rest)[:RECENT_LIMIT])

    def drop_recent(self, path: str) -> None:
        """Forget a recent entry that is gone."""
        self.set("recent", tuple(entry for entry in self.value("recent") if entry != path))

    def sync(self) -> None:
        """Write to disk now."""
        self._file.sync()
        self._window.sync()


def _coerce(raw: Any, default: Any) -> Any:
    """An INI text as the default's type; the default where it does not fit."""
    try:
        if isinstance(default, bool):
            text = str(raw).strip().lower()
            return {"true": True, "1": True, "false": False, "0": False}.get(text, default)
        if isinstance(default, tuple):
            items = [raw] if isinstance(raw, str) else list(raw)
            return tuple(str(item) for item in items if str(item))
        if isinstance(default, (int, float)):
            value = type(default)(raw)
            return value if value == value and abs(value) < 1e9 else default
        return str(raw)
    except (TypeError, ValueError):
        return default
