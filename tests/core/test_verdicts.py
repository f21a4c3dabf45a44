"""Verdicts on labels whose errors are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from core.evidence import Evidence, brown, cauchy, gather
from core.face import FloatArray, Prediction
from core.face_verdicts import FaceFinding, FaceVerdict, align, face_findings
from core.false_discovery import adjusted, findings
from core.scheme import get_scheme
from core.verdicts import Verdict, finding, point_verdicts, shifted_points
from tests.core.face_shape import SIGMA, face_68, predicted, right_calibration, right_label

SCHEME = get_scheme("300w-68")
SIDE = 200.0
STEP = SIGMA * SIDE
JAW = np.arange(17)
FLIP = list(SCHEME.flip)
SIZE = (280, 300)


def evidence(*labels: FloatArray) -> tuple[Evidence, list[Prediction]]:
    """Beside predictions of the one plain face."""
    predictions = [predicted(face_68())] * len(labels)
    people = [str(i) for i in range(len(labels))]
    return gather(np.stack(labels), predictions, people, SCHEME, right_calibration()), predictions


def verdicts_of(label: FloatArray) -> list[str]:
    found, predictions = evidence(label)
    return [str(name) for name in point_verdicts(found, predictions)[0]]


def whole(label: FloatArray, size: tuple[int, int] | None = SIZE) -> FaceFinding:
    found, predictions = evidence(label)
    return face_findings(found, predictions, [size])[0]


def tangent(index: int) -> FloatArray:
    """Unit vector along the jaw."""
    face = face_68()
    step = face[index + 1] - face[index - 1]
    return step / np.hypot(*step)


def test_right_labels_are_ok() -> None:
    labels = [right_label(seed, face_68()) for seed in range(12)]
    found, predictions = evidence(*labels)
    verdicts = point_verdicts(found, predictions)
    assert (verdicts == Verdict.SUSPECT.value).sum() <= 1
    assert np.isin(verdicts, ["ok", "ambiguous", "suspect"]).all()
    assert {one.verdict for one in face_findings(found, predictions, [SIZE] * 12)} == {FaceVerdict.OK}


def test_a_point_across_its_contour_is_suspect_and_says_by_how_much() -> None:
    label = right_label(1, face_68())
    along = tangent(8)
    label[8] = face_68()[8] + 6 * STEP * np.array([-along[1], along[0]])
    found, predictions = evidence(label)
    verdicts = point_verdicts(found, predictions)
    assert verdicts[0, 8] == Verdict.SUSPECT.value
    told = finding(found, verdicts, 0, 8)
    assert told.d == pytest.approx(6, abs=0.01)
    assert told.p < 1e-6
    assert np.hypot(told.along, told.across) == pytest.approx(6 * STEP)
    assert "jaw 9 is 24.0 px" in told.text
    assert found.point_scores[0].argmax() == 8
    assert found.scores[0] > evidence(right_label(1, face_68()))[0].scores[0] + 1


def test_a_slip_along_the_contour_within_the_ellipse_is_ambiguous() -> None:
    label = face_68()
    label[5] = label[5] + 2.2 * STEP * tangent(5)
    assert verdicts_of(label)[5] == Verdict.AMBIGUOUS.value
    label[5] = face_68()[5] + 8 * STEP * tangent(5)
    assert verdicts_of(label)[5] == Verdict.SUSPECT.value


def test_a_swapped_pair_and_a_missing_point_are_told() -> None:
    label = right_label(2, face_68())
    label[[36, 45]] = label[[45, 36]]
    label[30] = np.nan
    found, predictions = evidence(label)
    verdicts = point_verdicts(found, predictions)
    assert list(verdicts[0, [36, 45, 30]]) == ["swapped", "swapped", "missing"]
    assert np.isnan(finding(found, verdicts, 0, 30).d)
    assert finding(found, verdicts, 0, 30).text == "nose bridge 4 has no label."
    assert "left eye outer corner" in finding(found, verdicts, 0, 36).text
    assert np.isfinite(found.scores).all()


@pytest.mark.parametrize("step", [1, -1])
def test_a_jaw_off_by_one_is_shifted(step: int) -> None:
    label = right_label(3, face_68())
    face = face_68()
    inner = JAW[1:-1]
    label[inner] = label[inner] - face[inner] + face[inner + step]
    found, _ = evidence(label)
    assert (shifted_points(found)[0, inner] == step).mean() > 0.9
    assert (shifted_points(found)[0, 17:] == 0).all()
    assert whole(label).verdict is FaceVerdict.OK


def test_where_the_model_is_not_sure_it_does_not_accuse() -> None:
    label = right_label(1, face_68())
    label[33] += [0.0, 7 * STEP]
    plain = predicted(face_68())
    shares = np.zeros(68)
    shares[33] = 0.4
    unsure = Prediction(
        plain.scheme, plain.mean, plain.covariance, plain.peak, plain.peak_mass, plain.second_peak, shares, plain.crop
    )
    found = gather(label[None], [unsure], ["a"], SCHEME, right_calibration())
    assert point_verdicts(found, [unsure])[0, 33] == Verdict.UNSURE.value
    assert verdicts_of(label)[33] == Verdict.SUSPECT.value


def test_whole_faces_are_explained() -> None:
    face = right_label(4, face_68())
    assert whole(face[FLIP]).verdict is FaceVerdict.SWAPPED
    jaw_reversed = face.copy()
    jaw_reversed[JAW] = face[JAW[::-1]]
    assert whole(jaw_reversed).verdict is FaceVerdict.ORDER
    assert whole((face - 100) * 0.6 + 130).verdict is FaceVerdict.BOX
    other = face * [1.0, 0.6] + [0.0, 60.0]
    assert whole(other).verdict is FaceVerdict.OTHER_FACE
    assert whole(np.full((68, 2), np.nan)).verdict is FaceVerdict.EMPTY
    for label in (face[FLIP], jaw_reversed, other):
        told = whole(label)
        assert told.score > 5
        assert told.text.endswith(".")


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_image_is_found(turns: int) -> None:
    face = right_label(4, face_68())
    width, height = SIZE
    back = face.copy()
    for _ in range(turns):  # undo: from the image as it is now to the image as it was labelled
        back = np.stack([back[:, 1], width - 1 - back[:, 0]], -1)
        width, height = height, width
    told = whole(back)
    assert told.verdict is FaceVerdict.ROTATED
    assert told.changed < 4 < told.misfit
    assert whole(back, None).verdict is FaceVerdict.BOX


def test_a_mirrored_image_is_found() -> None:
    face = right_label(4, face_68(left=10.0))
    mirrored = np.stack([SIZE[0] - 1 - face[:, 0], face[:, 1]], -1)[FLIP]
    prediction = predicted(face_68(left=10.0))
    found = gather(mirrored[None], [prediction], ["a"], SCHEME, right_calibration())
    assert face_findings(found, [prediction], [SIZE])[0].verdict is FaceVerdict.MIRRORED


def test_alignment_finds_a_similarity_and_no_reflection() -> None:
    face = face_68()
    turn = np.array([[0.0, 2.0], [-2.0, 0.0]])
    moved = face @ turn + 5
    assert np.allclose(align(moved, face), face)
    assert not np.allclose(align(face * [-1, 1], face), face, atol=20)
    assert align(face * np.nan, face) is not None
    assert np.array_equal(align(np.ones((68, 2)), face), np.ones((68, 2)))


def test_benjamini_hochberg_by_hand() -> None:
    p = np.array([0.01, 0.04, np.nan, 0.03, 0.5])
    assert np.allclose(adjusted(p), [0.04, 0.16 / 3, np.nan, 0.16 / 3, 0.5], equal_nan=True)
    assert list(findings(p, 0.05)) == [True, False, False, False, False]
    rng = np.random.default_rng(0)
    assert np.mean([findings(rng.random(100), 0.05).any() for _ in range(400)]) < 0.09


def test_combined_p_values_keep_their_level() -> None:
    rng = np.random.default_rng(0)
    shared = rng.standard_normal(200_000)
    p, q = (norm.sf(0.6 * shared + 0.8 * rng.standard_normal(len(shared))) for _ in range(2))
    for level in (0.05, 0.01, 0.001):
        assert (cauchy([p, q]) < level).mean() < 1.3 * level
        assert (brown(p, q) < level).mean() < 1.6 * level
    assert np.allclose(brown(p, np.ones_like(p)), p)
    assert brown([1e-4, 0.5, 0.7, 0.9], [1e-4, 0.6, 0.5, 0.8])[0] < 1e-4
