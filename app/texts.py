"""Texts on screen in the user's language, through Qt's translation.

Source texts are English and stand where they are used: `tr("Open images")`, `tr("{left:,} left", left=7)`. Texts
of tables are marked by `tr_later` or listed in tests/app/test_texts.py, and translated by `tr(text)` where they are
shown. What a catalogue lacks stays English. Errors of `core` and the command line are English always.

A catalogue is resources/translations/LANGUAGE.toml:

    [texts]
    "&File" = "&Datei"
    [counts]                                # by the source text of the plural: one, many
    "{n} points" = ["{n} Punkt", "{n} Punkte"]
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QObject, QTranslator

CATALOGUES = Path(__file__).resolve().parent.parent / "resources" / "translations"
SOURCE_LANGUAGE = "en"
SYSTEM = "system"
_CONTEXT = "Starmark"
_PROPERTY = "starmark_language"


def tr(text: str, /, **values: Any) -> str:
    """`text` in the user's language; with `values`, its {placeholders} filled as by `str.format`."""
    shown = QCoreApplication.translate(_CONTEXT, text) if text else ""
    return shown.format(**values) if values else shown


def tr_count(one: str, many: str, n: int, /, **values: Any) -> str:
    """The form that fits a count: `one` or `many`, with {n} and further placeholders filled."""
    shown = QCoreApplication.translate(_CONTEXT, many, "", n)
    if shown == many and n == 1:  # not translated
        shown = one
    return shown.format(n=n, **values)


def tr_later(text: str) -> str:
    """Marks a text that is translated where it is shown, such as one of a table."""
    return text


def in_sentence(title: str) -> str:
    """A translated title within a sentence: small in English, while German nouns keep their capitals."""
    return title.lower() if shown_language() == SOURCE_LANGUAGE else title


def shown_language() -> str:
    """The language that was installed, such as "de"."""
    app = QCoreApplication.instance()
    return str((None if app is None else app.property(_PROPERTY)) or SOURCE_LANGUAGE)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Translations by source text.

    Attributes:
        texts: of `tr`.
        counts: of `tr_count` by the source text of the plural: one, many.
    """

    texts: Mapping[str, str]
    counts: Mapping[str, tuple[str, str]]


def read_catalogue(language: str) -> Catalogue:
    """The translations to a language; OSError and ValueError if there are none or they cannot be read."""
    content = tomllib.loads((CATALOGUES / f"{language}.toml").read_text(encoding="utf-8"))
    counts = {many: (str(forms[0]), str(forms[1])) for many, forms in content.get("counts", {}).items()}
    return Catalogue({source: str(text) for source, text in content.get("texts", {}).items()}, counts)


class CatalogueTranslator(QTranslator):
    """Answers Qt from a catalogue. One and many are told apart as German and English do."""

    def __init__(self, catalogue: Catalogue, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._catalogue = catalogue

    def isEmpty(self) -> bool:  # noqa: N802
        """Never: Qt would not ask."""
        return False

    def translate(self, context: str, source: str, disambiguation: str | None = None, n: int = -1) -> str | None:  # type: ignore[override]
        """The text, or None: Qt then asks the next translator, and at last takes the source."""
        if context != _CONTEXT:
            return None
        if n >= 0 and (forms := self._catalogue.counts.get(source)) is not None:
            return forms[n != 1]
        return self._catalogue.texts.get(source)


def language_of(choice: str, system: QLocale | None = None) -> str:
    """The language to show: what was chosen, or the first of the system's that there is a catalogue for."""
    known = {SOURCE_LANGUAGE, *(path.stem for path in CATALOGUES.glob("*.toml"))}
    if choice != SYSTEM:
        return choice if choice in known else SOURCE_LANGUAGE
    wanted = (name.split("-")[0] for name in (QLocale.system() if system is None else system).uiLanguages())
    return next((name for name in wanted if name in known), SOURCE_LANGUAGE)


def install_language(app: QCoreApplication, choice: str) -> str:
    """Show texts, Qt's own too, in the chosen language from here on; before any window is made.

    Returns:
        The language, such as "de".
    """
    language = language_of(choice)
    if language == SOURCE_LANGUAGE:
        return language
    own = QTranslator(app)
    if own.load(f"qtbase_{language}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        app.installTranslator(own)
    app.installTranslator(CatalogueTranslator(read_catalogue(language), app))
    app.setProperty(_PROPERTY, language)
    return language
