"""Whether the Python that runs has every package the project asks for. Standard library only."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import sys
import tomllib
from pathlib import Path

# Other distributions may bring the same module: opencv-python and opencv-contrib-python, say.
_SAME_MODULE = {"opencv-python-headless": "cv2", "pyside6-essentials": "PySide6"}

_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9._-]+)\s*([^;]*?)\s*(?:;\s*(.*))?$")
_CLAUSE = re.compile(r"^(>=|<=|==|!=|<|>)\s*([0-9]+(?:\.[0-9]+)*)$")


def missing(pyproject: Path, *, dev_tools: bool) -> list[str]:
    """The requirements of `pyproject` (its `dev` extra too, if wanted) that this Python does not satisfy."""
    with pyproject.open("rb") as file:
        project = tomllib.load(file)["project"]
    wanted = list(project["dependencies"])
    if dev_tools:
        wanted += project["optional-dependencies"]["dev"]
    return [requirement for requirement in wanted if not satisfied(requirement)]


def satisfied(requirement: str) -> bool:
    """Whether one requirement such as `numpy>=2.0` holds here. Only the forms that our pyproject.toml uses."""
    match = _REQUIREMENT.match(requirement)
    if match is None:
        raise ValueError(f"not a requirement that the set-up understands: {requirement!r}")
    name, clauses, marker = match.groups()
    if marker and not _marker_holds(marker):
        return True
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        module = _SAME_MODULE.get(name.lower())
        return module is not None and importlib.util.find_spec(module) is not None
    return all(_clause_holds(version, clause.strip()) for clause in clauses.split(",") if clause.strip())


def _marker_holds(marker: str) -> bool:
    match = re.fullmatch(r"python_version\s*(>=|<)\s*['\"](\d+)\.(\d+)['\"]", marker.strip())
    if match is None:
        raise ValueError(f"not a marker that the set-up understands: {marker!r}")
    bound = (int(match[2]), int(match[3]))
    return (sys.version_info[:2] >= bound) == (match[1] == ">=")


def _clause_holds(version: str, clause: str) -> bool:
    match = _CLAUSE.match(clause)
    if match is None:
        raise ValueError(f"not a version range that the set-up understands: {clause!r}")
    have, bound = _numbers(version), _numbers(match[2])
    size = max(len(have), len(bound))
    have += (0,) * (size - len(have))
    bound += (0,) * (size - len(bound))
    return {
        ">=": have >= bound,
        "<=": have <= bound,
        "==": have == bound,
        "!=": have != bound,
        "<": have < bound,
        ">": have > bound,
    }[match[1]]


def _numbers(version: str) -> tuple[int, ...]:
    """Release numbers of a version: `2.13.0+cpu` -> (2, 13, 0)."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in match[0].split(".")) if match else ()
