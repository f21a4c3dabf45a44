"""The launcher of Windows: shortcuts on the desktop and in the Start menu. Standard library only.

Shortcuts are made by the system's own scripting object, which PowerShell reaches without any package. What goes into
them travels in environment variables, so that no path is ever part of a script.
"""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Mapping, Sequence

from app.setup.commands import FROM_LAUNCHER
from app.setup.console import SetupError
from app.setup.launcher import MARK
from app.setup.places import ICONS, ROOT, start_command

DESCRIPTION = f"Facial landmarks ({MARK})"
"""Every shortcut has a comment; ours is how we know it again."""

_SECONDS = 60

_COMMON = """
$ErrorActionPreference = 'Stop'
trap { [Console]::Error.WriteLine($_.Exception.Message); exit 1 }
[Console]::OutputEncoding = [Text.Encoding]::UTF8
$shell = New-Object -ComObject WScript.Shell
$places = 'Programs', 'Desktop' | ForEach-Object { [Environment]::GetFolderPath($_) } | Where-Object { $_ }
"""

INSTALL_SCRIPT = (
    _COMMON
    + """
foreach ($place in $places) {
    $path = Join-Path $place 'Starmark.lnk'
    if ((Test-Path -LiteralPath $path) -and ($shell.CreateShortcut($path).Description -ne $env:STARMARK_DESCRIPTION)) {
        throw "$path is there already and not Starmark's."
    }
    $link = $shell.CreateShortcut($path)
    $link.TargetPath = $env:STARMARK_TARGET
    $link.Arguments = $env:STARMARK_ARGUMENTS
    $link.WorkingDirectory = $env:STARMARK_FOLDER
    $link.IconLocation = $env:STARMARK_ICON + ',0'
    $link.Description = $env:STARMARK_DESCRIPTION
    $link.Save()
    $kept = $shell.CreateShortcut($path)
    if (($kept.TargetPath -ne $env:STARMARK_TARGET) -or ($kept.Arguments -ne $env:STARMARK_ARGUMENTS)) {
        Remove-Item -LiteralPath $path
        throw "Windows cannot keep this folder's name in a shortcut."
    }
    Write-Output $path
}
"""
)

UNINSTALL_SCRIPT = (
    _COMMON
    + """
foreach ($place in $places) {
    $path = Join-Path $place 'Starmark.lnk'
    if ((Test-Path -LiteralPath $path) -and ($shell.CreateShortcut($path).Description -eq $env:STARMARK_DESCRIPTION)) {
        Remove-Item -LiteralPath $path
        Write-Output $path
    }
}
"""
)


def install() -> list[str]:
    """Make or update both shortcuts. Returns lines for the user."""
    made = _run(INSTALL_SCRIPT, variables(start_command()))
    return [
        *(f"Starmark has a shortcut now: {path}" for path in made),
        "Take them back with --uninstall-launcher. After moving this folder, run --install-launcher again.",
    ]


def uninstall() -> list[str]:
    """Remove both shortcuts. Returns lines for the user."""
    removed = _run(UNINSTALL_SCRIPT, {"STARMARK_DESCRIPTION": DESCRIPTION})
    return [f"Removed: {path}" for path in removed] or ["There was no launcher to remove."]


def variables(command: Sequence[str]) -> dict[str, str]:
    """What the script reads. Files dropped on a shortcut follow its arguments."""
    target, *words = command
    return {
        "STARMARK_TARGET": target,
        "STARMARK_ARGUMENTS": subprocess.list2cmdline([*words, FROM_LAUNCHER]),
        "STARMARK_FOLDER": str(ROOT),
        "STARMARK_ICON": str(ICONS / "starmark.ico"),
        "STARMARK_DESCRIPTION": DESCRIPTION,
    }


def powershell(script: str) -> list[str]:
    """The command that runs `script`, whatever characters it has and whatever policy holds for script files."""
    encoded = base64.b64encode(script.encode("utf-16-le")).decode("ascii")
    return ["powershell", "-NoProfile", "-NonInteractive", "-OutputFormat", "Text", "-EncodedCommand", encoded]


def _run(script: str, more: Mapping[str, str]) -> list[str]:
    """Lines that the script wrote. SetupError if it failed."""
    try:
        done = subprocess.run(
            powershell(script),
            env={**os.environ, **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetupError(f"PowerShell could not be run ({error}). Make a shortcut to main.py by hand.") from error
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise SetupError(f"the shortcut could not be made: {lines[0] if lines else 'PowerShell gave no reason'}")
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]
