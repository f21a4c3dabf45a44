"""How the user of the end-to-end tests talks to the test, and waits for the program."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QEventLoop, QTimer

PATIENCE_MS = 60_000


def tell(**facts: Any) -> None:
    """One line for the parent."""
    print(json.dumps(facts), flush=True)


def wait(condition: Callable[[], bool], what: str) -> None:
    """Let the program run until `condition` holds."""
    loop, look, limit = QEventLoop(), QTimer(), QTimer()
    look.timeout.connect(lambda: loop.quit() if condition() else None)
    limit.timeout.connect(lambda: loop.exit(1))
    look.start(10)
    limit.start(PATIENCE_MS)
    if not condition() and loop.exec():
        raise TimeoutError(f"waited in vain for: {what}")
