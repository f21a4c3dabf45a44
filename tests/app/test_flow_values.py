"""The values behind the flow from face to face: filters, orders, pace, fuzzy search, keys and places."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from app import shortcuts
from app.action_table import TABLE
from app.fuzzy import score
from app.image_filter import ImageFilter
from app.pace import FACES_NEEDED, PAUSE_S, Pace, left_text
from app.panels.image_model import ImageRow
from app.panels.image_order import arrange
from app.place import Place
from app.places_to_go import joined, matches
from core.work_status import ImageFacts


def row(name: str, review: str = "", faces: int = 1, **more: object) -> ImageRow:
    facts = ImageFacts(int(not review), bool(review), False, ("blur",) if name == "b" else (), ("gold",))
    return replace(ImageRow(name, f"/set/{name}.jpg", faces, review, facts=facts), **more)


ROWS = [
    row("a", worst=0.02, predicted=True),
    row("b", "accepted", worst=0.2, predicted=True),
    row("c", "question", bookmarked=True),
    row("d", facts=ImageFacts(1, True, False, (), ("gold", "Ann"))),
    row("e", faces=0, missing=True, facts=ImageFacts()),
]


def passing(wanted: ImageFilter) -> str:
    return "".join(one.id for one in filter(wanted.test(), ROWS))


def test_a_filter_s_parts_hold_together_and_words_of_a_part_are_alternatives() -> None:
    assert [one.status for one in ROWS] == ["predicted", "done", "disputed", "progress", "new"]
    assert passing(ImageFilter()) == "abcde"
    assert passing(ImageFilter(" SET/B ")) == "b"
    assert passing(ImageFilter(statuses=frozenset({"done", "new"}))) == "be"
    assert passing(ImageFilter(tags=frozenset({"blur", "none such"}))) == "b"
    assert passing(ImageFilter(label_sets=frozenset({"Ann"}))) == "d"
    assert passing(ImageFilter(worst_above=0.02)) == "b"
    assert passing(ImageFilter(missing=True)) == "e"
    assert passing(ImageFilter(bookmarked=True)) == "c"
    assert passing(ImageFilter(".jpg", statuses=frozenset({"done", "disputed"}), worst_above=0.1)) == "b"


def test_a_filter_is_kept_as_it_is_and_nonsense_asks_for_nothing() -> None:
    full = ImageFilter("x", frozenset({"new"}), frozenset({"t"}), frozenset({"s"}), 0.1, True, True)
    assert ImageFilter.from_json(json.loads(json.dumps(full.to_json()))) == full
    assert [words for words, _ in full.chips()] == [
        "New", "tag t", "labels of s", "worst above 10%", "file missing", "bookmarked",
    ]  # fmt: skip
    for words, without in full.chips():
        assert words not in dict(without.chips()) and len(without.chips()) == 5 and without.text == "x"
    for nonsense in (None, [], {"text": 3, "statuses": "new", "worst_above": "much", "tags": [1], "missing": "yes"}):
        assert ImageFilter.from_json(nonsense).empty
    assert ImageFilter.from_json({"worst_above": float("nan")}).worst_above is None


def test_orders_keep_equal_rows_in_place() -> None:
    def names(order: str) -> str:
        return "".join(one.id for one in arrange(ROWS, None, order).shown)

    assert names("added") == "abcde" and names("name") == "abcde"
    assert names("worst") == "bacde"
    assert names("status") == "cdaeb"
    many = [row(f"{i:05d}", worst=float(i % 7)) for i in range(5000)]
    found = arrange(many, None, "worst")
    assert [one.id for one in found.shown] == [one.id for one in sorted(many, key=lambda one: -(one.worst or 0))]
    assert all(found.shown[place].id == image_id for image_id, place in found.place.items())


def test_what_is_left_counts_faces_and_images_nobody_looked_at() -> None:
    assert [one.left for one in ROWS] == [1, 0, 0, 1, 0]
    assert row("x", faces=0).left == 1 and row("x", faces=0, predicted=True).left == 0


def test_a_pace_leaves_pauses_out_and_says_nothing_of_few() -> None:
    pace, now = Pace(), 100.0
    pace.active(now)
    for face in range(FACES_NEEDED):
        assert pace.seconds is None
        for _ in range(4):
            now += 5
            pace.active(now)
        if face == 2:
            now += PAUSE_S + 1000  # lunch
        now += 10
        pace.finished(now)
    assert pace.seconds == 30
    pace.reset()
    assert pace.seconds is None


@pytest.mark.parametrize(
    ("left", "seconds", "text"),
    [
        (0, 3.0, "Nothing left"),
        (1, None, "1 left"),
        (412, 38.0, "412 left · 38 s a face · about 4 h"),
        (12, 4.4, "12 left · 4 s a face · about 1 min"),
        (40, 30.0, "40 left · 30 s a face · about 20 min"),
        (2, 0.1, "2 left · under 1 s a face · about 1 min"),
        (3, 200.0, "3 left · 3 min a face · about 10 min"),
        (1000, 200.0, "1,000 left · 3 min a face · about 56 h"),
    ],
)
def test_what_is_left_in_words(left: int, seconds: float | None, text: str) -> None:
    assert left_text(left, seconds) == text


def test_fuzzy_letters_fit_beginnings_of_words_best() -> None:
    texts = ["Next bookmark", "Next face to do", "Nudge", "Accept and next", "Fit face"]

    def best(typed: str) -> str:
        return max((text for text in texts if score(typed, text) is not None), key=lambda text: score(typed, text) or 0)

    assert best("nf") == "Next face to do"
    assert best("NBOOK") == "Next bookmark"
    assert best("fit f") == "Fit face"
    assert best("an") == "Accept and next"
    assert score("xyz", "Next face") is None and score("", "anything") == 0
    assert score("txen", "next") is None, "letters stand in their order"


def test_names_are_found_in_the_rows_order() -> None:
    rows = [row(name) for name in ("Anna_1", "ben", "anna_2", "cut\nin two", "hanna")]
    assert [one.id for one in matches(rows, joined(rows), "anna")] == ["Anna_1", "anna_2", "hanna"]
    assert list(matches(rows, joined(rows), "two")) == []


def test_own_keys_come_before_the_table_s_and_survive_nonsense() -> None:
    plain = shortcuts.keymap({})
    assert plain == {spec.id: spec.shortcuts for spec in TABLE}
    assert shortcuts.owner(plain, "ctrl+z") == "undo" and shortcuts.owner(plain, "Ctrl+Alt+Q") is None
    changed = {"next": ("F",), "undo": ()}
    keys = shortcuts.keymap(changed)
    assert keys["next"] == ("F",) and keys["undo"] == () and "F" not in keys["fit"] and "0" in keys["fit"]
    given = [key for own in keys.values() for key in own]
    assert len(given) == len(set(given))
    assert shortcuts.read(shortcuts.write(changed)) == changed
    assert shortcuts.write({}) == "" and shortcuts.read("") == {}
    assert shortcuts.changes(plain) == {}
    bad = json.dumps({"next": ["F", "F", "Esc", 3], "fit": ["F"], "gone": ["G"], "undo": "Ctrl+Z"})
    assert shortcuts.read(bad) == {"next": ("F",), "fit": ()}
    assert shortcuts.read("{") == shortcuts.read("[1]") == {}


def test_a_place_is_kept_as_it_is() -> None:
    place = Place("i", "f", (3, 4), (2.5, 10.0, 20.0))
    assert Place.from_json(json.loads(json.dumps(place.to_json()))) == place
    assert Place.from_json({"image": "i", "view": [0, 1, 2], "points": ["a"], "face": 3}) == Place("i")
    assert Place.from_json({"face": "f"}) is None and Place.from_json(None) is None
