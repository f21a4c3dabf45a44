"""Out-of-fold models: each face is predicted by a model that saw no label of its person.

A model excuses the labels it was trained on: it has learnt their errors. So the people of a data set are divided into K
folds, K models are trained, each without one fold, and each predicts the fold it was trained without.

A folder keeps what was done. `folds.json` says who is in which fold, before any training starts; a fold in work is a
run's folder (`training.run_dir`); a finished fold is its model file. Each is written whole or not at all, so that a
kill at any moment loses only the steps since the run's last state. Labels may change between runs: a fold's model saw
neither the old nor the new ones of its fold.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import ConfigError, TrainingError, UsageError
from core.files import read_limited, sync_folder, write_atomic
from core.formats.base import LabelledFace
from core.scheme import Scheme
from core.transforms import Crop, crop_from_points
from training.config import TrainConfig, config_from

if TYPE_CHECKING:  # they bring torch
    from core.model.device import Device
    from core.model.pipeline import ImageRequest, ImageResult
    from core.model.requests import DatasetRequests
    from training.dataset import Face
    from training.events import Event

RECIPE = TrainConfig(stacks=1, epochs=24, schedule="cosine", warmup_steps=50, clip_norm=20.0, ema_half_life=4000.0)
"""Settings of a fold's training unless told otherwise: half the bundled network, about half its time."""

_PLAN_VERSION = 1
_MAX_PLAN_BYTES = 64 << 20
_MAX_MODEL_BYTES = 2 << 30

FoldListener = Callable[[int, "Event"], None]
"""Told which fold, from 0, and what happens in it."""


def divide(stems: Sequence[str], groups: Sequence[str], count: int, known: Mapping[str, int]) -> dict[str, int]:
    """The fold of each file, by its stem: whole groups, of about as many files each.

    Groups come in the order of a hash of their names, and each goes where fewest files are, so that neither the order
    of the files nor that of the alphabet decides. Files that are `known` stay where they are, and draw their group
    after them: data sets grow.

    Args:
        stems, groups: (F,) of files; files of one stem are of one group (`training.split.groups_of`).
        count: number of folds K; UsageError if there are fewer groups.
    """
    sizes = Counter(groups)
    if len(sizes) < count:
        raise UsageError(
            f"{count} folds need as many people, and the data set has {len(sizes)}", remedy="Ask for fewer with --folds"
        )
    place = {group: known[stem] for stem, group in zip(stems, groups, strict=True) if stem in known}
    loads = Counter(dict.fromkeys(range(count), 0))
    for group, fold in place.items():
        loads[fold] += sizes[group]
    for group in sorted(sizes.keys() - place.keys(), key=lambda name: hashlib.sha256(name.encode()).digest()):
        place[group] = min(range(count), key=loads.__getitem__)
        loads[place[group]] += sizes[group]
    fresh = {stem: known.get(stem, place[group]) for stem, group in zip(stems, groups, strict=True)}
    return {**known, **fresh}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a folder of folds was begun with.

    Attributes:
        count: number of folds.
        scheme: id.
        recipe: settings that decide what is trained, as TOML.
        init: hash of the file of the model that each fold starts from; "" for fresh weights.
        folds: fold of each file, by stem.
    """

    count: int
    scheme: str
    recipe: str
    init: str
    folds: dict[str, int]


class FoldsDir:
    """The folder of folds; see the module."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plan_file = path / "folds.json"

    def model_file(self, fold: int) -> Path:
        """The model of a finished fold."""
        return self.path / f"fold-{fold + 1}.safetensors"

    def run_folder(self, fold: int) -> Path:
        """The run of a fold in work."""
        return self.path / f"fold-{fold + 1}"

    def begin(self, wanted: Plan, stems: Sequence[str], groups: Sequence[str]) -> Plan:
        """The plan to follow, kept: that of the folder with the new files added, or a fresh one.

        `wanted.folds` does not matter. TrainingError if the folder's plan is another one, or cannot be read.
        """
        kept = self.plan() if self.plan_file.exists() else None
        if kept is not None and (other := _difference(kept, wanted)):
            raise TrainingError(
                f"the folder holds folds of {other}",
                where=self.path,
                remedy="Ask for the same again, name another folder with --work, or delete this one",
            )
        folds = divide(stems, groups, wanted.count, {} if kept is None else kept.folds)
        plan = Plan(wanted.count, wanted.scheme, wanted.recipe, wanted.init, folds)
        if kept != plan:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise TrainingError(f"the folder for the folds cannot be made ({error})", where=self.path) from error
            write_atomic(self.plan_file, json.dumps({"version": _PLAN_VERSION} | asdict(plan), ensure_ascii=False))
        return plan

    def plan(self) -> Plan:
        """The plan that is kept; TrainingError if there is none, or a damaged one."""
        try:
            data = json.loads(read_limited(self.plan_file, _MAX_PLAN_BYTES, TrainingError))
            if data.pop("version") != _PLAN_VERSION:
                raise ValueError("it is of another version")
            folds = {str(stem): int(fold) for stem, fold in data.pop("folds").items()}
            plan = Plan(folds=folds, **data)
            if not all(0 <= fold < plan.count for fold in folds.values()):
                raise ValueError("a fold does not exist")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise TrainingError(
                f"the plan of the folds is damaged ({error})", where=self.plan_file, remedy="Delete the folder"
            ) from error
        return plan


def _difference(kept: Plan, wanted: Plan) -> str:
    """What of a kept plan is another than wanted; "" for nothing."""
    if kept.count != wanted.count:
        return f"another number ({kept.count})"
    if kept.scheme != wanted.scheme:
        return f"another scheme ({kept.scheme})"
    if kept.init != wanted.init:
        return "another model to start from"
    return "" if _settings(kept.recipe) == _settings(wanted.recipe) else "other settings"


def _settings(recipe: str) -> TrainConfig | None:
    """The settings of a kept recipe, with today's defaults for those that it does not know; None if it is damaged."""
    try:
        return config_from(tomllib.loads(recipe), "the plan of the folds")
    except (tomllib.TOMLDecodeError, ConfigError):
        return None


def train_folds(
    faces: Sequence[LabelledFace],
    groups: Sequence[str],
    scheme: Scheme,
    work: FoldsDir,
    count: int,
    device: Device,
    config: TrainConfig = RECIPE,
    init: str | None = None,
    listener: FoldListener = lambda fold, event: None,
    stopped: Callable[[], bool] = lambda: False,
) -> list[int]:
    """Train what is not trained yet; the fold (F,) of each face.

    Args:
        faces, groups: the data set, and the person of each face.
        init: file of a model that each fold starts from. It must not have seen these labels.
        stopped: asked after every step.

    Raises:
        TrainingError: stopped (the state is kept), or the training failed.
        UsageError: fewer people than folds.
    """
    stems = [face.image.stem for face in faces]
    begun = "" if init is None else hashlib.sha256(read_limited(init, _MAX_MODEL_BYTES, TrainingError)).hexdigest()
    plan = work.begin(Plan(count, scheme.id, _recipe(config), begun, {}), stems, groups)
    folds = [plan.folds[stem] for stem in stems]
    for fold in range(count):
        if not work.model_file(fold).exists():
            others = [face for face, own in zip(faces, folds, strict=True) if own != fold]
            _train(others, scheme, work, fold, device, config, init, listener, stopped)
        if work.run_folder(fold).exists():
            shutil.rmtree(work.run_folder(fold), ignore_errors=True)
    return folds


def _recipe(config: TrainConfig) -> str:
    """The settings that decide what is trained: not how many threads that takes."""
    return replace(config, threads=0, workers=1, cache_mb=0).to_toml()


def _train(
    others: Sequence[LabelledFace],
    scheme: Scheme,
    work: FoldsDir,
    fold: int,
    device: Device,
    config: TrainConfig,
    init: str | None,
    listener: FoldListener,
    stopped: Callable[[], bool],
) -> None:
    """Train the model of a fold on the `others`, from its state if there is one."""
    from training.command import TrainingFaces, build_trainer, prepare_process
    from training.events import EventLog
    from training.run_dir import RunDir

    faces = [face for one in others if (face := _face(one, config.crop_factor)) is not None]
    if not faces:
        raise TrainingError("no usable labelled face to train on", remedy="Check the data set's format")
    prepare_process(config)
    run = RunDir(work.run_folder(fold))
    run.path.mkdir(exist_ok=True)
    run.save_config(config)
    resume = run.state_file.is_file()
    log = EventLog(run.events_file)

    def tell(event: Event) -> None:
        log(event)
        listener(fold, event)

    source = {"train_faces": len(faces), "left_out": f"fold {fold + 1}"}
    options = argparse.Namespace(init=None if resume else init, resume=resume)
    try:
        data = TrainingFaces(scheme, faces, [], source)
        outcome = build_trainer(config, data, run, device, options, tell, stopped).run()
    finally:
        log.close()
    if outcome != "finished":
        raise TrainingError(
            f"stopped while training fold {fold + 1}; what is done is kept",
            where=work.path,
            remedy="Run the same command again to go on",
        )
    run.best_file.replace(work.model_file(fold))
    sync_folder(work.path)


def _face(labelled: LabelledFace, factor: float) -> Face | None:
    """A face to train on; None where too little is labelled to place a crop."""
    from training.dataset import Face

    label = labelled.label
    try:
        crop = Crop(*labelled.crop) if labelled.crop else crop_from_points(label.points, factor)
    except ValueError:
        return None
    return Face(labelled.image, label.points, crop, label.weights)


def predict_folds(
    asked: DatasetRequests,
    folds: Sequence[int],
    predict: Callable[[int, list[ImageRequest]], Iterable[ImageResult]],
) -> list[ImageResult]:
    """What comes of requests, each image by the model of its fold, in the order of the requests.

    Args:
        asked: for the faces of a data set.
        folds: (F,) fold of each of these faces.
        predict: results, in order, of some of the requests by the model of a fold.
    """
    numbers = [folds[indices[0]] for indices in asked.faces]
    results: dict[int, ImageResult] = {}
    for fold in sorted(set(numbers)):
        places = [place for place, number in enumerate(numbers) if number == fold]
        found = predict(fold, [asked.requests[place] for place in places])
        results.update(zip(places, found, strict=True))
    return [results[place] for place in range(len(numbers))]
