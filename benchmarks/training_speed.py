"""How quick a training step and its data are, beside the reference's recipe written down in the plainest way.

    python benchmarks/training_speed.py FACES

Both train the same network from the same weights on the same faces (300W-style folder) with the paper's loss and
augmentation, on the same processor threads and with the same allocator settings, taking turns. The plain one is what
STAR_SPEC.md describes, step by step: it decodes the image of every sample, draws point maps at 256 px and edge maps at
1024 px in loops over points and contours, keeps tensors in the usual memory order and float32, takes covariances in
several passes over the maps, their axes from `torch.linalg.eigh`, and AWing with powers and `torch.where`. Left out is
autograd's anomaly detection, which the reference has on. Given are medians:

* step: forward, loss, backward, Adam and the running average, the batch being there;
* sample: one face by one thread, images and contours being new (first epoch) or known (later ones: ours keeps them);
* faces a second: the plain one prepares its batch and then steps, ours prepares the next ones meanwhile;
* STAR over smooth-L1 on soft-argmax: what the loss costs, as a share of a step.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from scipy.interpolate import splev, splprep
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from core.model.device import choose_device  # noqa: E402
from core.model.network import StackOutput, StarNet, preset_config  # noqa: E402
from core.scheme import Scheme  # noqa: E402
from training.augment import Augmentation, geometry_matrix  # noqa: E402
from training.command import prepare_process, read_training_faces  # noqa: E402
from training.config import TrainConfig  # noqa: E402
from training.dataset import BatchLoader, Face, FaceSet, collate  # noqa: E402
from training.stepper import Stepper  # noqa: E402

MAP_WEIGHT = 10.0


# The plain version: data


def plain_sample(face: Face, scheme: Scheme, size: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Image (3, S, S) float32, landmarks (N, 2) in [-1, 1], point and edge maps: STAR_SPEC.md sections 8 to 11."""
    image = cv2.imread(str(face.image))
    points, crop = face.points.copy(), face.crop
    centre = crop.cx
    if rng.random() < 0.5:
        image = np.ascontiguousarray(image[:, ::-1])
        points = points[list(scheme.flip)]
        points[:, 0] = image.shape[1] - 1 - points[:, 0]
        centre = image.shape[1] - 1 - centre
    k, middle = size / crop.size_px, (size - 1) / 2
    shift = rng.normal(0, 0.05, 2) * (size - 1)
    augment = geometry_matrix(np.deg2rad(rng.normal(0, 18)), rng.normal(1, 0.1), shift, size)
    matrix = augment @ np.array([[k, 0, middle - k * centre], [0, k, middle - k * crop.cy], [0, 0, 1.0]])
    matrix = matrix.astype(np.float32)
    warped = cv2.warpPerspective(image, matrix, (size, size), flags=cv2.INTER_LINEAR)
    placed = points @ matrix[:2, :2].T + matrix[:2, 2]
    warped = Augmentation().change_texture(warped, rng)
    point_maps = np.stack([plain_point_map(x, y, size) for x, y in placed])
    edge_maps = np.stack([plain_edge_map(placed[list(g.indices)], g.edge_closed, size) for g in scheme.edge_groups])
    labels = np.clip((2 * placed + 1) / size - 1, -1, 1).astype(np.float32)
    return (warped.transpose(2, 0, 1).astype(np.float32) - 127.5) / 127.5, labels, point_maps, edge_maps


def plain_point_map(x: float, y: float, size: int, sigma: float = 1.5) -> np.ndarray:
    """One landmark drawn at full size and reduced: section 10."""
    whole = np.zeros((size, size), np.float32)
    x, y = np.clip(x, 0, size - 1), np.clip(y, 0, size - 1)
    left, top = int(x - 4.5), int(y - 4.5)
    window = np.arange(10, dtype=np.float32)
    bell = np.exp(-((window[None] - 5) ** 2 + (window[:, None] - 5) ** 2) / (2 * sigma**2))
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(int(x + 5.5), size), min(int(y + 5.5), size)
    whole[y0:y1, x0:x1] = bell[y0 - top : y1 - top, x0 - left : x1 - left]
    return plain_quarter(whole)


def plain_edge_map(points: np.ndarray, closed: bool, size: int) -> np.ndarray:
    """One contour drawn four times as large and reduced: section 10."""
    knots = np.concatenate([points, points[:1]]) if closed else points
    try:
        spline, at = splprep(knots.T, s=0, per=closed)
        samples = np.concatenate([np.linspace(a, b, 5, endpoint=False) for a, b in itertools.pairwise(at)])
        curve = np.stack(splev(samples, spline), axis=1)
    except (ValueError, TypeError):
        curve = points
    curve = np.clip(curve, 0, size - 1)
    whole = np.zeros((4 * size, 4 * size), np.float32)
    cv2.polylines(whole, [np.trunc(4 * curve + 0.5).astype(np.int32)], closed, 255, 4)
    return plain_quarter(cv2.resize(whole, (size, size), interpolation=cv2.INTER_AREA) / 255)


def plain_quarter(whole: np.ndarray) -> np.ndarray:
    """Reduced by four, bilinear, with half-pixel centres."""
    tensor = torch.from_numpy(whole)[None, None]
    return F.interpolate(tensor, scale_factor=0.25, mode="bilinear", align_corners=False)[0, 0].numpy()


# The plain version: loss


def plain_star(heat: Tensor, target: Tensor, w_star: float = 1.0) -> Tensor:
    """Section 13, step by step."""
    batch, points, height, width = heat.shape
    share = heat / heat.sum(dim=(2, 3), keepdim=True).clamp(min=1e-6)
    gy, gx = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    grid = torch.stack([gx, gy], dim=-1).reshape(1, 1, -1, 2)
    flat = share.reshape(batch, points, -1, 1)
    mean = (flat * grid).sum(dim=2)
    away = grid - mean[:, :, None]
    total, square = flat.sum(dim=2) + 1e-5, (flat**2).sum(dim=2) + 1e-5
    outer = away[..., :, None] * away[..., None, :]
    covariance = (flat[..., None] * outer).sum(dim=2) / (total - square / total)[..., None]
    values, vectors = torch.linalg.eigh(covariance.reshape(-1, 2, 2))
    values, vectors = values.reshape(batch, points, 2), vectors.reshape(batch, points, 2, 2)
    error = target - mean
    along = (vectors * error[..., None]).sum(dim=2)
    distance = plain_huber(along**2) / (values + 1e-5).sqrt()
    return (distance.sum(dim=-1) + w_star * values.abs().sum(dim=-1)).mean()


def plain_huber(q: Tensor, s: float = 0.01) -> Tensor:
    return torch.where(q < s * s, 0.5 / s * q, q.clamp(min=1e-6).sqrt() - 0.5 * s)


def plain_awing(prediction: Tensor, target: Tensor) -> Tensor:
    """Adaptive Wing with its weights, section 13."""
    omega, theta, epsilon, alpha = 14.0, 0.5, 1.0, 2.1
    exponent, difference = alpha - target, (prediction - target).abs()
    ratio = theta / epsilon
    steep = omega / (1 + ratio**exponent) * exponent * ratio ** (exponent - 1) / epsilon
    offset = theta * steep - omega * torch.log(1 + ratio**exponent)
    small = omega * torch.log(1 + (difference / epsilon) ** exponent)
    loss = torch.where(difference < theta, small, steep * difference - offset)
    near = F.max_pool2d(target, 3, stride=1, padding=1) >= 0.2
    return (loss * torch.where(near, 11.0, 1.0)).mean()


class PlainStepper:
    """The network in eager float32, Adam, and the running average over the state dict."""

    def __init__(self, network: StarNet, config: TrainConfig) -> None:
        import copy

        self.network, self.average = network.train(), copy.deepcopy(network).eval()
        self.optimizer = torch.optim.Adam(network.parameters(), lr=config.learning_rate)
        self.half_life = config.ema_half_life

    def step(self, batch: tuple[Tensor, ...]) -> float:
        image, landmarks, points, edges = batch
        outputs: list[StackOutput] = self.network(image)
        total = torch.zeros(())
        for stack, out in enumerate(outputs):
            assert out.point is not None and out.edge is not None
            maps = plain_awing(out.point, points) + plain_awing(out.edge, edges)
            scale = 2.0**stack / 2.0 ** (len(outputs) - 1)
            total = total + scale * (plain_star(out.heat, landmarks) + MAP_WEIGHT * maps)
        self.optimizer.zero_grad()
        total.backward()
        self.optimizer.step()
        decay = 0.5 ** (len(image) / self.half_life)
        with torch.no_grad():
            theirs = self.network.state_dict()
            for key, value in self.average.state_dict().items():
                if value.is_floating_point():
                    value.mul_(decay).add_(theirs[key], alpha=1 - decay)
                else:
                    value.copy_(theirs[key])
        return float(total.detach())


    def prepare_and_step(self, faces: list[Face], scheme: Scheme, size: int, seed: int) -> float:
        """A batch as the plain loop has it: made, then learnt from."""
        return self.step(plain_batch(faces, scheme, size, seed))


# Measuring


def timed(work: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def fresh(config: TrainConfig, scheme: Scheme) -> StarNet:
    torch.manual_seed(0)
    return StarNet(preset_config(config.preset, scheme, **config.network_changes()))


def plain_batch(faces: list[Face], scheme: Scheme, size: int, seed: int) -> tuple[Tensor, ...]:
    made = [plain_sample(face, scheme, size, np.random.default_rng((seed, i))) for i, face in enumerate(faces)]
    return tuple(torch.from_numpy(np.stack(each)) for each in zip(*made, strict=True))


def measure(faces: list[Face], scheme: Scheme, config: TrainConfig, rounds: int) -> None:
    """Alternate, and print."""
    batch, size = config.batch_size, preset_config(config.preset, scheme).input_size
    chosen = faces[: batch * (rounds + 1)]
    ours = Stepper(fresh(config, scheme), config, torch.device("cpu"), print)
    reduced = Stepper(fresh(config, scheme), replace(config, precision="auto"), torch.device("cpu"), print)
    simple = Stepper(fresh(config, scheme), replace(config, loss="smoothl1"), torch.device("cpu"), print)
    for stepper in (ours, reduced, simple):
        stepper.network.train()
    plain = PlainStepper(fresh(config, scheme), config)
    maker = FaceSet(chosen, scheme, size, augmentation=Augmentation())
    indices = list(range(batch))
    prepared = collate([maker.sample(i, np.random.default_rng(i)) for i in indices], indices, [])
    same = plain_batch(chosen[:batch], scheme, size, 0)
    rate = config.learning_rate
    works: dict[str, Callable[[], Any]] = {
        "plain": lambda: plain.step(same),
        "ours": lambda: ours.step(prepared, rate),
        "ours, auto precision": lambda: reduced.step(prepared, rate),
        "ours, smooth-L1": lambda: simple.step(prepared, rate),
    }
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            seconds = timed(work)
            if turn:  # the first is a warm-up
                times[name].append(seconds)
    steps = {name: statistics.median(values) for name, values in times.items()}
    data = measure_data(chosen, scheme, size, rounds)
    print(f"{config.preset}: {size} px, batch {batch}, {torch.get_num_threads()} threads, {rounds} rounds", flush=True)
    for name, seconds in steps.items():
        print(f"  step {name:<22} {seconds:8.3f} s   {steps['plain'] / seconds:5.2f} x")
    for name, seconds in data.items():
        print(f"  sample {name:<20} {1000 * seconds:8.2f} ms  {data['plain'] / seconds:5.2f} x")
    # In each round, so that what else the machine does weighs on both alike.
    extra = [a - b for a, b in zip(times["ours"], times["ours, smooth-L1"], strict=True)]
    print(f"  STAR over smooth-L1: {100 * statistics.median(extra) / steps['ours']:.1f} % of a step")
    for name, stepper in (("ours", ours), ("ours, auto precision", reduced)):
        measure_throughput(name, stepper, plain, chosen, scheme, config, size, rounds)


def measure_data(faces: list[Face], scheme: Scheme, size: int, rounds: int) -> dict[str, float]:
    """Seconds a sample by one thread: plain, ours anew, ours with image and contours kept."""
    ours = FaceSet(faces, scheme, size, augmentation=Augmentation())
    times: dict[str, list[float]] = {"plain": [], "ours, first epoch": [], "ours, later": []}
    for index, face in enumerate(faces[: 8 * rounds]):
        draws = [np.random.default_rng(index) for _ in times]
        times["plain"].append(timed(partial(plain_sample, face, scheme, size, draws[0])))
        times["ours, first epoch"].append(timed(partial(ours.sample, index, draws[1])))
        times["ours, later"].append(timed(partial(ours.sample, index, draws[2])))
    return {name: statistics.median(values) for name, values in times.items()}


def measure_throughput(
    name: str,
    ours: Stepper,
    plain: PlainStepper,
    faces: list[Face],
    scheme: Scheme,
    config: TrainConfig,
    size: int,
    rounds: int,
) -> None:
    """Faces a second with data and all, one batch of each in turn, images known as after the first epoch."""
    maker = FaceSet(faces, scheme, size, augmentation=Augmentation())
    batch = config.batch_size
    loader = BatchLoader(maker, batch, seed=0, workers=config.workers)
    for _ in loader.batches(0):
        pass  # the first epoch decodes
    times: dict[str, list[float]] = {"plain": [], name: []}
    batches = loader.batches(1)
    begin = 0.0
    for turn, prepared in enumerate(batches):
        if turn:
            times[name].append(time.perf_counter() - begin)
        if turn == rounds:
            break
        part = faces[turn * batch : (turn + 1) * batch]
        times["plain"].append(timed(partial(plain.prepare_and_step, part, scheme, size, turn)))
        begin = time.perf_counter()
        ours.step(prepared, config.learning_rate)
    batches.close()
    loader.close()
    speeds = {key: batch / statistics.median(values) for key, values in times.items()}
    ratio = speeds[name] / speeds["plain"]
    print(f"  faces a second: plain {speeds['plain']:.2f}, {name} {speeds[name]:.2f}: {ratio:.2f} x", flush=True)


def main() -> None:
    """Read the faces and measure both presets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=16, help="faces a step of lite (default: 16; star has 4)")
    parser.add_argument("--rounds", type=int, default=8, help="of lite (default: 8)")
    parser.add_argument("--star-rounds", type=int, default=3, help="of star, which is slow; 0 for none (default: 3)")
    args = parser.parse_args()
    choose_device("cpu")
    lite = TrainConfig(preset="lite", batch_size=args.batch, precision="float32", threads=args.threads)
    prepare_process(lite)
    data = read_training_faces(args.faces, "auto", None, lite)
    measure(data.train[::7], data.scheme, lite, args.rounds)
    if args.star_rounds:
        star = replace(lite, preset="star", batch_size=4)
        measure(data.train[::7], data.scheme, star, args.star_rounds)


if __name__ == "__main__":
    main()
