"""dlib's XML: parts by name, boxes to ignore, whole numbers, and files that are wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import FormatError
from core.face import Label, Visibility
from core.formats import detect_format, export_dataset, read_dataset
from core.formats.base import ImportResult
from core.scheme import get_scheme
from tests.core.format_samples import make_faces, save_image

SCHEME = get_scheme("300w-68")
BOX = "top='10' left='20' width='30' height='40'"
HEAD = "<?xml version='1.0' encoding='ISO-8859-1'?>\n<?xml-stylesheet type='text/xsl' href='image.xsl'?>\n<dataset>\n"


def parts(names: list[str] | None = None, **changed: str) -> str:
    """Part i at (i, 2 i), as imglab writes them; `changed` by p<index>."""
    names = names or [f"{i:02d}" for i in range(68)]
    plain = "x='{x}' y='{y}'"
    return "\n".join(
        f"<part name='{name}' {changed.get(f'p{i}', plain).format(x=i, y=2 * i)}/>" for i, name in enumerate(names)
    )


def read(tmp_path: Path, boxes: str, image: str = "ümläut.png", scheme_id: str | None = None) -> ImportResult:
    save_image(tmp_path / "ümläut.png")
    path = tmp_path / "faces.xml"
    text = f"{HEAD}<name>x</name><comment/><images>\n<image file='{image}'>{boxes}</image>\n</images>\n</dataset>"
    path.write_bytes(text.encode())  # imglab says Latin-1 and copies the bytes of the name
    assert detect_format(path) == "dlib"
    return read_dataset(path, scheme=get_scheme(scheme_id) if scheme_id else None)


def test_a_file_as_imglab_writes_it(tmp_path: Path) -> None:
    gone = f"x='{2**31 - 1}' y='{2**31 - 1}'"
    extra = "occluded='1' truncated='0' gender='female' pose='2' age='31.5'"
    some = parts(p3="x='3.25' y='-4'", p4=gone)
    result = read(tmp_path, f"<box {BOX} {extra}><label>face</label>{some}</box><box {BOX}/>")
    face = result.faces[0]
    assert face.image.name == "ümläut.png"
    assert face.label.points[3].tolist() == [3.25, -4]
    assert face.label.visibility[4] == Visibility.MISSING
    assert face.label.points[67].tolist() == [67, 134]
    assert face.box is not None
    assert face.box.to_list() == [20, 10, 30, 40]
    assert face.tags == ("occluded",)
    assert face.extras == {"label": "face", "gender": "female", "pose": 2, "age": 31.5}
    assert result.skipped[0].reason == "the box has no parts"


def test_numbers_without_zeros_are_placed_by_their_value(tmp_path: Path) -> None:
    names = sorted(str(i) for i in range(68))
    result = read(tmp_path, f"<box {BOX}>{parts(names)}</box>")
    assert result.faces[0].label.points[10].tolist() == [names.index("10"), 2 * names.index("10")]
    assert any("another order" in note for note in result.notes)


def test_the_whole_file_says_where_counting_starts(tmp_path: Path) -> None:
    """The first face lacks point 68: alone it would look as if counted from 0."""
    names = [str(i) for i in range(1, 69)]
    result = read(tmp_path, f"<box {BOX}>{parts(names[:-1])}</box><box {BOX}>{parts(names)}</box>")
    assert [face.label.points[0].tolist() for face in result.faces] == [[0, 0], [0, 0]]
    assert result.faces[0].label.visibility[67] == Visibility.MISSING


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        (f"<box {BOX} ignore='1'>{parts()}</box>", "ignore"),
        (f"<box {BOX}>{parts()}<part name='05' x='1' y='1'/></box>", "occurs twice"),
        (f"<box {BOX}>{parts()}<part name='5' x='1' y='1'/></box>", "occurs twice"),
        (f"<box {BOX}>{parts()}<part name='nose' x='1' y='1'/></box>", "no point of scheme"),
        (f"<box {BOX}>{parts(p0='''x='1' ''')}</box>", "part 00 y"),
        (f"<box {BOX}>{parts(p0='''x='nan' y='1' ''')}</box>", "not a number"),
        (f"<box top='1'>{parts()}</box>", "left: ''"),
    ],
)
def test_bad_boxes_are_left_out(tmp_path: Path, box: str, reason: str) -> None:
    result = read(tmp_path, f"<box {BOX}>{parts()}</box>{box}")
    assert len(result.faces) == 1
    assert reason in result.skipped[0].reason
    assert result.skipped[0].where.endswith("box 2")


def test_files_that_are_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="leads out"):
        read(tmp_path, f"<box {BOX}>{parts()}</box>", image="/etc/passwd")
    with pytest.raises(FormatError, match="no known scheme"):  # five points are not the first five of 68
        read(tmp_path, f"<box {BOX}>{parts(['0', '1', '2', '3'])}</box>")
    some = read(tmp_path, f"<box {BOX}>{parts(['0', '1', '2', '3'])}</box>", scheme_id="300w-68")
    assert any("no 64 of the 68 points" in note for note in some.notes)


def test_what_is_written_is_whole_numbers_in_the_order_of_text(tmp_path: Path) -> None:
    faces = make_faces(tmp_path / "images", 3, "wflw-98")
    extras = {"gender": "male", "pose": 0.5, "label": "<a>", "age": "old", "other": 1}
    faces[0] = replace(faces[0], box=None, tags=("occluded", "blur"), extras=extras)
    nothing = replace(faces[1], label=Label("wflw-98", np.full((98, 2), np.nan)))
    scheme = get_scheme("wflw-98")
    report = export_dataset([*faces, nothing], scheme, tmp_path / "out.xml", "dlib", images_root=tmp_path / "images")
    assert "no face" in report.skipped[0].reason
    again = read_dataset(tmp_path / "out.xml", images_root=tmp_path / "images").faces
    assert all(np.nanmax(abs(a.label.points % 1)) == 0 for a in again)
    assert again[0].tags == ("occluded",)
    assert again[0].extras == {"gender": "male", "pose": 0.5, "label": "<a>"}
    assert again[0].box is not None
    assert abs(again[0].box.x - faces[0].label.points[:, 0].min()) <= 0.5
    names = [line.split("'")[1] for line in (tmp_path / "out.xml").read_text().splitlines() if "<part" in line][:98]
    assert names == sorted(names)
