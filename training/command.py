"""`starmark train`: from a data set on disk to a run's folder."""

from __future__ import annotations

import argparse
import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from core.errors import ConfigError, TrainingError, UsageError
from core.formats.base import LabelledFace
from core.formats.registry import read_dataset
from core.model.allocator import keep_large_blocks
from core.model.checkpoint import load_network, save_model
from core.model.device import Device, choose_device
from core.model.header import ModelHeader
from core.model.network import StarNet, preset_config
from core.scheme import Scheme, get_scheme
from core.transforms import Crop, crop_from_points
from training.augment import Augmentation
from training.config import TrainConfig, load_config
from training.dataset import Face, FaceSet
from training.events import Ended, EpochDone, Event, EventLog, Listener, Started, Step, Warned, print_events
from training.options import OVERRIDES
from training.run_dir import RunDir
from training.split import Part, groups_of, part_of
from training.trainer import Trainer


def run_training(args: argparse.Namespace) -> int:
    """Run the command; 0 for finished or stopped."""
    run = RunDir(Path(args.output))
    if args.dataset is None:
        raise UsageError("there is nothing to train on", remedy="Name a data set with --dataset")
    run.prepare(resume=args.resume)
    config = _config(args, run)
    if args.resume and args.init:
        raise UsageError("--init and --resume exclude each other", remedy="Leave one out")
    device = choose_device(args.device)
    prepare_process(config)
    data = read_training_faces(args.dataset, args.format, args.images, config, args.extra)
    run.save_config(config)
    log = EventLog(run.events_file)
    show = print_events if args.json else ConsoleReport()

    def listener(event: Event) -> None:
        log(event)
        show(event)

    try:
        with stop_on_signals() as stopped:
            trainer = build_trainer(config, data, run, device, args, listener, stopped)
            trainer.run()
    finally:
        log.close()
    return 0


def _config(args: argparse.Namespace, run: RunDir) -> TrainConfig:
    """Settings of the run: its own when resumed, else defaults, file and options, later ones winning."""
    config = run.load_config() if args.resume else TrainConfig()
    if args.config:
        config = load_config(Path(args.config), config)
    changes = {name: getattr(args, name) for name in OVERRIDES if getattr(args, name) is not None}
    try:
        return replace(config, **changes)
    except ConfigError as error:
        raise UsageError(error.what, remedy=error.remedy) from error


def prepare_process(config: TrainConfig) -> None:
    """Process-wide settings that training wants."""
    keep_large_blocks()
    # The batch threads are the parallelism; OpenCV's own would fight with the step for the cores.
    cv2.setNumThreads(1)
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)


@dataclass(frozen=True, slots=True)
class TrainingFaces:
    """Faces by part, their scheme, and where they came from."""

    scheme: Scheme
    train: list[Face]
    val: list[Face]
    source: dict[str, Any]


def read_training_faces(
    source: str, format_name: str, images: str | None, config: TrainConfig, extra: Sequence[str] = ()
) -> TrainingFaces:
    """Read a data set and split it by identity; faces of the report part are left out.

    Args:
        extra: further data sets, all of whose faces are trained on; they neither choose nor report.

    Raises:
        TrainingError: there is nothing to train on, or an extra data set is in another scheme.
    """
    result = read_dataset(source, format_name, images)
    groups = groups_of([face.image for face in result.faces])
    parts: dict[Part, list[Face]] = {part: [] for part in Part}
    for imported, group in zip(result.faces, groups, strict=True):
        face = _face(imported, config.crop_factor)
        if face is not None:
            parts[part_of(group)].append(face)
    if not parts[Part.TRAIN]:
        raise TrainingError("no usable labelled face to train on", where=source, remedy="Check the data set's format")
    described = {
        "dataset": Path(source).name,
        "format": result.format,
        "train_faces": len(parts[Part.TRAIN]),
        "val_faces": len(parts[Part.CHOICE]),
        "report_faces_left_out": len(parts[Part.REPORT]),
        "split": "crc32(identity) % 10: 7 reports, 3 chooses, the rest trains",
    }
    described["extra"] = [_add_extra(more, result.scheme_id, parts[Part.TRAIN], config) for more in extra]
    return TrainingFaces(get_scheme(result.scheme_id), parts[Part.TRAIN], parts[Part.CHOICE], described)


def _add_extra(source: str, scheme_id: str, faces: list[Face], config: TrainConfig) -> dict[str, Any]:
    """Put all faces of a data set to `faces`; what the model's header says of it."""
    result = read_dataset(source)
    if result.scheme_id != scheme_id:
        raise TrainingError(
            f"the extra data set is in scheme {result.scheme_id}, the first one in {scheme_id}",
            where=source,
            remedy="Convert it first: python3 main.py convert",
        )
    found = [face for one in result.faces if (face := _face(one, config.crop_factor)) is not None]
    faces += found
    return {"dataset": Path(source).name, "format": result.format, "train_faces": len(found)}


def _face(imported: LabelledFace, factor: float) -> Face | None:
    """A face to train on; None where too little is labelled to place a crop."""
    label = imported.label
    try:
        crop = Crop(*imported.crop) if imported.crop else crop_from_points(label.points, factor)
    except ValueError:
        return None
    return Face(imported.image, label.points, crop, label.weights)


def build_trainer(
    config: TrainConfig,
    data: TrainingFaces,
    run: RunDir,
    device: Device,
    args: argparse.Namespace,
    listener: Listener,
    stopped: Callable[[], bool],
) -> Trainer:
    """Put network, data and run together; loads the weights to start or go on from."""
    net_config = preset_config(config.preset, data.scheme, **config.network_changes())
    network = StarNet(net_config)
    if args.init:
        _start_from(network, args.init, data.scheme)
    header = ModelHeader(
        scheme=data.scheme.id,
        preset=config.preset,
        config=net_config,
        crop_factor=config.crop_factor,
        training=data.source | {"recipe": config.to_toml(), "seed": config.seed},
    )

    def save_best(best: StarNet, figures: dict[str, Any]) -> None:
        # Without faces to choose by there is no figure.
        known = {name: value for name, value in figures.items() if math.isfinite(value)}
        save_model(run.best_file, best, header.with_metrics(**known))

    size = net_config.input_size
    augmentation = Augmentation() if config.augment else None
    train = FaceSet(
        data.train,
        data.scheme,
        size,
        augmentation=augmentation,
        maps=config.attention,
        reference_border=config.reference_border,
        cache_mb=config.cache_mb,
    )
    val = FaceSet(data.val, data.scheme, size, maps=False, cache_mb=config.cache_mb // 4)
    trainer = Trainer(
        network,
        config,
        data.scheme,
        train,
        val,
        run,
        device=device.torch(),
        save_best=save_best,
        listener=listener,
        stop_requested=stopped,
    )
    if args.resume:
        trainer.resume()
    return trainer


def _start_from(network: StarNet, file: str, scheme: Scheme) -> None:
    """Take weights from a model file of the same scheme and size."""
    source, header, _ = load_network(file)
    if header.scheme != scheme.id:
        raise TrainingError(
            f"the model is for scheme {header.scheme}, the data set for {scheme.id}",
            where=file,
            remedy="Choose another model",
        )
    try:
        network.load_state_dict(source.state_dict())
    except RuntimeError as error:
        raise TrainingError(
            "the model has another size than the run", where=file, remedy="Use its preset in the training settings"
        ) from error


@contextmanager
def stop_on_signals() -> Iterator[Callable[[], bool]]:
    """Ctrl-C and a polite kill end the run after the current step, its state saved; a second Ctrl-C ends it at once."""
    wanted = threading.Event()
    previous = {}

    def ask(number: int, _frame: object) -> None:
        wanted.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    for number in (signal.SIGINT, signal.SIGTERM):
        previous[number] = signal.signal(number, ask)
    try:
        yield wanted.is_set
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class ConsoleReport:
    """Progress for people: one line an epoch, and on a terminal the current step."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._times: list[float] = []
        self._waits: list[float] = []
        self._begin = time.monotonic()
        self._epochs = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, Started):
            self._epochs = event.epochs
            text = f"{event.train_faces} faces to train on, {event.val_faces} to choose by, on {event.device}; "
            print(f"{text}{event.parameters / 1e6:.2f} million parameters", flush=True)
        elif isinstance(event, Step):
            self._step(event)
        elif isinstance(event, EpochDone):
            self._epoch(event)
        elif isinstance(event, Warned):
            print(f"{self._clear()}starmark: {event.message}", file=sys.stderr, flush=True)
        elif isinstance(event, Ended) and event.outcome != "failed":
            print(f"{self._clear()}{event.message}", flush=True)

    def _step(self, event: Step) -> None:
        self._times.append(event.seconds)
        self._waits.append(event.waited)
        if self._live:
            left = np.mean(self._times) * (event.steps - event.step - 1)
            text = f"epoch {event.epoch + 1}/{self._epochs}, step {event.step + 1}/{event.steps}"
            sys.stderr.write(f"\r\x1b[K{text}, loss {event.loss:.3f}, {left:.0f} s left in the epoch")
            sys.stderr.flush()

    def _epoch(self, event: EpochDone) -> None:
        waited = sum(self._waits) / max(sum(self._waits) + sum(self._times), 1e-9)
        mark = ", the best so far" if event.best else ""
        nme = f"NME {100 * event.nme_ema:.3f} %" if math.isfinite(event.nme_ema) else "no faces to choose by"
        text = f"epoch {event.epoch + 1}/{self._epochs}: loss {event.loss:.3f}, {nme}{mark}"
        print(f"{self._clear()}{text} ({event.seconds:.0f} s, {100 * waited:.1f} % of it waiting for data)", flush=True)
        self._times, self._waits = [], []

    def _clear(self) -> str:
        return "\r\x1b[K" if self._live else ""
