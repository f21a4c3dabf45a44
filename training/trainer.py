"""The training loop. Knows no window and no command line; says what happens through events."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from core.errors import StarmarkError, TrainingError
from core.model.network import StarNet
from core.scheme import Scheme
from training.config import TrainConfig
from training.control import Command, Control
from training.dataset import Batch, BatchLoader, FaceSet
from training.events import (
    Continued,
    Ended,
    EpochDone,
    Event,
    Listener,
    Paused,
    Started,
    Step,
    ThreadsChanged,
    Warned,
)
from training.processes import Processes, is_loss, lost_process
from training.run_dir import RunDir
from training.schedule import learning_rate
from training.stepper import Stepper
from training.timing import Clock
from training.validation import SampleFaces, validation_nmes

_SAVE_EVERY_S = 300.0
_NAMED = 4

SaveModel = Callable[[StarNet, dict[str, Any]], None]
"""Called with the averaged network and its figures whenever it is the best so far."""


class Trainer:
    """Trains a network on faces, chooses by validation NME, and can be stopped and resumed at any step.

    On the CPU, with the same number of threads, a run is repeatable bit for bit, and a run that was stopped or killed
    ends with the weights of one that was not: order and augmentation depend on (seed, epoch, face) alone, and the
    state holds everything else.

    Args:
        network: the network to train, on the CPU.
        config: settings.
        scheme: of the faces.
        train, val: faces to learn from, and faces to choose by (may be empty: then the last is the best).
        run: where state goes.
        device: torch device to train on.
        save_best: keeps the averaged network when it is the best so far.
        listener: told every event.
        stop_requested: asked after every step; True ends the run with its state kept.
        control: other wishes, taken after every step.
        processes: those that share the work. Each has a trainer, with the same faces; only the first one writes and
            speaks.
    """

    def __init__(
        self,
        network: StarNet,
        config: TrainConfig,
        scheme: Scheme,
        train: FaceSet,
        val: FaceSet,
        run: RunDir,
        *,
        device: torch.device,
        save_best: SaveModel,
        listener: Listener,
        stop_requested: Callable[[], bool] = lambda: False,
        control: Control | None = None,
        processes: Processes | None = None,
    ) -> None:
        self._config, self._scheme, self._run, self._device = config, scheme, run, device
        self._train, self._val = train, val
        self._save_best, self._listener, self._stop_requested = save_best, listener, stop_requested
        self._control = Control() if control is None else control
        self._processes = Processes(0, 1, device) if processes is None else processes
        self._member = self._processes.rank, self._processes.count
        self._stepper = Stepper(network, config, device, lambda text: self._emit(Warned(text)), self._processes)
        self._loader = BatchLoader(
            train, config.batch_size, seed=config.seed, workers=config.workers, member=self._member
        )
        self._steps = self._steps_per_epoch(len(train))
        self._clock = Clock(config.epochs, self._steps, -(-len(val) // config.batch_size))
        self._samples: SampleFaces | None = None
        self._told: set[str] = set()
        self._untold: list[str] = []
        self._stop_reason = ""
        self._epoch = 0
        self._step = 0
        self._best = math.inf
        self._since_best = 0
        self._losses: list[float] = []
        self._saved_at = time.monotonic()

    def _steps_per_epoch(self, count: int) -> int:
        full, rest = divmod(count, self._config.batch_size)
        steps = full + (1 if rest > 1 or (rest and not full) else 0)
        if not steps:
            raise TrainingError("there are no faces to train on", remedy="Choose a data set with labelled faces")
        return steps

    def resume(self) -> None:
        """Take up the state the run was saved with."""
        state = self._processes.from_first(
            lambda: self._run.load_state(lambda sentence: self._emit(Warned(sentence)))
        )
        try:
            self._stepper.load(state)
            self._epoch, self._step, self._best = state["epoch"], state["step"], state["best"]
            self._losses = list(state["losses"])
            self._since_best = int(state.get("since_best", 0))
        except (KeyError, RuntimeError, ValueError, TypeError) as error:
            raise TrainingError(
                f"the run's state does not fit its settings ({error})",
                where=self._run.state_file,
                remedy="Start a new run",
            ) from error

    def run(self) -> str:
        """Train to the end, or until stopped: the outcome, `finished` or `stopped`."""
        self._emit(self._started())
        try:
            if self._processes.is_first and not self._run.has_state:
                # From here on a kill costs at most what has happened since the last save.
                self._save_state()
            while self._epoch < self._config.epochs and not self._has_lost_patience():
                if not self._train_epoch():
                    self._save_state()
                    self._emit(Ended("stopped", self._stopped_message()))
                    return "stopped"
            if self._processes.is_first:
                self._run.forget_previous()
            self._emit(Ended("finished", self._finished_message()))
            return "finished"
        except StarmarkError as error:
            self._emit(Ended("failed", str(error)))
            raise
        except RuntimeError as error:
            if self._processes.count == 1 or not is_loss(error):
                self._emit(Ended("failed", f"RuntimeError: {error}"))
                raise
            lost = lost_process()
            self._emit(Ended("failed", str(lost)))
            raise lost from error
        except KeyboardInterrupt:
            self._emit(Ended("stopped", "Stopped at once; --resume goes on from the last state that was kept"))
            raise
        except Exception as error:
            self._emit(Ended("failed", f"{type(error).__name__}: {error}"))
            raise
        finally:
            self._loader.close()

    def _started(self) -> Started:
        return Started(
            len(self._train),
            len(self._val),
            self._config.epochs,
            self._epoch,
            str(self._device),
            sum(p.numel() for p in self._stepper.network.parameters()),
            self._step,
            self._steps,
            self._processes.count,
            threads=torch.get_num_threads(),
        )

    def _has_lost_patience(self) -> bool:
        return 0 < self._config.patience <= self._since_best

    def _stopped_message(self) -> str:
        reason = f", since {self._stop_reason}" if self._stop_reason else ""
        return f"Stopped in epoch {self._epoch + 1}{reason}; the state is kept, --resume goes on"

    def _finished_message(self) -> str:
        early = f": none of the last {self._since_best} was better" if self._epoch < self._config.epochs else ""
        return f"Finished after {self._epoch} epochs{early}"

    def _train_epoch(self) -> bool:
        """The rest of the current epoch; False if it was stopped."""
        self._stepper.network.train()
        begin = waiting = time.monotonic()
        for batch in self._loader.batches(self._epoch, first=self._step):
            waited = time.monotonic() - waiting
            self._collect_failures(batch)
            if self._is_enough(batch):
                self._train_step(batch, waited)
            self._step += 1
            if self._agree(stop=not self._obey()):
                return False
            if time.monotonic() - self._saved_at > _SAVE_EVERY_S:
                self._save_state()
            waiting = time.monotonic()
        self._finish_epoch(begin)
        return True

    def _is_enough(self, batch: Batch) -> bool:
        """Batch norm needs two faces; a batch that lost its others to errors is passed over, by all processes."""
        counts = self._processes.gather(len(batch.faces))
        return min(counts) > 0 and (sum(counts) > 1 or len(self._train) == 1)

    def _collect_failures(self, batch: Batch) -> None:
        self._untold += [f"left out: {error}" for error in batch.failed]

    def _agree(self, *, stop: bool) -> bool:
        """Say what failed anywhere since the last time, and whether any process wants to stop."""
        each = self._processes.gather((stop, self._stop_reason, self._untold))
        self._untold = []
        for message in dict.fromkeys(text for _, _, texts in each for text in texts):
            # A face that cannot be read comes back in every epoch.
            if message not in self._told:
                self._told.add(message)
                self._emit(Warned(message))
        self._stop_reason = next((reason for _, reason, _ in each if reason), "")
        return any(wish for wish, _, _ in each)

    def _train_step(self, batch: Batch, waited: float) -> None:
        begin = time.monotonic()
        rate = learning_rate(self._config, self._epoch * self._steps + self._step, self._steps)
        result = self._stepper.step(batch, rate)
        seconds = time.monotonic() - begin
        if result.skipped is None:
            self._losses.append(result.loss)
        self._emit(
            Step(
                self._epoch,
                self._step,
                self._steps,
                result.loss,
                result.landmark,
                rate,
                result.norm,
                seconds,
                waited,
                result.skipped is not None,
                result.parts,
            )
        )
        if result.skipped is not None:
            self._report_skipped(batch, result.skipped)
        timing = self._clock.step(self._epoch, self._step, seconds + waited)
        if timing is not None:
            self._emit(timing)

    def _report_skipped(self, batch: Batch, reason: str) -> None:
        images = [self._loader.face(i).image for faces in self._processes.gather(batch.faces) for i in faces]
        names = ", ".join(image.name for image in images[:_NAMED]) + (", …" if len(images) > _NAMED else "")
        where = f"epoch {self._epoch + 1}, step {self._step + 1} ({names})"
        self._emit(Warned(f"{reason} in {where}: step skipped", [str(image) for image in images]))
        self._stepper.count_skipped(reason)

    def _obey(self) -> bool:
        """Do what was asked for since the last step; False to stop."""
        paused = False
        if self._processes.is_orphaned:
            self._stop_reason = "torchrun has ended"
            return False
        while not self._stop_requested():
            command = self._control.take(wait=paused)
            if command is None:
                return True
            if command.kind == "stop":
                self._stop_reason = command.text
                return False
            paused = self._obey_one(command, paused)
        return False

    def _obey_one(self, command: Command, paused: bool) -> bool:
        """Pause, resume or change threads; whether the run is paused then."""
        if command.kind == "unknown":
            self._emit(Warned(f"there is no command '{command.text}' (known: stop, pause, resume, threads N)"))
        elif self._processes.count > 1:
            self._emit(Warned(f"a run in several processes has no '{command.kind}': stop it, and --resume it later"))
        elif command.kind == "threads":
            torch.set_num_threads(command.number)
            self._emit(ThreadsChanged(command.number))
        elif command.kind == "pause" and not paused:
            self._save_state()
            self._emit(Paused(self._epoch, self._step))
            return True
        elif command.kind == "resume" and paused:
            self._emit(Continued(self._epoch, self._step))
            return False
        return paused

    def _finish_epoch(self, begin: float) -> None:
        validating = time.monotonic()
        nme, raw = self.validate()
        # Without faces to choose by, the latest network is the one to keep.
        best = nme < self._best if len(self._val) else bool(self._losses)
        self._since_best = 0 if best else self._since_best + 1
        network = self._stepper.ema.network
        if best:
            self._best = nme
        if best and self._processes.is_first:
            self._save_best(network, {"epoch": self._epoch + 1, "val_nme": nme})
        loss = float(np.mean(self._losses)) if self._losses else math.nan
        self._emit(EpochDone(self._epoch, loss, raw, nme, best, time.monotonic() - begin))
        if self._processes.is_first:
            self._write_samples(network)
        epoch, self._epoch, self._step, self._losses = self._epoch, self._epoch + 1, 0, []
        self._save_state()
        timing = self._clock.validated(epoch, time.monotonic() - validating)
        if timing is not None:
            self._emit(timing)

    def _write_samples(self, network: StarNet) -> None:
        if self._samples is None:
            source = self._val if len(self._val) else self._train.plain()
            self._samples = SampleFaces(source, self._run)
        written = self._samples.write(self._epoch, network, self._device, self._stepper.autocast)
        if written is not None:
            self._emit(written)

    def validate(self) -> tuple[float, float | None]:
        """Mean NME (fraction) on the validation crops: of the averaged network, and of the raw one if wanted.

        NaN, and None, without any.
        """
        networks = [self._stepper.ema.network]
        if self._config.validate_raw:
            networks.append(self._stepper.network)
        if not len(self._val):
            return math.nan, None
        errors = validation_nmes(
            networks,
            self._val,
            batch_size=self._config.batch_size,
            workers=self._config.workers,
            device=self._device,
            autocast=self._stepper.autocast,
            told=self._collect_failures,
            share=self._member,
        )
        parts = self._processes.gather(errors)
        means = [_finite_mean([nme for part in parts for nme in part[i]]) for i in range(len(networks))]
        self._agree(stop=False)
        return means[0], means[1] if len(means) > 1 else None

    def _save_state(self) -> None:
        if not self._processes.is_first:
            return
        self._run.save_state(
            self._stepper.state()
            | {
                "epoch": self._epoch,
                "step": self._step,
                "best": self._best,
                "since_best": self._since_best,
                "losses": self._losses,
            }
        )
        self._saved_at = time.monotonic()

    def _emit(self, event: Event) -> None:
        self._listener(event)


def _finite_mean(values: list[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return float(np.mean(finite)) if finite else math.nan
