"""How quickly the window goes to the next image and scrolls its list, and its longest block: in ms, with percentiles.

    python benchmarks/window_speed.py --images 12 --rows 100000

Makes 12-megapixel JPEG files with labels in a folder of its own, opens them in the real window with the bundled model,
waits until all are predicted, and goes through them by the Right key. A step ends when photo and face are painted. The
watchdog asks the window all the while. Memory is what the pictures of the cache take.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PIL import Image
from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_MS = 600_000


def wait(condition: Callable[[], bool], poll_ms: int = 5) -> None:
    """Run the event loop until `condition` holds."""
    loop, look, limit = QEventLoop(), QTimer(), QTimer()
    look.timeout.connect(lambda: loop.quit() if condition() else None)
    limit.timeout.connect(lambda: loop.exit(1))
    look.start(poll_ms)
    limit.start(PATIENCE_MS)
    if not condition() and loop.exec():
        raise TimeoutError


def pause(ms: int) -> None:
    """Let the program be idle."""
    loop = QEventLoop()
    QTimer.singleShot(ms, loop.quit)
    loop.exec()


def portrait_points(side: int) -> tuple[Image.Image, np.ndarray]:
    """The bundled model's probe, `side` px, and what the model says of it, (68, 2) px, with an annotator's noise."""
    from core.model.device import choose_device
    from core.model.library import load_model
    from core.model.predictor import Predictor
    from core.transforms import Crop

    face = Image.open(ROOT / "resources" / "models" / "probe.jpg").convert("RGB").resize((side, side))
    device = choose_device("cpu")
    crop = Crop.square(side / 2, side / 2, side)
    (found,) = Predictor(load_model(None, device), device).predict([(np.asarray(face), crop)])
    return face, found.mean + np.random.default_rng(1).normal(0, 0.01 * side, found.mean.shape)


def make_set(folder: Path, count: int) -> None:
    """12-megapixel photos of noise with a portrait in them, and .pts labels close to what the model says."""
    rng = np.random.default_rng(0)
    face, points = portrait_points(1600)
    for i in range(count):
        noise = Image.fromarray(rng.integers(60, 200, (375, 500, 3), dtype=np.uint8)).resize((4000, 3000))
        corner = np.array((1000 + 40 * i, 700))
        noise.paste(face, tuple(corner.tolist()))
        noise.save(folder / f"photo_{i:03d}.jpg", quality=90)
        lines = "\n".join(f"{x + 1:.2f} {y + 1:.2f}" for x, y in points + corner)
        text = f"version: 1\nn_points: 68\n{{\n{lines}\n}}\n"
        (folder / f"photo_{i:03d}.pts").write_text(text, encoding="utf-8")


def report(what: str, times: list[tuple[float, float]]) -> None:
    """One line of percentiles: of the clock, and of the processor time of the window's thread."""
    (p50, p95, top), work = (np.percentile(values, [50, 95, 100]) for values in np.array(times).T * 1000)
    values = f"p50 {p50:5.1f}  p95 {p95:5.1f}  longest {top:5.1f} ms"
    print(f"{what:<34} {values}   (processor p50 {work[0]:5.1f}  p95 {work[1]:5.1f})")


def now() -> np.ndarray:
    """(2,) seconds: of the clock, of the processor for this thread."""
    return np.array((time.perf_counter(), time.thread_time()))


def next_images(folder: Path, count: int) -> None:
    """Step through photos in the real window."""
    from app.main_window import MainWindow
    from app.settings import Settings
    from app.watchdog import Watchdog

    settings = Settings()
    settings.set("author", "bench")
    window = MainWindow(settings, [folder])
    window.resize(1600, 1000)
    window.show()
    wait(lambda: window.document.is_open and not window.document.busy and len(window.document.rows) == count)
    wait(lambda: window.workbench.picture_ready and window.workbench.predictions.state.kind not in ("none", "loading"))
    window.workbench.predictions.request_all(window.images.model.ids())
    wait(lambda: all(row.predicted for row in window.document.rows))
    pause(1500)
    watchdog = Watchdog()
    watchdog.start()
    times = []
    for _ in range(count - 1):
        start = now()
        QTest.keyClick(window.canvas, Qt.Key.Key_Right)
        wait(lambda: window.workbench.picture_ready and bool(window.canvas.faces), poll_ms=0)
        QApplication.processEvents()
        times.append(tuple(now() - start))
        pause(1200)  # an annotator looks; neighbours are decoded meanwhile
    watchdog.stop()
    report("next image, prefetched, painted", times)
    print(f"pictures kept: {window.workbench.pictures.memory / 2**20:.0f} MiB")
    print(watchdog.report())
    window.close()


def scroll(rows: int) -> None:
    """Scroll a long list page by page and jump through it."""
    from app.panels.image_model import ImageRow
    from app.panels.images import ImagePanel

    panel = ImagePanel()
    panel.resize(280, 900)
    panel.show()
    start = time.perf_counter()
    panel.model.reset([ImageRow(str(i), f"/photos/person_{i % 977}/photo_{i:06d}.jpg", faces=1) for i in range(rows)])
    QApplication.processEvents()
    print(f"list of {rows:,} rows filled and painted in {1000 * (time.perf_counter() - start):.0f} ms")
    bar, times = panel.view.verticalScrollBar(), []
    pages = range(0, 40 * bar.pageStep(), bar.pageStep())
    for value in [*pages, *range(0, bar.maximum(), max(1, bar.maximum() // 160))]:
        start = now()
        bar.setValue(value)
        QApplication.processEvents()
        times.append(tuple(now() - start))
    report("scroll the list by a page, or far", times)
    panel.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=12)
    parser.add_argument("--rows", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["STARMARK_HOME"] = str(Path(folder) / "home")
        app = QApplication([])
        photos = Path(folder) / "photos"
        photos.mkdir()
        make_set(photos, options.images)
        next_images(photos, options.images)
        scroll(options.rows)
        del app


if __name__ == "__main__":
    main()
