"""Damaged project files: right labels, or a sentence that tells; never a crash, a hang or a wrong label."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

from tests.core.project.flips import Sound

FLIPS = int(os.environ.get("STARMARK_FLIPS", "40"))


def test_flipped_bytes(tmp_path: Path) -> None:
    sound, chance = Sound.made(tmp_path), random.Random(0)
    outcomes: Counter[str] = Counter()
    for number in range(FLIPS):
        path = tmp_path / f"{number}.starmark"
        path.write_bytes(sound.flipped(chance))
        outcomes[sound.outcome(path)] += 1
        path.unlink()
    assert set(outcomes) == {"right", "told", "refused"}
