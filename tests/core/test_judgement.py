"""Decisions about doubted labels: what they hold for, which of several counts, and how they are kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.face import Label
from core.judgement import (
    Decision,
    holding,
    judge_label,
    judgements_from_json,
    judgements_to_json,
    united,
    with_judgements,
)

POINTS = np.random.default_rng(0).uniform(0, 100, (68, 2))
POINTS[5] = np.nan
LABEL = Label("300w-68", POINTS)
ACCEPTABLE, WRONG, MODEL = Decision.ACCEPTABLE, Decision.LABEL_WRONG, Decision.MODEL_WRONG


def given(point: int | None, decision: Decision = ACCEPTABLE, author: str = "Ann", at_us: int = 1):
    return judge_label(LABEL, point, decision, "300w", author, at_us)


def moved(*points: int) -> Label:
    changed = LABEL.points.copy()
    changed[list(points)] = 7.25
    return replace(LABEL, points=changed, visibility=np.zeros(68, np.uint8))


def test_a_decision_holds_until_what_it_was_given_on_changes() -> None:
    point, missing, face = given(3), given(5), given(None)
    every = (point, missing, face)
    assert list(holding(every, LABEL)) == [None, 3, 5]
    assert list(holding(every, moved(9))) == [3, 5]  # another point: the points' own stay
    assert list(holding(every, moved(3))) == [5]
    assert list(holding(every, moved(5))) == [3]  # a point that had no label has one now
    assert holding(every, replace(LABEL, scheme="other")) == {} and holding(every, None) == {}
    assert holding(every, replace(LABEL, weights=np.full(68, 0.5, np.float32))).keys() == {None, 3, 5}


def test_of_several_the_latest_counts_and_ones_own_is_replaced() -> None:
    first, second, other = given(3, at_us=1), given(3, MODEL, at_us=3), given(3, WRONG, "Bob", 2)
    assert with_judgements((first, other), (second,)) == (other, second)
    assert holding((first, other, second), LABEL)[3].decision is MODEL
    lapsed = judge_label(moved(3), 3, WRONG, "300w", "Ann", 4)  # about another place: kept beside
    assert with_judgements((second,), (lapsed,)) == (second, lapsed)


def test_two_copies_of_a_face_lose_nothing() -> None:
    base, mine, yours = given(1), given(2, at_us=2), given(4, WRONG, "Bob", 3)
    assert united((base, mine), (base, yours), (base,)) == (base, mine, yours)
    assert united((mine,), (base, yours), (base,)) == (mine, yours)  # taken back on one side
    assert united((base, mine), (yours, base)) == united((yours, base), (base, mine)) == (base, mine, yours)


def test_they_are_kept_as_json_bit_for_bit() -> None:
    every = (given(3), given(5, WRONG), given(None, MODEL, "Zoë"))
    assert judgements_from_json(judgements_to_json(every)) == every
    for broken in ([{}], [judgements_to_json(every)[0] | {"decision": "no"}], [3]):
        with pytest.raises((ValueError, LookupError, TypeError)):
            judgements_from_json(broken)
    with pytest.raises(ValueError, match="numbered"):
        replace(every[0], point=-1)
