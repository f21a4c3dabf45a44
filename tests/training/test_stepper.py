"""One step: parts add up to the whole, masked points teach nothing, and failures leave the network as it was."""

from __future__ import annotations

import copy
import warnings
from dataclasses import replace

import pytest
import torch

from core.errors import TrainingError
from core.model.network import StarNet, preset_config
from tests.training.conftest import SCHEME
from training.config import TrainConfig
from training.dataset import Batch
from training.guard import MAX_SKIPPED, LossGuard
from training.losses.total import LOSS_NAMES, Targets, TotalLoss
from training.stepper import Stepper, ran_out_of_memory

CONFIG = TrainConfig(width=8, stacks=2, input_size=64, precision="float32", seed=3)
NET = preset_config("lite", SCHEME, width=8, stacks=2, input_size=64)
FACES = 8
CPU = torch.device("cpu")
pytestmark = pytest.mark.usefixtures("one_thread")


def network() -> StarNet:
    torch.manual_seed(3)
    return StarNet(NET)


def batch(seed: int = 0) -> Batch:
    """Eight random faces, of which some points and contours are missing or count half."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=generator)

    weights = torch.where(uniform(FACES, 68) < 0.2, 0.0, torch.where(uniform(FACES, 68) < 0.3, 0.5, 1.0))
    edges = (uniform(FACES, len(NET.edge_groups)) < 0.7).float()
    targets = Targets(
        uniform(FACES, 68, 2) - 0.5, uniform(FACES, 68, 16, 16) ** 4, uniform(FACES, len(edges[0]), 16, 16) ** 4,
        weights, edges,
    )  # fmt: skip
    return Batch(uniform(FACES, 3, 64, 64) * 2 - 1, targets, list(range(FACES)), [])


def gradients(stepper: Stepper) -> dict[str, torch.Tensor]:
    return {name: p.grad.clone() for name, p in stepper.network.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("loss", ["star", "smoothl1"])
def test_parts_add_up_to_the_whole_batch(loss: str) -> None:
    """Without batch statistics, which each part has its own of, accumulating changes nothing but rounding."""
    found = []
    for parts in (1, 3):
        stepper = Stepper(network().eval(), replace(CONFIG, accumulate=parts, loss=loss), CPU, pytest.fail)
        result = stepper.step(batch(), 0.0)
        assert result.parts == parts and result.skipped is None
        found.append((result.loss, result.landmark, result.norm, gradients(stepper)))
    whole, split = found
    assert split[:3] == pytest.approx(whole[:3], rel=1e-4)
    # Some gradients, such as a bias' before a norm, are zero but for rounding.
    largest = max(float(gradient.abs().max()) for gradient in whole[3].values())
    for name, want in whole[3].items():
        torch.testing.assert_close(split[3][name], want, rtol=1e-3, atol=1e-5 * largest)


class FailsAtFirst:
    """A network whose forward pass fails to get memory so many times, as allocators say it."""

    def __init__(self, inner: StarNet, error: Exception, times: int) -> None:
        self.inner, self.error, self.left = inner, error, times

    def __call__(self, image: torch.Tensor) -> object:
        outputs = self.inner(image)  # the statistics have moved by the time that memory runs out
        if self.left:
            self.left -= 1
            raise self.error
        return outputs


NO_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: 12 bytes"),
    MemoryError(),
]


@pytest.mark.parametrize("error", NO_MEMORY, ids=["graphics card", "processor", "python"])
def test_without_the_memory_a_step_is_done_in_parts(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    short = Stepper(network(), CONFIG, CPU, said.append)
    monkeypatch.setattr(short, "forward", FailsAtFirst(short.network, error, 1))
    result = short.step(batch(), 1e-3)
    assert result.parts == 2 and result.skipped is None
    assert said == ["not enough memory: from now on 4 faces at a time, 2 times a step"]
    planned = Stepper(network(), replace(CONFIG, accumulate=2), CPU, pytest.fail)
    planned.step(batch(), 1e-3)
    ours, theirs = short.network.state_dict(), planned.network.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    resumed = Stepper(network(), CONFIG, CPU, pytest.fail)
    resumed.load(short.state())
    assert resumed.step(batch(1), 1e-3).parts == 2


def test_no_memory_at_all_is_said_and_other_errors_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    stepper = Stepper(network(), CONFIG, CPU, lambda _text: None)
    monkeypatch.setattr(stepper, "forward", FailsAtFirst(stepper.network, NO_MEMORY[0], 9))
    with pytest.raises(TrainingError, match="not enough memory for 2 faces at a time"):
        stepper.step(batch(), 1e-3)
    assert not ran_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


@pytest.mark.parametrize("fault", ["nan", "explosion"])
def test_a_bad_step_leaves_everything_as_it_was(fault: str) -> None:
    stepper = Stepper(network(), CONFIG, CPU, pytest.fail)
    for seed in range(12):
        stepper.step(batch(seed), 1e-4)
    before, bad = copy.deepcopy(stepper.state()), batch(99)
    if fault == "nan":
        bad.image[2] = float("nan")
    else:
        bad.targets.landmarks.mul_(1e5)
    result = stepper.step(bad, 1e-4)
    assert result.skipped is not None and ("no finite" if fault == "nan" else "times the usual") in result.skipped
    after = stepper.state()
    for part in ("net", "net_ema"):
        assert all(torch.equal(before[part][key], after[part][key]) for key in before[part])
    assert before["guard"] == after["guard"]


def test_a_few_bad_steps_in_a_row_end_the_run_and_a_good_one_between_does_not() -> None:
    guard = LossGuard(10.0)
    for _ in range(3):
        for _ in range(MAX_SKIPPED - 1):
            guard.skipped("no finite loss or gradient")
        guard.taken(1.0)
    kept = LossGuard(10.0)
    kept.load(guard.state())
    for _ in range(MAX_SKIPPED - 1):
        kept.skipped("no finite loss or gradient")
    with pytest.raises(TrainingError, match="diverged"):
        kept.skipped("no finite loss or gradient")


def test_explosions_are_measured_by_the_usual_loss_and_can_be_allowed() -> None:
    guard, careless = LossGuard(10.0), LossGuard(0.0)
    assert guard.reason(1e9, 1.0) is None, "nothing is usual yet"
    for _ in range(20):
        guard.taken(2.0)
        careless.taken(2.0)
    assert guard.reason(19.0, 1.0) is None
    assert "10 times the usual 2" in str(guard.reason(21.0, 1.0))
    assert careless.reason(1e9, 1.0) is None


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_points_count_by_their_weight_and_missing_ones_not_at_all(name: str) -> None:
    """Gradients by the heatmaps: nothing for a weight of 0; proportional to the weight otherwise."""
    generator = torch.Generator().manual_seed(1)
    heat = torch.rand(2, 3, 16, 16, generator=generator) ** 6
    landmarks = torch.rand(2, 3, 2, generator=generator) - 0.5

    def gradient(weights: list[float]) -> torch.Tensor:
        from core.model.network import StackOutput, soft_argmax

        maps = heat.clone().requires_grad_()
        point = torch.full((2, 3, 16, 16), 0.3).requires_grad_()
        edge = torch.full((2, 1, 16, 16), 0.3)
        rows = torch.tensor([weights, [1.0, 1.0, 1.0]])
        targets = Targets(landmarks, torch.zeros(2, 3, 16, 16), torch.zeros(2, 1, 16, 16), rows, torch.ones(2, 1))
        output = StackOutput(soft_argmax(maps), maps, point, edge)
        TotalLoss(name)([output], targets).total.backward()
        assert maps.grad is not None and point.grad is not None
        return torch.stack([maps.grad, point.grad])

    full, masked, half = gradient([1.0, 1.0, 1.0]), gradient([1.0, 0.0, 1.0]), gradient([1.0, 0.5, 1.0])
    assert not masked[:, 0, 1].any() and masked[:, 0, 0].any()
    # Sums of weights 6, 5 and 5.5 are what the means divide by.
    torch.testing.assert_close(masked[:, 0, 0], full[:, 0, 0] * 6 / 5)
    torch.testing.assert_close(half[:, 0, 1], full[:, 0, 1] * 0.5 * 6 / 5.5)
    torch.testing.assert_close(half[:, 1], full[:, 1] * 6 / 5.5)


def test_without_a_compiler_the_network_is_used_as_it_is() -> None:
    inductor = pytest.importorskip("torch._inductor.config")
    said: list[str] = []
    with inductor.patch({"cpp.cxx": ("no-such-compiler",)}), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of its own parts while it looks for a compiler
        stepper = Stepper(network(), replace(CONFIG, compile=True), CPU, said.append)
    assert len(said) == 1 and "finds no compiler that works" in said[0]
    plain = Stepper(network(), CONFIG, CPU, pytest.fail)
    assert stepper.step(batch(), 1e-3).loss == plain.step(batch(), 1e-3).loss
