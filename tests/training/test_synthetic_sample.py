"""Making the sample: on real faces in the place of rendered ones, whose labels pass for the truth."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import FormatError
from core.face import Box, Visibility
from core.formats import read_dataset, read_pts
from core.sample import IMAGES, LABEL_SETS, PLANTED, TRUTH, read_plan
from core.sample_copy import open_sample, untouched
from core.scheme import get_scheme
from training.synthetic.sample import COUNT, SIDE, make_sample
from training.synthetic.truth import TRUTH_FILE, TruePoints, Truth, load_truth, save_truth

ROOT = Path(__file__).resolve().parents[2]
BUNDLED = sorted((ROOT / "resources" / "models").glob("*.safetensors"))
FACES = 8

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not BUNDLED, reason="no model is bundled with this checkout"),
]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory, shared_dir: Path) -> Path:
    """Faces as the renderer leaves them: one picture each, 512 px, with some room around it."""
    folder = tmp_path_factory.mktemp("rendered")
    (folder / IMAGES).mkdir()
    labels = sorted((shared_dir / "data" / "faces68").glob("*.pts"))
    names, truth = [], []
    for number, path in enumerate(labels[:: len(labels) // FACES][:FACES]):
        points = read_pts(path, 1)
        box = Box.around(points)
        side = round(1.8 * max(box.w, box.h))
        left, top = (round(middle - side / 2) for middle in box.center)
        with Image.open(path.with_suffix(".jpg")) as photo:
            picture = photo.convert("RGB").crop((left, top, left + side, top + side)).resize((512, 512))
        names.append(f"p{number:05d}_0")
        picture.save(folder / IMAGES / f"{names[-1]}.jpg", quality=95)
        truth.append((points - [left, top] + 0.5) * 512 / side - 0.5)
    write_truth(folder, names, np.array(truth))
    return folder


def write_truth(folder: Path, names: list[str], points: np.ndarray) -> None:
    """Points of 300W as the truth, the first hidden; those of WFLW, which the sample does not use, are nowhere."""
    seen = np.zeros((len(names), 68), np.uint8)
    seen[:, 0] = Visibility.OCCLUDED
    nowhere = np.zeros((len(names), 98))
    other = TruePoints(np.zeros((len(names), 98, 2)), nowhere.astype(np.uint8), nowhere.astype(bool))
    faces = {"300w-68": TruePoints(points, seen, np.zeros(seen.shape, bool)), "wflw-98": other}
    save_truth(folder / TRUTH_FILE, Truth(tuple(names), faces))


@pytest.fixture(scope="module")
def made(rendered: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sample")
    make_sample(rendered, rendered / IMAGES / "p00000_0.jpg", out, seed=3)
    return out


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def points_of(folder: Path, file: str) -> dict[str, np.ndarray]:
    found = read_dataset(folder / file, "coco", images_root=folder)
    assert not found.skipped
    return {face.image.name: face.label.points for face in found.faces}


def test_the_same_seed_gives_the_same_files(rendered: Path, made: Path, tmp_path: Path) -> None:
    make_sample(rendered, rendered / IMAGES / "p00000_0.jpg", tmp_path, seed=3)
    assert contents(tmp_path) == contents(made)


def test_pictures_are_small_and_truth_fits_them(rendered: Path, made: Path) -> None:
    truth = points_of(made, TRUTH)
    assert len(truth) == min(FACES, COUNT)
    known = load_truth(rendered)
    large = {f"{name}.jpg": points for name, points in zip(known.names, known.faces["300w-68"].points, strict=True)}
    for name, points in truth.items():
        with Image.open(made / IMAGES / name) as picture:
            assert max(picture.size) == SIDE and not picture.getexif()
        assert np.allclose(points, (large[name] + 0.5) * SIDE / 512 - 0.5, atol=0.006)
    assert (made / IMAGES / "astronaut.jpg").is_file()


def test_the_plan_names_every_label_that_is_wrong(made: Path) -> None:
    plan, truth, scheme = read_plan(made), points_of(made, TRUTH), get_scheme("300w-68")
    for label_set in LABEL_SETS:
        planned = {(one.image, one.point): one for one in plan.errors if one.label_set == label_set}
        for name, points in points_of(made, f"{label_set}.json").items():
            off = np.hypot(*(points - truth[name]).T) / scheme.norm_distance(truth[name])
            for point in range(len(scheme)):
                one = planned.pop((name, point), None)
                if one is None:
                    slid = (name, point) == (plan.ambiguous.image, plan.ambiguous.point)
                    assert off[point] < (0.3 if slid else 0.2), "ordinary noise is small"
                    continue
                assert one.truth == pytest.approx(truth[name][point], abs=0.006)
                if one.label is None:
                    assert one.kind == "missing" and np.isnan(points[point]).all()
                else:
                    assert one.label == pytest.approx(points[point], abs=1e-9)
        assert not planned
    assert plan.wrong in plan.errors and plan.ambiguous not in plan.errors
    assert json.loads((made / PLANTED).read_text(encoding="utf-8"))["version"] == 1


def test_the_tours_labels_are_what_the_tour_says(made: Path, tmp_path: Path) -> None:
    plan, truth, scheme = read_plan(made), points_of(made, TRUTH), get_scheme("300w-68")
    assert plan.ambiguous.image != plan.wrong.image
    region = scheme.region_of(plan.ambiguous.point)
    assert plan.ambiguous.kind == "slip" and region is not None and region.name == "jaw"
    size = scheme.norm_distance(truth[plan.wrong.image])
    assert plan.wrong.kind == "gross" and plan.wrong.label is not None
    assert math.dist(plan.wrong.label, plan.wrong.truth) > 0.4 * size
    shown = Counter(one.image for one in plan.errors if one.label_set == LABEL_SETS[-1])
    assert shown[plan.wrong.image] == 1 and shown[plan.ambiguous.image] == 0, "nothing else is wrong there"
    with open_sample(tmp_path, source=made) as project:
        assert untouched(project, plan, "Ann")


def test_pictures_without_faces_are_no_sample(tmp_path: Path) -> None:
    (tmp_path / "r" / IMAGES).mkdir(parents=True)
    Image.new("RGB", (512, 512), "grey").save(tmp_path / "r" / IMAGES / "p00000_0.jpg")
    points = np.random.default_rng(0).uniform(100, 400, (1, 68, 2))
    write_truth(tmp_path / "r", ["p00000_0"], points)
    with pytest.raises(FormatError, match="Render more"):
        make_sample(tmp_path / "r", tmp_path / "r" / IMAGES / "p00000_0.jpg", tmp_path / "out")
