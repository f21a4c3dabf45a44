"""`predict`: landmarks and covariances for images, folders or data sets, as a file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.common import (
    Subparsers,
    add_dataset_options,
    add_model_options,
    new_parser,
    open_dataset,
    open_predictor,
    progress,
)
from app.cli.exchange import FORMAT_NAMES
from core.errors import ImageError, UsageError, one_line
from core.paths import on_server

if TYPE_CHECKING:
    from core.formats.base import LabelledFace
    from core.model.pipeline import ImageRequest, ImageResult

_LISTED = 50
PROJECT_SUFFIX = ".starmark"


def add_parser(subparsers: Subparsers) -> None:
    """Options of the command."""
    parser = new_parser(
        subparsers,
        "predict",
        "landmarks and covariances as a file",
        "Predict the landmarks of every face, each with its covariance, in px of the upright image.\n"
        "A bad image does not stop the others: it is listed at the end, and has an 'error' in the output.\n"
        "Exit code: 0 all images worked, 1 some failed (the output is written), 2 nothing was written.",
        "predict photos/ portrait.jpg -o landmarks.json",
    )
    parser.add_argument("inputs", nargs="+", metavar="IN", help="images, folders, projects; or with --format data sets")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="a .json or .csv file to write")
    parser.add_argument(
        "--to", choices=FORMAT_NAMES, metavar="F",
        help=f"write OUT as a data set, without covariances: {', '.join(FORMAT_NAMES)}",
    )  # fmt: skip
    parser.add_argument("--format", metavar="F", help="read IN as a labelled data set: 300w, star-tsv or auto")
    add_dataset_options(parser)
    add_model_options(parser)
    parser.add_argument("--force", action="store_true", help="replace OUT if it exists")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from app.cli.output import check_output, write_labels, write_results
    from core.formats.exporting import check_target
    from core.formats.registry import find_exporter
    from core.model.pipeline import predict_images

    output = Path(args.output)
    if args.to is None:
        check_output(output, force=args.force)
    else:
        check_target(output, find_exporter(args.to), overwrite=args.force)
    source = _Source(args)
    predictor, detector = open_predictor(args)
    requests = source.requests(predictor.model.header.crop_factor)
    tally = _Tally()
    results = tally.watch(predict_images(requests, predictor, detector))
    shown = progress(results, len(requests), "Predicting", "images")
    if args.to is None:
        write_results(output, shown, predictor.model.name, predictor.model.scheme, force=args.force)
    else:
        write_labels(output, shown, args.to, predictor.model.scheme, force=args.force)
    tally.list_failed()
    print(f"{output}: {tally.text()}; model {predictor.model.name} on {predictor.device.name}")
    return 1 if tally.failed else 0


class _Source:
    """What is asked for, looked up before anything slow is loaded."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._crops = args.crops
        self._projects: list[str] = []
        self._paths: list[Path] = []
        self._faces: list[list[LabelledFace]] = []
        if args.format is not None:
            self._faces = [open_dataset(source, args.format, args.images).faces for source in args.inputs]
            return
        if args.crops == "landmarks" or args.images:
            raise UsageError("--crops landmarks and --images are for data sets", remedy="Add --format")
        self._projects = [source for source in args.inputs if _is_project(source)]
        others = [source for source in args.inputs if source not in self._projects]
        if others:
            from core.images import find_images

            self._paths = find_images(others)
        for source in self._projects:
            _check_project(source)

    def requests(self, factor: float) -> list[ImageRequest]:
        from core.model.pipeline import ImageRequest
        from core.model.requests import project_requests, requests_for

        requests: list[ImageRequest] = []
        for source in self._projects:
            from core.project import Project

            with Project.open(source, read_only=True) as project:
                requests += project_requests(project, factor)
        known = [requests_for(faces, self._crops, factor) for faces in self._faces]
        requests += [ImageRequest(path) for path in self._paths]
        return requests + [request for one in known for request in one.requests]


def _is_project(source: str) -> bool:
    return on_server(source) or Path(source).suffix.lower() == PROJECT_SUFFIX


def _check_project(source: str) -> None:
    from core.project import Project

    with Project.open(source, read_only=True) as project:
        if project.image_count() == 0:
            where = project.location
            raise UsageError("the project has no images", where=where, remedy="Add images to it in the window")


class _Tally:
    """Counts what came of the images as they pass."""

    def __init__(self) -> None:
        self.images = self.faces = self.without = 0
        self.failed: list[tuple[Path, str]] = []

    def watch(self, results: Iterable[ImageResult]) -> Iterator[ImageResult]:
        """Pass results on; UsageError at the end if not one image could be used, so that nothing is written."""
        for result in results:
            self.images += 1
            self.faces += len(result.faces)
            if result.error is not None:
                self.failed.append((result.path, result.error))
            elif not result.faces:
                self.without += 1
            yield result
        if self.failed and len(self.failed) == self.images:
            path, reason = self.failed[0]
            if self.images == 1:
                raise ImageError(reason, where=path)
            raise ImageError(f"not one of {self.images} images could be used; the first, {path}: {reason}")

    def text(self) -> str:
        """The counts in words."""
        text = f"{_count(self.images, 'image')}, {_count(self.faces, 'face')}"
        if self.without:
            text += f", {self.without} without a face"
        return f"{text}, {len(self.failed)} failed" if self.failed else text

    def list_failed(self) -> None:
        """Name the failed images on stderr."""
        for path, reason in self.failed[:_LISTED]:
            print(f"failed: {one_line(str(path))}: {one_line(reason)}", file=sys.stderr)
        if len(self.failed) > _LISTED:
            print(f"failed: {len(self.failed) - _LISTED} more, see 'error' in the output", file=sys.stderr)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
