"""Predictions as files: JSON (DESIGN.md section 3) and CSV as they come, or a data set; whole or not at all."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

from core.ambiguity import angle_deg, anisotropy
from core.errors import UsageError
from core.face import Label
from core.files import write_atomic
from core.model.pipeline import FoundFace, ImageResult
from core.scheme import Scheme

JSON_VERSION = 1

CSV_COLUMNS = (
    *("image", "error", "face", "box_x", "box_y", "box_w", "box_h", "score"),
    *("point", "name", "x", "y", "xx", "xy", "yy", "anisotropy", "angle_deg"),
)

Writer = Callable[[BinaryIO, Iterable[ImageResult], str, Scheme], None]


def check_output(path: Path, *, force: bool) -> None:
    """Refuse an output that cannot be written, before the work is done. UsageError if not."""
    _writer_for(path)
    if path.is_dir():
        raise UsageError("this is a folder", where=path, remedy="Name a .json or .csv file after -o")
    if path.exists() and not force:
        raise UsageError("the file is there already", where=path, remedy="Add --force, or choose another name")
    if not path.absolute().parent.is_dir():
        raise UsageError("its folder is missing", where=path, remedy="Make the folder first")


def write_results(path: Path, results: Iterable[ImageResult], model: str, scheme: Scheme, *, force: bool) -> None:
    """Write results to `path`, in the format its suffix names; nothing is left if that fails half-way.

    Raises:
        UsageError: the suffix is neither .json nor .csv.
        FileError: the file exists (without `force`) or cannot be written.
    """
    write = _writer_for(path)
    write_atomic(path, lambda stream: write(stream, results, model, scheme), overwrite=force)


def write_labels(path: Path, results: Iterable[ImageResult], format: str, scheme: Scheme, *, force: bool) -> None:
    """Write the predicted means as a labelled data set; see `core.formats.export_dataset`."""
    from core.formats import LabelledFace, export_dataset
    from core.images import probe_image

    faces = [
        LabelledFace(
            result.path, Label(scheme.id, face.prediction.mean), face.box, None, (),
            f"{result.path}, face {number}", probe_image(result.path),
        )
        for result in results
        for number, face in enumerate(result.faces, 1)
    ]  # fmt: skip
    export_dataset(faces, scheme, path, format, overwrite=force)


def _writer_for(path: Path) -> Writer:
    writer = {".json": write_json, ".csv": write_csv}.get(path.suffix.lower())
    if writer is None:
        raise UsageError("the output must be a .json or .csv file", where=path, remedy="Name such a file after -o")
    return writer


def write_json(stream: BinaryIO, results: Iterable[ImageResult], model: str, scheme: Scheme) -> None:
    """One JSON object, an image a line."""
    head = json.dumps({"version": JSON_VERSION, "model": model, "scheme": scheme.id}, ensure_ascii=False)
    stream.write(f'{head[:-1]}, "images": ['.encode())
    for number, result in enumerate(results):
        line = json.dumps(image_entry(result), ensure_ascii=False, allow_nan=False)
        stream.write(f"{',' if number else ''}\n{line}".encode(errors="backslashreplace"))
    stream.write(b"\n]}\n")


def image_entry(result: ImageResult) -> dict[str, Any]:
    """The JSON object of one image."""
    return {
        "path": str(result.path),
        "width": result.width,
        "height": result.height,
        "error": result.error,
        "faces": [_face_entry(face) for face in result.faces],
    }


def _face_entry(face: FoundFace) -> dict[str, Any]:
    prediction = face.prediction
    return {
        "box": face.box.to_list(),
        "score": face.score,
        "points": prediction.mean.tolist(),
        "covariances": prediction.covariance.tolist(),
        "anisotropy": anisotropy(prediction.covariance).tolist(),
        "angle_deg": angle_deg(prediction.covariance).tolist(),
    }


def write_csv(stream: BinaryIO, results: Iterable[ImageResult], model: str, scheme: Scheme) -> None:
    """One row a point. An image without a face, or with an error, is one row with the rest empty."""
    text = io.TextIOWrapper(stream, encoding="utf-8", errors="backslashreplace", newline="", write_through=True)
    rows = csv.writer(text)
    rows.writerow(CSV_COLUMNS)
    for result in results:
        image = [str(result.path), result.error or ""]
        if not result.faces:
            rows.writerow(image + [""] * (len(CSV_COLUMNS) - len(image)))
        for number, face in enumerate(result.faces):
            score = "" if face.score is None else face.score
            rows.writerows([*image, number, *face.box.to_list(), score, *row] for row in _point_rows(face, scheme))
    text.flush()
    text.detach()


def _point_rows(face: FoundFace, scheme: Scheme) -> Iterable[list[object]]:
    cov = face.prediction.covariance
    columns = zip(face.prediction.mean.tolist(), cov.tolist(), anisotropy(cov), angle_deg(cov), strict=True)
    for index, ((x, y), ((xx, xy), (_, yy)), ratio, angle) in enumerate(columns):
        yield [index, scheme.points[index], x, y, xx, xy, yy, float(ratio), float(angle)]
