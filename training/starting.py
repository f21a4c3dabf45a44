"""Starting from a model that is there: its trunk is kept, and its heads where they mean the same."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from core.errors import TrainingError
from core.model.checkpoint import read_model
from core.model.header import ModelHeader
from core.model.library import ModelLibrary
from core.model.network import StarNet
from core.scheme import Scheme

POINT_HEADS = ("out_heatmaps", "out_pointmaps", "merge_heatmaps", "merge_pointmaps")
EDGE_HEADS = ("out_edgemaps", "merge_edgemaps")
_FIXED = "e2h_transform"
_SIZES = ("width", "stacks", "levels")


def start_from(network: StarNet, model: str | Path, scheme: Scheme) -> list[str]:
    """Take weights from a model, by the name in the library or the file of one, into a fresh `network`.

    Heads are left as they are initialised where the model is for another scheme, or has other edge maps or none.

    Returns:
        Sentences on what was taken and what was not.

    Raises:
        CheckpointError: there is no such model, or it is damaged.
        TrainingError: its trunk is of another size.
    """
    path = ModelLibrary().resolve(model)
    state, header, _ = read_model(path)
    _check_sizes(network, header, path)
    new = _new_heads(network, header, scheme)
    own = network.state_dict()
    taken: dict[str, Tensor] = {}
    for key, value in own.items():
        head = key.split(".")[0]
        if head == _FIXED or head in new:
            continue
        # Spare skips, which are never used, are all that a trunk of the same size may lack.
        if key in state and state[key].shape == value.shape:
            taken[key] = state[key]
    network.load_state_dict(own | taken)
    return _sentences(network, header, scheme, path, new)


def _check_sizes(network: StarNet, header: ModelHeader, path: Path) -> None:
    for name in _SIZES:
        theirs, ours = getattr(header.config, name), getattr(network.config, name)
        if theirs != ours:
            remedy = "Choose another model"
            if name != "levels":
                preset = f", or preset = '{header.preset}'" if header.preset in ("star", "lite") else ""
                remedy = f"Set {name} = {theirs} in the training settings{preset}, or choose another model"
            raise TrainingError(
                f"the model has another size than the run: its {name} is {theirs}, the run's {ours}",
                where=path,
                remedy=remedy,
            )


def _new_heads(network: StarNet, header: ModelHeader, scheme: Scheme) -> dict[str, str]:
    """The heads that cannot be taken over, each with the reason."""
    new: dict[str, str] = {}
    if header.scheme != scheme.id or header.config.points != network.config.points:
        new |= dict.fromkeys(POINT_HEADS, f"the model's points are those of {header.scheme}")
    if header.config.edge_groups != network.config.edge_groups:
        new |= dict.fromkeys(EDGE_HEADS, "the model's edge maps are others")
    if not header.config.attention:
        attention = ("out_pointmaps", "merge_pointmaps", *EDGE_HEADS)
        new |= {head: "the model has no attention maps" for head in attention if head not in new}
    present = {key.split(".")[0] for key in network.state_dict()}
    return {head: reason for head, reason in new.items() if head in present}


def _sentences(network: StarNet, header: ModelHeader, scheme: Scheme, path: Path, new: dict[str, str]) -> list[str]:
    if not new:
        sentences = [f"all weights are those of {path.stem}"]
    else:
        reasons = "; ".join(
            f"{', '.join(head for head, why in new.items() if why == reason)}, since {reason}"
            for reason in dict.fromkeys(new.values())
        )
        sentences = [f"the trunk is that of {path.stem}; new for {scheme.id} are the heads {reasons}"]
    theirs, ours = header.config.input_size, network.config.input_size
    if theirs != ours:
        sentences.append(f"the model saw crops of {theirs} px, this run has {ours} px")
    return sentences
