"""A project of 100,000 images x 98 points: how long opening, listing, editing and importing take, and how much memory.

    python benchmarks/project_scale.py [--images 100000] [--faces 10000] [--stores sqlite postgres] [--postgres URL]

Everything is measured for a project file (SQLite) and for a PostgreSQL database: on the server at `--postgres`, else in
a cluster of its own on the loopback, with the server's usual promises (fsync on, 128 MB of shared buffers). Each part
runs in a process of its own, so that its memory is its own. Labels are generated, one face an image, and have no image
files.

* fill: the images come in ten imports; seconds for all, memory at the end of the first and the last.
* open: from `Project.open` to the first page; a page is 100 images with their numbers of faces.
* page: at random places. whole list: what the window's list needs of all images at once.
* through: all pages with faces and labels, in order; memory before, after a tenth of them, and the most.
* edit: one label changed and committed, one after the other. history: that of a face with 200 revisions.
* import: a data set of 10,000 faces with tiny image files, reading included where there is a reader of WFLW lists;
  memory with the faces read and nothing imported, and the most.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from core.face import Box, Label  # noqa: E402
from core.formats import FORMATS, read_dataset  # noqa: E402
from core.images import ImageInfo  # noqa: E402
from core.project import Project, SetLabel  # noqa: E402

POINTS = 98
PAGE = 100
PARTS = 10
AUTHOR = "Benchmark"
Result = dict[str, float]


@dataclass(frozen=True, slots=True)
class Face:
    """What an importer hands over."""

    image: Path
    label: Label
    box: Box | None = None
    crop: tuple[float, float, float] | None = None
    tags: tuple[str, ...] = ("profile", "occlusion")
    source: str = "list.txt:1"
    info: ImageInfo | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)


def made_faces(folder: Path, start: int, stop: int) -> Iterator[Face]:
    """Faces of fractional points, each in an image of its own."""
    rng = np.random.default_rng(start)
    for number in range(start, stop):
        points = rng.uniform(100, 400, (POINTS, 2))
        yield Face(folder / f"{number // 1000:03d}" / f"{number:06d}.jpg", Label("wflw-98", points))


def memory() -> float:
    """Resident memory of this process, MB."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise SystemExit("there is no VmRSS here: this needs Linux")


def most_memory() -> float:
    """The most it has been, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(call: Callable[[], Any]) -> float:
    """Seconds that `call` takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def spread(name: str, seconds: Sequence[float]) -> Result:
    """Median and 95th percentile in ms."""
    ordered = sorted(seconds)
    return {
        f"{name} ms": 1000 * statistics.median(ordered),
        f"{name} p95 ms": 1000 * ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))],
    }


def page(project: Project, offset: int) -> None:
    """What a list of images shows of one page."""
    records = project.images(offset, PAGE)
    project.face_counts(record.id for record in records)


def fill(place: str, folder: Path, count: int) -> Result:
    """Make the project."""
    result: Result = {}
    with Project.create(place) as project:
        start = time.perf_counter()
        for part in range(PARTS):
            bounds = (part * count // PARTS, (part + 1) * count // PARTS)
            project.import_dataset(made_faces(folder, *bounds), "generated", author=AUTHOR)
            if part == 0:
                result["fill: memory after a tenth MB"] = most_memory()
        result["fill s"] = time.perf_counter() - start
    return result | {"fill: most memory MB": most_memory()}


def look(place: str, _folder: Path, count: int) -> Result:
    """Open the project and list it."""
    chance = random.Random(0)

    def open_and_show() -> None:
        with Project.open(place) as project:
            page(project, 0)

    first = timed(open_and_show)
    opened = [timed(open_and_show) for _ in range(5)]
    with Project.open(place) as project:
        places = [chance.randrange(max(1, count - PAGE)) for _ in range(300)]
        pages = [timed(lambda at=at: page(project, at)) for at in places]  # type: ignore[misc]
        listed = statistics.median(timed(project.image_list) for _ in range(3))
    return {
        "open + first page, first time ms": 1000 * first,
        **spread("open + first page", opened),
        **spread("page", pages),
        "whole list ms": 1000 * listed,
    }


def through(place: str, _folder: Path, count: int) -> Result:
    """Leaf through everything."""
    result: Result = {"through: memory before MB": memory()}
    start = time.perf_counter()
    with Project.open(place, read_only=True) as project:
        for offset in range(0, count, PAGE):
            faces = project.faces_of(record.id for record in project.images(offset, PAGE))
            project.current_labels((face.id for found in faces.values() for face in found), AUTHOR)
            if offset == count // PARTS // PAGE * PAGE:
                result["through: memory after a tenth MB"] = most_memory()
    result["through s"] = time.perf_counter() - start
    return result | {"through: most memory MB": most_memory()}


def edit(place: str, _folder: Path, count: int) -> Result:
    """Change labels one by one, then look at a history."""
    with Project.open(place) as project:
        mine = project.ensure_label_set(AUTHOR, "annotator")
        records = project.images(count // 2, PAGE)
        faces = [face.id for found in project.faces_of(record.id for record in records).values() for face in found]
        labels = project.current_labels(faces, AUTHOR)
        seconds = []
        for number in range(200):
            face = faces[number % len(faces)] if number % 2 else faces[0]
            before, version = project.label(face, mine.id) or (None, 0)
            after = (before or labels[face].label).with_point(5, (number + 0.5, 1.25))
            step = SetLabel(face, mine.id, before, after, version, "move point")
            seconds.append(timed(lambda step=step: project.apply(step, AUTHOR)))  # type: ignore[misc]
        while len(project.history(faces[0])) < 200:
            before, version = project.label(faces[0], mine.id) or (None, 0)
            after = labels[faces[0]].label.with_point(6, (version + 0.5, 1.25))
            project.apply(SetLabel(faces[0], mine.id, before, after, version, "move point"), AUTHOR)
        histories = [timed(lambda: project.history(faces[0])) for _ in range(20)]
    return {**spread("edit", seconds), **spread("history", histories)}


def bring_in(place: str, folder: Path, count: int) -> Result:
    """Import a data set of small image files."""
    make_images(folder, count)
    result: Result = {}
    with Project.create(place) as project:
        start = time.perf_counter()
        found: Any
        if "wflw" in FORMATS:
            found = read_dataset(folder / "list.txt", "wflw", folder)
            result["import: reading s"] = time.perf_counter() - start
        else:
            found = list(made_faces(folder, 0, count))
        result["import: memory before MB"] = most_memory()
        result["import: project s"] = timed(lambda: project.import_dataset(found, "wflw", author=AUTHOR))
        result["import s"] = time.perf_counter() - start
        assert project.face_count() == count
    return result | {"import: most memory MB": most_memory()}


def make_images(folder: Path, count: int) -> None:
    """Small image files and a list as WFLW has it: 98 x, y; a box; six attributes; the image."""
    from PIL import Image

    sample = folder / "sample.jpg"
    if sample.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (32, 32), (120, 90, 60)).save(sample)
    content = sample.read_bytes()
    lines = []
    for face in made_faces(folder, 0, count):
        face.image.parent.mkdir(exist_ok=True)
        face.image.write_bytes(content)
        points = " ".join(f"{value:.6f}" for value in face.label.points.ravel())
        lines.append(f"{points} 100 100 400 400 0 1 0 0 1 0 {face.image.relative_to(folder).as_posix()}\n")
    (folder / "list.txt").write_text("".join(lines), encoding="utf-8")


STEPS: dict[str, Callable[[str, Path, int], Result]] = {
    "fill": fill, "look": look, "through": through, "edit": edit, "import": bring_in,
}  # fmt: skip


def measured(step: str, place: str, folder: Path, count: int) -> Result:
    """One step in a process of its own."""
    command = [sys.executable, __file__, "--step", step, place, str(folder), str(count)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    found: Result = json.loads(done.stdout.splitlines()[-1])
    return found


def all_steps(places: tuple[str, str], work: Path, images: int, faces: int) -> Result:
    """Every step, for the project at the first place, and the import into a new one at the second."""
    result: Result = {}
    for step in ("fill", "look", "through", "edit"):
        print(f"{step} ...", file=sys.stderr)
        result |= measured(step, places[0], work / "img", images)
    print("import ...", file=sys.stderr)
    return result | measured("import", places[1], work / "tiny", faces)


@contextmanager
def databases(url: str | None, work: Path) -> Iterator[tuple[str, str]]:
    """Two empty databases."""
    from tests.postgres import TestServer, make_cluster

    folder = Path(tempfile.mkdtemp(prefix="starmark-scale-"))
    cluster = None
    if url is None:
        cluster = make_cluster(folder, {"shared_buffers": "128MB", "autovacuum": "on"})
        if cluster is None:
            raise SystemExit("there is no PostgreSQL to be started: give --postgres URL, or --stores sqlite")
    server = TestServer(url or cluster.url, cluster)
    try:
        yield f"{server.database()}?images={work / 'img'}", f"{server.database()}?images={work / 'tiny'}"
        server.drop_all()
    finally:
        if cluster is not None:
            cluster.close()
        shutil.rmtree(folder)


def show(results: dict[str, Result]) -> None:
    """A table, one column a store."""
    print(f"{'':36}" + "".join(f"{name:>14}" for name in results))
    for key in next(iter(results.values())):
        print(f"{key:36}" + "".join(f"{found.get(key, float('nan')):14.1f}" for found in results.values()))


def main(arguments: Sequence[str]) -> None:
    """See the module."""
    if arguments[:1] == ["--step"]:
        step, place, folder, count = arguments[1:]
        print(json.dumps(STEPS[step](place, Path(folder), int(count))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000, help="images of the project (default: 100,000)")
    parser.add_argument("--faces", type=int, default=10_000, help="faces of the data set to import (default: 10,000)")
    parser.add_argument("--postgres", metavar="URL", help="a server whose user may make databases: postgresql://u@host")
    parser.add_argument("--stores", nargs="+", choices=("sqlite", "postgres"), default=("sqlite", "postgres"))
    parser.add_argument("--folder", metavar="DIR", help="where the work is done (default: the temporary folder)")
    parser.add_argument("--json", metavar="OUT", help="write the figures there as well")
    args = parser.parse_args(arguments)
    results: dict[str, Result] = {}
    with tempfile.TemporaryDirectory(prefix="starmark-scale-", dir=args.folder) as name:
        work = Path(name)
        if "sqlite" in args.stores:
            places = (str(work / "large.starmark"), str(work / "import.starmark"))
            results["SQLite"] = all_steps(places, work, args.images, args.faces)
            results["SQLite"]["size MB"] = Path(places[0]).stat().st_size / 1e6
        if "postgres" in args.stores:
            with databases(args.postgres, work) as made:
                results["PostgreSQL"] = all_steps(made, work, args.images, args.faces)
    show(results)
    if args.json:
        Path(args.json).write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
