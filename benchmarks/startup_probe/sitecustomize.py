"""Tells when the program reaches its milestones, for `benchmarks/startup.py`, which puts this folder on PYTHONPATH.

Python imports it in every interpreter of a start, so that the program runs as it is, with its hand-over from Python to
Python. A line is "milestone seconds" on the monotonic clock, which all processes share, in the file that
STARMARK_PROBE names.
"""

import os
import sys
import time

_OUT = os.environ.get("STARMARK_PROBE", "")
_WATCHED = "app.main_window"
_TICK_MS = 5


def _tell(what, at=None):
    with open(_OUT, "a", encoding="ascii") as file:  # noqa: PTH123 (pathlib is one of the things to be measured)
        file.write(f"{what} {time.monotonic() if at is None else at:.6f}\n")


class _Finder:
    """Waits for the module of the main window, then gets out of the way."""

    def find_spec(self, name, path=None, target=None):
        if name != _WATCHED:
            return None
        sys.meta_path.remove(self)
        import importlib.util

        spec = importlib.util.find_spec(name)
        run = spec.loader.exec_module

        def exec_module(module):
            _tell("qt_loaded")
            run(module)
            _tell("window_imported")
            _wrap(module.MainWindow)

        spec.loader.exec_module = exec_module
        return spec


def _wrap(window_class):
    start, init = window_class._start, window_class.__init__

    def made(self, *args, **kwargs):
        _tell("window_begun")
        init(self, *args, **kwargs)
        _tell("window_made")

    def started(self):
        _tell("painted")  # the first event after the paint that asked for it
        if os.environ.get("PYTHONPROFILEIMPORTTIME"):
            sys.stderr.write("import time: painted\n")
        self._probe = _probe(self)
        start(self)

    window_class.__init__, window_class._start = made, started


def _probe(window):
    """Follows one window from its first paint until everything is there, then closes it."""
    from PySide6.QtCore import QEvent, QObject, QTimer

    bench, document = window.workbench, window.document

    class Probe(QObject):
        def __init__(self):
            super().__init__(window)
            self.told = set()
            self.last = time.monotonic()
            self.stall = 0.0
            self.pulse = QTimer(self)
            self.pulse.timeout.connect(self.beat)
            self.pulse.start(_TICK_MS)
            document.opened.connect(lambda: self.tell("opened"))
            bench.predictions.model_changed.connect(self.model)
            window.canvas.viewport().installEventFilter(self)

        def tell(self, what):
            if what not in self.told:
                self.told.add(what)
                _tell(what)
                if {"ellipses", "ready"} <= self.told:
                    QTimer.singleShot(300, self.end)

        def beat(self):
            now = time.monotonic()
            self.stall, self.last = max(self.stall, now - self.last), now

        def model(self, state):
            if state.kind in ("ready", "missing", "failed"):
                self.tell("ready" if state.kind == "ready" else state.kind)

        def eventFilter(self, _watched, event):  # noqa: N802
            if event.type() == QEvent.Type.Paint and bench.picture_ready:
                face = bench.active_face()
                seen = face is not None and face.fitting_prediction is not None
                QTimer.singleShot(0, lambda: self.shown(seen))
            return False

        def shown(self, seen):
            self.tell("photo")
            if seen:
                self.tell("ellipses")

        def end(self):
            self.beat()
            _tell("stall", self.stall)
            window.close()

    return Probe()


if _OUT:
    _tell("python")
    sys.meta_path.insert(0, _Finder())
