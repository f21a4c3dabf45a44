"""Numbers to match: the shared golden files where they are, else the subset kept in the repository."""

from __future__ import annotations

import importlib.util
import json
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "golden"
SUBSET = ROOT / "tests" / "data" / "golden"

SCHEMES = {"300W": "300w-68", "WFLW": "wflw-98", "COFW": "cofw-29"}


def golden(name: str) -> dict[str, np.ndarray]:
    """Arrays of a golden file; the subset in the repository lacks some of them."""
    path = SHARED / f"{name}.npz"
    with np.load(path if path.exists() else SUBSET / f"{name}.npz") as data:
        return {key: data[key] for key in data.files}


def golden_keys(dataset: str) -> dict[str, list[int]]:
    """Shape of every state-dict key of a published network; CI without the shared folder checks 300W only."""
    path = SHARED / f"star_{dataset}_keys.json"
    if path.exists():
        return {key: entry["shape"] for key, entry in json.loads(path.read_text())["keys"].items()}
    shapes: dict[str, dict[str, list[int]]] = json.loads((SUBSET / "star_keys.json").read_text())
    return shapes[dataset]


@lru_cache(maxsize=1)
def fill() -> Any:
    """The deterministic contents that golden files were computed from."""
    spec = importlib.util.spec_from_file_location("golden_fill", SUBSET / "fill.py")
    assert spec is not None and spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
