"""The training loop on a real, tiny run: it learns, stops, resumes to the same weights, and survives a kill."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from core.errors import StarmarkError, TrainingError
from core.model.checkpoint import load_network
from tests.golden import ROOT
from training.command import read_training_faces, run_training
from training.config import TrainConfig, config_from, load_config
from training.events import Ended, EpochDone, Started, Step, Warned, decode, encode
from training.options import add_train_arguments
from training.run_dir import RunDir
from training.split import Part, part_of
from training.trainer import Trainer


def train(*options: str | Path) -> int:
    parser = argparse.ArgumentParser()
    add_train_arguments(parser)
    return run_training(parser.parse_args([*map(str, options), "--device", "cpu"]))


def events(run: Path) -> list[object]:
    return [decode(line) for line in (run / "events.jsonl").read_text().splitlines()]


def weights(run: Path) -> dict[str, torch.Tensor]:
    return RunDir(run).load_state()["net"]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_a_run_learns_and_leaves_a_model(drawn_faces: Path, tiny_config: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert train("--dataset", drawn_faces, "--config", tiny_config, "-o", run, "--epochs", "8") == 0
    said = events(run)
    assert isinstance(said[0], Started) and said[0].train_faces + said[0].val_faces > 30
    steps = [event for event in said if isinstance(event, Step)]
    assert steps[-1].loss < 0.5 * steps[0].loss
    assert said[-1] == Ended("finished", "Finished after 8 epochs")
    network, header, _ = load_network(run / "best.safetensors")
    assert (header.scheme, header.preset, network.config.input_size) == ("300w-68", "lite", 64)
    assert header.training["dataset"] == drawn_faces.name
    epochs = [event for event in said if isinstance(event, EpochDone)]
    assert header.metrics["val_nme"] == min(event.nme_ema for event in epochs)
    assert load_config(run / "config.toml").epochs == 8


def test_a_stopped_and_resumed_run_ends_with_the_same_weights(
    drawn_faces: Path, tiny_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train("--dataset", drawn_faces, "--config", tiny_config, "-o", whole)
    original = Trainer._train_step
    count = 0

    def stopping(self: Trainer, *args: object) -> None:
        nonlocal count
        original(self, *args)
        count += 1
        if count in (2, 7):
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Trainer, "_train_step", stopping)
    train("--dataset", drawn_faces, "--config", tiny_config, "-o", parts)
    assert events(parts)[-1].outcome == "stopped"
    train("--dataset", drawn_faces, "-o", parts, "--resume")
    assert events(parts)[-1].outcome == "stopped"
    train("--dataset", drawn_faces, "-o", parts, "--resume")
    assert events(parts)[-1].outcome == "finished"
    first, second = weights(whole), weights(parts)
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_killed_run_resumes_from_its_last_state(drawn_faces: Path, tiny_config: Path, tmp_path: Path) -> None:
    run, whole = tmp_path / "run", tmp_path / "whole"
    command = "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    command += "from tests.training.test_trainer import train; train(*sys.argv[1:])"
    arguments = ["--dataset", drawn_faces, "--config", tiny_config, "-o", run, "--json"]
    process = subprocess.Popen(
        [sys.executable, "-c", command, str(ROOT), *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            event = decode(line)
            if isinstance(event, Step) and (event.epoch, event.step) == (1, 1):
                process.kill()
                break
    process.wait()
    train("--dataset", drawn_faces, "-o", run, "--resume")
    train("--dataset", drawn_faces, "--config", tiny_config, "-o", whole)
    first, second = weights(whole), weights(run)
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_folder_with_a_run_is_not_overwritten(drawn_faces: Path, tiny_config: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train("--dataset", drawn_faces, "--config", tiny_config, "-o", run, "--epochs", "1")
    before = (run / "last.pt").read_bytes()
    with pytest.raises(TrainingError, match="--resume"):
        train("--dataset", drawn_faces, "--config", tiny_config, "-o", run)
    assert (run / "last.pt").read_bytes() == before


def test_an_unreadable_face_is_named_and_left_out(drawn_faces: Path, tiny_config: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for file in sorted(drawn_faces.iterdir())[:24]:
        (data / file.name).write_bytes(file.read_bytes())
    # Too few people for a split by identity: each picture is a group of its own.
    broken = next(file for file in sorted(data.glob("*.png")) if part_of(file.stem) is Part.TRAIN)
    broken.write_bytes(broken.read_bytes()[:3000])
    run = tmp_path / "run"
    train("--dataset", data, "--config", tiny_config, "-o", run, "--epochs", "1")
    said = events(run)
    assert any(isinstance(event, Warned) and broken.name in event.message for event in said)
    assert said[-1].outcome == "finished"


def test_a_diverging_run_says_so(drawn_faces: Path, tiny_config: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    network_spoiler = torch.nn.Module.train

    def spoil(self: torch.nn.Module, mode: bool = True) -> torch.nn.Module:
        for parameter in self.parameters():
            with torch.no_grad():
                parameter.fill_(float("nan"))
        return network_spoiler(self, mode)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.model.network.StarNet.train", spoil, raising=False)
        with pytest.raises(TrainingError, match="diverged"):
            train("--dataset", drawn_faces, "--config", tiny_config, "-o", run, "--epochs", "4")
    assert events(run)[-1].outcome == "failed"


def test_weights_can_be_taken_over_and_a_misfit_is_refused(
    drawn_faces: Path, tiny_config: Path, tmp_path: Path
) -> None:
    run, again = tmp_path / "run", tmp_path / "again"
    train("--dataset", drawn_faces, "--config", tiny_config, "-o", run, "--epochs", "2")
    model = run / "best.safetensors"
    train("--dataset", drawn_faces, "--config", tiny_config, "-o", again, "--init", model, "--epochs", "1")
    first = next(event for event in events(run) if isinstance(event, Step))
    taken = next(event for event in events(again) if isinstance(event, Step))
    assert taken.loss < first.loss
    wide = tmp_path / "wide.toml"
    wide.write_text(tiny_config.read_text().replace("width = 16", "width = 32"))
    with pytest.raises(TrainingError, match="another size"):
        train("--dataset", drawn_faces, "--config", wide, "-o", tmp_path / "third", "--init", model)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"epoch": 3}, "unknown key 'epoch'"),
        ({"epochs": "3"}, "'epochs' must be a whole number"),
        ({"epochs": True}, "'epochs'"),
        ({"learning_rate": float("nan")}, "'learning_rate'"),
        ({"loss": "mse"}, "'loss' must be one of"),
        ({"milestones": [0.9, 0.2]}, "'milestones'"),
        ({"batch_size": 0}, "'batch_size' must be from 1"),
    ],
)
def test_wrong_settings_are_named(data: dict[str, object], message: str) -> None:
    with pytest.raises(StarmarkError, match=message) as caught:
        config_from(data, "c.toml")
    assert "c.toml" in str(caught.value)


def test_settings_survive_a_round_trip(tmp_path: Path) -> None:
    config = TrainConfig(epochs=7, milestones=(0.25, 0.5), loss="star_v1", augment=False)
    file = tmp_path / "c.toml"
    file.write_text(config.to_toml())
    assert load_config(file) == config


def test_events_survive_a_round_trip_and_a_cut_line_is_ignored() -> None:
    step = Step(1, 2, 3, 4.5, 0.5, 1e-3, 2.0, 0.1, 0.01)
    assert decode(encode(step)) == step
    assert decode(encode(step)[:-5]) is None
    assert decode('{"event": "Unknown"}') is None
    assert decode(encode(Step(1, 2, 3, float("nan"), 0.5, 1e-3, 2.0, 0.1, 0.01))).loss is None


def test_extra_faces_are_trained_on_and_choose_nothing(drawn_faces: Path, tiny_config: Path, tmp_path: Path) -> None:
    config = load_config(tiny_config)
    alone = read_training_faces(str(drawn_faces), "300w", None, config)
    both = read_training_faces(str(drawn_faces), "300w", None, config, [str(drawn_faces)])
    everyone = len(list(drawn_faces.glob("*.pts")))
    assert len(both.train) == len(alone.train) + everyone > len(alone.train)
    assert [face.image for face in both.val] == [face.image for face in alone.val]
    assert both.source["extra"] == [{"dataset": drawn_faces.name, "format": "300w", "train_faces": everyone}]


def test_extra_faces_of_another_scheme_are_refused(drawn_faces: Path, tiny_config: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    first = next(drawn_faces.glob("*.pts"))
    lines = first.read_text().splitlines()
    few = ["version: 1", "n_points: 51", "{", *lines[3 + 17 : 3 + 68], "}"]
    (other / first.name).write_text("\n".join(few) + "\n")
    picture = next(drawn_faces.glob(first.stem + ".[jp][pn]g"))
    (other / picture.name).write_bytes(picture.read_bytes())
    with pytest.raises(TrainingError, match="300w-51"):
        read_training_faces(str(drawn_faces), "300w", None, load_config(tiny_config), [str(other)])
