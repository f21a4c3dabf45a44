"""The German catalogue: complete, without leftovers, with the same placeholders; and how texts get to the screen."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QLocale, QObject, QTranslator
from PySide6.QtWidgets import QApplication, QDialogButtonBox

from app import about, action_table, gestures_text, settings, shortcuts, texts
from app.actions import ActionSet
from app.canvas import colours, shapes
from app.cheat_sheet import groups
from app.dataset_view import columns
from app.edit_texts import TEMPLATES, shown_edit
from app.jobs import faces, upkeep
from app.panels import compare_page, face, image_model, images, landmark_model, view_options
from app.texts import CatalogueTranslator, read_catalogue, tr, tr_count
from core.face_verdicts import TEXTS as FACE_TEXTS
from core.work_status import STATUS_TEXTS

APP = Path(texts.__file__).parent
LANGUAGE = "de"


def _text(node: ast.expr) -> str:
    assert isinstance(node, ast.Constant) and isinstance(node.value, str), ast.unparse(node)
    return node.value


def _calls(name: str) -> Iterator[ast.Call]:
    """Calls of a function of `app.texts` in the modules of the window."""
    for path in sorted(APP.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                yield node


def _of_tables() -> Iterator[str]:
    """Texts that are translated where they are shown, and not marked."""
    for spec in action_table.TABLE:
        yield from (spec.text, spec.tip, spec.caption, spec.submenu)
    yield from action_table.MENUS
    for setting in settings.TABLE:
        yield from (setting.label, setting.help)
        yield from (text for _, text in setting.choices if setting.key != "language" or text == "As the system")
    for pair in gestures_text.MOUSE:
        yield from pair
    yield from shortcuts.FIXED.values()
    yield from STATUS_TEXTS.values()
    yield from image_model._STATUS_TIPS.values()
    yield from (text for text, _ in colours.PALETTES.values())
    yield from shapes.SOURCES
    for column in (
        *landmark_model.COLUMNS, *columns.LANDMARKS, *columns.WORST, *columns.SOURCES, *columns.CURVES,
    ):  # fmt: skip
        yield from (column.title, column.tip)
    for table in (faces._ACTIONS, faces._REVIEWS, faces._PREFIXES, upkeep._REASONS, view_options._TIPS):
        yield from table.values()
    for pairs in (face._REVIEWS, images._ORDERS, compare_page.MODES, view_options._OWN):
        yield from (text for _, text in pairs)
    yield from (caption for _, _, caption in view_options._ROWS)
    yield from FACE_TEXTS.values()
    yield from (about.WHAT, *about._PARTS.values(), "the language")
    yield from (template for template in TEMPLATES)


def source_texts() -> set[str]:
    """All texts of `tr`, but those without a letter to translate."""
    marked = (_text(call.args[0]) for name in ("tr", "tr_later") for call in _calls(name) if _is_text(call.args[0]))
    return {text for text in (*marked, *_of_tables()) if any(map(str.isalpha, text)) and text not in ("x", "y", "#")}


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant)


def source_counts() -> set[str]:
    """The plurals of `tr_count`, and of `count_text`, which is made of it."""
    found = {_text(call.args[1]) for call in _calls("tr_count") if _is_text(call.args[1])}
    for call in _calls("count_text"):
        if _is_text(call.args[1]):
            found.add("{n:,} " + (_text(call.args[2]) if len(call.args) > 2 else _text(call.args[1]) + "s"))
    return found | {"{n:,} " + many for many in upkeep.MERGED.values()}


def placeholders(text: str) -> set[tuple[str, str]]:
    """Name and format of each."""
    return {(name, spec or "") for _, name, spec, _ in string.Formatter().parse(text) if name is not None}


def test_the_catalogue_has_exactly_the_texts_of_the_window() -> None:
    catalogue = read_catalogue(LANGUAGE)
    assert sorted(source_texts() - catalogue.texts.keys()) == [], "not translated"
    assert sorted(catalogue.texts.keys() - source_texts()) == [], "no longer used"
    assert sorted(source_counts() - catalogue.counts.keys()) == [], "not translated"
    assert sorted(catalogue.counts.keys() - source_counts()) == [], "no longer used"


def test_placeholders_edges_and_mnemonics_are_kept() -> None:
    catalogue = read_catalogue(LANGUAGE)
    pairs = [*catalogue.texts.items(), *((many, form) for many, forms in catalogue.counts.items() for form in forms)]
    for source, text in pairs:
        assert text.strip(), source
        assert placeholders(source) == placeholders(text), source
        for edge in (0, -1):  # parts of sentences and lines keep their blanks
            assert source[edge].isspace() == text[edge].isspace(), source
        assert source.endswith("…") == text.endswith("…"), source
        assert text.count("&") <= source.count("&"), source
        assert source.count("<") == text.count("<"), source


@pytest.mark.parametrize("menu", action_table.MENUS)
def test_mnemonics_of_a_menu_differ(menu: str) -> None:
    catalogue = read_catalogue(LANGUAGE).texts
    extra = {"&File": ["Open &recent"], "&Points": ["&Take points from"], "&View": ["Pa&nels"]}.get(menu, [])
    rows = [row for row in action_table.TABLE if row.menu == menu]
    submenus = dict.fromkeys(row.submenu for row in rows if row.submenu)
    levels = [[row.text for row in rows if row.submenu == submenu] for submenu in ("", *submenus)]
    levels[0] += [*submenus, *extra]
    for shown in (*levels, *([catalogue[text] for text in level] for level in levels)):
        keys = [text[text.index("&") + 1].casefold() for text in shown if "&" in text]
        assert len(keys) == len(set(keys)), sorted(keys)
    titles = [catalogue[title] for title in action_table.MENUS]
    assert len({title[title.index("&") + 1].casefold() for title in titles}) == len(titles)


@pytest.fixture
def german(qapp: QApplication) -> Iterator[None]:
    before = {id(child) for child in qapp.findChildren(QTranslator)}
    assert texts.install_language(qapp, LANGUAGE) == LANGUAGE
    yield
    for child in qapp.findChildren(QTranslator):
        if id(child) not in before:
            qapp.removeTranslator(child)
            child.deleteLater()
    qapp.setProperty("starmark_language", None)


@pytest.mark.usefixtures("german")
def test_texts_and_qts_own_are_shown_in_german() -> None:
    assert tr("&File") == "&Datei"
    assert tr("{left:,} left", left=1234) == "1,234 offen"
    assert [tr_count("{n} point", "{n} points", n) for n in (0, 1, 2)] == ["0 Punkte", "1 Punkt", "2 Punkte"]
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
    assert box.button(QDialogButtonBox.StandardButton.Cancel).text() == "Abbrechen"
    assert QCoreApplication.translate("another context", "&File") == "&File"
    assert texts.in_sentence("Label") == "Label"


@pytest.mark.usefixtures("german")
def test_actions_are_german_and_find_their_keys() -> None:
    owner = QObject()
    actions = ActionSet(owner)
    assert actions["open_files"].text() == "Bilder ö&ffnen…"
    assert actions["open_files"].iconText() == "Bilder"
    assert "Fotos in das Projekt aufnehmen." in actions["open_files"].toolTip()
    assert actions["undo"].shortcut().toString() == "Ctrl+Z"
    titles = [title for title, _ in groups(actions.keys)]
    assert titles == ["Datei", "Bearbeiten", "Punkte", "Gehe zu", "Ansicht", "Modell", "Hilfe", "Maus und Bildfläche"]


@pytest.mark.usefixtures("german")
def test_stored_edits_are_shown_in_german() -> None:
    assert shown_edit("move 3 points along the curve") == "3 Punkte entlang der Kurve verschoben"
    assert shown_edit("snap jaw to prediction") == "jaw auf die Vorhersage gesetzt"
    assert shown_edit("set occluded: 1 point") == "1 Punkt als verdeckt markiert"
    assert shown_edit("something from a later version") == "something from a later version"


def test_english_needs_no_catalogue(qapp: QApplication) -> None:
    assert texts.install_language(qapp, "en") == "en"
    assert [tr_count("{n} point", "{n} points", n) for n in (1, 2)] == ["1 point", "2 points"]
    assert tr("{left:,} left", left=1234) == "1,234 left"
    assert shown_edit("move 3 points along the curve") == "move 3 points along the curve"
    assert texts.in_sentence("Label") == "label"


def test_the_systems_language_is_taken_where_there_is_a_catalogue() -> None:
    assert texts.language_of("system", QLocale("de_AT")) == "de"
    assert texts.language_of("system", QLocale("fr_FR")) == "en"
    assert texts.language_of("nonsense") == "en"
    assert texts.language_of("de") == "de"


def test_what_the_catalogue_lacks_is_left_to_the_next_translator() -> None:
    translator = CatalogueTranslator(texts.Catalogue({"a": "b"}, {}))
    assert translator.translate("Starmark", "a") == "b"
    assert translator.translate("Starmark", "c") is None
    assert translator.translate("QDialogButtonBox", "a") is None
    assert not translator.isEmpty()
