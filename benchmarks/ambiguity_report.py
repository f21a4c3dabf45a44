"""Tables and plots of benchmarks/ambiguity.py: docs/benchmark/*.svg and *.json, and marked parts of benchmark.md."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import ambiguity_plots as plots
from benchmarks.ambiguity_data import ANNOTATORS, SCHEME_ID
from benchmarks.ambiguity_jobs import TITLES
from benchmarks.ambiguity_measures import sizes
from benchmarks.ambiguity_results import (
    Figure,
    Results,
    Spread,
    covariance_row,
    face_nmes,
    figure,
    landmark_sigmas,
    load,
    own_ellipses,
    residual_ellipses,
    ways,
)
from core.ambiguity import anisotropy, ellipse_points
from core.errors import UsageError
from core.face import FloatArray
from core.files import write_atomic
from core.scheme import get_scheme
from training.synthetic.annotator_spec import face_unit

PAGE = "benchmark.md"


def write_report(out: Path, docs: Path) -> None:
    """Read the results in `out`, and write the page's figures. UsageError if the page lacks a mark."""
    results = load(out)
    folder = docs / "benchmark"
    folder.mkdir(parents=True, exist_ok=True)
    noisy = [noise for noise in results.noises if noise > 0]
    rows = {noise: {name: covariance_row(results, m, noise, way) for name, m, way in ways(results)} for noise in noisy}
    truth = truth_figures(results)
    kept = {
        "settings": results.settings,
        "minutes": round(sum(note["seconds"] for note in (*results.notes.values(), results.start) if note) / 60, 1),
        "covariance": {f"{noise:g}": {n: _plain(row) for n, row in rows[noise].items()} for noise in noisy},
        "truth_nme": truth,
    }
    write_atomic(folder / "ambiguity.json", json.dumps(kept, indent=1) + "\n")
    for name, drawn in drawings(results, rows, truth).items():
        write_atomic(folder / f"{name}.svg", drawn)
    fill(docs / PAGE, {"budget": budget_text(results, kept), **tables(results, rows, truth)})


def truth_figures(results: Results) -> dict[str, dict[str, Any]]:
    """By noise and method: NME against the truth, range over seeds, and the paired difference to STAR; fractions."""
    found: dict[str, dict[str, Any]] = {}
    for noise in results.noises:
        found[f"{noise:g}"] = {}
        star = face_nmes(results, "star", noise).mean(axis=0) if results.jobs("star", noise) else None
        for method in results.methods:
            if not results.jobs(method, noise):
                continue
            nmes = face_nmes(results, method, noise)
            entry = {"nme": asdict(figure(nmes.mean(axis=0), results.people))}
            entry["seeds"] = np.nanmean(nmes, axis=1).tolist()
            if star is not None and method != "star":
                entry["less_star"] = asdict(figure(nmes.mean(axis=0) - star, results.people))
            found[f"{noise:g}"][method] = entry
    return found


def tables(results: Results, rows: dict[float, dict[str, Any]], truth: dict[str, Any]) -> dict[str, str]:
    """The page's tables in Markdown, by the name of their mark."""
    heads = ["", "angle error, degrees", "ln sigma along", "ln sigma across", "anisotropy", "rank correlation", "power"]
    parts = []
    for noise, ways_of in rows.items():
        known = float(np.nanmedian(anisotropy(results.known[noise])))
        parts.append(f"Noise {noise:g} (median anisotropy of the known noise: {known:.2f})\n")
        body = [
            [
                name,
                *(_cell(row[key], digits) for key, digits in (("angle", 1), ("log_along", 2), ("log_across", 2))),
                _cell(row["anisotropy"], 2),
                _cell(row["rank"], 2),
                f"{row['power']:.2f}",
            ]
            for name, row in ways_of.items()
        ]
        parts.append(_table(heads, body) + "\n")
    levels = [f"noise {noise:g}" for noise in results.noises]
    body, apart, seeds = [], [], []
    for method in results.methods:
        at = [truth[f"{noise:g}"].get(method) for noise in results.noises]
        body.append([TITLES[method], *(_percent(entry and entry["nme"]) for entry in at)])
        seeds.append([TITLES[method], *(_range(entry and entry["seeds"]) for entry in at)])
        if method != "star":
            apart.append([f"{TITLES[method]} less STAR", *(_percent(entry and entry.get("less_star")) for entry in at)])
    sections = [_table(["NME, %", *levels], body), _table(["difference, %", *levels], apart)]
    sections.append(_table(["lowest and highest seed, %", *levels], seeds))
    return {"covariance": "\n".join(parts).rstrip(), "truth": "\n\n".join(sections)}


def budget_text(results: Results, kept: dict[str, Any]) -> str:
    """What was trained on what, in a sentence or two."""
    budget, note = results.settings["budget"], next(iter(results.notes.values()))
    train, choose, test = note["counts"]
    people = len(set(results.people))
    return (
        f"{len(results.runs)} trainings, each of {budget['epochs']} epochs over {train} faces ({choose} faces of other "
        f"people chose the epoch), batches of {budget['batch_size']}; `lite` with {budget['stacks']} stack, "
        f"{budget['width']} channels, {budget['input_size']} px and {note['parameters'] / 1e6:.2f} million parameters; "
        f"{ANNOTATORS} annotators; measured on {test} faces of {people} people. "
        f"All start from one network that learnt for {budget['start_epochs']} epochs with the squared error. "
        f"{kept['minutes']:.0f} minutes in processes of one thread."
    )


def drawings(results: Results, rows: dict[float, dict[str, Any]], truth: dict[str, Any]) -> dict[str, str]:
    """The plots by the name of their file."""
    drawn = {}
    for noise, ways_of in rows.items():
        angles = [_row(name, row["angle"], name) for name, row in ways_of.items()]
        title = f"Angle between predicted and known major axis, noise {noise:g}"
        drawn[f"angle-{noise:g}"] = plots.intervals(title, angles, "degrees; dashed: chance", range(0, 61, 10), 45)
    if rows:
        noise = min(rows, key=lambda level: abs(level - 1))
        drawn["sigma"] = sigma_plot(results, noise)
        drawn["ellipses"] = ellipse_plot(results, noise)
    whole = [m for m in results.methods if all(m in truth[f"{noise:g}"] for noise in results.noises)]
    if len(results.noises) > 1 and whole:
        series = {
            TITLES[m]: [_nme_row(m, truth[f"{noise:g}"][m]["nme"]) for noise in results.noises] for m in whole
        }
        names = ("noise of the labels, times that of real ones", "NME against the truth, %")
        drawn["truth"] = plots.rising("Trained on noisy labels, measured on the truth", series, results.noises, *names)
    return drawn


def sigma_plot(results: Results, noise: float) -> str:
    """Known against predicted standard deviation of each landmark."""
    groups = {}
    for method in results.methods:
        groups[TITLES[method]] = (*landmark_sigmas(results, method, noise, own_ellipses), plots.COLOURS[method])
    if "star" in results.methods:
        told = landmark_sigmas(results, "star", noise, _residuals_along)
        groups["residuals (STAR)"] = (*told, plots.OTHER_COLOUR)
    title = f"Standard deviation along the known axis, each landmark, noise {noise:g}"
    return plots.scatter(title, groups, "known, % of the crop's side", "predicted, % of the crop's side")


def _residuals_along(run: dict[str, FloatArray]) -> FloatArray:
    return residual_ellipses(run, contour=True)


def ellipse_plot(results: Results, noise: float) -> str:
    """Known and predicted ellipses on the mean face, two standard deviations; the predicted ones brought to one size.

    Their size, which the table has, is nothing to look at: they would cover each other.
    """
    scheme = get_scheme(SCHEME_ID)
    unit = np.array([face_unit(points, scheme) for points in results.truth])
    upright = results.truth - results.truth.mean(axis=1, keepdims=True)
    mean = (upright / unit[:, None, None]).mean(axis=0)
    low, extent = mean.min(axis=0) - 0.15, float(np.ptp(mean, axis=0).max()) + 0.3
    ways_shown: dict[str, tuple[str, Spread, str]] = {}
    if "star" in results.methods:
        ways_shown["known (grey), STAR's heatmaps"] = ("star", own_ellipses, plots.COLOURS["star"])
        ways_shown["known (grey), residuals"] = ("star", _residuals_along, plots.COLOURS["smoothl1"])
    panels = {}
    for title, (method, spread, colour) in ways_shown.items():
        predicted = np.mean([spread(results.runs[job]) for job in results.jobs(method, noise)], axis=0)
        factor = float(np.nanmedian(sizes(predicted) / sizes(results.known[noise])))
        predicted = predicted / factor**2
        shapes = []
        for covariance, paint in ((results.known[noise], "#999"), (predicted, colour)):
            average = np.median(covariance / unit[:, None, None, None] ** 2, axis=0)
            outlines = (ellipse_points(mean, average, 2.0, 24) - low) / extent
            shapes += [(np.vstack([outline, outline[:1]]), paint) for outline in outlines]
        panels[f"{title} {factor:.1f} times smaller"] = shapes
    return plots.faces(f"Ellipses of two standard deviations on the mean face, noise {noise:g}", panels)


def fill(page: Path, parts: dict[str, str]) -> None:
    """Replace what stands between the page's `<!-- name -->` and `<!-- end name -->`."""
    text = page.read_text(encoding="utf-8")
    for name, part in parts.items():
        begin, end = f"<!-- {name} -->", f"<!-- end {name} -->"
        if begin not in text or end not in text:
            raise UsageError(f"the page lacks '{begin}' or '{end}'", where=page, remedy="Put them back")
        before, rest = text.split(begin, 1)
        text = f"{before}{begin}\n{part}\n{end}{rest.split(end, 1)[1]}"
    write_atomic(page, text)


def _table(heads: list[str], body: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *body]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _cell(value: Figure, digits: int) -> str:
    if math.isnan(value.value):
        return "–"
    return f"{value.value:.{digits}f} ({value.low:.{digits}f} to {value.high:.{digits}f})"


def _percent(entry: dict[str, float] | None) -> str:
    return "–" if entry is None else _cell(Figure(*(100 * entry[key] for key in ("value", "low", "high"))), 2)


def _range(values: list[float] | None) -> str:
    return "–" if values is None else f"{100 * min(values):.2f} to {100 * max(values):.2f}"


def _row(name: str, value: Figure, title: str) -> plots.Row:
    colour = next((plots.COLOURS[m] for m, t in TITLES.items() if title == f"{t}: heatmap"), plots.OTHER_COLOUR)
    return plots.Row(name, value.value, value.low, value.high, colour)


def _nme_row(method: str, entry: dict[str, float]) -> plots.Row:
    return plots.Row(method, *(100 * entry[key] for key in ("value", "low", "high")), plots.COLOURS[method])


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row as JSON values, five digits."""
    return {
        name: {key: _digits(number) for key, number in asdict(value).items()}
        if isinstance(value, Figure)
        else _digits(value)
        for name, value in row.items()
    }


def _digits(number: float) -> float | None:
    return round(number, 5) if math.isfinite(number) else None
