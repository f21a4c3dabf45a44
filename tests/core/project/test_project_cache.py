"""The cache: gives back what was put, forgets the oldest, and never stops anybody."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from core.face import Box
from core.project import PredictionCache, Project, image_key
from core.project.codec import encode_prediction
from core.transforms import Crop
from tests.core.project.project_samples import files, prediction

CROP = (1.25, 100.5, 80.25)
ROOT = Path(__file__).resolve().parents[3]


def test_scores_of_a_model_are_kept_together(tmp_path: Path) -> None:
    one, two = (str(UUID(int=number)) for number in (1, 2))
    with PredictionCache(tmp_path / "p.starmark-cache") as cache:
        assert cache.get_scores("model-a") == {}
        cache.put_scores("model-a", {one: 0.25})
        cache.put_scores("model-a", {two: float("nan")})
        cache.put_scores("model-b", {one: 0.5})
    with PredictionCache(tmp_path / "p.starmark-cache") as cache:
        found = cache.get_scores("model-a")
        assert found[one] == 0.25 and np.isnan(found[two]) and len(found) == 2
        assert cache.get_scores("model-b") == {one: 0.5}


def test_predictions_are_found_again_by_model_image_and_crop(tmp_path: Path) -> None:
    with PredictionCache(tmp_path / "p.starmark-cache") as cache:
        cache.put("model-a", "image", CROP, prediction(1))
        cache.put_many([("model-b", "image", CROP, prediction(2)), ("model-a", "other", CROP, prediction(3))])
    with PredictionCache(tmp_path / "p.starmark-cache") as cache:
        found = cache.get("model-a", "image", CROP)
        np.testing.assert_array_equal(found.mean, prediction(1).mean)
        np.testing.assert_array_equal(found.covariance, prediction(1).covariance)
        # The same crop after a detour through arithmetic, and as a Crop, is the same.
        assert cache.get("model-a", "image", (1.2500001, 100.50001, 80.25)) is not None
        assert cache.get("model-a", "image", Crop(*CROP)) is not None
        np.testing.assert_array_equal(cache.get("model-b", "image", np.array(CROP)).mean, prediction(2).mean)
        assert cache.get("model-a", "other", (1.25, 100.5, 81.25)) is None
        assert cache.get("model-c", "image", CROP) is None
        cache.put("model-a", "image", CROP, prediction(4))
        np.testing.assert_array_equal(cache.get("model-a", "image", CROP).mean, prediction(4).mean)
        assert cache.notes == []
        with pytest.raises(ValueError, match="finite"):
            cache.get("model-a", "image", (1, 2, float("nan")))
    assert files(tmp_path) == ["p.starmark-cache"]


def test_detections(tmp_path: Path) -> None:
    points = np.arange(10.0).reshape(5, 2) / 3
    with PredictionCache(tmp_path / "c") as cache:
        assert cache.get_detections("mtcnn-1", "a") is None
        cache.put_detections("mtcnn-1", "a", [(Box(1, 2, 3.5, 4), 0.75, points), (Box(5, 6, 7, 8), 0.5, points + 1)])
        cache.put_detections("mtcnn-1", "empty", [])
        first, second = cache.get_detections("mtcnn-1", "a")
        assert first[:2] == (Box(1, 2, 3.5, 4), 0.75) and second[1] == 0.5
        np.testing.assert_array_equal(first[2], points)
        assert cache.get_detections("mtcnn-1", "empty") == []
        assert cache.get_detections("mtcnn-2", "a") is None


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    size = len(encode_prediction(prediction()))
    with PredictionCache(tmp_path / "c", limit=10 * size) as cache:
        for i in range(10):
            cache.put("m", f"{i}", CROP, prediction(i))
        assert cache.size == 10 * size
    with PredictionCache(tmp_path / "c", limit=10 * size) as cache:
        assert cache.get("m", "0", CROP) is not None
    with PredictionCache(tmp_path / "c", limit=10 * size) as cache:  # what was used last outlives closing
        cache.put("m", "new", CROP, prediction(11))
        assert cache.size == 9 * size
        there = [i for i in range(10) if cache.get("m", f"{i}", CROP) is not None]
        assert there == [0, 3, 4, 5, 6, 7, 8, 9]
        cache.clear()
        assert cache.size == 0 and cache.get("m", "0", CROP) is None


def test_image_keys_tell_states_of_a_file_apart(tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"1")
    first = image_key(photo)
    assert image_key(tmp_path / "x" / ".." / "a.jpg") == first
    os.utime(photo, ns=(1, 1))
    second = image_key(photo)
    photo.write_bytes(b"12")
    os.utime(photo, ns=(1, 1))
    assert len({first, second, image_key(photo)}) == 3
    assert image_key(photo, "sha256:1") == "sha256:1"
    with pytest.raises(FileNotFoundError):
        image_key(tmp_path / "none.jpg")


@pytest.mark.parametrize("content", [b"no database" * 200, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_cache_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "p.starmark-cache"
    path.write_bytes(content)
    with PredictionCache(path) as cache:
        assert len(cache.notes) == 1 and "begun anew" in cache.notes[0]
        cache.put("m", "i", CROP, prediction())
        assert cache.get("m", "i", CROP) is not None
    assert files(tmp_path) == ["p.starmark-cache", "p.starmark-cache.damaged"]
    assert (tmp_path / "p.starmark-cache.damaged").read_bytes() == content
    with PredictionCache(path) as cache:
        assert cache.get("m", "i", CROP) is not None and cache.notes == []


def test_damage_met_while_in_use(tmp_path: Path) -> None:
    path = tmp_path / "c"
    with PredictionCache(path) as cache:
        for i in range(100):
            cache.put("m", f"{i}", CROP, prediction(i))
    sound = path.read_bytes()
    for start in range(4096, len(sound), len(sound) // 7):
        path.write_bytes(sound[:start] + os.urandom(2000) + sound[start + 2000 :])
        with PredictionCache(path) as cache:
            for i in range(100):
                found = cache.get("m", f"{i}", CROP)
                if found is not None:  # never a wrong one
                    np.testing.assert_array_equal(found.mean, prediction(i).mean)
            cache.put("m", "new", CROP, prediction())
            assert cache.get("m", "new", CROP) is not None
        (tmp_path / "c.damaged").unlink(missing_ok=True)


def test_another_programs_database_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "c"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE entry (mine)")
        connection.commit()
    before = path.read_bytes()
    with PredictionCache(path) as cache:
        cache.put("m", "i", CROP, prediction())
        assert cache.get("m", "i", CROP) is not None
    assert (tmp_path / "c.damaged").read_bytes() == before


def test_where_nothing_can_be_written_memory_does(tmp_path: Path) -> None:
    with PredictionCache(tmp_path / "no folder" / "c") as cache:
        assert "in memory only" in cache.notes[0]
        cache.put("m", "i", CROP, prediction())
        assert cache.get("m", "i", CROP) is not None
    assert files(tmp_path) == []


def test_a_full_disk_is_noted_and_nothing_else(tmp_path: Path) -> None:
    with PredictionCache(tmp_path / "c") as cache:
        cache.put("m", "i", CROP, prediction(1))
        cache._connection.execute("PRAGMA max_page_count=1")
        cache.put_many(("m", f"{i}", CROP, prediction(i)) for i in range(50))
        assert any("full" in note for note in cache.notes)
        assert cache.get("m", "i", CROP) is not None
        assert cache.get("m", "1", CROP) is None
        assert cache.size == len(encode_prediction(prediction(1)))


def test_a_closed_cache_finds_nothing(tmp_path: Path) -> None:
    cache = PredictionCache(tmp_path / "c")
    cache.put("m", "i", CROP, prediction())
    cache.close()
    cache.close()
    cache.put("m", "j", CROP, prediction())
    assert cache.get("m", "i", CROP) is None


def test_threads_and_two_openers_at_once(tmp_path: Path) -> None:
    problems: list[BaseException] = []
    with PredictionCache(tmp_path / "c") as one, PredictionCache(tmp_path / "c") as two:

        def work(cache: PredictionCache, name: str) -> None:
            try:
                for i in range(20):
                    cache.put("m", f"{name}{i}", CROP, prediction(i))
                    np.testing.assert_array_equal(cache.get("m", f"{name}{i}", CROP).mean, prediction(i).mean)
            except BaseException as error:
                problems.append(error)

        threads = [threading.Thread(target=work, args=(cache, f"{n}")) for n, cache in enumerate([one, one, two, two])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert problems == []
        assert one.get("m", "319", CROP) is not None and one.notes == two.notes == []


def test_a_killed_process_leaves_a_cache_that_opens(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from core.project import PredictionCache\n"
        "from tests.core.project.project_samples import prediction\n"
        "cache = PredictionCache(sys.argv[1])\n"
        "for i in range(20): cache.put('m', str(i), (1, 2, 3), prediction(i))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "c")], cwd=ROOT, check=False)
    with PredictionCache(tmp_path / "c") as cache:
        assert all(cache.get("m", str(i), (1, 2, 3)) is not None for i in range(20))
        assert cache.notes == []


def test_it_lies_beside_the_project(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project, PredictionCache(project.cache_path) as cache:
        assert cache.path == tmp_path / "p.starmark-cache"
