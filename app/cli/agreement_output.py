"""What `agreement` found, as a table in the terminal and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from core.agreement import AgainstModel, Agreement
from core.ambiguity import anisotropy, eigen
from core.exchange.repeats import Repeats
from core.face import FloatArray
from core.files import write_atomic
from core.version import VERSION

JSON_VERSION = 1
_NAMES = 24


def table(found: Agreement, beside: AgainstModel | None) -> str:
    """What a person sees: pairs of annotators, regions, annotators."""
    scheme = found.labels.scheme
    lines = [
        f"{found.faces} faces of {found.people} people ({scheme.id}) have labels of two annotators or more",
        "",
        f"{'annotators':<{2 * _NAMES}}{'faces':>7}{'apart':>10}{'interval':>16}{'median':>10}",
    ]
    for row in found.pairs:
        names = f"{_short(row.first)} - {_short(row.second)}"
        spread = f"{row.interval.low:.2f} to {row.interval.high:.2f}"
        cells = f"{row.faces:>7}{_percent(row.distance, 10)}{spread:>16}{_percent(row.median, 10)}"
        lines.append(f"{names:<{2 * _NAMES}}{cells}")
    head = f"{'region':<14}{'apart':>9}{'sigma along':>13}{'across':>9}{'alpha':>8}"
    lines += ["", head + (f"{'area / model':>14}{'angle':>8}" if beside is not None else "")]
    sigma = _sigmas(found.law.total)
    for region in scheme.regions:
        inside = list(region.indices)
        means = (_mean(found.distance[inside]), _mean(sigma[inside, 0]), _mean(sigma[inside, 1]))
        cells = "".join(_percent(value, width) for value, width in zip(means, (9, 13, 9), strict=True))
        line = f"{region.name:<14}{cells}{_number(_mean(found.alpha[inside]), 8)}"
        if beside is not None:
            line += f"{_number(_mean(beside.area[inside]), 14)}{_number(_mean(beside.angle[inside]), 8, 0)}"
        lines.append(line)
    low, high = found.alpha_all_interval
    lines += [
        f"{'all':<14}{_percent(_mean(found.distance), 9)}{_percent(_mean(sigma[:, 0]), 13)}"
        f"{_percent(_mean(sigma[:, 1]), 9)}{_number(found.alpha_all, 8)} ({low:.2f} to {high:.2f})",
        "",
        f"{'annotator':<{_NAMES}}{'sigma':>9}{'habit along':>13}{'across':>9}{'real':>7}{'gross':>9}",
    ]
    lines += [_annotator(found, place) for place in range(len(found.labels.names))]
    disputed = int(found.agreed.disputed.sum())
    return "\n".join(
        [
            *lines,
            f"points on which no two labels agree: {disputed}",
            "apart, sigma and habits in % of the distance that NMEs are divided by; sigma of one label, gross errors "
            "left out; habits: root mean square over landmarks; real: landmarks whose habit's interval leaves out 0",
        ]
    )


def _annotator(found: Agreement, place: int) -> str:
    sigma = np.sqrt(np.trace(found.law.covariance[place], axis1=-2, axis2=-1) / 2)
    bias, interval = found.bias[place], found.bias_interval[place]
    along, across = (math.sqrt(_mean(bias[:, axis] ** 2)) for axis in (0, 1))
    real = int(((interval[..., 0] > 0) | (interval[..., 1] < 0)).any(axis=1).sum())
    return (
        f"{_short(found.labels.names[place]):<{_NAMES}}{_percent(_mean(sigma), 9)}{_percent(along, 13)}"
        f"{_percent(across, 9)}{real:>7}{_percent(100 * float(found.gross[place]), 9)}"
    )


def write_json(
    path: Path, found: Agreement, repeats: Repeats, beside: AgainstModel | None, *, force: bool
) -> None:
    """Write all figures; FileError if the file is there (without `force`)."""
    labels = found.labels
    low, high = found.alpha_all_interval
    head = {
        "version": JSON_VERSION,
        "starmark": VERSION,
        "scheme": labels.scheme.id,
        "faces": found.faces,
        "people": found.people,
        "alpha": {"value": _rounded(found.alpha_all), "interval": _list([low, high])},
    }
    rows = {
        "annotators": [_annotator_entry(found, place) for place in range(len(labels.names))],
        "pairs": [
            {
                "first": row.first, "second": row.second, "faces": row.faces, "people": row.people,
                "distance": _rounded(row.distance), "interval": _list(row.interval), "median": _rounded(row.median),
            }
            for row in found.pairs
        ],
        "landmarks": [_landmark(found, beside, index) for index in range(len(labels.scheme))],
        "by_face": [
            {
                "image": str(repeats.images[f]), "face": int(repeats.sources[f].rpartition(" ")[2]),
                "disagreement": _rounded(float(found.disagreement[f])),
                "disputed": np.flatnonzero(found.agreed.disputed[f]).tolist(),
            }
            for f in np.argsort(-np.nan_to_num(found.disagreement), kind="stable").tolist()
        ],
    }  # fmt: skip
    parts = [_text(head)[1:-1]]  # a row a line, so that the file can be looked at
    parts += [f'"{name}": [\n' + ",\n".join(map(_text, entries)) + "\n]" for name, entries in rows.items()]
    text = "{" + ",\n".join(parts) + "}\n"
    write_atomic(path, text.encode(errors="backslashreplace"), overwrite=force)


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _annotator_entry(found: Agreement, place: int) -> dict[str, Any]:
    labels = found.labels
    return {
        "name": labels.names[place],
        "faces": int(labels.labelled[:, place].sum()),
        "gross": _rounded(float(found.gross[place])),
        "bias": _nested(found.bias[place]),
        "bias_interval": _nested(found.bias_interval[place]),
        "covariance": _nested(found.law.covariance[place]),
    }


def _landmark(found: Agreement, beside: AgainstModel | None, index: int) -> dict[str, Any]:
    scheme, law = found.labels.scheme, found.law
    region = scheme.region_of(index)
    entry: dict[str, Any] = {
        "index": index,
        "name": scheme.points[index],
        "region": "" if region is None else region.name,
        "distance": _rounded(float(found.distance[index])),
        "distance_interval": _list(found.distance_interval[index]),
        "covariance": _nested(law.total[index]),
        "covariance_without_habits": _nested(law.within[index]),
        "covariance_plain": _nested(found.covariance[index]),
        "covariance_plain_without_habits": _nested(found.within[index]),
        "anisotropy": _rounded(float(anisotropy(law.total[index]))),
        "angle_to_contour_deg": _rounded(float(np.degrees(eigen(law.total[index]).angle))),
        "alpha": _rounded(float(found.alpha[index])),
        "alpha_interval": _list(found.alpha_interval[index]),
    }
    if beside is not None:
        entry |= {
            "model_covariance": _nested(beside.model[index]),
            "area_over_model": _rounded(float(beside.area[index])),
            "angle_to_model_deg": _rounded(float(beside.angle[index])),
            "divergence_from_model": _rounded(float(beside.divergence[index])),
        }
    return entry


def _nested(values: FloatArray) -> Any:
    """Nested lists of an array, five digits each, None where not known."""
    return _rounded(float(values)) if values.ndim == 0 else [_nested(row) for row in values]


def _sigmas(covariance: FloatArray) -> FloatArray:
    """(N, 2) along and across the contour."""
    result: FloatArray = np.sqrt(np.stack([covariance[:, 0, 0], covariance[:, 1, 1]], -1))
    return result


def _mean(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan


def _list(values: Iterable[float]) -> list[float | None]:
    return [_rounded(float(value)) for value in values]


def _rounded(value: float) -> float | None:
    return float(f"{value:.5g}") if math.isfinite(value) else None


def _percent(value: float, width: int) -> str:
    return f"{'-':>{width}}" if math.isnan(value) else f"{value:>{width - 2}.2f} %"


def _number(value: float, width: int, digits: int = 2) -> str:
    return f"{'-':>{width}}" if math.isnan(value) else f"{value:>{width}.{digits}f}"


def _short(name: str) -> str:
    return name if len(name) < _NAMES - 3 else name[: _NAMES - 5] + "…"
