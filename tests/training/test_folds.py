"""Out-of-fold models: who is in which fold, what a fold's model has seen, and going on after a stop or a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch

from core.errors import TrainingError, UsageError
from core.formats.base import LabelledFace
from core.formats.registry import read_dataset
from core.model.checkpoint import load_network
from core.model.device import choose_device
from core.scheme import get_scheme
from tests.golden import ROOT
from training import folds as folds_module
from training.config import TrainConfig, load_config
from training.events import EpochDone, Event
from training.folds import FoldsDir, divide, train_folds
from training.split import groups_of

SCHEME = get_scheme("300w-68")


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def faces(drawn_faces: Path) -> list[LabelledFace]:
    return read_dataset(str(drawn_faces)).faces


def groups(faces: list[LabelledFace]) -> list[str]:
    return groups_of([face.image for face in faces])


def test_folds_keep_people_together_and_old_ones_where_they_are() -> None:
    people = [f"p{i // 3}" for i in range(120)]
    stems = [f"{person}_{i}" for i, person in enumerate(people)]
    made = divide(stems, people, 4, {})
    assert max(Counter(made.values()).values()) - min(Counter(made.values()).values()) <= 3
    assert all(made[stems[i]] == made[stems[i - i % 3]] for i in range(120))
    assert divide(stems[::-1], people[::-1], 4, {}) == made
    more = divide([*stems, "p3_new", "other_1"], [*people, "p3", "other"], 4, made)
    assert {stem: more[stem] for stem in stems} == made
    assert more["p3_new"] == made[stems[9]]
    with pytest.raises(UsageError, match="as many people"):
        divide(["a", "b"], ["x", "x"], 2, {})


def test_no_model_sees_a_label_of_the_fold_it_predicts(
    faces: list[LabelledFace], tiny_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, set[str]] = {}
    original = folds_module._train

    def watch(others: list[LabelledFace], scheme: object, work: FoldsDir, fold: int, *rest: object) -> None:
        seen[work.model_file(fold).name] = {face.image.stem for face in others}
        original(others, scheme, work, fold, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(folds_module, "_train", watch)
    config, work = load_config(tiny_config), FoldsDir(tmp_path / "folds")
    own = train_folds(faces, groups(faces), SCHEME, work, 3, choose_device("cpu"), config)
    for fold in range(3):
        inside = {face.image.stem for face, number in zip(faces, own, strict=True) if number == fold}
        people = {stem.partition("_")[0] for stem in inside}
        trained = seen[work.model_file(fold).name]
        assert inside and not people & {stem.partition("_")[0] for stem in trained}
        assert len(trained) + len(inside) == len(faces)
        assert load_network(work.model_file(fold))[1].training["train_faces"] == len(trained)


def test_a_stopped_training_goes_on_where_it_was_and_finished_folds_stay(
    faces: list[LabelledFace], tiny_config: Path, tmp_path: Path
) -> None:
    config, device = load_config(tiny_config), choose_device("cpu")
    whole, parts = FoldsDir(tmp_path / "whole"), FoldsDir(tmp_path / "parts")
    train_folds(faces, groups(faces), SCHEME, whole, 2, device, config)
    steps = iter([False] * 9 + [True])  # three steps an epoch, two epochs a fold: in the second fold
    with pytest.raises(TrainingError, match="fold 2; what is done is kept"):
        train_folds(faces, groups(faces), SCHEME, parts, 2, device, config, stopped=lambda: next(steps))
    first = parts.model_file(0).read_bytes()
    heard: list[tuple[int, Event]] = []
    again = train_folds(
        faces, groups(faces), SCHEME, parts, 2, device, config, listener=lambda fold, event: heard.append((fold, event))
    )
    assert {fold for fold, _ in heard} == {1}
    assert [event.epoch for _, event in heard if isinstance(event, EpochDone)] == [1]
    assert parts.model_file(0).read_bytes() == first
    assert not parts.run_folder(1).exists()
    for fold in range(2):
        one, other = (load_network(work.model_file(fold))[0].state_dict() for work in (whole, parts))
        assert all(torch.equal(value, other[key]) for key, value in one.items())
    assert len(again) == len(faces)


def test_another_plan_is_refused_and_a_damaged_one_named(
    faces: list[LabelledFace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folds_module, "_train", lambda *rest: None)
    work, device = FoldsDir(tmp_path / "folds"), choose_device("cpu")

    def begin(count: int = 3, config: TrainConfig = folds_module.RECIPE) -> list[int]:
        return train_folds(faces, groups(faces), SCHEME, work, count, device, config)

    assert begin() == begin()
    begin(config=TrainConfig(**{**vars_of(folds_module.RECIPE), "threads": 3}))  # changes nothing of what is trained
    with pytest.raises(TrainingError, match=r"another number \(3\)"):
        begin(count=4)
    with pytest.raises(TrainingError, match="other settings"):
        begin(config=TrainConfig())
    for damage in ("{", json.dumps({"version": 1, "count": 3}), json.dumps(json.loads("[]"))):
        work.plan_file.write_text(damage)
        with pytest.raises(TrainingError, match="damaged"):
            begin()


def vars_of(config: TrainConfig) -> dict[str, object]:
    return {name: getattr(config, name) for name in config.__slots__}


def test_an_audit_killed_in_a_fold_goes_on(drawn_faces: Path, tiny_config: Path, tmp_path: Path) -> None:
    work, table = tmp_path / "folds", tmp_path / "audit.csv"
    words = [sys.executable, ROOT / "main.py", "audit", "--dataset", drawn_faces, "--folds", "2", "--work", work]
    words += ["--config", tiny_config, "--device", "cpu", "--csv", table]
    environment = os.environ | {"STARMARK_HOME": str(tmp_path / "home")}
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment) as run:
        assert run.stderr is not None
        for line in run.stderr:
            if line.startswith("fold 2 of 2: epoch 1"):
                run.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
                break
    first = (work / "fold-1.safetensors").read_bytes()
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "fold 1 of 2" not in done.stderr and "fold 2 of 2: training on" in done.stderr
    assert "2 models, out of fold" in done.stdout
    assert (work / "fold-1.safetensors").read_bytes() == first
    assert len(table.read_text().splitlines()) == 1 + 68 * 48
