"""COFW's .mat files: as published, as written here, and as nobody should send them."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from core.errors import FileError, FormatError, StarmarkError
from core.face import Box, Visibility
from core.formats import cofw, detect_format, export_dataset, read_dataset
from core.formats.hdf5_file import in_child
from core.formats.registry import EXPORTERS
from core.images import read_image
from core.scheme import get_scheme
from tests.core.format_samples import make_faces

COFW = get_scheme("cofw-29")
HOLDS = EXPORTERS["cofw"].holds


@pytest.fixture(autouse=True)
def _no_child(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that reads takes a second to start, and only its own tests are about it."""
    if "child" not in request.node.name:
        monkeypatch.setattr(cofw, "in_child", lambda work, arguments, _path, tell: work(*arguments, tell))


def _die(_source: Path, folder: Path, *_: object) -> None:
    folder.mkdir()
    (folder / "train face 1.png").write_bytes(b"half")
    os.abort()


def _stay(tell: Callable[[int, int], object]) -> None:
    tell(1, 2)
    threading.Event().wait()  # until the test ends it


def test_a_child_reads_and_its_death_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = _mat(tmp_path / "a.mat")
    told: list[tuple[int, int]] = []
    found = read_dataset(source, progress=lambda done, total: told.append((done, total)))
    assert len(found.faces) == 3
    assert all(face.image.is_file() for face in found.faces)
    assert told[-1] == (3, 3)
    monkeypatch.setattr(cofw, "read_here", _die)
    with pytest.raises(FormatError, match="the process that tried to read it died"):
        read_dataset(source, extract_to=tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_what_a_child_finds_wrong_is_told(tmp_path: Path) -> None:
    with pytest.raises(FormatError) as caught:
        read_dataset(_mat(tmp_path / "a.mat", change=_instead("phisTr", None)))
    assert "died" not in str(caught.value) and caught.value.where is not None
    assert not (tmp_path / "a images").exists()


def test_waiting_for_the_child_can_be_cancelled(tmp_path: Path) -> None:
    def stop(done: int, _total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        in_child(_stay, (), tmp_path, stop)
    assert not multiprocessing.active_children()


def _picture(seed: int, grey: bool = False) -> np.ndarray:
    """(40, 50) or (40, 50, 3)."""
    shape = (40, 50) if grey else (40, 50, 3)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def _phis(count: int) -> np.ndarray:
    """(N, 87) as MATLAB has them: 1-based x, y and occlusion."""
    rng = np.random.default_rng(1)
    xy = rng.uniform(1, 40, (count, 58))
    return np.concatenate([xy, rng.integers(0, 2, (count, 29))], axis=1)


def _mat(path: Path, suffix: str = "Tr", change: Callable[[h5py.File], None] | None = None, count: int = 3) -> Path:
    """A file as MATLAB writes COFW's: the second image grey; `change` may spoil it."""
    with h5py.File(path, "w", userblock_size=512) as file:
        group = file.create_group("#refs#")
        for number in range(count):
            data = _picture(number, grey=number == 1).T
            group.create_dataset(f"i{number}", data=data, compression="gzip", compression_opts=3)
        cells = np.array([[group[f"i{number}"].ref for number in range(count)]], dtype=h5py.ref_dtype)
        file.create_dataset(f"Is{suffix}", data=cells, dtype=h5py.ref_dtype)
        file.create_dataset(f"phis{suffix}", data=_phis(count).T, compression="gzip", shuffle=True)
        file.create_dataset(f"bboxes{suffix}", data=np.tile([[11.0], [21], [30], [25]], (1, count)))
        if change is not None:
            change(file)
    with path.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\2IM")
    return path


def test_a_file_as_published(tmp_path: Path) -> None:
    source = _mat(tmp_path / "COFW_train_color.mat")
    assert detect_format(source) == "cofw"
    result = read_dataset(source)
    assert (result.scheme_id, result.format, result.skipped, result.index_base) == ("cofw-29", "cofw", [], 1)
    folder = tmp_path / "COFW_train_color images"
    assert [face.image for face in result.faces] == [folder / f"cofw_train_000{n}.png" for n in (1, 2, 3)]
    phis = _phis(3)
    for number, face in enumerate(result.faces):
        assert np.allclose(face.label.points, phis[number, :58].reshape(2, 29).T - 1, rtol=0, atol=1e-12)
        assert face.label.visibility.tolist() == phis[number, 58:].tolist()
        assert face.box == Box(10, 20, 30, 25)
        assert face.extras == {"split": "train"}
        assert face.info is not None
        assert (face.info.width, face.info.height) == (50, 40)
        with Image.open(face.image) as picture:
            assert np.array_equal(np.asarray(picture), _picture(number, grey=number == 1))
    assert result.faces[2].source == f"{source}, train face 3"
    zero = read_dataset(source, index_base=0).faces[0]
    assert np.array_equal(zero.label.points, phis[0, :58].reshape(2, 29).T)


def test_the_file_for_testing_and_another_folder_for_images(tmp_path: Path) -> None:
    result = read_dataset(_mat(tmp_path / "a.mat", "T"), extract_to=tmp_path / "x" / "y")
    assert {face.image.parent for face in result.faces} == {tmp_path / "x" / "y"}
    assert result.faces[0].extras == {"split": "test"}


def test_images_are_used_again_and_never_replaced(tmp_path: Path) -> None:
    source = _mat(tmp_path / "a.mat")
    first = read_dataset(source).faces[0].image
    stamp = first.stat().st_mtime_ns
    assert len(read_dataset(source).faces) == 3
    assert first.stat().st_mtime_ns == stamp
    mine = _picture(7)
    Image.fromarray(mine).save(first.with_name("cofw_train_0003.png"))
    first.unlink()
    with pytest.raises(FileError, match=r"cofw_train_0003\.png: another file of this name"):
        read_dataset(source)
    assert np.array_equal(read_image(first.with_name("cofw_train_0003.png")), mine)
    assert not first.exists()  # what the failed reading wrote is gone again


def test_cancelling_takes_the_images_back(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_dataset(_mat(tmp_path / "a.mat"), progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mat"]


def _set(name: str, at: tuple[int, int], value: float) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        file[name][at] = value

    return change


def _image(**options: object) -> Callable[[h5py.File], None]:
    """The second image made anew, with other options."""

    def change(file: h5py.File) -> None:
        dataset = file["#refs#"].create_dataset("new", **options)
        cells = file["IsTr"][...]
        cells[0, 1] = dataset.ref
        file["IsTr"][...] = cells

    return change


def _no_chunk(file: h5py.File) -> None:
    _image(shape=(50, 40), dtype="u1", chunks=(25, 40))(file)
    file["#refs#/new"][:25] = 1


def _group(file: h5py.File) -> None:
    cells = file["IsTr"][...]
    cells[0, 1] = file["#refs#"].ref
    file["IsTr"][...] = cells


def _null(file: h5py.File) -> None:
    cells = file["IsTr"][...]
    cells[0, 1] = h5py.Reference()
    file["IsTr"][...] = cells


def _bomb(file: h5py.File) -> None:
    """A chunk of 115 KB that unpacks to 115 MB, where 120 KB should be."""
    _image(shape=(300, 400), dtype="u1", chunks=(300, 400), compression="gzip")(file)
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(2**20)) for _ in range(110)) + packer.flush()
    file["#refs#/new"].id.write_direct_chunk((0, 0), packed)


def _outside(file: h5py.File) -> None:
    secret = Path(file.filename).with_name("secret.bin")
    secret.write_bytes(bytes(2000))
    _image(shape=(50, 40), dtype="u1", external=[(str(secret), 0, 2000)])(file)


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((50, 40), "u1")
    layout[...] = h5py.VirtualSource("other.h5", "x", (50, 40))
    dataset = file["#refs#"].create_virtual_dataset("new", layout)
    cells = file["IsTr"][...]
    cells[0, 1] = dataset.ref
    file["IsTr"][...] = cells


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_set("phisTr", (3, 1), np.nan), "value 4 of 87: nan is not finite"),
        (_set("phisTr", (3, 1), np.inf), "value 4 of 87: inf is not finite"),
        (_set("phisTr", (57, 1), 1e9), "value 58 of 87: 1000000000.0 is far outside"),
        (_set("phisTr", (58, 1), 2), "marks of occlusion are not all 0 or 1"),
        (_set("bboxesTr", (2, 1), np.nan), "its box: nan is not finite"),
        (_image(data=np.zeros((50, 40))), "not of 8 bits"),
        (_image(data=np.zeros((4, 50, 40), "u1")), "not of 8 bits in one or three"),
        (_image(data=np.zeros(50, "u1")), "not of 8 bits"),
        (_image(data=np.zeros((0, 40), "u1")), "its image is empty"),
        (_image(data=h5py.Empty("u1")), "its image is empty"),
        (_image(data="text"), "its image is empty"),
        (_image(shape=(50, 40), dtype="u1"), "its image is not in the file"),
        (_no_chunk, "its image is not whole in the file"),
        (_image(shape=(3, 2**31, 2**31), dtype="u1", chunks=(1, 64, 64)), "its image is too large"),
        (_image(shape=(10_000, 4_001), dtype="u1", chunks=(1, 1)), "its image is in too many pieces"),
        (_image(shape=(50, 40), dtype="u1", chunks=(60, 40), maxshape=(None, 40), compression="lzf"), "than gzip"),
        (_image(data=np.zeros((50, 40), "u1"), fletcher32=True), "packed in another way than gzip"),
        (_group, "its image is no array"),
        (_null, "its image is no array"),
        (_bomb, "its image is damaged"),
        (_outside, "its image lies outside the file"),
        (_virtual, "its image lies outside the file"),
    ],
)
def test_bad_faces_are_listed_and_the_rest_is_read(
    change: Callable[[h5py.File], None], reason: str, tmp_path: Path
) -> None:
    source = _mat(tmp_path / "a.mat", change=change)
    result = read_dataset(source)
    assert [face.source[-1] for face in result.faces] == ["1", "3"]
    assert [entry.where for entry in result.skipped] == [f"{source}, train face 2"]
    assert reason in result.skipped[0].reason


def test_a_bomb_takes_no_memory(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    source = _mat(tmp_path / "a.mat", change=_bomb)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert len(read_dataset(source).faces) == 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_a_box_without_area_says_nothing_against_the_points(tmp_path: Path) -> None:
    result = read_dataset(_mat(tmp_path / "a.mat", change=_set("bboxesTr", (2, 1), 0)))
    assert [face.box is None for face in result.faces] == [False, True, False]


def _instead(name: str, link: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[name]
        if isinstance(link, np.ndarray):
            file.create_dataset(name, data=link)
        elif link is not None:
            file[name] = link

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_instead("IsTr", None), "neither IsTr nor IsT"),
        (_instead("phisTr", None), "phisTr is missing"),
        (_instead("phisTr", h5py.ExternalLink("other.h5", "/x")), "'phisTr' is a link to elsewhere"),
        (_instead("phisTr", h5py.SoftLink("/bboxesTr")), "'phisTr' is a link to elsewhere"),
        (_instead("IsTr", h5py.ExternalLink("other.h5", "/x")), "'IsTr' is a link to elsewhere"),
        (_instead("IsTr", h5py.SoftLink("/nowhere")), "'IsTr' is a link to elsewhere"),
        (_instead("phisTr", np.zeros((86, 3))), "phisTr must be numbers, 87 a face"),
        (_instead("phisTr", np.zeros((87, 2))), "bboxesTr has 3 faces, phisTr has 2"),
        (_instead("IsTr", np.zeros((1, 3))), "IsTr must be a cell array"),
        (_instead("phisTr", np.zeros((87, 3), complex)), "phisTr must be numbers"),
        (lambda file: file.move("#refs#", "IsT"), "'IsT' is no array"),
    ],
)
def test_files_that_are_not_cofws(change: Callable[[h5py.File], None], message: str, tmp_path: Path) -> None:
    source = _mat(tmp_path / "a.mat", change=change)
    with pytest.raises(FormatError) as caught:
        read_dataset(source)
    assert message in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mat"]


def test_no_hdf5_cut_short_and_the_wrong_scheme(tmp_path: Path) -> None:
    source = _mat(tmp_path / "a.mat")
    whole = source.read_bytes()
    for length in (100, 600, 2000, len(whole) // 2, len(whole) - 10):
        source.write_bytes(whole[:length])
        with pytest.raises(StarmarkError):
            read_dataset(source, "cofw")
    source.write_bytes(b"MATLAB 5.0 MAT-file".ljust(2000))
    with pytest.raises(FormatError, match=r"no MATLAB file of version 7\.3"):
        read_dataset(source, "cofw")
    source.write_bytes(whole)
    with pytest.raises(FormatError, match="COFW has 29"):
        read_dataset(source, scheme=get_scheme("300w-68"))


def test_many_references_to_large_images_end_early(tmp_path: Path) -> None:
    """Each image alone passes; all of them would be 8 GB of pixels out of a file of 40 KB."""

    def change(file: h5py.File) -> None:
        cells = file["IsTr"][...]
        cells = np.repeat(cells, 100, axis=1)
        for number in range(300):
            blank = {"shape": (3, 3000, 3000), "chunks": (3, 3000, 3000), "dtype": "u1", "compression": "gzip"}
            dataset = file["#refs#"].create_dataset(f"b{number}", **blank)
            dataset.id.write_direct_chunk((0, 0, 0), packed)
            cells[0, number] = dataset.ref
        for name, data in (("IsTr", cells), ("phisTr", _phis(300).T), ("bboxesTr", np.ones((4, 300)))):
            del file[name]
            file.create_dataset(name, data=data, dtype=h5py.ref_dtype if name == "IsTr" else None)

    packed = zlib.compress(bytes(10))  # too short: costs nothing, and still counts
    source = _mat(tmp_path / "a.mat", change=change)
    start = time.perf_counter()
    with pytest.raises(FormatError, match="far larger than their file can be"):
        read_dataset(source)
    print(f"{time.perf_counter() - start:.2f} s")


def test_written_files_read_as_the_reference_reads_them(tmp_path: Path) -> None:
    faces = make_faces(tmp_path / "images", 4, "cofw-29", HOLDS)
    faces[3] = replace(faces[3], box=None)
    grey = tmp_path / "images" / "grey.png"
    Image.fromarray(_picture(5, grey=True)).save(grey)
    faces.append(replace(faces[0], image=grey))
    report = export_dataset(faces, COFW, tmp_path / "out.mat", "cofw")
    assert report.drift is not None
    assert report.drift < 1e-12
    assert "1 faces have no box" in " ".join(report.notes)
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == ["out.mat"]
    head = (tmp_path / "out.mat").read_bytes()[:512]
    assert head.startswith(b"MATLAB 7.3 MAT-file")
    assert head[124:128] == b"\x00\x02IM"
    with h5py.File(tmp_path / "out.mat", "r") as mat:
        images, phis, boxes = mat["IsTr"], mat["phisTr"], mat["bboxesTr"]
        assert images.shape == (1, len(faces))
        assert {name: mat[name].attrs["MATLAB_class"] for name in ("IsTr", "phisTr", "bboxesTr")} == {
            "IsTr": b"cell", "phisTr": b"double", "bboxesTr": b"double",
        }  # fmt: skip
        for number, face in enumerate(faces):
            pixels = np.array(mat[images[0, number]]).transpose()
            expected = read_image(face.image)
            assert np.array_equal(pixels, expected if pixels.ndim == 3 else expected[..., 0])
            assert pixels.ndim == (2 if face.image == grey else 3)
            keypoints = phis[:, number].reshape(3, -1)
            assert np.allclose(keypoints[:2].T - 1, face.label.points, rtol=0, atol=1e-12)
            assert np.array_equal(keypoints[2] == 1, face.label.visibility == Visibility.OCCLUDED)
            if face.box is not None:
                assert np.allclose(boxes[:, number] - (1, 1, 0, 0), face.box.to_list())
        assert mat[images[0, 2]] == mat[images[0, 3]]  # two faces of one image


def test_other_schemes_and_lost_images_are_refused(tmp_path: Path) -> None:
    faces = make_faces(tmp_path / "images", 2, "cofw-29", HOLDS)
    faces[1].image.unlink()
    with pytest.raises(StarmarkError, match="no such file"):
        export_dataset(faces, COFW, tmp_path / "out.mat", "cofw")
    with pytest.raises(StarmarkError, match="has 68 points, the format holds 29"):
        export_dataset(make_faces(tmp_path / "i", 1), get_scheme("300w-68"), tmp_path / "out.mat", "cofw")
    assert not (tmp_path / "out.mat").exists()
