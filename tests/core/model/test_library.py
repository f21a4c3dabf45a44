"""Models by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from core.errors import CheckpointError, UsageError
from core.model.checkpoint import save_model
from core.model.device import choose_device
from core.model.header import ModelHeader
from core.model.library import ModelLibrary, clean_name, load_model, user_models_dir
from core.model.network import StarNet, preset_config
from core.model.places import model_files, model_hash
from core.scheme import get_scheme

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def network() -> StarNet:
    torch.manual_seed(1)
    config = preset_config("lite", get_scheme("300w-68"), width=16, levels=2, input_size=64)
    return StarNet(config).eval()


def write(path: Path, network: StarNet, scheme: str = "300w-68") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_model(path, network, ModelHeader(scheme, "custom", network.config))
    return path


@pytest.fixture
def library(tmp_path: Path, network: StarNet) -> ModelLibrary:
    write(tmp_path / "bundled" / "lite.safetensors", network)
    return ModelLibrary(tmp_path / "user", tmp_path / "bundled")


def test_without_a_name_the_bundled_model_is_loaded(library: ModelLibrary) -> None:
    model = library.load_model()
    assert (model.name, model.scheme.id, len(model.hash)) == ("lite", "300w-68", 64)
    assert not model.network.training
    assert not any(p.requires_grad for p in model.network.parameters())
    assert library.load_model("lite").hash == model.hash
    assert library.load_model(None, choose_device("cpu")).hash == model.hash


def test_without_any_model_the_remedy_is_named(tmp_path: Path) -> None:
    library = ModelLibrary(tmp_path / "user", tmp_path / "none")
    assert library.list_models() == []
    with pytest.raises(CheckpointError, match="no model is bundled") as caught:
        library.load_model()
    assert "models add" in str(caught.value.remedy)


def test_models_are_added_listed_and_loaded_by_name(library: ModelLibrary, network: StarNet, tmp_path: Path) -> None:
    added = library.add_model(write(tmp_path / "in" / "Mine (2).safetensors", network))
    assert added.name == "Mine-2"
    assert added.header is not None
    assert added.header.scheme == "300w-68"
    named = library.add_model(tmp_path / "in" / "Mine (2).safetensors", "Größe")
    assert [(m.name, m.bundled, m.problem) for m in library.list_models()] == [
        ("lite", True, None),
        ("Größe", False, None),
        ("Mine-2", False, None),
    ]
    assert library.load_model("Größe").name == named.name
    for taken in ("lite", "Mine-2"):
        with pytest.raises(UsageError, match="already"):
            library.add_model(tmp_path / "in" / "Mine (2).safetensors", taken)


def test_a_file_that_is_no_model_is_not_added(library: ModelLibrary, tmp_path: Path) -> None:
    bad = tmp_path / "bad.pkl"
    bad.write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match=r"bad\.pkl"):
        library.add_model(bad)
    assert not library.user_dir.exists()


def test_a_damaged_model_is_listed_with_its_problem(library: ModelLibrary) -> None:
    library.user_dir.mkdir()
    (library.user_dir / "broken.safetensors").write_bytes(b"xx")
    (library.user_dir / ".hidden.safetensors").write_bytes(b"xx")
    (library.user_dir / "notes.txt").write_text("not a model")
    models = library.list_models()
    assert [m.name for m in models] == ["lite", "broken"]
    assert models[1].header is None
    assert "broken.safetensors" in str(models[1].problem)
    with pytest.raises(CheckpointError, match="broken"):
        library.load_model("broken")


def test_unknown_names_list_the_known_ones(library: ModelLibrary) -> None:
    with pytest.raises(CheckpointError, match="there is no model 'other'") as caught:
        library.load_model("other")
    assert "lite" in str(caught.value.remedy)


def test_a_published_checkpoint_is_converted_once(library: ModelLibrary, tmp_path: Path) -> None:
    torch.manual_seed(2)
    config = preset_config("star", get_scheme("wflw-98"), stacks=1, width=8, levels=1)
    path = tmp_path / "best model.pkl"
    torch.save({"net": StarNet(config).state_dict()}, path)
    first = library.load_model(str(path))
    assert first.scheme.id == "wflw-98"
    kept = list(library.user_dir.iterdir())
    assert [p.suffix for p in kept] == [".safetensors"]
    assert first.name.startswith("best-model-")
    stamp = kept[0].stat().st_mtime_ns
    assert library.load_model(path).hash == first.hash
    assert kept[0].stat().st_mtime_ns == stamp
    # Other content under the same name is another model.
    torch.save({"net": StarNet(config).state_dict()}, path)
    assert library.load_model(path).hash != first.hash
    assert len(list(library.user_dir.iterdir())) == 2


def test_models_of_unknown_schemes_are_refused(library: ModelLibrary, network: StarNet, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="'mine-68', which is not known"):
        library.load_model(write(tmp_path / "a.safetensors", network, "mine-68"))
    with pytest.raises(CheckpointError, match="68 points, its scheme wflw-98 has 98"):
        library.load_model(write(tmp_path / "b.safetensors", network, "wflw-98"))


def test_the_users_folder_follows_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: StarNet
) -> None:
    monkeypatch.setenv("STARMARK_HOME", str(tmp_path / "home"))
    assert user_models_dir() == tmp_path / "home" / "models"
    write(user_models_dir() / "own.safetensors", network)
    assert load_model("own").name == "own"
    monkeypatch.delenv("STARMARK_HOME")
    assert user_models_dir().parts[-2:] == ("starmark", "models")


def test_the_hash_of_a_model_is_known_before_it_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: StarNet
) -> None:
    monkeypatch.setenv("STARMARK_HOME", str(tmp_path / "home"))
    path = write(user_models_dir() / "own.safetensors", network)
    assert model_hash("own") == model_hash(str(path)) == load_model("own").hash
    if model_files(ModelLibrary().bundled_dir):
        assert model_hash(None) == load_model().hash
    checkpoint = tmp_path / "published.pkl"
    torch.save({"net": network.state_dict()}, checkpoint)
    for unknown in ("nobody", str(tmp_path), str(checkpoint)):
        assert model_hash(unknown) is None


def test_shapes_are_checked_without_torch_s_compiler(tmp_path: Path, network: StarNet) -> None:
    path = write(tmp_path / "m.safetensors", network)
    code = f"import sys; from core.model.library import load_model; load_model({str(path)!r})"
    code += "; print(sorted({'sympy', 'torch._dynamo'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "[]\n", done.stderr


def test_a_folder_that_cannot_be_made_is_named(network: StarNet, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    library = ModelLibrary(tmp_path / "file" / "models", tmp_path / "none")
    with pytest.raises(CheckpointError, match="cannot be made"):
        library.add_model(write(tmp_path / "m.safetensors", network))


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("a b/c", "a-b-c"),
        ("../../etc", "etc"),
        ("..", "model"),
        ("", "model"),
        ("CON", "model-CON"),
        ("com1.x", "model-com1.x"),
        ("x" * 200, "x" * 80),
        ("modèle.v2+", "modèle.v2+"),
    ],
)
def test_names_become_safe_file_names(raw: str, clean: str) -> None:
    assert clean_name(raw) == clean
    if raw != clean:
        with pytest.raises(UsageError, match="cannot be a model's name"):
            clean_name(raw, exact=True)
