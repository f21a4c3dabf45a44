"""`agreement`: how well annotators agree who labelled the same faces, a consensus, and samples to label again blind."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.common import Subparsers, add_model_options, new_parser, open_predictor, positive, progress
from app.cli.exchange import Bar, default_author
from core.errors import SchemeError, UsageError, one_line

if TYPE_CHECKING:
    from core.agreement import AgainstModel, Agreement
    from core.exchange.repeats import Repeats
    from core.project import Project

_LISTED = 20


def add_parser(subparsers: Subparsers) -> None:
    """Options of the command."""
    parser = new_parser(
        subparsers,
        "agreement",
        "how well annotators agree, their consensus, blind samples",
        "Compare the labels that several annotators gave the same faces: distances, covariances along and across\n"
        "contours, each annotator's habits, Krippendorff's alpha. --consensus keeps one label made of all of them.\n"
        "--draw draws faces for an annotator to label again without seeing the first labels; the window does the rest\n"
        "(Edit > Label again, blind). Afterwards compare the two sets with --sets.\n"
        "Intervals are of 95 %, over people. Nothing but --consensus and --draw changes the project.",
        "agreement -p faces.starmark --sets Anna 'Anna (blind)' --json agreement.json",
    )
    parser.add_argument("-p", "--project", required=True, metavar="PROJECT", help="the project")
    parser.add_argument(
        "--sets", nargs="+", metavar="SET", help="label sets to compare (default: all imports and annotators)"
    )
    parser.add_argument("--json", metavar="OUT", help="write all figures, landmark by landmark, to this file")
    parser.add_argument("--force", action="store_true", help="replace OUT if it exists")
    parser.add_argument(
        "--consensus",
        metavar="NAME",
        help="keep the consensus in a label set of this name, as one step that undo takes back; what a person has "
        "changed there stays",
    )
    parser.add_argument("--author", metavar="NAME", help="who makes the consensus (default: the login name)")
    blind = parser.add_argument_group("blind samples")
    blind.add_argument("--draw", type=positive, metavar="N", help="draw N faces to label again blind, and stop")
    blind.add_argument("--seed", type=int, default=0, metavar="S", help="of the draw (default: 0)")
    blind.add_argument("--annotator", metavar="NAME", help="who is to label them (default: the login name)")
    blind.add_argument("--of", metavar="SET", help="whose labels to repeat (default: the annotator's own)")
    model = parser.add_argument_group("beside a model")
    model.add_argument("--with-model", action="store_true", help="predict the faces, and compare ellipses as well")
    add_model_options(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from core.project import Project

    if args.draw is not None:
        return _draw(args)
    if args.annotator or args.of:
        raise UsageError("--annotator and --of are for a sample", remedy="Add --draw N, or leave them out")
    if args.json and Path(args.json).exists() and not args.force:
        raise UsageError("the file is there already", where=args.json, remedy="Add --force, or choose another name")
    with Project.open(args.project, read_only=args.consensus is None) as project:
        for note in project.notes:
            print(f"{one_line(project.location)}: {one_line(note)}", file=sys.stderr)
        return _compare(args, project)


def _compare(args: argparse.Namespace, project: Project) -> int:
    from app.cli.agreement_output import table, write_json
    from core.agreement import agreement
    from core.exchange.repeats import project_repeats, write_consensus
    from training.split import groups_of

    with Bar("Reading", "images") as bar:
        repeats = project_repeats(project, args.sets, progress=bar)
    found = agreement(repeats.labels, groups_of(repeats.images))
    beside = _beside_model(args, project, repeats, found) if args.with_model else None
    print(table(found, beside))
    if repeats.single:
        print(f"left out: {repeats.single} faces have one label only", file=sys.stderr)
    if repeats.other_schemes:
        print(f"left out: {repeats.other_schemes} labels follow another scheme", file=sys.stderr)
    if args.json:
        write_json(Path(args.json), found, repeats, beside, force=args.force)
    if args.consensus is not None:
        author = args.author or default_author()
        report = write_consensus(project, repeats, found.agreed, args.consensus, author)
        print("\n".join(one_line(line) for line in report.lines()))
        for source, why in report.kept[:_LISTED]:
            print(f"left as it is: {one_line(source)} ({one_line(why)})", file=sys.stderr)
        if len(report.kept) > _LISTED:
            print(f"left as it is: {len(report.kept) - _LISTED} more", file=sys.stderr)
    return 0


def _beside_model(
    args: argparse.Namespace, project: Project, repeats: Repeats, found: Agreement
) -> AgainstModel:
    """Predict the faces that have a consensus; predictions are kept in the project's cache."""
    import numpy as np

    from core.agreement import against_model, typical_spread
    from core.calibration import Calibration
    from core.formats.base import LabelledFace
    from core.model.cached import predict_cached
    from core.model.requests import checking_requests
    from core.project import PredictionCache

    predictor, detector = open_predictor(args)
    model, scheme = predictor.model, repeats.labels.scheme
    if model.scheme.id != scheme.id:
        what = f"the labels follow the scheme {scheme.id}, the model {model.name} {model.scheme.id}"
        raise SchemeError(what, remedy="Choose a model of the labels' scheme with --model")
    calibration = Calibration.from_json(model.header.calibration, len(scheme), model.name)
    if calibration is None:
        what = "this model has no calibration, so that its ellipses mean nothing"
        raise UsageError(what, where=model.name, remedy="Choose one that has with --model")
    usable = np.flatnonzero(found.agreed.usable).tolist()
    faces = [
        LabelledFace(repeats.images[f], found.agreed.label(f), None, None, (), repeats.sources[f], None) for f in usable
    ]
    asked = checking_requests(faces, model.header.crop_factor)
    spread = np.full((len(repeats.labels), len(scheme), 2, 2), np.nan)
    with PredictionCache(project.cache_path) as cache:
        results = predict_cached(asked.requests, predictor, detector, cache)
        shown = progress(results, len(asked.requests), "Predicting", "images")
        for indices, result in zip(asked.faces, shown, strict=False):
            predictions = {face.request: face.prediction for face in result.faces}
            for place, index in enumerate(indices):
                if place in predictions:
                    spread[usable[index]] = calibration.covariance(predictions[place].covariance)
    return against_model(found.law.total, typical_spread(repeats.labels.frames.spread_from_image(spread)))


def _draw(args: argparse.Namespace) -> int:
    from core.blind import draw_blind
    from core.project import Project

    if args.sets or args.json or args.consensus or args.with_model:
        raise UsageError("--draw only draws a sample", remedy="Compare in a run of its own")
    with Project.open(args.project) as project:
        annotator = args.annotator or default_author()
        sample = draw_blind(project, annotator, args.draw, args.seed, args.of)
        print(
            f"{len(sample.faces)} of {sample.drawn_from} faces labelled in '{sample.first_set}' are drawn (seed "
            f"{sample.seed}) for {one_line(annotator)}, whose second labels go into '{one_line(sample.label_set)}'"
        )
        for face in sample.faces:
            print(f"{face}  {one_line(str(project.image(project.face(face).image_id).path))}")
    return 0
