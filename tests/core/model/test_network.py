"""The network against the published one: keys, numbers, sizes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.errors import ConfigError
from core.model.network import NetConfig, StarNet, coordinate_maps, preset_config, soft_argmax
from core.scheme import get_scheme
from tests.golden import SCHEMES, SHARED, fill, golden, golden_keys

PARAMETERS = {"300W": 17_069_572, "WFLW": 17_177_332, "COFW": 16_925_892}


def star(dataset: str) -> StarNet:
    return StarNet(preset_config("star", get_scheme(SCHEMES[dataset])))


@pytest.mark.parametrize("dataset", SCHEMES)
def test_keys_and_shapes_equal_the_published_ones(dataset: str) -> None:
    if dataset != "300W" and not SHARED.exists():
        pytest.skip("only the 300W keys are kept in the repository")
    state = star(dataset).state_dict()
    assert {key: list(value.shape) for key, value in state.items()} == golden_keys(dataset)
    assert len(state) == 1450


@pytest.mark.parametrize("dataset", SCHEMES)
def test_number_of_parameters(dataset: str) -> None:
    assert sum(p.numel() for p in star(dataset).parameters()) == PARAMETERS[dataset]


@pytest.mark.parametrize("dataset", SCHEMES)
def test_forward_matches_the_reference(dataset: str) -> None:
    network = fill().fill_module(star(dataset)).eval()
    with torch.inference_mode():
        outputs = network(torch.from_numpy(fill().net_input()))
    want = golden(f"star_{dataset}_forward")
    landmarks = np.stack([out.landmarks.numpy() for out in outputs])
    assert np.abs(landmarks - want["landmarks"]).max() < 5e-6
    sums = np.stack([out.heat.sum(dim=(2, 3)).numpy() for out in outputs])
    np.testing.assert_allclose(sums, want["fusion_sum"], rtol=1e-5, atol=1e-3)
    if "fusion_slices_last" not in want:
        return
    points, edges = want["point_channels"], want["edge_channels"]
    last, first = outputs[-1], outputs[0]
    for got, key in (
        (last.heat[:, points], "fusion_slices_last"),
        (last.point[:, points], "point_slices_last"),
        (last.edge[:, edges], "edge_slices_last"),
    ):
        assert np.abs(got.numpy() - want[key].reshape(got.shape)).max() < 5e-5, key
    count = want["fusion_slices_first"].shape[1]
    assert np.abs(first.heat[:, points[:count]].numpy() - want["fusion_slices_first"]).max() < 5e-5


def test_attention_can_be_left_out() -> None:
    network = StarNet(preset_config("lite", get_scheme("300w-68"), attention=False)).eval()
    with torch.inference_mode():
        outputs = network(torch.zeros(1, 3, 128, 128))
    assert len(outputs) == 2
    assert outputs[-1].point is None and outputs[-1].edge is None
    assert outputs[-1].heat.shape == (1, 68, 32, 32)
    assert not any("pointmaps" in key or "e2h" in key for key in network.state_dict())


def test_first_coordinate_channel_is_vertical() -> None:
    maps = coordinate_maps(3, 5)[0]
    assert maps[0, :, 0].tolist() == [-1.0, 0.0, 1.0]
    assert maps[1, 0].tolist() == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert maps[2].max() == 1.0


def test_soft_argmax_of_one_cell_and_of_nothing() -> None:
    heat = torch.zeros(1, 2, 64, 64)
    heat[0, 0, 63, 0] = 3.0
    found = soft_argmax(heat)[0]
    assert found[0].tolist() == pytest.approx([-1.0, 1.0])
    assert found[1].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    "changes", [{"width": 30}, {"input_size": 100}, {"stacks": 0}, {"points": 3}, {"levels": True}]
)
def test_impossible_sizes_are_refused(changes: dict[str, int]) -> None:
    values = preset_config("star", get_scheme("300w-68")).to_dict() | changes
    with pytest.raises(ConfigError):
        NetConfig.from_dict(values)


def test_config_survives_a_round_trip() -> None:
    config = preset_config("lite", get_scheme("cofw-29"))
    assert NetConfig.from_dict(config.to_dict()) == config
