"""`audit`: which labels of a data set are wrong, which merely ambiguous, and where to look first."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.audit_folds import add_fold_options, audit_out_of_fold, check_fold_options, work_folder
from app.cli.common import (
    Subparsers,
    add_model_options,
    new_parser,
    open_dataset,
    open_predictor,
    positive,
    progress,
    share,
)
from app.cli.exchange import Bar, default_author
from core.errors import SchemeError, UsageError, one_line

if TYPE_CHECKING:
    from app.cli.audit_output import Judge
    from core.audit import Audit, Only, QueueItem
    from core.face import FloatArray
    from core.formats.base import LabelledFace
    from core.project import PredictionCache
    from core.scheme import Scheme

_LISTED = 20


def add_parser(subparsers: Subparsers) -> None:
    """Options of the command."""
    parser = new_parser(
        subparsers,
        "audit",
        "which labels are wrong, which ambiguous, and where to look first",
        "Compare every label with a model's calibrated prediction and give each point and face a verdict: ok,\n"
        "ambiguous (it differs along its contour, as annotators do there), suspect, swapped, shifted, missing, or\n"
        "unsure (the model itself does not know). Faces are listed with the most suspect first; nothing is changed.\n"
        "-o writes a page for any browser, with the worst faces, figures and tables; it holds small copies of photos.\n"
        "Predictions are kept beside the project (or in --cache): a second run, or one after a crash, is quick.\n"
        "Exit code: 0 all faces were judged, 1 some could not be, 2 nothing was done.",
        "audit -p faces.starmark -o report.html --csv audit.csv",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("-p", "--project", metavar="PROJECT", help="project to audit; it is only read")
    source.add_argument("--dataset", metavar="SRC", help="labelled data set to audit")
    parser.add_argument("--format", default="auto", metavar="F", help="format of the data set (default: auto)")
    parser.add_argument("--images", metavar="ROOT", help="folder that the data set's image paths are relative to")
    parser.add_argument("--label-set", metavar="NAME", help="only labels of this set of the project (default: as seen)")
    parser.add_argument("--author", metavar="NAME", help="whose labels come first (default: the login name)")
    parser.add_argument("--scheme", metavar="S", help="which labels, where the project has several schemes")
    add_model_options(parser)
    parser.add_argument("--cache", metavar="FILE", help="keep a data set's predictions in this file, to use them again")
    parser.add_argument("-o", "--output", metavar="OUT", help="write a report to this file, one HTML page")
    parser.add_argument(
        "--faces", type=positive, default=50, metavar="N", help="faces with a picture in the report (default: 50)"
    )
    parser.add_argument(
        "--judged",
        type=_judged,
        metavar="WRONG/LOOKED",
        help="how many of how many faces of a random sample (--order random) a person found wrong, such as 3/50: the "
        "report then says what share of all labels is wrong, with its interval",
    )
    parser.add_argument("--json", metavar="OUT", help="write all faces and points to this file")
    parser.add_argument("--csv", metavar="OUT", help="write a row for each point to this file")
    parser.add_argument("--force", action="store_true", help="replace OUT if it exists")
    parser.add_argument(
        "--rate", type=share, default=0.05, metavar="Q", help="false-discovery rate of suspects (default: 0.05)"
    )
    add_fold_options(parser)
    _add_queue_options(parser)


def _add_queue_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the queue")
    group.add_argument(
        "--order",
        choices=("suspect", "gain", "ambiguity", "disagreement", "random"),
        default="suspect",
        help="by how wrong a label looks, by the expected fall of the data set's NME for each corrected point, by how "
        "unsure the model is, by how far a project's annotators are apart, or a random sample (default: suspect)",
    )
    group.add_argument("--seed", type=int, default=0, metavar="N", help="of the random sample (default: 0)")
    group.add_argument("--limit", type=positive, metavar="N", help="only the first N faces of the queue")
    for name, what in (
        ("region", "with such a point in this region, such as jaw"),
        ("verdict", "with this verdict on a point or the face"),
        ("tag", "with this tag"),
        ("source", "whose image lies in a folder of this name"),
        ("decision", "of which, or of a point of which, a person said so: 'label wrong', 'acceptable', 'model wrong'"),
    ):
        text = f"only faces {what}; may be repeated"
        group.add_argument(f"--{name}", action="append", default=[], metavar="NAME", help=text)


    group.add_argument("--settled", action="store_true", help="list faces too that people have settled; in a random "
                       "sample, and with --decision, they are")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from app.cli.audit_output import table, write_csv, write_json
    from core.audit import Order, queue

    check_fold_options(args)
    outputs = [Path(out) for out in (args.output, args.json, args.csv) if out]
    if len(set(outputs)) < len(outputs):
        raise UsageError("two outputs are to go into one file", where=outputs[0], remedy="Give each its own name")
    if args.judged is not None and not args.output:
        raise UsageError("--judged is for the report", remedy="Name the report's file with -o")
    for output in outputs:
        if output.exists() and not args.force:
            raise UsageError("the file is there already", where=output, remedy="Add --force, or choose another name")
    faces, scheme, cache_path = _faces(args)
    judge, audit = audited(args, faces, scheme, cache_path)
    only = _only(args, scheme)
    apart = _disagreement(args, audit) if args.order == "disagreement" else None
    settled = True if args.settled else None
    items: list[QueueItem] = queue(audit, Order(args.order), only, args.seed, apart, settled=settled)[: args.limit]
    if args.output:
        _write_report(args, audit, items, judge)
    if args.json:
        write_json(Path(args.json), audit, items, judge, _settings(args), force=args.force)
    if args.csv:
        write_csv(Path(args.csv), audit, items, force=args.force)
    print(table(audit, items, judge.name))
    for left in audit.left_out[:_LISTED]:
        print(f"left out: {one_line(str(left.face.image))}: {one_line(left.reason)}", file=sys.stderr)
    if len(audit.left_out) > _LISTED:
        print(f"left out: {len(audit.left_out) - _LISTED} more", file=sys.stderr)
    return 1 if audit.left_out else 0


def _write_report(args: argparse.Namespace, audit: Audit, items: list[QueueItem], judge: Judge) -> None:
    """The page of -o."""
    from datetime import UTC, datetime

    from app.report.page import Report, write_report
    from core.audit import decided_rate, error_rate
    from core.paths import project_name
    from training.split import groups_of

    report = Report(
        name=Path(args.dataset).resolve().name if args.project is None else project_name(args.project),
        audit=audit,
        items=items,
        groups=groups_of([face.image for face in audit.faces]),
        model=judge.name,
        model_hash=judge.hash,
        order=args.order,
        settings=_settings(args),
        when=datetime.now(UTC),
        pictures=args.faces,
        judged=decided_rate(audit, args.seed) if args.judged is None else error_rate(*args.judged),
        watch=lambda shown: progress(shown, len(shown), "Writing the report", "faces"),
    )
    write_report(Path(args.output), report, force=args.force)


def _judged(text: str) -> tuple[int, int]:
    """argparse type: WRONG/LOOKED."""
    wrong, _, looked = text.partition("/")
    if wrong.isascii() and wrong.isdigit() and looked.isascii() and looked.isdigit() and 0 < int(looked) >= int(wrong):
        return int(wrong), int(looked)
    raise argparse.ArgumentTypeError(f"must be two numbers such as 3/50, not '{text}'")


def _settings(args: argparse.Namespace) -> dict[str, object]:
    """What the run was asked for, to be written down with its results."""
    names = (
        *("project", "dataset", "label_set", "folds", "folds_init", "config"),
        *("rate", "order", "seed", "limit", "region", "verdict", "tag", "source", "decision"),
    )
    asked: dict[str, object] = {name: value for name in names if (value := getattr(args, name)) not in (None, [])}
    return asked | ({"settled": True} if args.settled else {})


def _faces(args: argparse.Namespace) -> tuple[list[LabelledFace], Scheme, Path | None]:
    """The labelled faces, their scheme, and where predictions are kept."""
    if args.dataset is not None:
        from core.scheme import get_scheme

        if args.label_set or args.author:
            raise UsageError("--label-set and --author are for projects", remedy="Leave them out, or use -p")
        result = open_dataset(args.dataset, args.format, args.images)
        return result.faces, get_scheme(result.scheme_id), None if args.cache is None else Path(args.cache)
    if args.cache or args.images:
        raise UsageError("--cache and --images are for data sets", remedy="A project keeps its own; leave them out")
    from core.exchange import project_labels
    from core.project import Project

    with Project.open(args.project, read_only=True) as project, Bar("Reading", "images") as bar:
        author = args.author or default_author()
        labels = project_labels(project, author=author, label_set=args.label_set, scheme=args.scheme, progress=bar)
        cache_path = project.cache_path
    for entry in labels.skipped[:_LISTED]:
        print(f"left out: {entry.where}: {entry.reason}", file=sys.stderr)
    return labels.faces, labels.scheme, cache_path


def audited(
    args: argparse.Namespace, faces: list[LabelledFace], scheme: Scheme, cache_path: Path | None
) -> tuple[Judge, Audit]:
    """Judge these labels as the options say, from predictions kept at `cache_path` or made now."""
    from training.split import groups_of

    groups = groups_of([face.image for face in faces])
    if getattr(args, "folds", None) is not None:
        work = work_folder(args)
        kept = work / "predictions" if cache_path is None else cache_path
        with _cache(kept) as cache:
            return audit_out_of_fold(args, faces, groups, scheme, work, cache)
    with _cache(cache_path) as cache:
        return _by_one_model(args, faces, groups, scheme, cache)


def _by_one_model(
    args: argparse.Namespace, faces: list[LabelledFace], groups: list[str], scheme: Scheme, cache: PredictionCache
) -> tuple[Judge, Audit]:
    from app.cli.audit_output import Judge
    from core.audit import audit_faces
    from core.calibration import Calibration
    from core.model.cached import predict_cached
    from core.model.requests import checking_requests
    from core.verdicts import VerdictSettings

    predictor, detector = open_predictor(args)
    model = predictor.model
    if model.scheme.id != scheme.id:
        what = f"the labels follow the scheme {scheme.id}, the model {model.name} {model.scheme.id}"
        raise SchemeError(what, remedy="Choose a model of the labels' scheme with --model")
    calibration = Calibration.from_json(model.header.calibration, len(scheme), model.name)
    if calibration is None:
        print("note: this model has no calibration, so that right labels may look suspect", file=sys.stderr)
    asked = checking_requests(faces, model.header.crop_factor)
    results = predict_cached(asked.requests, predictor, detector, cache)
    shown = progress(results, len(asked.requests), "Predicting", "images")
    audit = audit_faces(faces, asked, shown, groups, scheme, calibration, VerdictSettings(rate=args.rate))
    return Judge(model.name, model.hash), audit


def _disagreement(args: argparse.Namespace, audit: Audit) -> FloatArray:
    """(F,) how far the project's annotators are apart on the audited faces."""
    import numpy as np

    if args.project is None:
        raise UsageError("a data set has one label a face", remedy="Use -p with a project of several annotators")
    from core.agreement import disagreement
    from core.annotator_law import annotator_law
    from core.exchange.repeats import project_repeats
    from core.project import Project

    with Project.open(args.project, read_only=True) as project:
        repeats = project_repeats(project)
    values = disagreement(repeats.labels, annotator_law(repeats.labels))
    found = dict(zip(repeats.sources, values.tolist(), strict=True))
    return np.array([found.get(face.source, np.nan) for face in audit.faces])


@contextmanager
def _cache(path: Path | None) -> Iterator[PredictionCache]:
    """The cache at `path`, or one in memory."""
    from core.project import PredictionCache

    with PredictionCache(":memory:" if path is None else path) as cache:
        yield cache
        for note in cache.notes:
            print(f"note: {one_line(note)}", file=sys.stderr)


def _only(args: argparse.Namespace, scheme: Scheme) -> Only:
    from core.audit import Only
    from core.face_verdicts import FaceVerdict
    from core.judgement import Decision
    from core.verdicts import Verdict

    regions = {region.name for region in scheme.regions}
    verdicts = {*(verdict.value for verdict in Verdict), *(verdict.value for verdict in FaceVerdict)}
    decisions = {decision.value for decision in Decision}
    for what, asked, known in (
        ("region", args.region, regions), ("verdict", args.verdict, verdicts), ("decision", args.decision, decisions),
    ):  # fmt: skip
        for name in asked:
            if name not in known:
                raise UsageError(f"there is no {what} '{name}'", remedy=f"Use one of: {', '.join(sorted(known))}")
    asked_for = (args.region, args.verdict, args.tag, args.source, args.decision)
    return Only(*map(frozenset, asked_for))
