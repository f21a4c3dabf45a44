"""The data path: what a sample shows, and that its randomness is its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core.formats.registry import read_dataset
from core.images import read_image
from core.scheme import get_scheme
from core.transforms import crop_from_points
from training.augment import Augmentation, RandomGeometry
from training.dataset import BatchLoader, Face, FaceSet, epoch_order
from training.ema import Ema
from training.split import Part, groups_of, identity_of, part_of

SCHEME = get_scheme("300w-68")


def faces_of(folder: Path) -> list[Face]:
    return [
        Face(f.image, f.label.points, crop_from_points(f.label.points), f.label.weights)
        for f in read_dataset(folder).faces
    ]


def test_labels_stay_on_their_pixels_under_augmentation(drawn_faces: Path) -> None:
    """Curves are white on dark: wherever a sample says a landmark is, the crop must be bright."""
    geometry_only = Augmentation(textures=())
    data = FaceSet(faces_of(drawn_faces), SCHEME, 128, augmentation=geometry_only)
    bright = []
    for index in range(24):
        sample = data.sample(index, np.random.default_rng(index))
        at = np.round(sample.points).astype(int)
        inside = ((at >= 0) & (at < 128)).all(axis=1)
        bright += sample.image[at[inside, 1], at[inside, 0]].max(axis=1).tolist()
    assert np.mean(np.array(bright) > 120) > 0.9


def test_maps_lie_where_the_points_are(drawn_faces: Path) -> None:
    data = FaceSet(faces_of(drawn_faces), SCHEME, 128, augmentation=Augmentation())
    sample = data.sample(3, np.random.default_rng(3))
    rows, columns = np.unravel_index(sample.point_maps.reshape(68, -1).argmax(axis=1), (32, 32))
    inside = ((sample.points > 6) & (sample.points < 121)).all(axis=1)
    centres = np.stack([columns, rows], axis=1) * 4 + 1.5
    assert np.abs(centres - sample.points)[inside].max() < 3.1


def test_a_mirrored_sample_has_its_left_on_the_left(drawn_faces: Path) -> None:
    always = Augmentation(flip=1.0, geometry=RandomGeometry(0, 0, 0), textures=())
    faces = faces_of(drawn_faces)
    mirrored = FaceSet(faces, SCHEME, 128, augmentation=always).sample(0, np.random.default_rng(0))
    plain = FaceSet(faces, SCHEME, 128).sample(0, np.random.default_rng(0))
    assert plain.points[36, 0] < plain.points[45, 0]
    assert mirrored.points[36, 0] < mirrored.points[45, 0]
    np.testing.assert_allclose(mirrored.points[36, 0], 127 - plain.points[45, 0])
    difference = np.abs(mirrored.image.astype(int) - plain.image[:, ::-1].astype(int))
    assert difference.mean() < 3


def test_missing_points_weigh_nothing(drawn_faces: Path) -> None:
    face = faces_of(drawn_faces)[0]
    points = face.points.copy()
    points[20] = np.nan
    data = FaceSet([Face(face.image, points, face.crop, face.weights)], SCHEME, 64)
    sample = data.sample(0, np.random.default_rng(0))
    assert sample.weights[20] == 0 and sample.weights[21] == 1
    assert sample.point_maps[20].max() == 0
    assert sample.edges.tolist() == [1, 0, 1, 1, 1, 1, 1, 1, 1]


def test_a_far_too_large_photo_is_kept_small(tmp_path: Path, drawn_faces: Path) -> None:
    import cv2

    face = faces_of(drawn_faces)[0]
    large = cv2.resize(read_image(face.image), None, fx=16, fy=16, interpolation=cv2.INTER_CUBIC)
    path = tmp_path / "large.png"
    cv2.imwrite(str(path), large[..., ::-1])
    points = (face.points + 0.5) * 16 - 0.5
    big = FaceSet([Face(path, points, crop_from_points(points), face.weights)], SCHEME, 64)
    small = FaceSet([face], SCHEME, 64)
    rng = np.random.default_rng(0)
    one, two = big.sample(0, rng), small.sample(0, rng)
    np.testing.assert_allclose(one.points, two.points, atol=0.3)
    assert np.abs(one.image.astype(int) - two.image.astype(int)).mean() < 12
    assert big._cache.get(0, big.faces[0]).pixels.shape[0] <= 64 * 2 * 2.2 + 1


@pytest.mark.parametrize("workers", [1, 3])
def test_batches_do_not_depend_on_the_number_of_threads(drawn_faces: Path, workers: int) -> None:
    data = FaceSet(faces_of(drawn_faces)[:10], SCHEME, 64, augmentation=Augmentation())
    loader = BatchLoader(data, 4, seed=5, workers=workers)
    try:
        batches = list(loader.batches(2))
        again = list(loader.batches(2, first=1))
        other = next(iter(loader.batches(3)))
    finally:
        loader.close()
    assert [len(batch.faces) for batch in batches] == [4, 4, 2]
    assert [i for batch in batches for i in batch.faces] == epoch_order(10, 5, 2).tolist()
    assert torch.equal(again[0].image, batches[1].image)
    assert not torch.equal(other.image, batches[0].image)
    index = batches[0].faces[0]
    alone = data.sample(index, np.random.default_rng((5, 2, index)))
    expected = torch.from_numpy(alone.image).permute(2, 0, 1).float().sub(127.5).div(127.5)
    assert torch.equal(batches[0].image[0], expected)


def test_landmarks_are_clamped_half_pixel_coordinates(drawn_faces: Path) -> None:
    face = faces_of(drawn_faces)[0]
    points = face.points.copy()
    points[0] = [-500.0, 10.0]
    data = FaceSet([Face(face.image, points, face.crop, face.weights)], SCHEME, 64)
    loader = BatchLoader(data, 1, seed=0)
    try:
        batch = next(iter(loader.batches(0, shuffle=False)))
    finally:
        loader.close()
    sample = data.sample(0, np.random.default_rng(0))
    landmarks = batch.targets.landmarks[0].numpy()
    assert landmarks[0, 0] == -1
    np.testing.assert_allclose(landmarks[30], (2 * sample.points[30] + 1) / 64 - 1, rtol=1e-5)


def test_people_stay_in_one_part() -> None:
    assert identity_of(Path("Abdullah_Gul_10.jpg")) == "Abdullah_Gul"
    paths = [Path(f"name{n:02d}_{k}.jpg") for n in range(30) for k in range(5)]
    groups = groups_of(paths)
    assert len({(group, part_of(group)) for group in groups}) == 30
    serial = [Path(f"image_{n:04d}.jpg") for n in range(100)]
    assert len(set(groups_of(serial))) == 100
    assert {part_of(str(n)) for n in range(100)} == set(Part)


@pytest.mark.shared
def test_the_shared_faces_split_as_agreed(faces68: Path) -> None:
    images = sorted(faces68.glob("*.jpg"))
    parts = [part_of(group) for group in groups_of(images)]
    assert (parts.count(Part.REPORT), parts.count(Part.CHOICE), len(parts)) == (294, 330, 2811)


def test_averaging_halves_a_weights_share_each_half_life() -> None:
    network = torch.nn.BatchNorm1d(1)
    ema = Ema(network, half_life=100)
    with torch.no_grad():
        network.weight.fill_(3.0)
        network.running_mean.fill_(1.0)
        network.num_batches_tracked.fill_(7)
    for _ in range(10):
        ema.update(network, 10)
    assert ema.network.weight.item() == pytest.approx(2.0)
    assert ema.network.running_mean.item() == pytest.approx(0.5)
    assert ema.network.num_batches_tracked.item() == 7
    assert not ema.network.training
