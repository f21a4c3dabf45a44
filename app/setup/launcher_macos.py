"""The launcher of macOS: a small application bundle in the user's Applications folder. Standard library only."""

from __future__ import annotations

import contextlib
import os
import plistlib
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from app.setup.commands import FROM_LAUNCHER
from app.setup.console import SetupError
from app.setup.launcher import MARK
from app.setup.places import ICONS, start_command

IDENTIFIER = "org.starmark.Starmark"
PROJECT_TYPE = "org.starmark.project"
_REGISTER = "/System/Library/Frameworks/CoreServices.framework/Frameworks/LaunchServices.framework/Support/lsregister"


def bundle_path() -> Path:
    """Where the bundle goes: the user's own Applications folder, which Finder, Spotlight and Launchpad know."""
    return Path.home() / "Applications" / "Starmark.app"


def install() -> list[str]:
    """Make or update the bundle. Returns lines for the user."""
    bundle = bundle_path()
    if bundle.exists() and not _is_ours(bundle):
        raise SetupError(f"{bundle} is there already and not Starmark's. Move it away, then try again.")
    bundle.parent.mkdir(parents=True, exist_ok=True)
    fresh = bundle.with_name(".Starmark.new")
    shutil.rmtree(fresh, ignore_errors=True)
    write_bundle(fresh, start_command())
    if bundle.exists():
        shutil.rmtree(bundle)
    fresh.rename(bundle)
    _register("-f", bundle)
    return [
        f"Starmark is among your applications now: {bundle}",
        "Take it back with --uninstall-launcher. After moving this folder, run --install-launcher again.",
    ]


def uninstall() -> list[str]:
    """Remove the bundle. Returns lines for the user."""
    bundle = bundle_path()
    if not bundle.exists():
        return ["There was no launcher to remove."]
    if not _is_ours(bundle):
        return [f"{bundle} is not Starmark's, and therefore left."]
    _register("-u", bundle)
    shutil.rmtree(bundle)
    return [f"Removed: {bundle}"]


def write_bundle(bundle: Path, command: Sequence[str]) -> None:
    """Write the bundle's files. It starts `command`; files dropped on it come as events to the running program."""
    contents = bundle / "Contents"
    (contents / "MacOS").mkdir(parents=True)
    (contents / "Resources").mkdir()
    shutil.copyfile(ICONS / "starmark.icns", contents / "Resources" / "starmark.icns")
    (contents / "PkgInfo").write_bytes(b"APPL????")
    with (contents / "Info.plist").open("wb") as file:
        plistlib.dump(information(), file)
    script = contents / "MacOS" / "starmark"
    words = shlex.join([*command, FROM_LAUNCHER])
    script.write_bytes(os.fsencode(f'#!/bin/sh\n# {MARK}\nexec {words} "$@"\n'))
    script.chmod(0o755)


def information() -> dict[str, object]:
    """The bundle's Info.plist."""
    photos = ["public.jpeg", "public.png", "public.tiff", "org.webmproject.webp", "com.microsoft.bmp", "public.folder"]
    return {
        MARK: True,
        "CFBundleIdentifier": IDENTIFIER,
        "CFBundleName": "Starmark",
        "CFBundleDisplayName": "Starmark",
        "CFBundleExecutable": "starmark",
        "CFBundleIconFile": "starmark",
        "CFBundlePackageType": "APPL",
        "CFBundleInfoDictionaryVersion": "6.0",
        "CFBundleVersion": "1",
        "NSHighResolutionCapable": True,
        "NSRequiresAquaSystemAppearance": False,
        # The executable is a script; without this, Apple silicon may offer to install Rosetta for it.
        "LSArchitecturePriority": ["arm64", "x86_64"],
        "CFBundleDocumentTypes": [
            {
                "CFBundleTypeName": "Starmark project",
                "CFBundleTypeRole": "Editor",
                "LSHandlerRank": "Owner",
                "LSItemContentTypes": [PROJECT_TYPE],
            },
            {
                "CFBundleTypeName": "Photos",
                "CFBundleTypeRole": "Viewer",
                "LSHandlerRank": "Alternate",  # offered, never the default
                "LSItemContentTypes": photos,
            },
        ],
        "UTExportedTypeDeclarations": [
            {
                "UTTypeIdentifier": PROJECT_TYPE,
                "UTTypeDescription": "Starmark project",
                "UTTypeConformsTo": ["public.data"],
                "UTTypeIconFile": "starmark.icns",
                "UTTypeTagSpecification": {"public.filename-extension": ["starmark"]},
            }
        ],
    }


def _is_ours(bundle: Path) -> bool:
    try:
        with (bundle / "Contents" / "Info.plist").open("rb") as file:
            return MARK in plistlib.load(file)
    except (OSError, ValueError):  # plistlib's own error is a ValueError
        return False


def _register(option: str, bundle: Path) -> None:
    """Have Finder look at once; without, it does so later."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run([_REGISTER, option, str(bundle)], capture_output=True, timeout=20)
