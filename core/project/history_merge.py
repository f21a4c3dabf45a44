"""Bringing the revisions of another project in, and with them its labels and the state of its faces; see `merge`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Connection, insert, select, update

from core.errors import ProjectError
from core.project import edits
from core.project import steps as single
from core.project.codec import canonical_label, decode_face, encode_face
from core.project.face_merge import combine
from core.project.images import chunks
from core.project.labels import ensure_label_set, label_sets
from core.project.records import FaceInfo, LabelSet
from core.project.schema import CONFLICT, REVISION, REVISION_FACE, REVISION_ITEM, new_id
from core.project.steps import AnyStep, FaceStep, Key, Step

if TYPE_CHECKING:
    from core.project.hashing import Progress

_STEP = 100
_ON_STACKS = ("edit", "undo", "redo")


@dataclass(frozen=True, slots=True)
class Mapped:
    """Their ids of faces and label sets, and ours of the same."""

    faces: dict[UUID, UUID]
    sets: dict[UUID, UUID]


@dataclass
class Counts:
    """What came in."""

    revisions: int = 0
    label_sets: int = 0
    labels_added: int = 0
    labels_changed: int = 0
    conflicts: int = 0
    faces_changed: int = 0


@dataclass
class _Track:
    """What their new revisions do to one label: its digest before the first and after the last of them.

    `first` is where the first is found: revision number and item. `target` is the label of ours that they are appended
    to; None to keep them in the history without effect.
    """

    first: tuple[int, int]
    before: bytes | None
    after: bytes | None
    steps: int = 1
    target: Key | None = None


@dataclass
class _FaceTrack:
    """The same for a face itself."""

    before: FaceInfo
    after: FaceInfo
    append: bool = False


@dataclass
class _Stacks:
    """Where an author's two stacks are to stand after their revisions: on theirs, or where ours are."""

    theirs: bool
    undo: int | None = None
    redo: int | None = None


@dataclass
class _Plan:
    labels: dict[Key, _Track] = field(default_factory=dict)
    faces: dict[UUID, _FaceTrack] = field(default_factory=dict)
    steps: list[AnyStep] = field(default_factory=list)
    apart: list[tuple[Key, Key]] = field(default_factory=list)


class HistoryMerge:
    """One merge of histories, inside its transaction.

    Args:
        source: what the other project is called.
        author: who merges.
    """

    def __init__(self, ours: Connection, theirs: Connection, source: str, author: str) -> None:
        self._ours = ours
        self._theirs = theirs
        self._source = source
        self._author = author
        self._counts = Counts()
        ids = {row.id: int(row.seq) for row in theirs.execute(select(REVISION.c.id, REVISION.c.seq))}
        self._seqs: dict[int, int] = {}
        for part in chunks(ids):
            for row in ours.execute(select(REVISION.c.id, REVISION.c.seq).where(REVISION.c.id.in_(part))):
                self._seqs[ids[row.id]] = int(row.seq)
        self._ids = set(ids)
        self._new = sorted(seq for seq in ids.values() if seq not in self._seqs)
        self._known = frozenset(self._seqs)
        self._stacks: dict[str, _Stacks] = {}

    def first_states(self, faces: Iterable[UUID]) -> dict[UUID, FaceInfo]:
        """What those of their faces that have new revisions of their own were before these."""
        found: dict[UUID, FaceInfo] = {}
        for part in chunks(faces):
            query = select(REVISION_FACE).where(REVISION_FACE.c.face_id.in_(part), REVISION_FACE.c.version > 0)
            for row in self._theirs.execute(query.order_by(REVISION_FACE.c.revision_seq, REVISION_FACE.c.item)):
                if row.revision_seq not in self._known and row.face_id not in found:
                    found[row.face_id] = decode_face(row.before)
        return found

    def run(self, mapped: Mapped, progress: Progress | None) -> Counts:
        """Write everything that is new."""
        self._mapped = mapped
        self._sets = {found.id: found for found in label_sets(self._ours)}
        plan = _Plan()
        self._look_at_labels(plan)
        self._look_at_faces(plan)
        if plan.steps:
            edits.record(self._ours, self._author, "merge", f"merge {self._source}", plan.steps)
        for done, seq in enumerate(self._new, 1):
            self._copy(seq, plan)
            if progress is not None and (done % _STEP == 0 or done == len(self._new)):
                progress(done, len(self._new))
        self._keep_conflicts(plan)
        self._counts.revisions = len(self._new)
        return self._counts

    # What is to be done

    def _look_at_labels(self, plan: _Plan) -> None:
        item = REVISION_ITEM
        query = select(item).where(item.c.version > 0).order_by(item.c.revision_seq, item.c.item)
        for row in self._theirs.execute(query.execution_options(yield_per=500)):
            if row.revision_seq in self._known:
                continue
            key = self._mapped.faces[row.face_id], self._mapped.sets[row.label_set_id]
            track = plan.labels.get(key)
            if track is None:
                first = (int(row.revision_seq), int(row.item))
                plan.labels[key] = _Track(first, _digest(row.before), _digest(row.after))
            else:
                track.after = _digest(row.after)
                track.steps += 1
        for part in chunks(plan.labels):
            now = single.current(self._ours, part)
            for key in part:
                self._choose(plan, key, *now.get(key, (0, None)))

    def _choose(self, plan: _Plan, key: Key, version: int, data: bytes | None) -> None:
        """Where their revisions of a label go."""
        track = plan.labels[key]
        if version == 0:
            self._start(plan, key, track)
            self._counts.labels_added += track.after is not None
        elif _digest(data) == track.before:
            track.target = key
            self._counts.labels_changed += 1
        elif _digest(data) != track.after:
            self._set_apart(plan, key, track)

    def _start(self, plan: _Plan, target: Key, track: _Track) -> None:
        """Let their revisions be the first of `target`; what was before them here, comes with the merge's own."""
        track.target = target
        if track.before is not None:
            seq, item = track.first
            query = select(REVISION_ITEM.c.before)
            query = query.where(REVISION_ITEM.c.revision_seq == seq, REVISION_ITEM.c.item == item)
            plan.steps.append(Step(*target, 0, None, self._theirs.execute(query).scalar_one()))

    def _set_apart(self, plan: _Plan, key: Key, track: _Track) -> None:
        face, label_set = key
        number = 1
        while track.target is None:
            other = face, self._other_set(self._sets[label_set], number).id
            version, data = single.current(self._ours, [other]).get(other, (0, None))
            if version == 0:
                self._start(plan, other, track)
            elif _digest(data) == track.before:  # where an earlier merge put them
                track.target = other
            number += 1
        plan.apart.append((key, track.target))

    def _other_set(self, label_set: LabelSet, number: int) -> LabelSet:
        name = f"{label_set.name} (from {self._source})" + (f" {number}" if number > 1 else "")
        for known in self._sets.values():
            if (known.name, known.kind) == (name, label_set.kind):
                return known
        made = ensure_label_set(self._ours, name, label_set.kind)
        self._sets[made.id] = made
        self._counts.label_sets += 1
        return made

    def _look_at_faces(self, plan: _Plan) -> None:
        table = REVISION_FACE
        query = select(table).where(table.c.version > 0).order_by(table.c.revision_seq, table.c.item)
        for row in self._theirs.execute(query):
            if row.revision_seq in self._known:
                continue
            face, after = self._mapped.faces[row.face_id], decode_face(row.after)
            if face in plan.faces:
                plan.faces[face].after = after
            else:
                plan.faces[face] = _FaceTrack(decode_face(row.before), after)
        for part in chunks(self._mapped.faces.items()):
            ours = single.current_faces(self._ours, [face for _, face in part])
            strange = [their for their, face in part if their != face]
            theirs = single.current_faces(self._theirs, strange)
            for their, face in part:
                self._bring_together(plan, face, *ours[face], theirs[their][1] if their in theirs else None)

    def _bring_together(self, plan: _Plan, face: UUID, version: int, now: FaceInfo, theirs: FaceInfo | None) -> None:
        """Decide about a face itself; `theirs` is their face's state where it has another id than ours."""
        track = plan.faces.get(face)
        if track is not None and track.before == now:
            track.append = True
            return
        if track is not None and theirs is None:
            after = combine(now, track.after, track.before, self._source)
        elif theirs is not None:
            after = combine(now, theirs, None, self._source)
        else:
            return
        if after != now:
            plan.steps.append(FaceStep(face, version, now, after))
            self._counts.faces_changed += 1

    # Doing it

    def _copy(self, seq: int, plan: _Plan) -> None:
        """Write one of their revisions."""
        row = self._theirs.execute(select(REVISION).where(REVISION.c.seq == seq)).one()
        steps = single.kept(self._theirs, seq)
        values = {name: getattr(row, name) for name in ("id", "author", "at_us", "action", "kind")}
        stacks = self._stacks_of(row.author)  # before it is there
        key = self._ours.execute(insert(REVISION), values | {"target_seq": self._here(row.target_seq)})
        if key.inserted_primary_key is None:
            raise ProjectError("the database did not number a revision")
        here = self._seqs[seq] = int(key.inserted_primary_key[0])
        pointers = {
            "below_seq": self._here(row.below_seq),
            "undo_seq": self._here(row.undo_seq) if stacks.theirs else stacks.undo,
            "redo_seq": self._here(row.redo_seq) if stacks.theirs else stacks.redo,
        }
        self._ours.execute(update(REVISION).where(REVISION.c.seq == here).values(pointers))
        single.write(self._ours, here, written := self._carried_out(steps, plan))
        self._keep(here, len(written), row.action, steps, plan)

    def _here(self, seq: int | None) -> int | None:
        return None if seq is None else self._seqs.get(seq)

    def _stacks_of(self, author: str) -> _Stacks:
        """Theirs count where all of the author's edits here are there too: then the author went on working there."""
        if author not in self._stacks:
            mine = REVISION.c.author == author
            query = select(REVISION.c.id).where(mine, REVISION.c.action.in_(_ON_STACKS))
            theirs = self._ids.issuperset(self._ours.execute(query).scalars())
            last = select(REVISION.c.undo_seq, REVISION.c.redo_seq).where(mine).order_by(REVISION.c.seq.desc())
            row = self._ours.execute(last.limit(1)).first()
            self._stacks[author] = _Stacks(theirs, *((None, None) if row is None else (row.undo_seq, row.redo_seq)))
        return self._stacks[author]

    def _carried_out(self, steps: Sequence[AnyStep], plan: _Plan) -> list[AnyStep]:
        """Those of a revision's steps that change something here, as they are here."""
        labels = [(step, target) for step in steps if isinstance(step, Step) and (target := self._target(step, plan))]
        faces = [step for step in steps if isinstance(step, FaceStep) and self._appended(step, plan)]
        now = single.current(self._ours, [target for _, target in labels])
        infos = single.current_faces(self._ours, [self._mapped.faces[step.face_id] for step in faces])
        found: list[AnyStep] = [Step(*target, *now.get(target, (0, None)), step.after) for step, target in labels]
        for step in faces:
            face = self._mapped.faces[step.face_id]
            found.append(FaceStep(face, *infos[face], step.after))
        return found

    def _target(self, step: Step, plan: _Plan) -> Key | None:
        return plan.labels[self._key(step)].target if step.version > 0 else None

    def _appended(self, step: FaceStep, plan: _Plan) -> bool:
        return step.version > 0 and plan.faces[self._mapped.faces[step.face_id]].append

    def _key(self, step: Step) -> Key:
        return self._mapped.faces[step.face_id], self._mapped.sets[step.label_set_id]

    def _keep(self, seq: int, item: int, action: str, steps: Sequence[AnyStep], plan: _Plan) -> None:
        """Keep the other steps in the history without effect, as refused ones are: with minus their version."""
        labels, faces = [], []
        for step in steps:
            values: dict[str, Any] = {"revision_seq": seq, "item": item, "version": -abs(step.version)}
            if isinstance(step, FaceStep):
                if not self._appended(step, plan):
                    texts = {"before": encode_face(step.before), "after": encode_face(step.after)}
                    faces.append(values | {"face_id": self._mapped.faces[step.face_id]} | texts)
                    item += 1
            elif self._target(step, plan) is None and not self._said_already(step, action, plan):
                face, label_set = self._key(step)
                ids = {"face_id": face, "label_set_id": label_set}
                labels.append(values | ids | {"before": step.before, "after": step.after})
                item += 1
        if labels:
            self._ours.execute(insert(REVISION_ITEM), labels)
        if faces:
            self._ours.execute(insert(REVISION_FACE), faces)

    def _said_already(self, step: Step, action: str, plan: _Plan) -> bool:
        """Whether a step says only that the same data set was imported there too."""
        return action == "import" and step.version > 0 and plan.labels[self._key(step)].steps == 1

    def _keep_conflicts(self, plan: _Plan) -> None:
        query = select(CONFLICT).where(CONFLICT.c.resolved_at_us.is_(None))
        known = {(row.face_id, row.label_set_id, row.other_set_id) for row in self._ours.execute(query)}
        rows = [
            {
                "id": new_id(),
                "face_id": face,
                "label_set_id": label_set,
                "other_set_id": other,
                "source": self._source,
                "at_us": edits.now_us(),
            }
            for (face, label_set), (_, other) in plan.apart
            if (face, label_set, other) not in known
        ]
        if rows:
            self._ours.execute(insert(CONFLICT), rows)
        self._counts.conflicts = len(rows)


def _digest(data: bytes | None) -> bytes | None:
    """Stands for a label: the same for the same label, in whatever layout."""
    return None if data is None else hashlib.blake2b(canonical_label(data), digest_size=16).digest()
