"""One training step on a CUDA device: the losses and gradients of the processor."""

from __future__ import annotations

import pytest
import torch

from core.model.network import StarNet, preset_config
from core.scheme import get_scheme
from tests.golden import fill
from training.losses.total import Targets, TotalLoss

pytestmark = pytest.mark.gpu


def test_a_training_step_agrees_with_the_processor() -> None:
    scheme = get_scheme("cofw-29")
    labels = [torch.from_numpy(label) for label in fill().train_labels(len(scheme), len(scheme.edge_groups))]
    image = torch.from_numpy(fill().net_input())
    norms, losses = [], []
    for place in ("cpu", "cuda"):
        network = fill().fill_module(StarNet(preset_config("star", scheme))).train().double().to(place)
        outputs = network(image.double().to(place))
        total, parts = TotalLoss()(outputs, Targets(*(label.double().to(place) for label in labels)))
        total.backward()
        losses.append([part.item() for part in parts])
        norms.append({k: p.grad.norm().item() for k, p in network.named_parameters() if p.grad is not None})
        optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
        optimiser.step()
        assert all(torch.isfinite(p).all() for p in network.parameters())
    assert losses[1] == pytest.approx(losses[0], rel=1e-8)
    for key, norm in norms[0].items():
        assert norms[1][key] == pytest.approx(norm, rel=1e-5, abs=1e-8), key
