"""`starmark train`: from a data set or a project to a run's folder."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import torch

from core.errors import ConfigError, UsageError
from core.model.allocator import keep_large_blocks
from core.model.checkpoint import save_model
from core.model.device import Device, choose_device
from core.model.header import ModelHeader
from core.model.network import StarNet, preset_config
from training.augment import Augmentation
from training.config import TrainConfig, load_config
from training.console import ConsoleReport
from training.control import Control, signals_stop, watch_stdin
from training.dataset import FaceSet
from training.events import Event, EventLog, Listener, Noted, Warned, print_events
from training.options import OVERRIDES
from training.run_dir import RunDir
from training.sources import Source, TrainingFaces, read_source, read_training_faces, take_snapshot
from training.starting import start_from
from training.trainer import Trainer

__all__ = [
    "TrainingFaces",
    "build_trainer",
    "prepare_process",
    "read_training_faces",
    "run_training",
]

_ORIGIN_VERSION = 1


def run_training(args: argparse.Namespace) -> int:
    """Run the command; 0 for finished or stopped."""
    run = RunDir(Path(args.output))
    resume = _resumes(args, run)
    run.prepare(resume=resume)
    config = _config(args, run, resume)
    origin = run.load_origin() if resume else {}
    source, init = _source(args, origin, resume), _init(args, origin, resume)
    device = choose_device(args.device)
    prepare_process(config)
    if source.project is not None and source.snapshot is None:
        source = take_snapshot(source, args.only, args.author)
    data = read_source(source, config)
    # Sums depend on the number of threads in their last bits: a resumed run shall have the same, also elsewhere.
    config = replace(config, threads=config.threads or torch.get_num_threads())
    changed = resume and origin.get("faces") not in (None, data.fingerprint())
    if not resume:
        run.save_origin(
            {"version": _ORIGIN_VERSION, "source": source.to_json(), "init": init, "faces": data.fingerprint()}
        )
    run.save_config(config)
    with _listening(run, as_json=args.json) as listener:
        if args.resume and not resume:
            listener(Noted(f"there was no run in {run.path}: a new one begins"))
        if changed:
            listener(Warned("the labels are not those that the run began with; it goes on with what is there now"))
        control = Control()
        if args.watch_stdin:
            watch_stdin(control)
        with signals_stop(control):
            args.init, args.resume = init, resume and run.has_state
            build_trainer(config, data, run, device, args, listener, control=control).run()
    return 0


def _resumes(args: argparse.Namespace, run: RunDir) -> bool:
    """Whether there is a run to go on with. With `--resume` and data named, a run that is not there yet begins."""
    names_data = args.dataset is not None or args.project is not None
    return bool(args.resume) and (run.has_run or not names_data)


@contextmanager
def _listening(run: RunDir, *, as_json: bool) -> Iterator[Listener]:
    """Events go into the run's log, and to whoever started it."""
    log = EventLog(run.events_file)
    show = print_events if as_json else ConsoleReport()

    def listener(event: Event) -> None:
        log(event)
        show(event)

    try:
        yield listener
    finally:
        log.close()


def _config(args: argparse.Namespace, run: RunDir, resume: bool) -> TrainConfig:
    """Settings of the run: its own when resumed, else defaults, file and options, later ones winning."""
    config = run.load_config() if resume else TrainConfig()
    if args.config:
        config = load_config(Path(args.config), config)
    changes = {name: getattr(args, name) for name in OVERRIDES if getattr(args, name) is not None}
    try:
        return replace(config, **changes)
    except ConfigError as error:
        raise UsageError(error.what, remedy=error.remedy) from error


def _source(args: argparse.Namespace, origin: dict[str, Any], resume: bool) -> Source:
    """What to train on: as the options say, or for a resumed run as it began."""
    if args.snapshot is not None and args.project is None:
        raise UsageError("--snapshot is of a project", remedy="Name the project with --project")
    if args.snapshot is not None and args.only != "all":
        raise UsageError("--snapshot and --only exclude each other", remedy="A snapshot has its faces already")
    named = Source(
        args.dataset, args.format, args.images, args.project, args.snapshot, tuple(args.extra), args.val
    )  # fmt: skip
    if not resume:
        return named
    try:
        began = Source.from_json(origin["source"])
    except (KeyError, TypeError) as error:
        if args.dataset is None:
            raise UsageError(
                "the run does not say what it trains on", where=args.output, remedy="Name its data with --dataset"
            ) from error
        return named
    if args.dataset is not None:
        # The same data in another place; what else belongs to them is kept where it is not named again.
        extra, val = named.extra or began.extra, named.val or began.val
        return replace(named, extra=extra, val=val)
    if args.project is not None and began.project is not None:
        return replace(began, project=args.project, snapshot=args.snapshot or began.snapshot)
    return began


def _init(args: argparse.Namespace, origin: dict[str, Any], resume: bool) -> str | None:
    """The model to start from; a resumed run needs it again where it was killed before it had saved anything."""
    began: str | None = origin.get("init")
    if resume and args.init not in (None, began):
        raise UsageError("--init and --resume exclude each other", remedy="Leave one out")
    return began if resume else args.init


def prepare_process(config: TrainConfig) -> None:
    """Process-wide settings that training wants."""
    keep_large_blocks()
    # The batch threads are the parallelism; OpenCV's own would fight with the step for the cores.
    cv2.setNumThreads(1)
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)


def build_trainer(
    config: TrainConfig,
    data: TrainingFaces,
    run: RunDir,
    device: Device,
    args: argparse.Namespace,
    listener: Listener,
    stopped: Callable[[], bool] = lambda: False,
    *,
    control: Control | None = None,
) -> Trainer:
    """Put network, data and run together; loads the weights to start (`args.init`) or go on (`args.resume`) from."""
    net_config = preset_config(config.preset, data.scheme, **config.network_changes())
    network = StarNet(net_config)
    training = data.source | {"recipe": config.to_toml(), "seed": config.seed}
    if args.init:
        training["init"] = Path(args.init).name
    if args.init and not args.resume:
        for sentence in start_from(network, args.init, data.scheme):
            listener(Noted(sentence))
    header = ModelHeader(
        scheme=data.scheme.id,
        preset=config.preset,
        config=net_config,
        crop_factor=config.crop_factor,
        training=training,
    )

    def save_best(best: StarNet, figures: dict[str, Any]) -> None:
        save_model(run.best_file, best, header.with_metrics(**figures))

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
        control=control,
    )
    if args.resume:
        trainer.resume()
    return trainer
