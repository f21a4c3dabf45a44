"""An annotator who is simulated: sees where wrong points belong, and takes the cheapest move that brings them there.

Knows what a person sees: the label, the prediction with its ellipses, and, from the photo, where each point belongs.
Moves whose outcome shows before they are done (drags, snaps onto a visible cross) are chosen by outcome; spreading is
tried, and taken back with Ctrl+Z where it did not help.

Effort is counted in button presses, keys, ways of the mouse and their screen px, and weighed in seconds to choose:
Fitts's law in Shannon's form at 4.9 bit/s for pointing and dragging (Soukoreff and MacKenzie 2004), 0.1 s for a
button's press or release and 0.2 s for a key (Card, Moran and Newell 1980). Thinking is left out on both sides, but for
a repair that the window proposes: that takes a look, the 1.35 s of the keystroke-level model's mental operator, each
time one is asked for, also where nothing comes of it. Right points that it would spoil are taken out one by one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.canvas.points_view import HIT_RADIUS_PX
from app.canvas.selecting import along
from core.calibration import Calibration
from core.doubts import doubts
from core.face import FloatArray, Label, Prediction
from core.moves import arrange
from core.moves.drag import Constraint, Drag
from core.moves.fitting import fit_to_rest
from core.moves.movable import Mask
from core.moves.soft import weights
from core.moves.taking import snap
from core.scheme import Region, Scheme

KEY_S, BUTTON_S, START_S, BITS_S, LOOK_S = 0.2, 0.1, 0.1, 4.9, 1.35
SOFT_RADIUS = 2
_CLICKS = 10
"""Most points that are taken out of a proposal or into it: who needs more, does something else."""


@dataclass(frozen=True, slots=True)
class Effort:
    """Button presses, keys, ways of the mouse from one place to the next, their length in screen px, and seconds."""

    presses: int = 0
    keys: int = 0
    ways: int = 0
    travel: float = 0.0
    seconds: float = 0.0

    def __add__(self, other: Effort) -> Effort:
        return Effort(
            self.presses + other.presses,
            self.keys + other.keys,
            self.ways + other.ways,
            self.travel + other.travel,
            self.seconds + other.seconds,
        )


def keys(count: int) -> Effort:
    """So many keys, modifiers counted."""
    return Effort(keys=count, seconds=count * KEY_S)


@dataclass(frozen=True, eq=False, slots=True)
class Hand:
    """Where the mouse is, (2,) image px, and what it has cost so far; `zoom` in screen px an image px."""

    at: FloatArray
    zoom: float
    effort: Effort = Effort()

    def go(self, to: FloatArray, width_px: float) -> Hand:
        """Move to `to`, a target `width_px` screen px wide."""
        distance = float(np.hypot(*(to - self.at))) * self.zoom
        seconds = START_S + math.log2(distance / width_px + 1) / BITS_S if distance > 0 else 0.0
        way = Effort(ways=int(distance > 0), travel=distance, seconds=seconds)
        return replace(self, at=to, effort=self.effort + way)

    def click(self, on: FloatArray, times: int = 1) -> Hand:
        """Click a point."""
        there = self.go(on, 2 * HIT_RADIUS_PX)
        return replace(there, effort=there.effort + Effort(presses=times, seconds=2 * BUTTON_S * times))

    def drag(self, start: FloatArray, end: FloatArray, width_px: float) -> Hand:
        """Drag from a point to a place."""
        return self.click(start).go(end, width_px)

    def press(self, count: int) -> Hand:
        """Press keys."""
        return replace(self, effort=self.effort + keys(count))

    def look(self) -> Hand:
        """Look through what is proposed."""
        return replace(self, effort=self.effort + Effort(seconds=LOOK_S))


@dataclass(frozen=True, eq=False, slots=True)
class State:
    """Where things stand: the label's points (N, 2) image px, the mouse, and where W and X have led.

    Attributes:
        visited: deviation, image px, of the point that W or X selected last; infinite before.
    """

    points: FloatArray
    hand: Hand
    visited: float = math.inf


@dataclass(frozen=True, eq=False, slots=True)
class Annotator:
    """Corrects one face.

    Attributes:
        truth: (N, 2) image px, where the points belong.
        tolerance: image px, what is right.
        plain: whether only drags of single points are known.
        calibration: of the model.
    """

    scheme: Scheme
    truth: FloatArray
    prediction: Prediction
    tolerance: float
    plain: bool = False
    calibration: Calibration | None = None

    def correct(self, points: FloatArray, zoom: float) -> tuple[Effort, list[str]]:
        """The effort until no point is wrong, and the moves made."""
        state = State(points, Hand(self.truth.mean(axis=0), zoom))
        done: list[str] = []
        tried: set[tuple[int, ...]] = set()
        if not self.plain and self.wrong(points).any():
            state = self._repair(state, done)
        while self.wrong(state.points).any():
            if not self.plain:
                state = self._try_spreading(state, tried, done)
                if not self.wrong(state.points).any():
                    break
            name, state = min(self._moves(state), key=lambda move: self._price(state, move[1]))
            done.append(name)
        return state.hand.effort, done

    def wrong(self, points: FloatArray) -> Mask:
        """(N,) bool."""
        return np.asarray(np.hypot(*(points - self.truth).T) > self.tolerance, np.bool_)

    def _price(self, before: State, after: State) -> float:
        """Seconds a point that was mended; infinite where a right point was spoilt or nothing was mended."""
        wrong, still = self.wrong(before.points), self.wrong(after.points)
        mended = int((wrong & ~still).sum())
        if (still & ~wrong).any() or not mended:
            return math.inf
        return (after.hand.effort.seconds - before.hand.effort.seconds) / mended

    # -- the repair that the window proposes

    def _repair(self, state: State, done: list[str]) -> State:
        """C, a look, points taken out or in by Ctrl+clicks, and C again; where nothing is worth it, Esc."""
        label = Label(self.scheme.id, state.points)
        order, count = doubts(label, self.prediction, self.scheme, self.calibration)
        asked = state.hand.press(1).look()
        if not count:
            done.append("C, nothing found")
            return replace(state, hand=asked)
        chosen, clicked = order[:count], 0
        wrong, points = self.wrong(state.points), self._fitted(label, order[:count])
        for _ in range(_CLICKS):
            spoilt = [i for i in chosen if self.wrong(points)[i] and not wrong[i]]
            missed = [i for i in np.flatnonzero(wrong).tolist() if i not in chosen]
            useful = [i for i in missed if not self.wrong(self._fitted(label, [*chosen, i]))[i]]
            if not spoilt and not useful:
                break
            index = (spoilt or useful)[0]
            chosen = [i for i in chosen if i != index] if spoilt else [*chosen, index]
            asked, clicked = asked.press(int(not clicked)).click(state.points[index]), clicked + 1
            points = self._fitted(label, chosen)
        mended = (wrong & ~self.wrong(points)).any()
        if not chosen or not mended:
            done.append("C, Esc")
            return replace(state, hand=asked.press(int(bool(chosen))))
        done.append("C, Ctrl+clicks, C" if clicked else "C, C")
        return replace(state, points=points, hand=asked.press(1))

    def _fitted(self, label: Label, chosen: Sequence[int]) -> FloatArray:
        return fit_to_rest(label, self.prediction, chosen).applied_to(label).points

    # -- moves

    def _moves(self, state: State) -> Iterator[tuple[str, State]]:
        wrong = np.flatnonzero(self.wrong(state.points)).tolist()
        width = 2 * self.tolerance * state.hand.zoom
        mouse = self._with_mouse(state)
        for index in wrong:
            points = state.points.copy()
            points[index] = self.truth[index]
            hand = mouse.hand.drag(state.points[index], self.truth[index], width)
            yield "drag", replace(mouse, points=points, hand=hand)
        if self.plain:
            return
        yield from self._snaps(state, mouse, wrong)
        yield from self._fits(mouse, wrong)
        for run in self._runs(wrong):
            yield from self._group_moves(mouse, run, width)

    def _with_mouse(self, state: State) -> State:
        """Back at the whole face, if W has looked closely, and with W's order begun anew."""
        close = math.isfinite(state.visited)
        hand = state.hand.press(2) if close else state.hand  # Shift+F
        return replace(state, hand=hand, visited=math.inf)

    def _snaps(self, state: State, mouse: State, wrong: list[int]) -> Iterator[tuple[str, State]]:
        means = self.prediction.mean
        good = [i for i in wrong if np.hypot(*(means[i] - self.truth[i])) <= self.tolerance]
        deviation = np.hypot(*(state.points - means).T)
        for index in good:
            hand = mouse.hand.click(state.points[index]).press(1)
            yield "click, S", replace(mouse, points=self._snapped(state.points, [index]), hand=hand)
            own = float(deviation[index])
            if own <= state.visited:
                # W to the first, W past each that is right or whose prediction is not, then X, which leads to the next
                steps = int((np.isfinite(deviation) & (deviation <= state.visited) & (deviation > own)).sum())
                first = 0 if math.isfinite(state.visited) else 1
                rest = deviation[deviation < own]
                visited = float(rest.max()) if len(rest) else 0.0
                after = replace(state, hand=state.hand.press(first + steps + 1), visited=visited)
                yield "W... X", replace(after, points=self._snapped(state.points, [index]))
            region = self.scheme.region_of(index)
            if region is not None:
                points = self._snapped(state.points, region.indices)
                yield "click, Shift+S", replace(
                    mouse, points=points, hand=mouse.hand.click(state.points[index]).press(2)
                )
        if len(good) > 1:
            hand = mouse.hand
            for index in good:
                hand = hand.click(state.points[index])
            points = self._snapped(state.points, good)
            yield "Ctrl+clicks, S", replace(mouse, points=points, hand=hand.press(2))

    def _fits(self, mouse: State, wrong: list[int]) -> Iterator[tuple[str, State]]:
        label, hand = Label(self.scheme.id, mouse.points), mouse.hand
        for index in wrong:
            points = self._fitted(label, [index])
            yield "click, Shift+C", replace(mouse, points=points, hand=hand.click(mouse.points[index]).press(2))
        for index in wrong:
            hand = hand.click(mouse.points[index])
        yield "Ctrl+clicks, Shift+C", replace(mouse, points=self._fitted(label, wrong), hand=hand.press(3))

    def _snapped(self, points: FloatArray, indices: Sequence[int]) -> FloatArray:
        label = Label(self.scheme.id, points)
        return snap(label, self.prediction, indices).applied_to(label).points

    def _runs(self, wrong: list[int]) -> Iterator[tuple[int, ...]]:
        """Runs along one curve whose points are all wrong, of two points or more."""
        seen = set()
        for first in wrong:
            for last in wrong:
                run = along(self.scheme, first, last)
                if len(run) >= 2 and set(run) <= set(wrong) and run not in seen:
                    seen.add(run)
                    yield run

    def _group_moves(self, mouse: State, run: tuple[int, ...], width: float) -> Iterator[tuple[str, State]]:
        region = self.scheme.region_of(run[0])
        whole = region is not None and set(run) == set(region.indices)
        hand = self._select(mouse, run, whole)
        held = run[-1]
        label = Label(self.scheme.id, mouse.points)
        share = weights(label, self.scheme, run)
        drag = Drag(label, self.scheme, held, share, self.prediction)
        shift = np.mean(self.truth[list(run)] - mouse.points[list(run)], axis=0)
        start = mouse.points[held]
        moved = hand.drag(start, start + shift, width)
        yield "drag the run", replace(mouse, points=_put(drag.to(start + shift), drag, mouse.points), hand=moved)
        slid = _put(drag.to(self.truth[held], Constraint.CURVE), drag, mouse.points)
        moved = hand.press(1).drag(start, slid[held], width)
        yield "slide the run", replace(mouse, points=slid, hand=moved)
        points = self._snapped(mouse.points, run)
        yield "select the run, S", replace(mouse, points=points, hand=hand.press(1))
        for radius in (1, 2, 3):
            middle = run[len(run) // 2]
            soft = Drag(label, self.scheme, middle, weights(label, self.scheme, [middle], radius), self.prediction)
            place = self.truth[middle]
            moved = mouse.hand.press(2 + abs(radius - SOFT_RADIUS)).drag(mouse.points[middle], place, width)
            yield "soft drag", replace(mouse, points=_put(soft.to(place), soft, mouse.points), hand=moved)

    def _select(self, mouse: State, run: tuple[int, ...], whole: bool) -> Hand:
        """A double click for a whole curve, else a click on one end and Shift+click on the other."""
        if whole:
            return mouse.hand.click(mouse.points[run[-1]], 2)
        return mouse.hand.click(mouse.points[run[0]]).press(1).click(mouse.points[run[-1]])

    def _try_spreading(self, state: State, tried: set[tuple[int, ...]], done: list[str]) -> State:
        """For a run of three or more with right neighbours that no other move mends at once: E between those."""
        wrong = np.flatnonzero(self.wrong(state.points)).tolist()
        for region, run in self._between_right(wrong):
            inner = run[1:-1]
            if inner in tried:
                continue
            tried.add(inner)
            if any(self._mends(state, after, inner) for _, after in self._moves(state)):
                continue
            mouse = self._with_mouse(state)
            hand = self._select(mouse, run, whole=False).press(1)
            label = Label(self.scheme.id, state.points)
            points = arrange.spread(label, region, [run[0], run[-1]]).applied_to(label).points
            after = replace(mouse, points=points, hand=hand)
            if math.isfinite(self._price(state, after)):
                done.append("spread")
                state = after
            else:
                done.append("spread, undone")
                state = replace(mouse, hand=hand.press(2))
        return state

    def _mends(self, before: State, after: State, inner: Sequence[int]) -> bool:
        return math.isfinite(self._price(before, after)) and not self.wrong(after.points)[list(inner)].any()

    def _between_right(self, wrong: list[int]) -> Iterator[tuple[Region, tuple[int, ...]]]:
        for region in self.scheme.regions:
            run: list[int] = []
            for before, index, after in zip(region.indices, region.indices[1:], region.indices[2:], strict=False):
                if index in wrong:
                    run = run or [before]
                    run.append(index)
                    if after not in wrong:
                        if run[0] not in wrong and len(run) >= 4:
                            yield region, (*run, after)
                        run = []


def _put(places: FloatArray, drag: Drag, points: FloatArray) -> FloatArray:
    result = points.copy()
    result[drag.indices] = places
    return result
