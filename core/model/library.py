"""The models at hand: the bundled ones and the user's, by name, and loading one ready to predict."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from core.errors import CheckpointError, StarmarkError, UsageError
from core.model.checkpoint import is_zip, load_network, read_header, save_model
from core.model.device import Device, choose_device
from core.model.header import ModelHeader
from core.model.inference import InferenceNet
from core.model.network import StarNet
from core.model.places import BUNDLED_DIR, SUFFIX, model_files, named_model, user_models_dir
from core.model.precision import Precision, build_network
from core.scheme import Scheme, get_scheme

_NAME = re.compile(r"[^\w.+-]+")
_MAX_NAME = 80
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(1, 10))}


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One model file in the library.

    Attributes:
        name: what `--model` takes.
        path: the file.
        bundled: whether it came with Starmark.
        header: what it says of itself; None where the file cannot be used.
        problem: why it cannot be used; None where it can.
    """

    name: str
    path: Path
    bundled: bool
    header: ModelHeader | None
    problem: str | None = None


@dataclass(frozen=True, eq=False, slots=True)
class LoadedModel:
    """A model ready to predict.

    Attributes:
        network: on its device, rewritten for prediction: not for training.
        header: what the file says of itself.
        scheme: the landmark scheme of its points.
        hash: SHA-256 (hex) of the file: the key of cached predictions.
        name: for people and `--model`.
        precision: what the network computes in, and why.
    """

    network: InferenceNet
    header: ModelHeader
    scheme: Scheme
    hash: str
    name: str
    precision: Precision


class ModelLibrary:
    """Models by name: the bundled folder, then the user's.

    The user's folder is `models` in STARMARK_HOME where that is set, else in the system's place for user data.
    """

    def __init__(self, user_dir: Path | None = None, bundled_dir: Path = BUNDLED_DIR) -> None:
        self.user_dir = user_models_dir() if user_dir is None else user_dir
        self.bundled_dir = bundled_dir

    def list_models(self) -> list[ModelInfo]:
        """Every model file, bundled first, each group by name; damaged ones with their problem."""
        return [
            self._info(path, bundled)
            for folder, bundled in ((self.bundled_dir, True), (self.user_dir, False))
            for path in model_files(folder)
        ]

    def add_model(self, file: str | Path, name: str | None = None) -> ModelInfo:
        """Check a model file or published checkpoint and keep it as NAME.safetensors in the user's folder.

        Raises:
            CheckpointError: the file is no model that can be used.
            UsageError: the name is taken or impossible.
        """
        name = clean_name(Path(file).stem if name is None else name, exact=name is not None)
        if self._find(name) is not None:
            raise UsageError(f"there is a model named '{name}' already", remedy="Give another name")
        network, header, _ = load_network(file)
        return self._info(self._keep(network, header, name), False)

    def resolve(self, name_or_path: str | Path | None) -> Path:
        """The model file for a name, a path, or None (the bundled one). A checkpoint is converted on first use."""
        if name_or_path is None:
            return self._bundled()
        if isinstance(name_or_path, str):
            found = self._find(name_or_path)
            if found is not None:
                return found
        path = Path(name_or_path)
        if path.exists():
            return self._converted(path) if is_zip(path) else path
        known = ", ".join(path.stem for d in (self.bundled_dir, self.user_dir) for path in model_files(d))
        raise CheckpointError(
            f"there is no model '{name_or_path}'",
            remedy=f"Give the path of a model file, or one of: {known}" if known else "Give the path of a model file",
        )

    def load_model(
        self, name_or_path: str | Path | None = None, device: Device | None = None, precision: str = "auto"
    ) -> LoadedModel:
        """A model by name or path, or the bundled one, ready to predict on `device` (default: the CPU).

        `precision` as for `core.model.precision.build_network`.
        """
        path = self.resolve(name_or_path)
        network, header, digest = load_network(path)
        scheme = scheme_of(header, path)
        built, chosen = build_network(network, choose_device("cpu") if device is None else device, precision)
        return LoadedModel(built, header, scheme, digest, path.stem, chosen)

    def _bundled(self) -> Path:
        files = model_files(self.bundled_dir)
        if not files:
            raise CheckpointError(
                "no model is bundled with this copy of Starmark",
                where=self.bundled_dir,
                remedy="Name a model, or add one with: models add FILE",
            )
        return files[0]

    def _find(self, name: str) -> Path | None:
        return named_model(name, (self.bundled_dir, self.user_dir))

    def _converted(self, path: Path) -> Path:
        """The kept conversion of a pickled checkpoint; the name tells its content, so it is converted once."""
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        name = f"{clean_name(path.stem)[: _MAX_NAME - 13]}-{digest[:12]}"
        kept = self.user_dir / f"{name}{SUFFIX}"
        if kept.is_file():
            return kept
        network, header, _ = load_network(path)
        return self._keep(network, header, name)

    def _keep(self, network: StarNet, header: ModelHeader, name: str) -> Path:
        target = self.user_dir / f"{name}{SUFFIX}"
        try:
            self.user_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CheckpointError(
                f"the folder for models cannot be made ({error.strerror})",
                where=self.user_dir,
                remedy="Set STARMARK_HOME to a folder that you may write to",
            ) from error
        save_model(target, network, header)
        return target

    @staticmethod
    def _info(path: Path, bundled: bool) -> ModelInfo:
        try:
            header = read_header(path)
            scheme_of(header, path)
        except StarmarkError as error:
            return ModelInfo(path.stem, path, bundled, None, str(error))
        return ModelInfo(path.stem, path, bundled, header)


def load_model(
    name_or_path: str | Path | None = None, device: Device | None = None, precision: str = "auto"
) -> LoadedModel:
    """`ModelLibrary().load_model`: a model by name or path, or the bundled one, ready to predict."""
    return ModelLibrary().load_model(name_or_path, device, precision)


def list_models() -> list[ModelInfo]:
    """`ModelLibrary().list_models`."""
    return ModelLibrary().list_models()


def add_model(file: str | Path, name: str | None = None) -> ModelInfo:
    """`ModelLibrary().add_model`."""
    return ModelLibrary().add_model(file, name)


def scheme_of(header: ModelHeader, where: str | Path) -> Scheme:
    """The scheme a model predicts; CheckpointError if it is unknown or has another number of points."""
    try:
        scheme = get_scheme(header.scheme)
    except StarmarkError as error:
        raise CheckpointError(
            f"the model is for the scheme '{header.scheme}', which is not known here", where=where, remedy=error.remedy
        ) from error
    if len(scheme) != header.config.points:
        raise CheckpointError(
            f"the model has {header.config.points} points, its scheme {scheme.id} has {len(scheme)}",
            where=where,
            remedy="Fetch or train the model again",
        )
    return scheme


def clean_name(name: str, *, exact: bool = False) -> str:
    """A model name that is a safe file name everywhere; UsageError if `exact` and `name` is not one already."""
    cleaned = _NAME.sub("-", name).strip("-.")[:_MAX_NAME].rstrip("-.")
    if cleaned.lower().split(".")[0] in _RESERVED:
        cleaned = f"model-{cleaned}"
    if not cleaned:
        cleaned = "model"
    if exact and cleaned != name:
        raise UsageError(
            f"'{name}' cannot be a model's name",
            remedy=f"Use letters, digits, '-', '_', '+' and '.', at most {_MAX_NAME}",
        )
    return cleaned
