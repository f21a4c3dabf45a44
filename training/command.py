"""`starmark train`: from a data set or a project to a run's folder."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import torch

from core.errors import ConfigError, TrainingError, UsageError
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
from training.processes import Processes, join_processes
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


@dataclass(frozen=True, slots=True)
class _Beginning:
    """What a run starts or goes on with.

    `init` is the model to start from, `faces` the fingerprint of what the run began with, if it is resumed.
    """

    config: TrainConfig
    source: Source
    init: str | None
    resume: bool
    has_state: bool
    faces: str | None


def run_training(args: argparse.Namespace) -> int:
    """Run the command; 0 for finished or stopped."""
    run = RunDir(Path(args.output))
    device = choose_device(args.device)
    processes = join_processes(device.torch())
    begin = processes.from_first(lambda: _begin(args, run))
    prepare_process(begin.config)
    data = read_source(begin.source, begin.config)
    faces = data.fingerprint()
    if len(set(processes.gather(faces))) > 1:
        raise TrainingError("the processes of the run do not see the same faces", where=run.path)
    # Sums depend on the number of threads in their last bits: a resumed run shall have the same, also elsewhere.
    config = replace(begin.config, threads=begin.config.threads or torch.get_num_threads())
    if processes.is_first:
        _record(run, begin, config, faces)
    with _listening(run, processes, as_json=args.json) as listener:
        if args.resume and not begin.resume:
            listener(Noted(f"there was no run in {run.path}: a new one begins"))
        if begin.resume and begin.faces not in (None, faces):
            listener(Warned("the labels are not those that the run began with; it goes on with what is there now"))
        control = Control()
        if args.watch_stdin and processes.is_first:
            watch_stdin(control)
        args.init, args.resume = begin.init, begin.has_state
        with signals_stop(control):
            build_trainer(config, data, run, device, args, listener, control=control, processes=processes).run()
    processes.close()
    return 0


def _begin(args: argparse.Namespace, run: RunDir) -> _Beginning:
    """Settle what is asked for, before anything heavy is done; makes the folder, and a project's snapshot."""
    resume = _resumes(args, run)
    run.prepare(resume=resume)
    origin = run.load_origin() if resume else {}
    config, source, init = _config(args, run, resume), _source(args, origin, resume), _init(args, origin, resume)
    if source.project is not None and source.snapshot is None:
        source = take_snapshot(source, args.only, args.author)
    return _Beginning(config, source, init, resume, resume and run.has_state, origin.get("faces"))


def _record(run: RunDir, begin: _Beginning, config: TrainConfig, faces: str) -> None:
    """Write what the run is; the settings last, since their file is what makes the folder a run."""
    if not begin.resume:
        source = begin.source.to_json()
        run.save_origin({"version": _ORIGIN_VERSION, "source": source, "init": begin.init, "faces": faces})
    run.save_config(config)


def _resumes(args: argparse.Namespace, run: RunDir) -> bool:
    """Whether there is a run to go on with. With `--resume` and data named, a run that is not there yet begins."""
    names_data = args.dataset is not None or args.project is not None
    return bool(args.resume) and (run.has_run or not names_data)


@contextmanager
def _listening(run: RunDir, processes: Processes, *, as_json: bool) -> Iterator[Listener]:
    """Events go into the run's log, and to whoever started it; only those of the first process."""
    if not processes.is_first:
        yield lambda _event: None
        return
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
    processes: Processes | None = None,
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
        # Without faces to choose by there is no figure.
        known = {name: value for name, value in figures.items() if not isinstance(value, float) or math.isfinite(value)}
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
        device=device.torch() if processes is None else processes.device,
        save_best=save_best,
        listener=listener,
        stop_requested=stopped,
        control=control,
        processes=processes,
    )
    if args.resume:
        trainer.resume()
    return trainer
