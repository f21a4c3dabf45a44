"""Predictions and detections, kept so that nothing is computed twice: NAME.starmark-cache beside the project.

All of it can be computed again. So it is outside the project's backups and locks, bounded in size, and never stops
anybody: a damaged file is moved aside and begun anew, and what cannot be written is not written; `notes` says what
happened.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import sqlite3
import struct
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from core.errors import ProjectError
from core.face import Box, FloatArray, Prediction
from core.project.codec import decode_prediction, encode_prediction
from core.project.images import absolute

T = TypeVar("T")
_Detections = list[tuple[Box, float, FloatArray]]

DEFAULT_LIMIT = 1 << 30
_LAYOUT = 1
_APPLICATION_ID = 0x53544D43
"""SQLite's `application_id` of a cache: "STMC"."""
_KEEP = 0.9
"""Share of the limit that is left after trimming, so that it is not done at every write."""
_SECONDS = 2.0
_FACE = struct.Struct("<15d")
"""One detection: box x, y, w, h, score, five points x, y."""
_SCORE = struct.Struct("<16sf")
"""An image's id and its number."""


class HasArray(Protocol):
    """A `core.transforms.Crop`."""

    def as_array(self) -> NDArray[np.float64]: ...


CropLike = HasArray | Sequence[float] | NDArray[np.float64]


def image_key(path: str | os.PathLike[str], content_hash: str | None = None) -> str:
    """What tells one state of an image file from all others: its hash, if known, else place, size and time.

    OSError if the file is not there.
    """
    if content_hash is not None:
        return content_hash
    place = absolute(path)
    stat = Path(place).stat()
    return f"{stat.st_size}:{stat.st_mtime_ns}:{place}"


class PredictionCache:
    """A cache at `path`, holding up to about `limit` bytes; the least recently used go first. For any thread.

    Read and written by several processes at a time if need be.
    """

    def __init__(self, path: str | os.PathLike[str], limit: int = DEFAULT_LIMIT) -> None:
        self.path = Path(path)
        self.notes: list[str] = []
        self._limit = limit
        self._lock = threading.RLock()
        self._touched: dict[bytes, int] = {}
        self._connection: sqlite3.Connection | None = self._open()
        self._load()

    def get(self, model_hash: str, image: str, crop: CropLike) -> Prediction | None:
        """The prediction of a model for a face (`image` from `image_key`), None if there is none.

        Mean, covariance and crop are as they were put, all else rounded to float32.
        """
        data = self._get(_key("prediction", model_hash, image, _crop_text(crop)))
        if data is None:
            return None
        try:
            return decode_prediction(data)
        except ProjectError as error:
            self._begin_anew(error)
            return None

    def put(self, model_hash: str, image: str, crop: CropLike, prediction: Prediction) -> None:
        """Keep a prediction, replacing an earlier one."""
        self.put_many([(model_hash, image, crop, prediction)])

    def put_many(self, items: Iterable[tuple[str, str, CropLike, Prediction]]) -> None:
        """Keep several predictions (model hash, image key, crop, prediction) at the price of one."""
        self._put(
            [
                (_key("prediction", model_hash, image, _crop_text(crop)), encode_prediction(prediction))
                for model_hash, image, crop, prediction in items
            ]
        )

    def get_detections(self, detector: str, image: str) -> _Detections | None:
        """What a version of the detector found in an image: (box, score, five points (5, 2)), None if not known."""
        data = self._get(_key("detections", detector, image))
        if data is None:
            return None
        try:
            return [_face(values) for values in _FACE.iter_unpack(data)]
        except (struct.error, ValueError) as error:
            self._begin_anew(error)
            return None

    def put_detections(self, detector: str, image: str, faces: Iterable[tuple[Box, float, FloatArray]]) -> None:
        """Keep what a version of the detector found in an image, also that it found nothing."""
        data = b"".join(
            _FACE.pack(*box.to_list(), score, *np.asarray(points, np.float64).reshape(10))
            for box, score, points in faces
        )
        self._put([(_key("detections", detector, image), data)])

    def get_scores(self, model_hash: str) -> dict[str, float]:
        """What was kept of each image that the model has seen, by image id; see `put_scores`."""
        data = self._get(_key("scores", model_hash))
        try:
            return {str(UUID(bytes=image)): score for image, score in _SCORE.iter_unpack(data or b"")}
        except struct.error as error:
            self._begin_anew(error)
            return {}

    def put_scores(self, model_hash: str, scores: Mapping[str, float]) -> None:
        """Keep one number for each image that a model has seen, NaN for none, beside those kept before."""
        with self._lock:
            merged = self.get_scores(model_hash) | dict(scores)
            data = b"".join(_SCORE.pack(UUID(image).bytes, score) for image, score in merged.items())
            self._put([(_key("scores", model_hash), data)])

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._do(lambda connection: connection.execute("DELETE FROM entry"), None)
            self._touched.clear()
            self._load()

    def close(self) -> None:
        """Write down what was used last and close the file. Later calls find nothing and keep nothing."""
        with self._lock:
            self._put([])
            if self._connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.close()
                self._connection = None

    def __enter__(self) -> PredictionCache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def size(self) -> int:
        """Bytes kept, without the database's own."""
        return self._bytes

    # Inside

    def _get(self, key: bytes) -> bytes | None:
        with self._lock:
            row = self._do(
                lambda connection: connection.execute("SELECT data FROM entry WHERE key = ?", (key,)).fetchone(), None
            )
            if row is None:
                return None
            self._clock += 1
            self._touched[key] = self._clock
            return bytes(row[0])

    def _put(self, items: list[tuple[bytes, bytes]]) -> None:
        with self._lock:
            touched, self._touched = self._touched, {}
            if not items and not touched:
                return

            def job(connection: sqlite3.Connection) -> None:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(
                    "UPDATE entry SET used = ? WHERE key = ?", [(used, key) for key, used in touched.items()]
                )
                for key, data in items:
                    self._clock += 1
                    old = connection.execute("SELECT bytes FROM entry WHERE key = ?", (key,)).fetchone()
                    self._bytes += len(data) - (0 if old is None else old[0])
                    connection.execute(
                        "INSERT OR REPLACE INTO entry (key, used, bytes, data) VALUES (?, ?, ?, ?)",
                        (key, self._clock, len(data), data),
                    )
                if self._bytes > self._limit:
                    self._trim(connection)
                connection.execute("COMMIT")

            self._do(job, None)

    def _trim(self, connection: sqlite3.Connection) -> None:
        surplus = self._bytes - int(self._limit * _KEEP)
        old = []
        for key, size in connection.execute("SELECT key, bytes FROM entry ORDER BY used"):
            if surplus <= 0:
                break
            old.append((key,))
            surplus -= size
            self._bytes -= size
        connection.executemany("DELETE FROM entry WHERE key = ?", old)

    def _do(self, job: Callable[[sqlite3.Connection], T], default: T) -> T:
        """Run `job`; whatever fails is noted, and `default` returned."""
        if self._connection is None:
            return default
        try:
            return job(self._connection)
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
            if _is_damage(error):
                self._begin_anew(error)
            else:
                self._note(f"not everything could be cached: {error}")
                with contextlib.suppress(sqlite3.Error):
                    self._load()
            return default

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect(str(self.path))
        except sqlite3.Error as error:
            if _is_damage(error):
                self._set_aside(error)
                with contextlib.suppress(sqlite3.Error):
                    return self._connect(str(self.path))
            self._note(f"predictions are kept in memory only: {self.path} cannot be written ({error})")
        return self._connect(":memory:")

    def _connect(self, name: str) -> sqlite3.Connection:
        connection = sqlite3.connect(name, isolation_level=None, check_same_thread=False, timeout=_SECONDS)
        try:
            owner = connection.execute("PRAGMA application_id").fetchone()[0]
            layout = connection.execute("PRAGMA user_version").fetchone()[0]
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if tables and (owner, layout) != (_APPLICATION_ID, _LAYOUT):
                raise sqlite3.DatabaseError("not a cache of this version")
            connection.execute("PRAGMA journal_mode=WAL")
            # A power cut may cost the last entries; they can be computed again.
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(f"PRAGMA application_id={_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={_LAYOUT}")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS entry "
                "(key BLOB PRIMARY KEY, used INTEGER NOT NULL, bytes INTEGER NOT NULL, data BLOB NOT NULL)"
            )
            # Covers finding the oldest and adding up the sizes, without touching the data.
            connection.execute("CREATE INDEX IF NOT EXISTS entry_used ON entry (used, bytes, key)")
            connection.execute("COMMIT")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _load(self) -> None:
        self._clock, self._bytes = 0, 0
        if self._connection is not None:
            row = self._connection.execute("SELECT max(used), sum(bytes) FROM entry").fetchone()
            self._clock, self._bytes = row[0] or 0, row[1] or 0

    def _begin_anew(self, error: Exception) -> None:
        with self._lock:
            if self._connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.close()
            self._set_aside(error)
            self._touched.clear()
            self._connection = self._open()
            self._load()

    def _set_aside(self, error: Exception) -> None:
        aside = self.path.with_name(self.path.name + ".damaged")
        self._note(f"the cache was damaged ({error}) and is begun anew; the old file is {aside.name}")
        with contextlib.suppress(OSError):
            self.path.replace(aside)
        for suffix in ("-wal", "-shm"):
            with contextlib.suppress(OSError):
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)


def _is_damage(error: sqlite3.Error) -> bool:
    # An error without a code is our own: not a cache of this version.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_NOTADB) & 0xFF
    return code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR)


def _face(values: tuple[float, ...]) -> tuple[Box, float, FloatArray]:
    return Box(*values[:4]), values[4], np.array(values[5:]).reshape(5, 2)


def _key(*parts: str) -> bytes:
    text = "\0".join(parts).encode("utf-8", "surrogateescape")
    return hashlib.blake2b(text, digest_size=20).digest()


def _crop_text(crop: CropLike) -> str:
    """A crop as part of a key: scale to 1e-5 (0.002 px of crop size), centre to 0.001 px."""
    values = crop.as_array() if hasattr(crop, "as_array") else crop
    scale, x, y = (float(value) for value in values)
    if not all(map(math.isfinite, (scale, x, y))):
        raise ValueError(f"a crop needs finite numbers, not {(scale, x, y)}")
    return f"{scale:.5f},{x + 0.0:.3f},{y + 0.0:.3f}"
