"""The launcher of freedesktop.org's desktops: menu entry, icon, file type, and a copy on the desktop.

Follows the Desktop Entry, Icon Theme and Shared MIME-info specifications. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.setup.commands import FROM_LAUNCHER
from app.setup.console import SetupError
from app.setup.launcher import MARK, Installed
from app.setup.places import ICONS, ROOT, data_home, start_command

NAME = "starmark"
MIME_TYPE = "application/x-starmark"
# Offered under "Open with" where a double click on them starts something else: see `_offered`.
IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/tiff", "image/bmp")
ICON_SIZES = (16, 24, 32, 48, 64, 128, 256, 512)
_TOOL_SECONDS = 20


def install() -> list[str]:
    """Make or update everything. Returns lines for the user."""
    installed, data, desktop = Installed(), data_home(), desktop_folder()
    entry = desktop_entry(start_command(), ROOT, _offered(data))
    place = entry_path(data)
    before = place.read_bytes() if place.is_file() else b""
    for path, content in _files(data, entry).items():
        installed.put(path, content)
    lines = [f"Starmark is among your applications now: {place}"]
    if before:
        how = "and is up to date" if before == entry else "and starts from here now"
        lines = [f"Starmark was among your applications already, {how}: {place}"]
    if desktop is not None:
        copy = desktop / place.name
        installed.put(copy, entry, 0o755)
        _trust(copy)
        lines.append(f"and on your desktop: {copy}")
    installed.keep()
    _refresh(data)
    return [*lines, "Take it back with --uninstall-launcher. After moving this folder, run --install-launcher again."]


def uninstall() -> list[str]:
    """Remove what `install` made. Returns lines for the user."""
    data, desktop = data_home(), desktop_folder()
    known = _files(data, b"")
    if desktop is not None:
        known[desktop / entry_path(data).name] = b""
    installed = Installed()
    removed, left = installed.remove(known)
    _refresh(data)
    _remove_caches(data, installed.folders)
    installed.remove_folders()
    if not removed and not left:
        return ["There was no launcher to remove."]
    lines = ["Removed:", *(f"  {path}" for path in removed)] if removed else []
    return lines + [f"Changed since by somebody else, and therefore left: {path}" for path in left]


def entry_path(data: Path) -> Path:
    """The menu entry; its name is also the window's, so that desktops know which icon a window belongs to."""
    return data / "applications" / f"{NAME}.desktop"


def _files(data: Path, entry: bytes) -> dict[Path, bytes]:
    """All files below the data folder with their contents."""
    icons = data / "icons" / "hicolor"
    files = {
        icons / f"{size}x{size}" / "apps" / f"{NAME}.png": (ICONS / f"{NAME}-{size}.png").read_bytes()
        for size in ICON_SIZES
    }
    files[icons / "scalable" / "apps" / f"{NAME}.svg"] = (ICONS / f"{NAME}.svg").read_bytes()
    files[data / "mime" / "packages" / f"{NAME}.xml"] = MIME_PACKAGE.encode()
    files[entry_path(data)] = entry
    return files


MIME_PACKAGE = f"""<?xml version="1.0" encoding="UTF-8"?>
<!-- {MARK} -->
<mime-info xmlns="http://www.freedesktop.org/standards/shared-mime-info">
  <mime-type type="{MIME_TYPE}">
    <comment>Starmark project</comment>
    <comment xml:lang="de">Starmark-Projekt</comment>
    <icon name="{NAME}"/>
    <sub-class-of type="application/vnd.sqlite3"/>
    <glob pattern="*.starmark"/>
  </mime-type>
</mime-info>
"""


def desktop_entry(command: Sequence[str], root: Path, also: Sequence[str] = ()) -> bytes:
    """The .desktop file that starts `command` with whatever was dropped on it; `also`: more types it is offered for.

    Its working folder is `root`: once that has moved, desktops say so, where Python would fail unseen.
    """
    words = " ".join([*map(quote, command), FROM_LAUNCHER, "%F"])
    lines = [
        "[Desktop Entry]",
        "Type=Application",
        "Version=1.0",
        "Name=Starmark",
        "GenericName=Facial Landmark Editor",
        "Comment=See, correct and train facial landmarks",
        "Comment[de]=Gesichtspunkte ansehen, berichtigen und trainieren",
        f"Exec={escape(words)}",
        f"Path={escape(str(root))}",
        f"Icon={NAME}",
        "Terminal=false",
        "Categories=Graphics;Photography;",
        "Keywords=face;landmark;annotation;STAR;300W;",
        f"MimeType={';'.join((MIME_TYPE, *also))};",
        "StartupNotify=true",
        f"StartupWMClass={NAME}",
        f"{MARK}=true",
    ]
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")


def _offered(data: Path, environ: Mapping[str, str] = os.environ) -> list[str]:
    """The image types for which somebody chose a default program.

    For the others, a desktop would make us the default, since it looks into the user's folder first; and photos are not
    ours to take. That is also why folders are never listed. All of them can be dropped on the icon.
    """
    homes = [Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"), data / "applications"]
    homes += [Path(folder) for folder in (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":") if folder]
    shared = environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    homes += [Path(folder) / "applications" for folder in shared.split(":") if folder]
    desktops = [name.lower() + "-" for name in environ.get("XDG_CURRENT_DESKTOP", "").split(":") if name]
    chosen: set[str] = set()
    for path in (home / f"{prefix}mimeapps.list" for home in homes for prefix in (*desktops, "")):
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        for group in text.split("[Default Applications]")[1:]:
            chosen.update(line.split("=")[0].strip() for line in group.partition("\n[")[0].splitlines() if "=" in line)
    return [name for name in IMAGE_TYPES if name in chosen]


def quote(word: str) -> str:
    """A word as the Exec key wants it: in double quotes, a percent sign doubled.

    Raises:
        SetupError: for a line break, which no launcher can hold.
    """
    if re.search(r"[\x00-\x1f]", word):
        raise SetupError(f"{word!r} has a control character in its name. Rename that folder, then try again.")
    if re.fullmatch(r"[A-Za-z0-9_./:@+,-]+", word):
        return word
    return '"' + re.sub(r'(["`$\\])', r"\\\1", word).replace("%", "%%") + '"'


def escape(value: str) -> str:
    """A value of type string: backslashes doubled, and a leading space kept."""
    value = value.replace("\\", "\\\\")
    return "\\s" + value[1:] if value.startswith(" ") else value


def desktop_folder(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The user's desktop, whatever its language calls it; None if there is none."""
    home = Path(environ.get("HOME") or Path.home())
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    folder = home / "Desktop"
    try:
        text = (config / "user-dirs.dirs").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = ""
    for line in text.splitlines():
        if match := re.fullmatch(r'\s*XDG_DESKTOP_DIR\s*=\s*"(\$HOME)?(.*)"\s*', line):
            rest = re.sub(r"\\(.)", r"\1", match[2])
            folder = home / rest.lstrip("/") if match[1] else Path(rest)
    # Some users have no desktop folder, which is then said to be their home.
    return folder if folder.is_dir() and folder.resolve() != home.resolve() else None


def _trust(copy: Path) -> None:
    """Tell GNOME and Xfce that the file may start something; KDE asks for no more than the right to execute."""
    import hashlib

    digest = hashlib.sha256(copy.read_bytes()).hexdigest()
    _run("gio", "set", str(copy), "metadata::trusted", "true")
    _run("gio", "set", "-t", "string", str(copy), "metadata::xfce-exe-checksum", digest)


def _refresh(data: Path) -> None:
    """Have the desktop read again what it keeps in caches; each tool only where it is there."""
    icons = data / "icons" / "hicolor"
    if icons.is_dir():
        os.utime(icons)  # newer than its cache: the toolkits look again
    if (icons / "icon-theme.cache").exists():
        _run("gtk-update-icon-cache", "-f", "-t", "-q", str(icons))
    if (data / "applications").is_dir():
        _run("update-desktop-database", "-q", str(data / "applications"))
    if (data / "mime" / "packages").is_dir():
        _run("update-mime-database", str(data / "mime"))


def _remove_caches(data: Path, made: Sequence[str]) -> None:
    """Delete what those tools wrote into folders that we made and in which nobody else put anything."""
    applications, mime = data / "applications", data / "mime"
    if str(applications) in made and [path.name for path in _listed(applications)] == ["mimeinfo.cache"]:
        (applications / "mimeinfo.cache").unlink()
    if str(mime) in made and not _listed(mime / "packages"):  # everything else there is made from the packages
        shutil.rmtree(mime, ignore_errors=True)


def _listed(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _run(tool: str, *words: str) -> None:
    if shutil.which(tool) is None:
        return
    # The launcher works without; the desktop may take a little longer to notice.
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run([tool, *words], capture_output=True, timeout=_TOOL_SECONDS)
