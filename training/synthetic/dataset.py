"""Renders a plan into a folder: pictures, labels and truth, by several processes, taken up again where it stopped."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from core.face import FloatArray, Label
from core.files import write_atomic
from core.formats.pts import format_pts
from core.scheme_map import convert_label, find_map
from training.synthetic.plan import RenderPlan, face_name, keep_plan
from training.synthetic.truth import SCHEMES, TRUTH_FILE, TruePoints, gather, save_truth, write_face

if TYPE_CHECKING:
    from training.synthetic.render import Renderer

IMAGES, FACTS = "images", "faces"
"""Folders of a rendered data set: pictures with their .pts files, and what is known of each face."""

_WAITING_A_JOB = 4

Watch = Callable[[Iterator[str], int], Iterator[str]]
"""Passes the names of finished faces on, `int` of them in all; for progress."""


def render_dataset(
    plan: RenderPlan,
    folder: Path,
    *,
    scheme: str = "300w-68",
    jobs: int = 1,
    watch: Watch = lambda names, _count: names,
) -> int:
    """Render all faces of `plan` that `folder` does not have yet, then gather the truth; number of faces rendered now.

    Args:
        plan: what to render.
        folder: new, empty, or of the same plan.
        scheme: of the .pts files beside the pictures; truth.npz has 300W's and WFLW's points in any case.
        jobs: processes.
        watch: see `Watch`.

    Raises:
        UsageError: the folder has something else in it.
        StarmarkError: packages or the driver are missing, or the disk is full.
    """
    keep_plan(plan, scheme, folder)
    for name in (IMAGES, FACTS):
        (folder / name).mkdir(exist_ok=True)
    done = {path.stem for path in (folder / FACTS).glob("*.json")}
    missing = [face for face in plan.faces() if face_name(*face) not in done]
    count = sum(1 for _ in watch(_render(plan, folder, scheme, missing, jobs), len(missing)))
    names = [face_name(*face) for face in plan.faces()]
    save_truth(folder / TRUTH_FILE, gather(folder / FACTS, names))
    return count


def _render(
    plan: RenderPlan, folder: Path, scheme: str, faces: list[tuple[int, int]], jobs: int
) -> Iterator[str]:
    """Names of faces as they are finished."""
    if not faces:
        return
    if jobs == 1:
        from training.synthetic.render import Renderer

        with Renderer() as renderer:
            for face in faces:
                yield render_face(plan, folder, scheme, face, renderer)
        return
    # A context of OpenGL does not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=_start_process) as pool:
        work = partial(_render_here, plan, folder, scheme)
        todo = iter(faces)
        waiting: set[Future[str]] = {pool.submit(work, face) for face in islice(todo, _WAITING_A_JOB * jobs)}
        try:
            while waiting:
                finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
                    waiting |= {pool.submit(work, face) for face in islice(todo, 1)}
        finally:
            pool.shutdown(cancel_futures=True)


_renderer: list[Renderer] = []
"""The renderer of this process, kept from face to face."""


def _start_process() -> None:
    import cv2

    from training.synthetic.render import Renderer

    cv2.setNumThreads(1)
    _renderer.append(Renderer())


def _render_here(plan: RenderPlan, folder: Path, scheme: str, face: tuple[int, int]) -> str:
    return render_face(plan, folder, scheme, face, _renderer[0])


def render_face(plan: RenderPlan, folder: Path, scheme: str, face: tuple[int, int], renderer: Renderer) -> str:
    """Render one face and write its files; what says that it is complete comes last. Returns its name."""
    from training.synthetic.photograph import take_photograph

    name = face_name(*face)
    photograph = take_photograph(plan, *face, renderer)
    write_atomic(folder / IMAGES / f"{name}.jpg", photograph.jpeg())
    write_atomic(folder / IMAGES / f"{name}.pts", format_pts(points_in(photograph.truth, scheme)))
    write_face(folder / FACTS / f"{name}.json", photograph.truth, photograph.facts)
    return name


def points_in(truth: dict[str, TruePoints], scheme: str) -> FloatArray:
    """(N, 2) image px, the true points in a scheme; others than `SCHEMES` come from WFLW's by the scheme map."""
    if scheme in SCHEMES:
        return truth[scheme].points
    source = Label("wflw-98", truth["wflw-98"].points, truth["wflw-98"].visibility)
    return convert_label(source, find_map("wflw-98", scheme)).points


def usual_jobs() -> int:
    """Processes that use the machine well: a software renderer has threads of its own."""
    return max(1, os.cpu_count() or 1)
