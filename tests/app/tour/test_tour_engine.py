"""What drives a tour, and where its callout stands: without a window."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QRect, QSize

from app.tour.engine import Step, Tour
from app.tour.placing import GAP, place


class Place:
    """A stage of one number and a room."""

    def __init__(self) -> None:
        self.value, self.room = 0, ""


def counting(name: str, room: str = "") -> Step:
    """Done once the number has grown by one since it began."""

    def show(stage: Place) -> None:
        stage.value += 1

    return Step(
        name,
        done=lambda stage, begun: stage.value > begun,
        enter=lambda stage: setattr(stage, "room", room) if room else None,
        ready=lambda stage: not room or stage.room == room,
        begin=lambda stage: stage.value,
        show=show,
    )


def played(*steps: Step) -> tuple[Tour, Place, list[str]]:
    stage, seen = Place(), []
    tour = Tour(steps, stage)
    tour.stepped.connect(lambda: seen.append(tour.step.id))
    tour.ended.connect(lambda finished: seen.append(f"ended {finished}"))
    return tour, stage, seen


def test_a_step_waits_for_what_the_user_does() -> None:
    tour, stage, _ = played(counting("one"), counting("two"), Step("end"))
    tour.start()
    tour.look()
    assert tour.step.id == "one" and tour.begun
    stage.value = 1
    tour.look()
    assert (tour.step.id, tour.achieved) == ("two", "one")
    tour.look()
    assert tour.step.id == "two", "what was done for the first is not done for the second"
    tour.show()
    assert (tour.step.id, tour.achieved) == ("end", "two")
    tour.look()
    assert tour.running, "a step without a task waits for the button"
    tour.go_on()
    assert not tour.running


def test_skipping_is_no_achievement_and_stopping_no_end() -> None:
    tour, _, seen = played(counting("one"), counting("two"))
    tour.start()
    tour.go_on()
    assert tour.step.id == "two" and tour.achieved is None
    tour.stop()
    assert seen[-1] == "ended False" and not tour.running
    for call in (tour.stop, tour.look, tour.go_on, tour.show, tour.back):
        call()
    assert seen.count("ended False") == 1
    tour.start()
    tour.go_on()
    tour.go_on()
    assert seen[-1] == "ended True"


def test_a_step_begins_where_it_plays_and_knows_when_it_is_left() -> None:
    tour, stage, seen = played(counting("one", room="hall"), Step("end"))
    tour.start()
    assert stage.room == "hall" and tour.begun and not tour.away
    stage.room = "yard"
    tour.look()
    assert tour.away and seen == ["one", "one", "one"]
    tour.show()
    assert stage.value == 0, "nothing is done elsewhere"
    tour.back()
    assert stage.room == "hall" and not tour.away


def test_what_a_step_does_at_its_beginning_does_not_end_it() -> None:
    stage = Place()
    steps: list[Step] = []
    tour = Tour((Step("one", done=lambda s, _: s.value > 1, begin=lambda s: tour.look()), Step("end")), stage)
    tour.start()
    assert tour.step.id == "one" and not steps


BOUNDS = QRect(0, 0, 1000, 800)
SIZE = QSize(300, 200)


@pytest.mark.parametrize(
    "target", [QRect(480, 380, 40, 40), QRect(0, 0, 60, 30), QRect(940, 770, 60, 30), QRect(0, 400, 250, 70), QRect()]
)
def test_the_callout_hides_nothing_of_its_target(target: QRect) -> None:
    callout = QRect(place(SIZE, target, BOUNDS), SIZE)
    assert BOUNDS.contains(callout)
    assert not callout.intersects(target)
    if not target.isEmpty():
        assert callout.adjusted(-GAP - 1, -GAP - 1, GAP + 1, GAP + 1).intersects(target), "it stands beside it"


def test_the_face_stays_free_where_there_is_room() -> None:
    face, target = QRect(200, 100, 500, 650), QRect(600, 600, 40, 40)
    callout = QRect(place(SIZE, target, QRect(0, 0, 1100, 800), [face]), SIZE)
    assert not callout.intersects(face) and not callout.intersects(target)
    crowded = QRect(place(SIZE, target, QRect(150, 50, 600, 750), [face]), SIZE)
    assert not crowded.intersects(target), "the target counts more"


def test_a_callout_about_nothing_stands_in_the_corner_at_the_end_of_the_line() -> None:
    assert place(SIZE, QRect(), BOUNDS) == QPoint(999 - 300 - GAP, GAP)
    assert place(SIZE, QRect(), BOUNDS, [QRect(600, 0, 400, 300)]).y() > 300, "unless something has to be seen there"


def test_a_callout_too_large_for_its_place_begins_at_its_corner() -> None:
    assert place(QSize(2000, 900), QRect(), BOUNDS) == QPoint(GAP, GAP)
