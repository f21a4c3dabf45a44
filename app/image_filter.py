"""Which images the list shows: a value that says what an image must have, and tests rows for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from app.texts import tr
from core.work_status import STATUS_TEXTS, STATUSES, WorkStatus

if TYPE_CHECKING:
    from app.panels.image_model import ImageRow


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """All parts must hold; of several statuses, tags or label sets one is enough. An empty part asks for nothing.

    Attributes:
        text: a part of the path, upper or lower case alike.
        statuses, tags, label_sets: names.
        worst_above: least worst deviation, fraction of the normaliser; None for any.
        missing: only images whose file is not where it was, or cannot be used.
        bookmarked: only images with the annotator's bookmark.
        images: only these, by id, such as a sample's; not kept with the project.
    """

    text: str = ""
    statuses: frozenset[WorkStatus] = frozenset()
    tags: frozenset[str] = frozenset()
    label_sets: frozenset[str] = frozenset()
    worst_above: float | None = None
    missing: bool = False
    bookmarked: bool = False
    images: frozenset[str] = frozenset()

    @property
    def empty(self) -> bool:
        """Whether every image passes."""
        return self == ImageFilter()

    def test(self) -> Callable[[ImageRow], bool]:
        """A test of rows: of the parts that ask for something alone, the cheapest first."""
        tests: list[Callable[[ImageRow], bool]] = []
        if self.images:
            tests.append(lambda row: row.id in self.images)
        if self.missing:
            tests.append(lambda row: row.missing or bool(row.problem))
        if self.bookmarked:
            tests.append(lambda row: row.bookmarked)
        if self.worst_above is not None:
            least = self.worst_above
            tests.append(lambda row: row.worst is not None and row.worst > least)
        if self.tags:
            tests.append(lambda row: not self.tags.isdisjoint(row.facts.tags))
        if self.label_sets:
            tests.append(lambda row: not self.label_sets.isdisjoint(row.facts.label_sets))
        if self.statuses:
            tests.append(lambda row: row.status in self.statuses)
        if needle := self.text.strip().casefold():
            tests.append(lambda row: needle in row.path.casefold())
        if len(tests) == 1:
            return tests[0]
        return lambda row: all(test(row) for test in tests)

    def chips(self) -> list[tuple[str, ImageFilter]]:
        """(words, the filter without this part) for each part but the text, which has a field of its own."""
        found = [
            (tr(STATUS_TEXTS[status]), replace(self, statuses=self.statuses - {status}))
            for status in STATUSES
            if status in self.statuses
        ]
        found += [(tr("tag {tag}", tag=tag), replace(self, tags=self.tags - {tag})) for tag in sorted(self.tags)]
        found += [
            (tr("labels of {name}", name=name), replace(self, label_sets=self.label_sets - {name}))
            for name in sorted(self.label_sets)
        ]
        if self.worst_above is not None:
            found.append(
                (
                    tr(
                        "worst above {worst_above:.0%}",
                        worst_above=self.worst_above,
                    ),
                    replace(self, worst_above=None),
                )
            )
        if self.missing:
            found.append((tr("file missing"), replace(self, missing=False)))
        if self.bookmarked:
            found.append((tr("bookmarked"), replace(self, bookmarked=False)))
        if self.images:
            found.append((tr("sample"), replace(self, images=frozenset())))
        return found

    def to_json(self) -> dict[str, Any]:
        """For the project's settings."""
        return {
            "text": self.text, "statuses": sorted(self.statuses), "tags": sorted(self.tags),
            "label_sets": sorted(self.label_sets), "worst_above": self.worst_above, "missing": self.missing,
            tr("bookmarked"): self.bookmarked,
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: object) -> ImageFilter:
        """What `to_json` gave; parts that make no sense, from another version or by hand, ask for nothing."""
        if not isinstance(value, dict):
            return cls()
        worst = value.get("worst_above")
        return cls(
            text=value["text"] if isinstance(value.get("text"), str) else "",
            statuses=frozenset(status for status in STATUSES if status in _words(value.get("statuses"))),
            tags=frozenset(_words(value.get("tags"))),
            label_sets=frozenset(_words(value.get("label_sets"))),
            worst_above=float(worst) if isinstance(worst, int | float) and 0 <= worst < 1e9 else None,
            missing=value.get("missing") is True,
            bookmarked=value.get(tr("bookmarked")) is True,
        )


def _words(value: object) -> Sequence[str]:
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []
