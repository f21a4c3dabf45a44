"""From the faces of a labelled data set or a project to what the network is to see of them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from core.face import Box
from core.formats.base import LabelledFace
from core.model.crops import crop_from_box
from core.model.pipeline import FaceRequest, ImageRequest
from core.transforms import LANDMARK_CROP_FACTOR, Crop, crop_from_points

if TYPE_CHECKING:
    from core.project.records import FaceLabel, FaceRecord
    from core.project.store import Project

Crops = Literal["detector", "landmarks"]


@dataclass(frozen=True, slots=True)
class DatasetRequests:
    """Requests for the faces of a data set.

    Attributes:
        requests: one an image, in the order in which the data set first names them.
        faces: for each request, the index of each of its faces among the data set's.
        crops: which crops they are.
        unusable: indices of faces with too few labelled points to tell where they are.
    """

    requests: list[ImageRequest]
    faces: list[list[int]]
    crops: Crops
    unusable: list[int]


def requests_for(
    faces: Sequence[LabelledFace], crops: Crops | None = None, factor: float = LANDMARK_CROP_FACTOR
) -> DatasetRequests:
    """Requests for labelled faces.

    Args:
        faces: of a data set, or some of them.
        crops: "detector" looks for each face with the detector and takes the detection that overlaps it best;
            "landmarks" takes the data set's own scale and centre, else its box, else the extent of the label. None
            takes "landmarks" where every face has a scale and centre or a box of its own, else "detector".
        factor: side of a label-extent crop over the longer side of the landmarks' bounding box.
    """
    if crops is None:
        own = bool(faces) and all(face.crop is not None or face.box is not None for face in faces)
        crops = "landmarks" if own else "detector"
    grouped: dict[Path, list[tuple[int, FaceRequest]]] = {}
    unusable = []
    for index, face in enumerate(faces):
        try:
            request = _request(face, crops, factor)
        except ValueError:
            unusable.append(index)
        else:
            grouped.setdefault(face.image, []).append((index, request))
    requests = [ImageRequest(path, tuple(request for _, request in wanted)) for path, wanted in grouped.items()]
    return DatasetRequests(requests, [[index for index, _ in wanted] for wanted in grouped.values()], crops, unusable)


def checking_requests(faces: Sequence[LabelledFace], factor: float = LANDMARK_CROP_FACTOR) -> DatasetRequests:
    """Requests for labelled faces whose labels are to be checked, so that predictions do not depend on the labels.

    A crop that the source prescribes is taken; else the detector looks for the face, and only where it misses it does
    the label's extent help, `factor` as for `requests_for`. This is how a project's window predicts, too.
    """
    grouped: dict[Path, list[tuple[int, FaceRequest]]] = {}
    unusable = []
    for index, face in enumerate(faces):
        try:
            request = _checking_request(face, factor)
        except ValueError:
            unusable.append(index)
        else:
            grouped.setdefault(face.image, []).append((index, request))
    requests = [ImageRequest(path, tuple(request for _, request in wanted)) for path, wanted in grouped.items()]
    indices = [[index for index, _ in wanted] for wanted in grouped.values()]
    return DatasetRequests(requests, indices, "detector", unusable)


def project_requests(project: Project, factor: float = LANDMARK_CROP_FACTOR) -> list[ImageRequest]:
    """Requests for the images of a project, as its window predicts them.

    A crop that the project keeps is taken. A face without one is looked for with the detector, so that the prediction
    does not depend on the label it is to check; where the detector misses it, the label's extent, else the box, helps.
    An image without faces gets all that the detector finds.
    """
    records = project.images()
    faces = project.faces_of(record.id for record in records)
    labels = project.current_labels(face.id for found in faces.values() for face in found)
    requests = []
    for record in records:
        wanted = [_project_request(face, labels.get(face.id), factor) for face in faces.get(record.id, [])]
        known = tuple(request for request in wanted if request is not None)
        requests.append(ImageRequest(record.path, known or None))
    return requests


def _project_request(face: FaceRecord, label: FaceLabel | None, factor: float) -> FaceRequest | None:
    """None where nothing tells where the face is."""
    if face.crop is not None:
        crop = Crop(*face.crop)
        side = crop.size_px
        return FaceRequest(face.box or Box(crop.cx - side / 2, crop.cy - side / 2, side, side), crop)
    if label is not None:
        with contextlib.suppress(ValueError):  # a label with hardly a point in it
            points = label.label.points
            return FaceRequest(face.box or Box.around(points), fallback=crop_from_points(points, factor))
    return None if face.box is None else FaceRequest(face.box, fallback=crop_from_box(face.box))


def _request(face: LabelledFace, crops: Crops, factor: float) -> FaceRequest:
    """ValueError where the label has too few points and nothing else tells where the face is."""
    if crops == "detector":
        return FaceRequest(_label_box(face) or face.box or Box.around(face.label.points))
    if face.crop is not None:
        crop = Crop(*face.crop)
    elif face.box is not None:
        crop = crop_from_box(face.box)
    else:
        crop = crop_from_points(face.label.points, factor)
    side = crop.size_px
    return FaceRequest(face.box or Box(crop.cx - side / 2, crop.cy - side / 2, side, side), crop)


def _checking_request(face: LabelledFace, factor: float) -> FaceRequest:
    """ValueError where the label has too few points and nothing else tells where the face is."""
    box = _label_box(face) or face.box
    if face.crop is not None:
        crop = Crop(*face.crop)
        side = crop.size_px
        return FaceRequest(box or Box(crop.cx - side / 2, crop.cy - side / 2, side, side), crop)
    if box is None:
        raise ValueError("nothing tells where the face is")
    known = _label_box(face) is not None
    fallback = crop_from_points(face.label.points, factor) if known else crop_from_box(box)
    return FaceRequest(face.box or box, fallback=fallback)


def _label_box(face: LabelledFace) -> Box | None:
    try:
        return Box.around(face.label.points)
    except ValueError:
        return None
