"""`audit --folds K`: the models that judge are trained first, each without the people that it judges."""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.common import open_predictor, progress
from core.errors import UsageError, one_line
from core.paths import SAMPLE, on_server, project_name

if TYPE_CHECKING:
    from app.cli.audit_output import Judge
    from core.audit import Audit
    from core.formats.base import LabelledFace
    from core.model.pipeline import ImageRequest, ImageResult
    from core.project import PredictionCache
    from core.scheme import Scheme
    from training.events import Event
    from training.folds import FoldsDir


def add_fold_options(parser: argparse.ArgumentParser) -> None:
    """--folds and what belongs to it."""
    group = parser.add_argument_group(
        "out of fold",
        "A model excuses errors of labels that it was trained on. With --folds the people of the data set (by\n"
        "file names such as anna_03.jpg, else each image) are divided into K groups, K models are trained, each\n"
        "without one of them, and each judges those it has not seen, calibrated on the others. It takes K trainings;\n"
        "it may be stopped or killed at any moment, and the same command goes on. Labels may be corrected in between:\n"
        "the models have seen neither the old nor the new ones of those they judge.",
    )
    group.add_argument("--folds", type=_folds, metavar="K", help="judge with K models out of fold, such as 3")
    group.add_argument(
        "--work",
        metavar="DIR",
        help="folder for the K models and the state of their training (default: beside the project, NAME-folds)",
    )
    group.add_argument("--config", metavar="C.toml", help="training settings of the K models (default: a small one)")
    group.add_argument(
        "--folds-init",
        metavar="MODEL",
        help="start each from this model and not from fresh weights. It must not have been trained on these labels, as "
        "the bundled model was on its own data set: what it has learnt of them it would excuse",
    )


def _folds(text: str) -> int:
    """argparse type: from 2 to 20."""
    number = int(text) if text.isascii() and text.isdigit() else 0
    if not 2 <= number <= 20:
        raise argparse.ArgumentTypeError(f"must be a whole number from 2 to 20, not '{text}'")
    return number


def check_fold_options(args: argparse.Namespace) -> None:
    """UsageError for options that do not go together."""
    if args.folds is None:
        if args.work or args.config or args.folds_init:
            raise UsageError("--work, --config and --folds-init are for --folds", remedy="Add --folds K")
        return
    if args.model:
        raise UsageError("--folds trains its own models", remedy="Leave out --model; to start from it, --folds-init")
    beside = args.project is not None and not on_server(args.project) and args.project != SAMPLE
    if args.work is None and not beside:
        raise UsageError("a folder for the models is needed", remedy="Name one with --work")


def work_folder(args: argparse.Namespace) -> Path:
    """Where the models are kept."""
    if args.work is not None:
        return Path(args.work)
    return Path(args.project).parent / f"{project_name(args.project)}-folds"


def audit_out_of_fold(
    args: argparse.Namespace,
    faces: Sequence[LabelledFace],
    groups: Sequence[str],
    scheme: Scheme,
    work: Path,
    cache: PredictionCache,
) -> tuple[Judge, Audit]:
    """Train what is missing, predict what is not kept, judge."""
    from app.cli.audit_output import Judge
    from core.audit import audit_faces
    from core.model.cached import predict_cached
    from core.model.requests import checking_requests
    from core.verdicts import VerdictSettings
    from training.folds import FoldsDir, predict_folds

    folder = FoldsDir(work)
    folds, factor = _trained(args, faces, groups, scheme, folder)
    asked = checking_requests(faces, factor)
    hashes: list[str] = []

    def predict(fold: int, requests: list[ImageRequest]) -> Iterator[ImageResult]:
        model = {"model": str(folder.model_file(fold))}
        predictor, detector = open_predictor(argparse.Namespace(**vars(args) | model))
        hashes.append(predictor.model.hash)
        results = predict_cached(requests, predictor, detector, cache)
        return progress(results, len(requests), f"Predicting fold {fold + 1} of {args.folds}", "images")

    results = predict_folds(asked, folds, predict)
    audit = audit_faces(faces, asked, results, groups, scheme, None, VerdictSettings(rate=args.rate), folds)
    name = f"{args.folds} models, out of fold"
    return Judge(name, hashlib.sha256("".join(hashes).encode()).hexdigest()), audit


def _trained(
    args: argparse.Namespace, faces: Sequence[LabelledFace], groups: Sequence[str], scheme: Scheme, folder: FoldsDir
) -> tuple[list[int], float]:
    """The fold of each face, when all models are there; and the crop factor of the models."""
    from core.model.device import choose_device
    from core.model.library import ModelLibrary
    from training.config import load_config
    from training.control import Control, signals_stop
    from training.folds import RECIPE, train_folds

    config = RECIPE if args.config is None else load_config(Path(args.config), RECIPE)
    init = args.folds_init
    if init is not None:
        init = str(ModelLibrary().resolve(init))
    device = choose_device(args.device)
    control = Control()
    stops: list[bool] = []

    def stopped() -> bool:
        if control.take() is not None:
            stops.append(True)
        return bool(stops)

    with signals_stop(control):
        folds = train_folds(
            faces, groups, scheme, folder, args.folds, device, config, init, FoldReport(args.folds), stopped
        )
    return folds, config.crop_factor


class FoldReport:
    """A line on stderr for each epoch of a fold, with the time left."""

    def __init__(self, folds: int) -> None:
        self._folds, self._fold = folds, -1
        self._epochs = self._first = 0
        self._begin = time.monotonic()

    def __call__(self, fold: int, event: Event) -> None:
        from training.events import EpochDone, Started, Warned

        if isinstance(event, Started):
            self._fold, self._epochs, self._first = fold, event.epochs, event.first_epoch
            self._begin = time.monotonic()
            self._say(f"training on {event.train_faces} faces, on {event.device}")
        elif isinstance(event, EpochDone):
            done = event.epoch + 1
            pace = (time.monotonic() - self._begin) / (done - self._first)
            left = pace * (self._epochs - done + self._epochs * (self._folds - fold - 1)) / 60
            self._say(f"epoch {done}/{self._epochs}, loss {event.loss:.3f}, about {left:.0f} min of training left")
        elif isinstance(event, Warned):
            self._say(one_line(event.message))

    def _say(self, text: str) -> None:
        print(f"fold {self._fold + 1} of {self._folds}: {text}", file=sys.stderr, flush=True)
