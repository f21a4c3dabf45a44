"""CVAT for images: skeletons by sublabel, shapes of points, boxes, attributes, and files that are wrong."""

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
HEAD = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <id>4</id>
      <labels><label><name>face</name><type>skeleton</type></label></labels>
    </task>
  </meta>
"""


def points(order: list[int] | None = None, **changed: str) -> str:
    """Elements of a skeleton: point i at (i, 2 i), as CVAT writes them; `changed` by p<index> replaces attributes."""
    plain = 'outside="0" occluded="0" points="{x}.00,{y}.00"'
    lines = []
    for i in order or range(68):
        rest = changed.get(f"p{i}", plain).format(x=i, y=2 * i)
        lines.append(f'<points label="{SCHEME.points[i]}" source="manual" {rest}>\n</points>')
    return "\n".join(lines)


def _with(bad: str) -> str:
    return f"<skeleton>{points(p4=bad)}</skeleton>"


def read(tmp_path: Path, body: str, name: str = "a.png", head: str = HEAD) -> ImportResult:
    """The result for one image with these shapes."""
    save_image(tmp_path / "a.png")
    path = tmp_path / "annotations.xml"
    path.write_text(f'{head}<image id="0" name="{name}" width="200" height="160">{body}</image></annotations>')
    assert detect_format(path) == "cvat"
    return read_dataset(path)


def test_a_file_as_cvat_writes_it(tmp_path: Path) -> None:
    order = [5, *range(5), *range(6, 68)]
    some = points(order, p1='outside="1" occluded="0" points="7,7"', p2='outside="0" occluded="1" points="1.25,-3"')
    result = read(
        tmp_path,
        f'<skeleton label="face" source="manual" z_order="2" group_id="7">{some}'
        '<attribute name="blur">true</attribute><attribute name="makeup">false</attribute>'
        '<attribute name="pose">left</attribute></skeleton>'
        '<box label="head" occluded="0" xtl="1.00" ytl="2.00" xbr="11.50" ybr="22.00" z_order="0" group_id="7"></box>'
        '<polygon label="hat" points="1,1;2,2;3,3"></polygon>',
    )
    face = result.faces[0]
    assert result.scheme_id == "300w-68"
    assert face.label.points[5].tolist() == [5, 10]
    assert face.label.points[2].tolist() == [1.25, -3]
    assert face.label.visibility[:4].tolist() == [0, Visibility.MISSING, Visibility.OCCLUDED, 0]
    assert face.box is not None
    assert face.box.to_list() == [1, 2, 10.5, 20]
    assert face.tags == ("blur", "pose=left")
    assert face.extras == {"group_id": 7, "z_order": 2}
    assert any("another order" in note for note in result.notes)
    assert any("1 polygon" in note for note in result.notes)


def test_a_shape_of_all_points_is_read_by_position(tmp_path: Path) -> None:
    text = ";".join(f"{i}.5,{i}" for i in range(68))
    result = read(tmp_path, f'<points label="f" occluded="0" points="{text}"/><points label="f" points="{text};1,1"/>')
    assert result.faces[0].label.points[3].tolist() == [3.5, 3]
    assert result.faces[0].extras == {"label": "f"}
    assert "has 69 points" in result.skipped[0].reason
    assert any("their order is taken" in note for note in result.notes)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (_with("outside='0' points='1'"), "not 'x,y'"),
        (_with("outside='0' points='nan,1'"), "not a number"),
        (_with("outside='0' points='1e9,1'"), "far outside"),
        (_with("outside='yes' points='1,1'"), "expected 0 or 1"),
        (f"<skeleton>{points()}{points([3])}</skeleton>", "occurs twice"),
        (f'<skeleton>{points()}<points label="ear" points="1,1"/></skeleton>', "no point of scheme"),
        ("<skeleton></skeleton>", "no points"),
        ('<points label="nose" points="3,4"/>', "one point"),
    ],
)
def test_bad_entries_are_left_out(tmp_path: Path, body: str, reason: str) -> None:
    result = read(tmp_path, f'<skeleton label="face">{points()}</skeleton>{body}')
    assert len(result.faces) == 1
    assert reason in result.skipped[0].reason
    assert "a.png" in result.skipped[0].where


def test_files_that_are_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no known scheme"):
        read(tmp_path, '<skeleton><points label="ear" points="1,1"/></skeleton>')
    with pytest.raises(FormatError, match="document type"):
        read(tmp_path, "", head='<!DOCTYPE a [<!ENTITY b "c">]><annotations>')
    with pytest.raises(FormatError, match="no face"):
        read(tmp_path, "")
    with pytest.raises(FormatError, match="leads out"):
        read(tmp_path, f"<skeleton>{points()}</skeleton>", name="../secret.png")
    path = tmp_path / "video.xml"
    path.write_text('<annotations><track id="0" label="face"/></annotations>')
    with pytest.raises(FormatError, match="export as 'CVAT for images'"):
        read_dataset(path)
    path.write_text("<annotations><image")
    with pytest.raises(FormatError, match=r"line 1: not well-formed"):
        read_dataset(path)


def test_images_are_looked_for_as_in_cvats_archive(tmp_path: Path) -> None:
    save_image(tmp_path / "images" / "sub" / "b.png")
    text = f'<annotations><image id="0" name="sub/b.png"><skeleton>{points()}</skeleton></image></annotations>'
    (tmp_path / "annotations.xml").write_text(text)
    assert detect_format(tmp_path) == "cvat"
    assert read_dataset(tmp_path).faces[0].image == tmp_path / "images" / "sub" / "b.png"


def test_the_label_that_cvat_had(tmp_path: Path) -> None:
    faces = [replace(face, extras={"label": "Gesicht"}) for face in make_faces(tmp_path / "images", 2)]
    for name, kept in (("one", faces), ("two", [faces[0], replace(faces[1], extras={"label": "Kopf"})])):
        target = tmp_path / f"{name}.xml"
        export_dataset(kept, SCHEME, target, "cvat", images_root=tmp_path / "images")
        text = target.read_text(encoding="utf-8")
        label = "Gesicht" if name == "one" else "face"
        assert text.count(f"<parent>{label}</parent>") == 68
        assert text.count(f'<skeleton label="{label}"') == 2
        again = read_dataset(target, images_root=tmp_path / "images").faces
        assert [face.extras["label"] for face in again] == [face.extras["label"] for face in kept]


def test_everything_comes_back(tmp_path: Path) -> None:
    faces = make_faces(tmp_path / "images", 4)
    nothing = Label(SCHEME.id, np.full((68, 2), np.nan))
    odd = {"group_id": 3, "rotation": 12.5, "licence": 7, "nested": {"a": ["<&>\n", 0.1]}}
    faces[1] = replace(faces[1], extras=odd, tags=("pose=left", "is=true", "<&>"))
    faces[2] = replace(faces[2], label=nothing)
    export_dataset(faces, SCHEME, tmp_path / "out.xml", "cvat", images_root=tmp_path / "images")
    again = read_dataset(tmp_path / "out.xml", images_root=tmp_path / "images", scheme=SCHEME).faces
    assert again[1].extras == odd
    assert again[1].tags == faces[1].tags
    for face, back in zip(faces, again, strict=True):
        assert back.label == face.label
        assert back.crop == face.crop
        assert back.box == face.box
