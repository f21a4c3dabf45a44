"""The network as rewritten for prediction: the same maps as the trained one, for every kind of network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from core.model import inference
from core.model.inference import InferenceNet
from core.model.network import BOUNDARY_THRESHOLD, Residual, StackOutput, StarNet, preset_config, soft_argmax
from core.scheme import get_scheme
from tests.golden import SCHEMES, fill, golden

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "lite": ("300w-68", {}),
    "three stacks, points in no group": ("wflw-98", {"stacks": 3, "width": 32, "levels": 2}),
    "points in two groups": ("cofw-29", {"width": 32, "input_size": 64, "levels": 1}),
    "no attention": ("300w-68", {"attention": False, "width": 32}),
    "one stack": ("300w-68", {"stacks": 1, "width": 32}),
    "spare skips": ("cofw-29", {"width": 32, "spare_skips": True}),
}


def network_of(kind: str) -> StarNet:
    scheme, changes = KINDS[kind]
    network: StarNet = fill().fill_module(StarNet(preset_config("lite", get_scheme(scheme), **changes)))
    return network.eval()


def picture(network: StarNet, count: int = 2) -> torch.Tensor:
    size = network.config.input_size
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(3)) * 2 - 1


def largest_difference(network: StarNet, image: torch.Tensor) -> float:
    with torch.inference_mode():
        wanted = network(image)[-1].heat
        got = InferenceNet(network)(image)
    assert got.shape == wanted.shape
    assert got.dtype == torch.float32
    assert float(wanted.max()) > 0.5
    return float((got - wanted).abs().max())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fused", [True, False])
def test_the_maps_are_those_of_the_trained_network(kind: str, fused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if fused and not inference._FUSED:
        pytest.skip("this build of torch has no fused convolutions")
    monkeypatch.setattr(inference, "_FUSED", fused)
    network = network_of(kind)
    assert largest_difference(network, picture(network)) < 2e-4


@pytest.mark.parametrize("dataset", SCHEMES)
def test_landmarks_are_the_references(dataset: str) -> None:
    scheme = get_scheme(SCHEMES[dataset])
    network = fill().fill_module(StarNet(preset_config("star", scheme))).eval()
    image = torch.from_numpy(fill().net_input())
    with torch.inference_mode():
        margin = min(
            float((output.heat[:, -1] / _gate(output, network)[:, -1] - BOUNDARY_THRESHOLD).abs().nan_to_num(1.0).min())
            for output in network(image)
        )
        landmarks = soft_argmax(InferenceNet(network)(image))
    want = golden(f"star_{dataset}_forward")["landmarks"][-1]
    # A heat cell within rounding of the boundary threshold may fall on the other side of it on some processors.
    np.testing.assert_allclose(landmarks.numpy(), want, rtol=0, atol=6e-6 if margin > 5e-6 else 3e-4)


def _gate(output: StackOutput, network: StarNet) -> torch.Tensor:
    """What the heat was multiplied by to become the fused map."""
    assert output.point is not None and output.edge is not None
    gate: torch.Tensor = network.e2h_transform(output.edge) * output.point
    return gate


def test_norms_that_turn_channels_over_or_switch_them_off_are_kept() -> None:
    network = network_of("one stack")
    for module in network.modules():
        if isinstance(module, Residual):
            with torch.no_grad():
                module.bn1.weight[::3] *= -1
                module.bn1.weight[1::5] = 0.0
                module.bn1.weight[2::7] = 1e-9
    assert largest_difference(network, picture(network)) < 2e-4


def test_the_trained_network_is_left_as_it_was() -> None:
    network = network_of("lite")
    before = {key: value.clone() for key, value in network.state_dict().items()}
    built = InferenceNet(network)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert not any(parameter.requires_grad for parameter in built.parameters())
    assert not any(isinstance(module, nn.BatchNorm2d) for module in built.modules())
    ours = {buffer.data_ptr() for buffer in built.buffers()}
    assert not ours & {value.data_ptr() for value in network.state_dict().values()}, "weights are shared"


def test_a_picture_gives_the_same_alone_and_in_a_batch() -> None:
    network = network_of("lite")
    built = InferenceNet(network)
    image = picture(network, 5)
    with torch.inference_mode():
        together = built(image)
        for i in range(5):
            torch.testing.assert_close(built(image[i : i + 1])[0], together[i], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(built(image), together, rtol=0, atol=0)  # nothing is written over


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_reduced_precision_moves_maps_by_its_rounding_alone(dtype: torch.dtype) -> None:
    network = network_of("one stack")
    with torch.inference_mode():
        wanted = InferenceNet(network)(picture(network))
        got = InferenceNet(network, dtype)(picture(network))
    assert got.dtype == torch.float32
    error = float((got - wanted).square().mean().sqrt() / wanted.square().mean().sqrt())
    assert 0 < error < {torch.bfloat16: 0.1, torch.float16: 0.0125}[dtype]


@pytest.mark.parametrize("kind", KINDS)
def test_edge_maps_are_those_of_the_trained_network(kind: str) -> None:
    network = network_of(kind)
    image = picture(network, 1)
    with torch.inference_mode():
        trained = network(image)[-1]
        rewritten = InferenceNet(network)
        heat, edges = rewritten.with_edges(image)
        assert torch.equal(heat, rewritten(image))
    if trained.edge is None:
        assert edges is None
    else:
        assert edges is not None and edges.shape == trained.edge.shape
        assert float((edges - trained.edge).abs().max()) < 1e-4
