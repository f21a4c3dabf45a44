"""The training loop. Knows no window and no command line; says what happens through events."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.errors import TrainingError
from core.model.network import StarNet
from core.scheme import Scheme
from training.config import TrainConfig
from training.dataset import Batch, BatchLoader, FaceSet
from training.ema import Ema
from training.events import Ended, EpochDone, Event, Listener, Started, Step, Warned
from training.losses.total import Targets, TotalLoss
from training.run_dir import RunDir
from training.schedule import learning_rate

_SAVE_EVERY_S = 300.0
_MAX_SKIPPED = 10

SaveModel = Callable[[StarNet, dict[str, Any]], None]
"""Called with the averaged network and its figures whenever it is the best so far."""


class Trainer:
    """Trains a network on faces, chooses by validation NME, and can be stopped and resumed at any step.

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
    ) -> None:
        self._config, self._scheme, self._run, self._device = config, scheme, run, device
        self._val = val
        self._train_count = len(train)
        self._network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._ema = Ema(self._network, config.ema_half_life)
        self._optimizer = torch.optim.Adam(self._network.parameters(), lr=config.learning_rate)
        self._loss = TotalLoss(config.loss, config.w_star)
        self._loader = BatchLoader(train, config.batch_size, seed=config.seed, workers=config.workers)
        self._steps = self._steps_per_epoch(len(train))
        self._save_best, self._listener, self._stop_requested = save_best, listener, stop_requested
        self._precision = reduced_precision(config.precision, device)
        self._epoch = 0
        self._step = 0
        self._best = math.inf
        self._skipped = 0
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
        state = self._run.load_state()
        try:
            self._network.load_state_dict(state["net"])
            self._ema.network.load_state_dict(state["net_ema"])
            self._optimizer.load_state_dict(state["optimizer"])
            self._epoch, self._step, self._best = state["epoch"], state["step"], state["best"]
            self._losses = list(state["losses"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise TrainingError(
                f"the run's state does not fit its settings ({error})",
                where=self._run.state_file,
                remedy="Start a new run",
            ) from error

    def run(self) -> str:
        """Train to the end, or until stopped: the outcome, `finished` or `stopped`."""
        parameters = sum(p.numel() for p in self._network.parameters())
        self._emit(
            Started(self._train_count, len(self._val), self._config.epochs, self._epoch, str(self._device), parameters)
        )
        try:
            while self._epoch < self._config.epochs:
                if not self._train_epoch():
                    self._save_state()
                    self._emit(
                        Ended("stopped", f"Stopped in epoch {self._epoch + 1}; the state is kept, --resume goes on")
                    )
                    return "stopped"
            self._emit(Ended("finished", f"Finished after {self._config.epochs} epochs"))
            return "finished"
        except TrainingError as error:
            self._emit(Ended("failed", str(error)))
            raise
        finally:
            self._loader.close()

    def _train_epoch(self) -> bool:
        """The rest of the current epoch; False if it was stopped."""
        self._network.train()
        begin = waiting = time.monotonic()
        for batch in self._loader.batches(self._epoch, first=self._step):
            waited = time.monotonic() - waiting
            self._report_failures(batch)
            # Batch norm needs two faces; a batch that lost its others to errors is passed over.
            if len(batch.faces) > 1 or self._train_count == 1:
                self._train_step(batch, waited)
            self._step += 1
            if self._stop_requested():
                return False
            if time.monotonic() - self._saved_at > _SAVE_EVERY_S:
                self._save_state()
            waiting = time.monotonic()
        self._finish_epoch(time.monotonic() - begin)
        return True

    def _report_failures(self, batch: Batch) -> None:
        for error in batch.failed:
            self._emit(Warned(f"left out: {error}"))

    def _train_step(self, batch: Batch, waited: float) -> None:
        begin = time.monotonic()
        rate = learning_rate(self._config, self._epoch * self._steps + self._step, self._steps)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        image = batch.image.to(self._device, memory_format=torch.channels_last, non_blocking=True)
        targets = Targets(*(t.to(self._device, non_blocking=True) for t in batch.targets if t is not None))
        with self._autocast():
            outputs = self._network(image)
        total, parts = self._loss(outputs, targets)
        self._optimizer.zero_grad(set_to_none=True)
        total.backward()
        norm = self._clip()
        loss = float(total.detach())
        good = math.isfinite(loss) and math.isfinite(norm)
        if good:
            self._optimizer.step()
            self._ema.update(self._network, len(batch.faces))
            self._losses.append(loss)
            self._skipped = 0
        else:
            self._skip(batch)
        last = parts[-1] if len(parts) == len(outputs) else parts[-3]
        self._emit(
            Step(
                self._epoch,
                self._step,
                self._steps,
                loss,
                float(last.detach()),
                rate,
                norm,
                time.monotonic() - begin,
                waited,
                not good,
            )
        )

    def _clip(self) -> float:
        limit = self._config.clip_norm or math.inf
        return float(torch.nn.utils.clip_grad_norm_(self._network.parameters(), limit))

    def _skip(self, batch: Batch) -> None:
        """A step without a finite loss changes nothing; too many of them end the run."""
        self._skipped += 1
        names = ", ".join(str(self._loader.face(i).image.name) for i in batch.faces[:4])
        self._emit(
            Warned(
                f"no finite loss or gradient in epoch {self._epoch + 1}, step {self._step + 1} ({names}, …): skipped"
            )
        )
        if self._skipped >= _MAX_SKIPPED:
            raise TrainingError(
                f"training diverged: {_MAX_SKIPPED} steps in a row had no finite loss",
                remedy="Lower the learning rate or set clip_norm, and check the labels of the faces named",
            )

    def _finish_epoch(self, seconds: float) -> None:
        nme = self.validate()
        # Without faces to choose by, the latest network is the one to keep.
        best = nme < self._best if len(self._val) else bool(self._losses)
        self._best = nme if best else self._best
        if best:
            self._save_best(self._ema.network, {"epoch": self._epoch + 1, "val_nme": nme})
        loss = float(np.mean(self._losses)) if self._losses else math.nan
        self._emit(EpochDone(self._epoch, loss, None, nme, best, seconds))
        self._epoch, self._step, self._losses = self._epoch + 1, 0, []
        self._save_state()

    def validate(self) -> float:
        """Mean NME (fraction) of the averaged network on the validation crops; NaN without any."""
        if not len(self._val):
            return math.nan
        loader = BatchLoader(self._val, self._config.batch_size, seed=0, workers=self._config.workers)
        errors: list[float] = []
        try:
            for batch in loader.batches(0, shuffle=False):
                self._report_failures(batch)
                if not batch.faces:
                    continue
                image = batch.image.to(self._device, memory_format=torch.channels_last)
                with torch.inference_mode(), self._autocast():
                    predicted = self._ema.network(image)[-1].landmarks.float().cpu()
                errors += _nme(predicted, batch.targets, self._scheme)
        finally:
            loader.close()
        finite = [error for error in errors if math.isfinite(error)]
        return float(np.mean(finite)) if finite else math.nan

    def _autocast(self) -> AbstractContextManager[Any]:
        kind = self._precision or torch.bfloat16
        return torch.autocast(self._device.type, dtype=kind, enabled=self._precision is not None)

    def _save_state(self) -> None:
        self._run.save_state(
            {
                "net": self._network.state_dict(),
                "net_ema": self._ema.network.state_dict(),
                "optimizer": self._optimizer.state_dict(),
                "epoch": self._epoch,
                "step": self._step,
                "best": self._best,
                "losses": self._losses,
            }
        )
        self._saved_at = time.monotonic()

    def _emit(self, event: Event) -> None:
        self._listener(event)


def reduced_precision(wish: str, device: torch.device) -> torch.dtype | None:
    """The reduced number type to compute in, None for float32; `auto` takes bfloat16 where it is native."""
    if wish == "float32":
        return None
    if wish == "bfloat16":
        return torch.bfloat16
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else None
    native = device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())
    return torch.bfloat16 if native else None


def _nme(predicted: Tensor, targets: Targets, scheme: Scheme) -> list[float]:
    """NME of each face (normalised coordinates; the crop is isotropic), over its present points."""
    values = []
    weights = targets.weights if targets.weights is not None else torch.ones(predicted.shape[:2])
    for mean, truth, weight in zip(predicted.numpy(), targets.landmarks.numpy(), weights.numpy(), strict=True):
        present = weight > 0
        distance = scheme.norm_distance(np.where(present[:, None], truth, np.nan).astype(np.float64))
        error = np.hypot(*(mean - truth).T)[present].mean() if present.any() else math.nan
        values.append(float(error / distance) if distance > 0 else math.nan)
    return values
