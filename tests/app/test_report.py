"""The audit's report: escaped, small, written whole, and alive in a real browser."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.entry import main
from app.report.markup import Markup, element, named, number
from app.report.page import Report, page, write_report
from app.report.tables import MOST_FACES
from core.audit import Audit, audit_faces, error_rate, queue
from core.errors import FileError
from core.face import Box, Label
from core.formats.base import LabelledFace
from core.model.pipeline import FoundFace, ImageResult
from core.model.requests import checking_requests
from core.scheme import get_scheme
from core.transforms import Crop
from tests.conftest import ROOT
from tests.core.face_shape import face_68, predicted, right_calibration, right_label

SCHEME = get_scheme("300w-68")
COUNT = 60
HOSTILE = "<img src=x onerror=alert(1)>&\"'.png"
GONE = 7
"""The face whose picture went away after it was judged."""

TAG = "</script><script>document.title='owned'</script>"


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """Sixty faces in two folders; the nose tip of number 0, whose file has a hostile name, is far off."""
    folder = tmp_path_factory.mktemp("faces")
    faces = []
    for i in range(COUNT):
        points = right_label(i, face_68())
        if i == 0:
            points[30] += [40.0, 50.0]
        if i == 1:
            points[36] = np.nan
        place = folder / ("one" if i % 2 else "two")
        place.mkdir(exist_ok=True)
        image = place / (HOSTILE if i == 0 else f"{i}.png")
        if i != GONE:
            Image.new("RGB", (280, 300), (40 + i, 90, 120)).save(image, "PNG")
        faces.append(LabelledFace(image, Label(SCHEME.id, points), None, None, (TAG,) if i == 0 else (), "", None))
    prediction = predicted(face_68())
    found = FoundFace(Box(0, 0, 9, 9), None, Crop(*prediction.crop), prediction, 0)
    asked = checking_requests(faces)
    results = [ImageResult(request.path, 280, 300, (found,)) for request in asked.requests]
    results[5] = ImageResult(asked.requests[5].path, 0, 0, (), "it is <b>damaged</b>")
    return audit_faces(faces, asked, results, [str(i) for i in range(COUNT)], SCHEME, right_calibration())


@pytest.fixture(scope="module")
def report(audit: Audit) -> Report:
    groups = [str(i) for i in range(len(audit))]
    settings: dict[str, object] = {"dataset": TAG, "region": ["jaw", "<i>"], "rate": 0.05}
    when = datetime(2026, 5, 4, 3, 2, tzinfo=UTC)
    model, order = "a <model>", "suspect"
    return Report(
        f"set \u202e{HOSTILE}", audit, queue(audit), groups, model, "0123", order, settings, when, 10, error_rate(3, 50)
    )


class Tags(HTMLParser):
    """Names of a page's elements and their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_elements_escape_all_that_is_not_markup() -> None:
    looks = {"title": '"><script>', "class_": "k", "hidden": True, "id": None}
    made = element("p", "a < b & c", element("b", '"'), ["x", None], **looks)
    assert made == '<p title="&quot;&gt;&lt;script&gt;" class="k" hidden>a &lt; b &amp; c<b>&quot;</b>x</p>'
    assert element("rect", x=1.0, stroke_width=2) == '<rect x="1" stroke-width="2"/>'
    assert isinstance(made, Markup)
    assert named("a\x00\u202eb<") == "<bdi>a\\x00\\u202eb&lt;</bdi>"
    assert [number(v, 1) for v in (-0.04, -1.26, float("nan"))] == ["0.0", "−1.3", "–"]


def test_nothing_from_outside_becomes_markup(report: Report) -> None:
    text = page(report)
    seen = Tags(text)
    names = {name for name, _ in seen.elements}
    assert not names & {"img", "b", "i", "iframe", "object", "embed"}
    assert [name for name, _ in seen.elements].count("script") == 1
    assert not [key for _, attributes in seen.elements for key in attributes if key.startswith("on")]
    addresses = [attributes[key] for _, attributes in seen.elements for key in ("href", "src") if key in attributes]
    assert addresses
    assert all(address and address.startswith(("#", "data:image/jpeg;base64,")) for address in addresses)
    words = "".join(seen.words)
    assert HOSTILE in words
    assert TAG in words
    assert "\u202e" not in text
    ids = [attributes["id"] for _, attributes in seen.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    assert {address[1:] for address in addresses if address.startswith("#")} <= set(ids)


def test_the_page_says_what_was_found(report: Report, audit: Audit) -> None:
    words = "".join(Tags(page(report)).words)
    assert len(audit) == COUNT - 1
    assert f"faces judged{len(audit)}faces with a label that looks wrong (1.7 %)1points that look wrong" in words
    assert "Of 50 faces drawn at random a person found 3 wrong: 6.0 % of all faces, with 95 % confidence" in words
    assert "2026-05-04 03:02 UTC" in words
    assert audit.point(0, 30).text in words
    assert "nose bridge 4" in audit.point(0, 30).text
    assert "1 more could not be judged" in words
    assert "it is <b>damaged</b>" in words
    unjudged = "".join(Tags(page(replace(report, judged=None))).words)
    assert "--judged" in unjudged


def test_missing_pictures_are_said_and_many_faces_stay_a_small_file(report: Report, audit: Audit) -> None:
    gone = next(i for i, face in enumerate(audit.faces) if face.image.name == f"{GONE}.png")
    first = [item for item in report.items if item.face == gone]
    many = first + [item for _ in range(60) for item in report.items]
    text = page(replace(report, items=many, pictures=20))
    assert len(text) < 3_000_000
    assert text.count("<image ") == 19
    assert text.count("The image cannot be shown: there is no such file") == 1
    assert f"The first {MOST_FACES:,} of {len(many):,} faces" in text


def test_an_empty_queue_makes_a_page(report: Report) -> None:
    assert "The queue is empty" in page(replace(report, items=[]))


def test_a_file_is_replaced_only_by_force(report: Report, tmp_path: Path) -> None:
    out = tmp_path / "r.html"
    out.write_text("mine", encoding="utf-8")
    with pytest.raises(FileError, match="there already"):
        write_report(out, report, force=False)
    assert out.read_text(encoding="utf-8") == "mine"
    write_report(out, report, force=True)
    assert out.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [path.name for path in tmp_path.iterdir()] == ["r.html"]


# In a browser


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser; skipped without one, except where it is promised."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        if os.environ.get("CI", "").lower() in ("true", "1"):
            pytest.fail("chromium is missing", pytrace=False)
        pytest.skip("chromium is missing")
    return found


def dumped(chromium: str, file: Path, fragment: str, profile: Path) -> tuple[str, list[str]]:
    """The page as the browser has it after its scripts ran, and what it wrote to its console."""
    words = [chromium, "--headless", "--disable-gpu", f"--user-data-dir={profile}", "--enable-logging=stderr"]
    words += ["--no-first-run", "--disable-background-networking", "--virtual-time-budget=20000", "--dump-dom"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        words.append("--no-sandbox")
    done = subprocess.run([*words, file.as_uri() + fragment], capture_output=True, timeout=120, check=True)
    console = [line for line in done.stderr.decode(errors="replace").splitlines() if "CONSOLE" in line]
    return done.stdout.decode(errors="replace"), console


def rows_of(dom: str, caption: str) -> list[list[str]]:
    """The `data-v` or text of the cells of a table's body."""
    table = re.search(rf"<caption>{re.escape(caption)}.*?<tbody>(.*?)</tbody>", dom, re.DOTALL)
    assert table is not None
    return [re.findall(r'data-v="([^"]*)"', row) for row in re.findall(r"<tr.*?</tr>", table[1], re.DOTALL)]


def test_in_a_browser_tables_sort_and_figures_are_drawn(chromium: str, report: Report, tmp_path: Path) -> None:
    file = tmp_path / "report é.html"
    write_report(file, report, force=False)
    plain, console = dumped(chromium, file, "", tmp_path / "profile")
    assert console == []
    before = [row[0] for row in rows_of(plain, "Landmarks")]
    assert before == [str(float(i)) for i in range(68)]

    dom, console = dumped(chromium, file, "#selftest", tmp_path / "profile")
    assert console == []
    told = re.search(r'data-selftest="([^"]*)"', dom)
    assert told is not None
    outcome = json.loads(html.unescape(told[1]))
    assert outcome["problems"] == []
    assert outcome["pictures"] == 10 == plain.count("<image ")
    assert outcome["drawings"] >= 10 + 4
    assert outcome["clicks"] >= 2 * (13 + 9 + 4)
    # The last clicks were on the last column with numbers, twice: it is in order, and the table is not as it was.
    rows = rows_of(dom, "Landmarks")
    last = [float(row[-1]) for row in rows]
    assert sorted(last) in (last, last[::-1])
    assert "owned" not in (re.search(r"<title>(.*?)</title>", dom) or [""])[0]


def test_a_browser_that_finds_an_error_says_so(chromium: str, report: Report, tmp_path: Path) -> None:
    """The check itself: a script that is not ours is blocked, and that is seen."""
    file = tmp_path / "spoilt.html"
    file.write_text(page(report).replace("</main>", "</main><script>document.title='owned'</script>"), encoding="utf-8")
    dom, console = dumped(chromium, file, "", tmp_path / "profile")
    assert any("Content Security Policy" in line for line in console)
    assert "<title>owned" not in dom


# From the command line


def test_the_command_writes_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The sample's own labels, of which a few faces are taken."""
    data = json.loads((ROOT / "resources" / "sample" / "annotator A.json").read_text(encoding="utf-8"))
    kept = {entry["id"] for entry in data["images"][:4]}
    data["images"] = [entry for entry in data["images"] if entry["id"] in kept]
    data["annotations"] = [entry for entry in data["annotations"] if entry["image_id"] in kept]
    source = tmp_path / "labels.json"
    source.write_text(json.dumps(data), encoding="utf-8")
    out = tmp_path / "report.html"
    images = str(ROOT / "resources" / "sample")
    words = ["audit", "--dataset", str(source), "--images", images, "--device", "cpu", "-o", str(out), "--faces", "2"]
    assert main(words) == 0
    text = out.read_text(encoding="utf-8")
    assert text.count("<image ") == 2
    assert "Audit of <bdi>labels.json</bdi>" in text
    assert "lite-300w-68" in text
    capsys.readouterr()
    assert main(words) == 2
    assert "there already" in capsys.readouterr().err
    assert main([*words[:-4], "-o", str(tmp_path / "x.html"), "--json", str(tmp_path / "x.html")]) == 2
    assert "one file" in capsys.readouterr().err


@pytest.mark.parametrize("judged", ["3", "5/3", "a/b", "1/0", "-1/5", "3/50/2"])
def test_impossible_counts_are_refused(judged: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--dataset", "gone", "-o", "r.html", f"--judged={judged}"]) == 2
    assert "two numbers such as 3/50" in capsys.readouterr().err
