"""`models`: what models there are, and adding one."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.common import Subparsers, new_parser

if TYPE_CHECKING:
    from core.model.library import ModelInfo


def add_parser(subparsers: Subparsers) -> None:
    """Options of the command."""
    parser = new_parser(
        subparsers,
        "models",
        "list the models, or add one",
        "List the models, or add one from a file: a model of Starmark's, or a published STAR checkpoint.",
        "models add 300W_STARLoss.pkl --name star-300w",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="list | add")
    listing = new_parser(
        actions, "list", "list the models", "List the models that --model takes by name.", "models list"
    )
    listing.add_argument("--json", action="store_true", help="print JSON")
    add = new_parser(
        actions,
        "add",
        "add a model",
        "Check a checkpoint, convert it and keep it with your models. The file itself is left as it is.",
        "models add 300W_STARLoss.pkl --name star-300w",
    )
    add.add_argument("file", metavar="CHECKPOINT", help="model file or published STAR checkpoint")
    add.add_argument("--name", help="what --model shall call it (default: the file's name)")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from core.model.library import add_model, list_models

    if args.action == "add":
        info = add_model(args.file, args.name)
        print(f"added {_line(info)}\nuse it with: --model {info.name}")
        return 0
    models = list_models()
    if args.json:
        print(json.dumps({"version": 1, "models": [_entry(info) for info in models]}, ensure_ascii=False, indent=1))
    elif models:
        print("\n".join(_line(info) for info in models))
    else:
        print("There is no model yet. Add one with: models add CHECKPOINT")
    return 0


def _line(info: ModelInfo) -> str:
    where = "bundled" if info.bundled else str(info.path)
    if info.header is None:
        return f"{info.name}  cannot be used: {info.problem}  ({where})"
    config = info.header.config
    size = f"{info.header.preset}, {config.points} points, input {config.input_size}"
    return f"{info.name}  {info.header.scheme}  {size}  ({where})"


def _entry(info: ModelInfo) -> dict[str, object]:
    header = None if info.header is None else json.loads(info.header.to_json())
    if header is not None and header["calibration"] is not None:  # thousands of numbers; where they come from will do
        header["calibration"] = {key: header["calibration"].get(key) for key in ("version", "about")}
    path = str(Path(info.path))
    return {"name": info.name, "path": path, "bundled": info.bundled, "problem": info.problem, "header": header}
