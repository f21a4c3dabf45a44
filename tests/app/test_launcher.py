"""Launchers: what they start, what is written where, and that exactly that goes away again."""

from __future__ import annotations

import base64
import json
import os
import plistlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.setup import launcher_linux, launcher_macos, launcher_windows, places
from app.setup.commands import FROM_LAUNCHER, LAUNCHER_OPTIONS
from app.setup.console import SetupError
from app.setup.environment import base_python
from app.setup.launcher import Installed
from core.paths import user_home
from tests.app.exec_key import value_of, words_of

ROOT = Path(__file__).resolve().parents[2]
INSTALL, UNINSTALL = LAUNCHER_OPTIONS

ODD_NAMES = (
    "plain",
    "two words",
    "Müller ß 顔",
    "100% $HOME `x` \"q\" 'a'",
    r"back\slash \n \\ end\\",
    "%F %f %%",
    " leading; & | > < * ? # ( ) ~ =",
)

needs_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="about Linux desktops")
needs_posix = pytest.mark.skipif(os.name != "posix", reason="names and scripts as on Unix")


def start(option: str, *more: str) -> subprocess.CompletedProcess[str]:
    """The real command, in the isolated home of the test."""
    command = [sys.executable, str(ROOT / "main.py"), option, *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def desktop(isolated_home: Path) -> Path:
    """A desktop folder as in a German session."""
    folder = isolated_home / "Schreibtisch ä"
    folder.mkdir()
    config = isolated_home / "xdg_config_home"
    config.mkdir()
    (config / "user-dirs.dirs").write_text('# x\nXDG_DESKTOP_DIR="$HOME/Schreibtisch ä"\n', encoding="utf-8")
    return folder


@needs_posix
@pytest.mark.parametrize("name", ODD_NAMES)
def test_the_exec_key_means_the_command_whatever_its_folder_is_called(name: str, tmp_path: Path) -> None:
    entry = tmp_path / "x.desktop"
    command = [f"/usr/{name}/python3", f"/home/{name}/main.py"]
    entry.write_bytes(launcher_linux.desktop_entry(command, Path(f"/home/{name}")))
    assert words_of(entry, ["/a b", "/c"]) == [*command, FROM_LAUNCHER, "/a b", "/c"]
    assert value_of(entry, "Path") == f"/home/{name}"


@needs_linux
@pytest.mark.skipif(shutil.which("gio") is None, reason="gio is not installed")
@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_desktop_starts_that_command(name: str, tmp_path: Path) -> None:
    """GLib is what GNOME, Xfce, Cinnamon and MATE start programs with."""
    folder = tmp_path / name
    folder.mkdir()
    answer, photo, entry = folder / "answer", tmp_path / "ä photo.jpg", tmp_path / "x.desktop"
    photo.touch()
    os.mkfifo(answer)
    script = folder / "main.py"
    script.write_text(f"import json, os, sys\nopen({str(answer)!r}, 'w').write(json.dumps([sys.argv, os.getcwd()]))\n")
    entry.write_bytes(launcher_linux.desktop_entry([sys.executable, str(script)], folder))
    subprocess.run(["gio", "launch", str(entry), str(photo)], check=True, timeout=30)
    assert json.loads(answer.read_text()) == [[str(script), FROM_LAUNCHER, str(photo)], str(folder)]


def test_a_line_break_in_a_name_is_refused() -> None:
    with pytest.raises(SetupError, match="Rename that folder"):
        launcher_linux.quote("/home/a\nExec=evil")


@needs_linux
def test_install_again_and_uninstall(isolated_home: Path, desktop: Path) -> None:
    (isolated_home / "xdg_data_home").mkdir()
    before = files_below(isolated_home)
    done = start(INSTALL)
    assert done.returncode == 0, done.stderr
    entry = isolated_home / "xdg_data_home" / "applications" / "starmark.desktop"
    copy = desktop / "starmark.desktop"
    # The program's own environment may be made anew, so there its maker is named.
    in_ours = (ROOT / ".venv" / "starmark-stamp").exists() and Path(sys.prefix).samefile(ROOT / ".venv")
    python = base_python() if in_ours else sys.executable
    assert words_of(entry, ["/x"]) == [python, str(ROOT / "main.py"), FROM_LAUNCHER, "/x"]
    assert copy.read_bytes() == entry.read_bytes()
    assert os.access(copy, os.X_OK)
    assert str(entry) in done.stdout and str(copy) in done.stdout
    icons = isolated_home / "xdg_data_home" / "icons" / "hicolor"
    assert (icons / "48x48" / "apps" / "starmark.png").exists() and (icons / "scalable/apps/starmark.svg").exists()
    if shutil.which("desktop-file-validate"):
        said = subprocess.run(["desktop-file-validate", str(entry)], capture_output=True, text=True)
        assert (said.returncode, said.stdout) == (0, "")
    if shutil.which("update-mime-database"):
        globs = (isolated_home / "xdg_data_home" / "mime" / "globs2").read_text()
        assert f"{launcher_linux.MIME_TYPE}:*.starmark" in globs

    after = files_below(isolated_home)
    again = start(INSTALL)
    assert "already, and is up to date" in again.stdout
    assert {k: v for k, v in files_below(isolated_home).items() if "cache" not in k} == {
        k: v for k, v in after.items() if "cache" not in k
    }

    gone = start(UNINSTALL)
    assert gone.returncode == 0 and str(entry) in gone.stdout
    assert files_below(isolated_home) == before
    assert list((isolated_home / "xdg_data_home").iterdir()) == [], "folders that were made are gone as well"
    assert "no launcher to remove" in start(UNINSTALL).stdout


@needs_linux
def test_an_old_launcher_is_updated_and_somebody_elses_files_are_left(isolated_home: Path, desktop: Path) -> None:
    data = isolated_home / "xdg_data_home"
    entry = data / "applications" / "starmark.desktop"
    assert start(INSTALL).returncode == 0
    entry.write_bytes(launcher_linux.desktop_entry(["/old/python3", "/moved away/main.py"], Path("/moved away")))
    (data / "applications" / "theirs.desktop").write_text("[Desktop Entry]\n")
    icon = data / "icons" / "hicolor" / "48x48" / "apps" / "starmark.png"
    icon.write_bytes(b"my own drawing")
    done = start(INSTALL)
    assert done.returncode == 2 and "not Starmark's" in done.stderr and str(icon) in done.stderr
    icon.unlink()
    done = start(INSTALL)
    assert "starts from here now" in done.stdout
    assert words_of(entry, [])[1] == str(ROOT / "main.py")
    icon.write_bytes(b"my own drawing")
    done = start(UNINSTALL)
    assert f"left: {icon}" in done.stdout
    assert icon.read_bytes() == b"my own drawing"
    assert (data / "applications" / "theirs.desktop").exists() and not entry.exists()


@needs_linux
def test_a_lost_list_is_no_obstacle(isolated_home: Path, desktop: Path) -> None:
    assert start(INSTALL).returncode == 0
    (isolated_home / "starmark" / "launcher.json").write_text("{damaged")
    assert start(UNINSTALL).returncode == 0
    assert not list(isolated_home.rglob("starmark*.png")) and not list(isolated_home.rglob("*.desktop"))


@needs_linux
def test_a_foreign_entry_is_not_replaced(isolated_home: Path) -> None:
    entry = isolated_home / "xdg_data_home" / "applications" / "starmark.desktop"
    entry.parent.mkdir(parents=True)
    entry.write_text("[Desktop Entry]\nName=Another program of that name\n")
    done = start(INSTALL)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1) and "not Starmark's" in done.stderr
    start(UNINSTALL)
    assert "Another program" in entry.read_text()


@needs_linux
def test_photos_are_offered_only_where_they_have_a_default(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path / "a"), "XDG_DATA_DIRS": "/nowhere"}
    assert launcher_linux._offered(tmp_path, environ) == []
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "gnome-mimeapps.list").write_text(
        "[Added Associations]\nimage/webp=x\n[Default Applications]\nimage/jpeg=eog.desktop\n[Other]\nimage/png=y\n"
    )
    assert launcher_linux._offered(tmp_path, environ) == []
    assert launcher_linux._offered(tmp_path, environ | {"XDG_CURRENT_DESKTOP": "ubuntu:GNOME"}) == ["image/jpeg"]


@needs_linux
def test_the_desktop_folder(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    assert launcher_linux.desktop_folder(environ) is None
    (tmp_path / "Desktop").mkdir()
    assert launcher_linux.desktop_folder(environ) == tmp_path / "Desktop"
    (tmp_path / ".config").mkdir()
    for line, folder in (('XDG_DESKTOP_DIR="$HOME/"', None), (f'XDG_DESKTOP_DIR="{tmp_path}/Desktop"', "Desktop")):
        (tmp_path / ".config" / "user-dirs.dirs").write_text(line)
        assert launcher_linux.desktop_folder(environ) == (None if folder is None else tmp_path / folder)


@pytest.mark.parametrize("words", [[INSTALL, "photo.jpg"], ["photo.jpg", INSTALL], [INSTALL, UNINSTALL]])
def test_the_options_stand_alone(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo.jpg").touch()
    done = start(*words)
    assert (done.returncode, done.stdout) == (2, "") and "stand" in done.stderr


def test_the_places_are_those_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    assert places.user_home() == user_home()
    monkeypatch.delenv("STARMARK_HOME")
    assert places.user_home() == user_home()
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert places.user_home() == user_home()


def test_a_list_that_is_damaged_counts_as_none(tmp_path: Path) -> None:
    for text in ("", "[]", '{"files": 3, "folders": []}', '{"files": {}}'):
        (tmp_path / "list.json").write_text(text)
        assert Installed(tmp_path / "list.json").files == {}


@needs_posix
@pytest.mark.parametrize("name", ODD_NAMES)
def test_the_macos_bundle(name: str, tmp_path: Path) -> None:
    main = tmp_path / name / "main.py"
    main.parent.mkdir()
    main.write_text("import json, sys\nprint(json.dumps(sys.argv))\n")
    bundle = tmp_path / "Starmark.app"
    launcher_macos.write_bundle(bundle, [sys.executable, str(main)])
    contents = bundle / "Contents"
    info = plistlib.loads((contents / "Info.plist").read_bytes())
    script = contents / "MacOS" / info["CFBundleExecutable"]
    assert (contents / "Resources" / f"{info['CFBundleIconFile']}.icns").read_bytes()[:4] == b"icns"
    (exported,) = info["UTExportedTypeDeclarations"]
    documents = {kind: entry for entry in info["CFBundleDocumentTypes"] for kind in entry["LSItemContentTypes"]}
    assert documents[exported["UTTypeIdentifier"]]["LSHandlerRank"] == "Owner"
    assert exported["UTTypeTagSpecification"]["public.filename-extension"] == ["starmark"]
    assert documents["public.jpeg"]["LSHandlerRank"] == "Alternate"
    done = subprocess.run([str(script), "a b", "$c"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [str(main), FROM_LAUNCHER, "a b", "$c"]


def test_the_macos_bundle_comes_and_goes(isolated_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: isolated_home)
    bundle = isolated_home / "Applications" / "Starmark.app"
    for _ in range(2):
        assert str(bundle) in launcher_macos.install()[0]
    assert [path.name for path in bundle.parent.iterdir()] == ["Starmark.app"]
    assert launcher_macos.uninstall() == [f"Removed: {bundle}"]
    assert not bundle.exists()
    assert launcher_macos.uninstall() == ["There was no launcher to remove."]
    (bundle / "Contents").mkdir(parents=True)
    (bundle / "Contents" / "Info.plist").write_bytes(plistlib.dumps({"CFBundleIdentifier": "somebody.else"}))
    assert "left" in launcher_macos.uninstall()[0]
    with pytest.raises(SetupError, match="not Starmark's"):
        launcher_macos.install()
    assert bundle.exists()


def test_the_windows_shortcut() -> None:
    python, main = r"C:\Program Files\Python\pythonw.exe", r"C:\Müller's %neu% $x`y\main.py"
    given = launcher_windows.variables([python, main])
    assert given["STARMARK_TARGET"] == python
    assert given["STARMARK_ARGUMENTS"] == rf'"{main}" {FROM_LAUNCHER}'
    assert Path(given["STARMARK_ICON"]).read_bytes()[:4] == b"\0\0\1\0"
    for script in (launcher_windows.INSTALL_SCRIPT, launcher_windows.UNINSTALL_SCRIPT):
        assert set(re.findall(r"\$env:(\w+)", script)) <= set(given)
        assert script.count("{") == script.count("}") and script.count("(") == script.count(")")
        command = launcher_windows.powershell(script)
        assert base64.b64decode(command[-1]).decode("utf-16-le") == script
        assert "-NonInteractive" in command and command[-2] == "-EncodedCommand"


@needs_posix
def test_what_powershell_says_reaches_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PowerShell is played by a script here, since only its answers matter."""
    tool = tmp_path / "powershell"
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    tool.write_text("#!/bin/sh\necho 'C:\\Users\\ä\\Desktop\\Starmark.lnk'\n")
    tool.chmod(0o755)
    assert r"C:\Users\ä\Desktop\Starmark.lnk" in launcher_windows.install()[0]
    tool.write_text("#!/bin/sh\necho 'It is there already.' >&2\nexit 1\n")
    with pytest.raises(SetupError, match="It is there already"):
        launcher_windows.install()
    tool.unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match="PowerShell could not be run"):
        launcher_windows.uninstall()
