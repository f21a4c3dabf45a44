"""Learning rate as a function of progress, so that a resumed run needs no scheduler state."""

from __future__ import annotations

import math

from training.config import TrainConfig


def learning_rate(config: TrainConfig, step: int, steps_per_epoch: int) -> float:
    """Rate of optimiser step `step` (from 0 over the whole run), constant within an epoch for `multistep`."""
    epoch = step // max(steps_per_epoch, 1)
    rate = config.learning_rate
    if config.schedule == "multistep":
        rate *= 0.1 ** sum(epoch >= share * config.epochs for share in config.milestones)
    else:
        progress = min(step / max(config.epochs * steps_per_epoch, 1), 1.0)
        rate *= 0.5 * (1 + math.cos(math.pi * progress))
    if step < config.warmup_steps:
        rate *= (step + 1) / config.warmup_steps
    return rate
