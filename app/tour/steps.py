"""The steps of the tour: what each says, what it points at, and when it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QRect

from app.texts import tr
from app.tour.engine import Step
from app.tour.stage import Stage
from core.sample import Planted

RIGHT = 1 / 3
"""A label counts as put right once this part of its error is left."""
WRONG = 2 / 3
"""... and as wrong again from here on."""


@dataclass(frozen=True, slots=True)
class Page:
    """A step with what is shown for it.

    Attributes:
        step: for the engine.
        title: a few words.
        text: what there is to know.
        task: what to do.
        praise: said on the next page if it was done; empty for nothing.
        target: what it speaks of, px of the window; None while that is not to be seen.
        keep_face: whether the user has to see the face meanwhile.
    """

    step: Step
    title: str
    text: str
    task: str
    praise: str
    target: Callable[[Stage], QRect | None]
    keep_face: bool = False


def pages(stage: Stage) -> tuple[Page, ...]:
    """The tour on a stage with the sample open."""
    plan = stage.plan
    return (
        *_ambiguous(plan.ambiguous),
        *_find(plan.wrong, stage),
        *_put_right(plan.wrong, stage),
        _end(stage),
    )


def _ambiguous(spot: Planted) -> tuple[Page, ...]:
    def begin(stage: Stage) -> None:
        stage.set_up()
        stage.fit_face(spot)

    look = Step(
        "look",
        done=lambda stage, _: stage.selected(spot),
        enter=lambda stage: stage.go_to(spot),
        ready=lambda stage: stage.at(spot),
        begin=begin,
        show=lambda stage: stage.select(spot),
    )
    accept = Step(
        "accept",
        done=lambda stage, _: stage.accepted(spot),
        enter=lambda stage: stage.go_to(spot),
        ready=lambda stage: stage.at(spot),
        begin=lambda stage: stage.bring_up(stage.review),
        show=lambda stage: stage.accept(spot),
    )
    return (
        Page(
            look,
            tr("What the ellipse says"),
            tr(
                "An orange disc is a label: where a person put a point. The blue cross is where the model sees it, "
                "and the ellipse around the cross shows how sure it is. Small: here and nowhere else. Long: "
                "somewhere along here."
            ),
            tr("Click the orange disc in the ring."),
            tr("That is the point."),
            lambda stage: stage.point_of(spot),
            keep_face=True,
        ),
        Page(
            accept,
            tr("Ambiguous, not wrong"),
            tr(
                "This label slid along the jaw, just where the ellipse is long. Nobody can say how far along the "
                "jaw the point belongs, so there is nothing to correct."
            ),
            tr("Leave it, and set Review to “Accepted”."),
            tr("Accepted."),
            lambda stage: stage.place_of(stage.review),
            keep_face=True,
        ),
    )


def _find(spot: Planted, stage: Stage) -> tuple[Page, ...]:
    predict = Step(
        "predict",
        done=lambda stage, _: stage.all_predicted(),
        show=lambda stage: stage.trigger("predict_all"),
    )

    def show(stage: Stage) -> None:
        stage.sort_by_worst()
        stage.go_to(spot)

    find = Step("find", done=lambda stage, _: stage.at(spot), show=show)
    worst = Step(
        "worst",
        done=lambda stage, _: stage.selected(spot),
        enter=lambda stage: stage.go_to(spot),
        ready=lambda stage: stage.at(spot),
        show=lambda stage: stage.select(spot),
    )
    return (
        Page(
            predict,
            tr("Have every face looked at"),
            tr(
                "To find labels that are wrong, compare all of them with the model. That takes a few seconds here, "
                "and goes on in the background."
            ),
            tr("Press “Predict all” ({key}), and wait until the bar below is full.", key=stage.key("predict_all")),
            tr("Every face is predicted."),
            lambda stage: stage.button("predict_all"),
        ),
        Page(
            find,
            tr("Worst first"),
            tr(
                "The list now says how far the worst label of each face is from where the model sees the point, in "
                "percent of the distance between the eyes."
            ),
            tr("Choose “Worst label first” above the list, then click {image}.", image=spot.image),
            tr("Found."),
            lambda stage: stage.row_of(spot) if stage.sorted_by_worst() else stage.place_of(stage.order),
        ),
        Page(
            worst,
            tr("Which point is it?"),
            tr("One key leads to the label that is farthest from its prediction."),
            tr("Press {key}.", key=stage.key("worst_point")),
            tr("There it is."),
            lambda stage: stage.button("worst_point"),
        ),
    )


def _put_right(spot: Planted, stage: Stage) -> tuple[Page, ...]:
    drag = Step(
        "drag",
        done=lambda stage, _: stage.off(spot) < RIGHT and stage.saved(),
        enter=lambda stage: stage.go_to(spot),
        ready=lambda stage: stage.at(spot),
        begin=lambda stage: stage.fit_move(spot),
        show=lambda stage: stage.put_right(spot, RIGHT),
    )
    undo = Step(
        "undo",
        done=lambda stage, _: stage.off(spot) > WRONG and stage.saved(),
        fits=lambda stage: stage.off(spot) < RIGHT and stage.can("undo"),
        enter=lambda stage: stage.go_to(spot),
        ready=lambda stage: stage.at(spot),
        show=lambda stage: stage.trigger("undo"),
    )
    redo = Step(
        "redo",
        done=lambda stage, _: stage.off(spot) < RIGHT and stage.saved(),
        fits=lambda stage: stage.off(spot) > WRONG and stage.can("redo"),
        enter=lambda stage: stage.go_to(spot),
        ready=lambda stage: stage.at(spot),
        show=lambda stage: stage.trigger("redo"),
    )
    return (
        Page(
            drag,
            tr("A wrong label"),
            tr(
                "This one is far from its ellipse, in a direction in which the model is sure. That is no matter of "
                "opinion."
            ),
            tr("Drag the orange disc to the blue cross."),
            tr("Put right."),
            lambda stage: stage.point_of(spot),
            keep_face=True,
        ),
        Page(
            undo,
            tr("All changes saved"),
            tr(
                "There is no “Save”: every change is on disk at once, and here you see when. You can take any of "
                "them back, even tomorrow."
            ),
            tr("Press {key} to undo the move.", key=stage.key("undo")),
            tr("Undone."),
            lambda stage: stage.place_of(stage.save_line),
        ),
        Page(
            redo,
            tr("And again"),
            tr("The label is wrong once more."),
            tr("Press {key} to do it again.", key=stage.key("redo")),
            tr("All changes saved."),
            lambda stage: stage.button("redo"),
        ),
    )


def _end(stage: Stage) -> Page:
    return Page(
        Step("end"),
        tr("Now with your own faces"),
        tr(
            "“Folder” adds your photos, with labels where there are some. “Import” takes in a data set in any of the "
            "field's formats. {key} shows all keys. The sample stays under Help.",
            key=stage.key("cheat_sheet"),
        ),
        "",
        "",
        lambda stage: stage.button("open_folder"),
    )
