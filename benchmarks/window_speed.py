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


def make_set(folder: Path, count: int) -> None:
    """12-megapixel photos with the portrait of the test data in them where there is one, and .pts labels."""
    rng = np.random.default_rng(0)
    portrait = Path(__file__).resolve().parent.parent / "resources" / "models" / "probe.jpg"
    face = Image.open(portrait).convert("RGB").resize((1600, 1600))
    for i in range(count):
        noise = Image.fromarray(rng.integers(60, 200, (375, 500, 3), dtype=np.uint8)).resize((4000, 3000))
        noise.paste(face, (1000 + 40 * i, 700))
        noise.save(folder / f"photo_{i:03d}.jpg", quality=90)
        turn = np.linspace(0, 2 * np.pi, 68, endpoint=False)
        points = np.stack([1800 + 40 * i + 500 * np.cos(turn), 1500 + 600 * np.sin(turn)], axis=1)
        lines = "\n".join(f"{x:.2f} {y:.2f}" for x, y in points)
        text = f"version: 1\nn_points: 68\n{{\n{lines}\n}}\n"
        (folder / f"photo_{i:03d}.pts").write_text(text, encoding="utf-8")


def report(what: str, times: list[float]) -> None:
    """One line of percentiles."""
    p50, p95, top = np.percentile(times, [50, 95, 100])
    print(f"{what:<44} p50 {p50:6.1f} ms   p95 {p95:6.1f} ms   longest {top:6.1f} ms   n {len(times)}")


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
        start = time.perf_counter()
        QTest.keyClick(window.canvas, Qt.Key.Key_Right)
        wait(lambda: window.workbench.picture_ready and bool(window.canvas.faces), poll_ms=0)
        QApplication.processEvents()
        times.append((time.perf_counter() - start) * 1000)
        pause(1200)  # an annotator looks; neighbours are decoded meanwhile
    watchdog.stop()
    report("next image, prefetched, photo and face painted", times)
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
        start = time.perf_counter()
        bar.setValue(value)
        QApplication.processEvents()
        times.append((time.perf_counter() - start) * 1000)
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
