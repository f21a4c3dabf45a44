"""Finding one's way in a list of 100,000 images: filters, orders, the next image to do, the command palette.

    python benchmarks/list_flow.py [--rows 100000] [--runs 5]

For each wish: milliseconds until the list shows it (median), and the longest time that the window did not answer
meanwhile (worst of all runs), seen by a timer that should fire every millisecond. The rows are made up; the list is the
window's own, on no screen. Facts that a project's labels come to are timed as well, on a generated project of a tenth
of the size, and that part is skipped with `--no-project`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from PySide6.QtCore import QEventLoop, Qt, QTimer  # noqa: E402
from PySide6.QtWidgets import QApplication  # noqa: E402

from app.fuzzy import score  # noqa: E402
from app.image_filter import ImageFilter  # noqa: E402
from app.panels.image_model import ImageRow  # noqa: E402
from app.panels.images import ImagePanel  # noqa: E402
from app.places_to_go import joined, matches  # noqa: E402
from core.work_status import ImageFacts  # noqa: E402

REVIEWS = ("", "", "", "accepted", "accepted", "question", "rejected")


def made_rows(count: int) -> list[ImageRow]:
    """Rows as of a project that a team is in the middle of."""
    rng = np.random.default_rng(0)
    kinds = [
        ImageFacts(left, started, False, tags, sets)
        for left, started in ((1, False), (1, True), (0, True))
        for tags in ((), ("profile",), ("blur", "occluded"))
        for sets in (("import",), ("import", "Ann"))
    ]
    worst, kind = rng.exponential(0.05, count), rng.integers(0, len(kinds), count)
    review, name = rng.integers(0, len(REVIEWS), count), rng.permutation(count)
    return [
        ImageRow(
            f"{i:032x}", f"/data/faces/{i // 1000:03d}/IMG_{name[i]:06d}.jpg", 1, REVIEWS[review[i]],
            float(worst[i]) if i % 3 else None, bool(i % 3), facts=kinds[kind[i]], bookmarked=i % 997 == 0,
        )
        for i in range(count)
    ]  # fmt: skip


class Heartbeat:
    """The longest time between two ticks of a timer."""

    def __init__(self) -> None:
        self.longest, self._last = 0.0, time.perf_counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(1)

    def _tick(self) -> None:
        now = time.perf_counter()
        self.longest, self._last = max(self.longest, now - self._last), now

    def begin(self) -> None:
        """Forget what was."""
        self.longest, self._last = 0.0, time.perf_counter()


def settle(panel: ImagePanel) -> None:
    """Until the list is arranged and painted."""
    while panel.model.arranging:
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
    panel.view.viewport().repaint()
    QApplication.processEvents()


def measure(panel: ImagePanel, beat: Heartbeat, name: str, wish: Callable[[int], object], runs: int) -> None:
    """One line of the table."""
    times, block = [], 0.0
    for run in range(runs):
        settle(panel)
        beat.begin()
        start = time.perf_counter()
        wish(run)
        settle(panel)
        times.append(time.perf_counter() - start)
        beat._tick()
        block = max(block, beat.longest)
    shown = panel.model.rowCount()
    print(f"{name:<34}{1000 * statistics.median(times):>9.1f}{1000 * block:>12.1f}{shown:>10,}", flush=True)


def facts(count: int) -> None:
    """What reading the facts of a project costs."""
    from benchmarks.project_scale import made_faces
    from core.project import Project

    with tempfile.TemporaryDirectory() as folder, Project.create(Path(folder) / "p.starmark") as project:
        project.import_dataset(made_faces(Path(folder), 0, count), "generated", author="Benchmark", backup=False)
        seconds = [_timed(project.image_facts) for _ in range(3)]
        print(f"\nfacts of {count:,} images: {1000 * statistics.median(seconds):.0f} ms, in the background")


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--no-project", action="store_true")
    options = parser.parse_args()
    app = QApplication([])
    panel, beat, rows = ImagePanel(), Heartbeat(), made_rows(options.rows)
    names = joined(rows)
    panel.resize(280, 900)
    panel.show()
    print(f"{options.rows:,} rows {'ready ms':>28}{'blocked ms':>12}{'shown':>10}")
    table: list[tuple[str, Callable[[int], object]]] = [
        ("show the rows", lambda _run: panel.model.reset(rows)),
        ("text", lambda run: panel.set_filter(ImageFilter(f"IMG_0{run}"))),
        ("status", lambda run: panel.set_filter(ImageFilter(statuses=frozenset([("new", "done")[run % 2]])))),
        ("tag and label set", lambda run: panel.set_filter(
            ImageFilter(tags=frozenset([("blur", "profile")[run % 2]]), label_sets=frozenset(["Ann"])))),
        ("worst above", lambda run: panel.set_filter(ImageFilter(worst_above=0.05 + run / 100))),
        ("bookmarked", lambda run: panel.set_filter(ImageFilter(bookmarked=not run % 2))),
        ("no filter", lambda _run: (panel.set_filter(ImageFilter("IMG_01")), panel.clear_filter())),
        ("order by name", lambda run: panel.model.set_order(("name", "added")[run % 2])),
        ("order by status", lambda run: panel.model.set_order(("status", "added")[run % 2])),
        ("order by worst", lambda run: panel.model.set_order(("worst", "added")[run % 2])),
        ("scroll", lambda run: panel.view.verticalScrollBar().setValue(72 * 1000 * (run + 1))),
        ("next to do, none left", lambda _run: panel.following(lambda row: row.left > 5)),
        ("palette: a name in all", lambda _run: list(islice(matches(rows, names, "img_099999"), 5))),
        ("palette: 100 actions", lambda _run: [score("nxtface", "Next face to do, and more") for _ in range(100)]),
    ]  # fmt: skip
    for name, wish in table:
        measure(panel, beat, name, wish, options.runs)
    panel.model.close()
    if not options.no_project:
        facts(options.rows // 10)
    del app


if __name__ == "__main__":
    main()
