"""Builds Starmark as one folder that needs no Python: `python packaging/build.py` makes and tries dist/starmark/.

Makes an environment of its own in build/, from the program's lock and packaging/requirements.lock. Standard library
only.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from contents import ROOT, program_lines

from app.setup.install import cpu_wheels

WORK = ROOT / "build"
ENVIRONMENT = WORK / "freeze-venv"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
PROGRAM = ROOT / "dist" / "starmark" / ("starmark.exe" if os.name == "nt" else "starmark")
LOCKS = (ROOT / "requirements.lock", Path(__file__).with_name("requirements.lock"))


def main() -> int:
    """Build, try, and tell the size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cuda", action="store_true", help="with PyPI's torch, which on Linux brings CUDA: gigabytes")
    parser.add_argument("--no-build", action="store_true", help="only try what is in dist/")
    args = parser.parse_args()
    if not args.no_build:
        make_environment(args.cuda)
        freeze()
    print(f"\n{PROGRAM.parent}: {size_text(PROGRAM.parent)}")
    trial = Path(__file__).with_name("trial.py")
    return subprocess.call([str(PYTHON), str(trial), str(PROGRAM)])


def make_environment(cuda: bool) -> None:
    """An environment with the program's packages, without the tools of its checks, and PyInstaller."""
    stamp = ENVIRONMENT / "starmark-freeze-stamp"
    text = f"{cuda} {sys.version} " + " ".join(hashlib.sha256(lock.read_bytes()).hexdigest() for lock in LOCKS)
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == text:
        return
    print("Making the environment to build in.", flush=True)
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    WORK.mkdir(exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
    pins = WORK / "freeze-requirements.txt"
    lines = program_lines(LOCKS[0].read_text(encoding="utf-8")) + LOCKS[1].read_text(encoding="utf-8").splitlines()
    pins.write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    command += ["--only-binary", ":all:", "-r", str(pins)]
    if not cuda:
        command += cpu_wheels()
    subprocess.run(command, check=True)
    stamp.write_text(text, encoding="utf-8")


def freeze() -> None:
    """Run PyInstaller."""
    started = time.monotonic()
    recipe = Path(__file__).with_name("starmark.spec")
    command = [str(PYTHON), "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN"]
    command += ["--distpath", str(ROOT / "dist"), "--workpath", str(WORK / "freeze"), str(recipe)]
    subprocess.run(command, check=True, cwd=ROOT)
    print(f"Built in {time.monotonic() - started:.0f} s.", flush=True)


def size_text(folder: Path) -> str:
    """How large a folder is, and its largest parts."""
    sizes = {path: path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}
    parts: dict[str, int] = {}
    for path, size in sizes.items():
        place = path.relative_to(folder).parts
        name = "/".join(place[:2]) if len(place) > 2 else place[-1]
        parts[name] = parts.get(name, 0) + size
    largest = sorted(parts.items(), key=lambda part: -part[1])[:12]
    listed = "\n".join(f"  {size / 1e6:6.0f} MB  {name}" for name, size in largest)
    return f"{sum(sizes.values()) / 1e6:.0f} MB in {len(sizes)} files; the largest:\n{listed}"


if __name__ == "__main__":
    sys.exit(main())
