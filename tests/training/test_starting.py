"""Fine-tuning: the trunk is kept, heads of another meaning begin anew, and other sizes are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.errors import TrainingError
from core.model.checkpoint import save_model
from core.model.header import ModelHeader
from core.model.library import add_model
from core.model.network import NetConfig, StarNet, preset_config
from core.scheme import get_scheme
from training.starting import start_from

SOURCE = get_scheme("300w-68")
CONFIG = preset_config("lite", SOURCE, width=8, stacks=2, input_size=64)


def model(folder: Path, config: NetConfig = CONFIG) -> tuple[Path, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    network, file = StarNet(config), folder / "old.safetensors"
    save_model(file, network, ModelHeader("300w-68", "lite", config))
    return file, network.state_dict()


def fresh(config: NetConfig) -> StarNet:
    torch.manual_seed(1)
    return StarNet(config)


def changed_from(network: StarNet, source: dict[str, torch.Tensor]) -> set[str]:
    """Modules with a weight that is not the source's."""
    state = network.state_dict()
    return {key.split(".")[0] for key in state if key not in source or not torch.equal(state[key], source[key])}


def test_the_same_scheme_keeps_everything_whatever_the_crop(tmp_path: Path) -> None:
    file, source = model(tmp_path)
    network = fresh(replace(CONFIG, input_size=128))
    said = start_from(network, file, SOURCE)
    assert not changed_from(network, source)
    assert said == ["all weights are those of old", "the model saw crops of 64 px, this run has 128 px"]


def test_another_scheme_keeps_the_trunk(tmp_path: Path) -> None:
    file, source = model(tmp_path)
    scheme = get_scheme("wflw-98")
    network = fresh(preset_config("lite", scheme, width=8, stacks=2, input_size=64))
    before = {key: value.clone() for key, value in network.state_dict().items()}
    (said,) = start_from(network, file, scheme)
    heads = {"out_heatmaps", "out_pointmaps", "out_edgemaps", "merge_heatmaps", "merge_pointmaps", "merge_edgemaps"}
    assert changed_from(network, source) == heads | {"e2h_transform"}
    after = network.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before if key.split(".")[0] in heads)
    assert "the trunk is that of old" in said and all(head in said for head in heads) and "300w-68" in said


def test_other_edge_maps_and_none_begin_anew(tmp_path: Path) -> None:
    fewer = replace(CONFIG, edge_groups=CONFIG.edge_groups[:-1])
    file, source = model(tmp_path, fewer)
    network = fresh(CONFIG)
    (said,) = start_from(network, file, SOURCE)
    assert changed_from(network, source) == {"out_edgemaps", "merge_edgemaps", "e2h_transform"}
    assert "edge maps are others" in said and "out_heatmaps" not in said
    file, source = model(tmp_path, replace(CONFIG, attention=False))
    network = fresh(CONFIG)
    (said,) = start_from(network, file, SOURCE)
    assert {"out_pointmaps", "out_edgemaps"} <= changed_from(network, source) and "no attention maps" in said


@pytest.mark.parametrize(("name", "value"), [("width", 16), ("stacks", 3)])
def test_another_size_is_refused_and_the_setting_named(name: str, value: int, tmp_path: Path) -> None:
    file, _ = model(tmp_path)
    with pytest.raises(TrainingError, match=rf"its {name} is {getattr(CONFIG, name)}, the run's {value}.*Set {name} ="):
        start_from(fresh(replace(CONFIG, **{name: value})), file, SOURCE)


def test_a_model_is_named_as_in_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STARMARK_HOME", str(tmp_path / "home"))
    file, source = model(tmp_path)
    add_model(file, "mine")
    network = fresh(CONFIG)
    start_from(network, "mine", SOURCE)
    assert not changed_from(network, source)
