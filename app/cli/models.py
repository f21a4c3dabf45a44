"""`models`: what models there are, adding one, and exporting one for other programs."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.common import Subparsers, new_parser

if TYPE_CHECKING:
    from core.model.library import ModelInfo

_KINDS = ("onnx", "torch-export", "safetensors")
"""As `core.model.export.KINDS`, which would load torch for --help."""


def add_parser(subparsers: Subparsers) -> None:
    """Options of the command."""
    parser = new_parser(
        subparsers,
        "models",
        "list the models, add one from a checkpoint, or export one",
        "List the models, add one from a file (a model of Starmark's, or a published STAR checkpoint), or export one\n"
        "for other programs.",
        "models add 300W_STARLoss.pkl --name star-300w",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="list | add | export")
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
    _add_export(actions)


def _add_export(actions: Subparsers) -> None:
    export = new_parser(
        actions,
        "export",
        "write a model for other programs",
        "Write a model as ONNX, as a program of torch.export (.pt2), or as the model file itself (safetensors).\n"
        "The first two take crops of faces as uint8 RGB and give landmarks and covariances in px of the crop;\n"
        "docs/models.md has the details. What was made is run and compared with Starmark's own predictions before it\n"
        "is written. ONNX needs more packages, which the command names.",
        "models export lite-300w-68 --to onnx -o lite-300w-68.onnx",
    )
    export.add_argument("model", metavar="MODEL", help="name or file of a model")
    export.add_argument("--to", required=True, choices=_KINDS, help=f"one of {', '.join(_KINDS)}", metavar="KIND")
    export.add_argument("-o", "--output", required=True, metavar="FILE", help="file to write")
    export.add_argument("--force", action="store_true", help="replace the file if it is there")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from core.model.library import add_model, list_models

    if args.action == "export":
        return _export(args)
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


def _export(args: argparse.Namespace) -> int:
    from app.cli.exchange import check_report
    from core.model.export import export_model

    check_report(args.output, force=args.force)

    def say(text: str) -> None:
        if sys.stderr.isatty():
            print(f"{text} ...", file=sys.stderr)

    made = export_model(args.model, args.to, args.output, overwrite=args.force, say=say)
    outputs = f", outputs {', '.join(made.outputs)}" if made.outputs else ""
    print(f"{made.path}: {made.size / 1e6:.1f} MB{outputs}; {made.checked}")
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
