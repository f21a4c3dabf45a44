"""Label Studio: its JSON export (not JSON-MIN), a list of tasks with annotations; or files of one task or annotation.

Each landmark is a region of type "keypointlabels", in percent of the image's size; its label is the point's name. The
faces of an image are told apart by `parentID`: the regions below one region are one face, and a rectangle there is its
box; or by a text in `meta`. "occluded" and "outside" are read from a region's `meta`, its choices, or a second label,
and written into `meta`, since that needs no labelling set-up. A missing point has no region. What else a face has
stands in the task's `data`, under "faces", by the id of the face's first region. Predictions of models are read only
where a task has no annotation.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from core.errors import FormatError, ImageError, StarmarkError
from core.files import walk_folders
from core.formats.base import Holds, ImportResult, LabelledFace, ReadOptions, Skipped, WriteOptions, nothing_usable
from core.formats.image_files import PathResolver, check_size
from core.formats.json_file import read_json
from core.formats.labelstudio_regions import Regions
from core.formats.labelstudio_task import Task, image_texts, open_task
from core.formats.labelstudio_writer import write_labelstudio
from core.formats.named_faces import NamedFace, into_scheme
from core.formats.peek import Peek
from core.formats.values import UnusableError
from core.images import ImageInfo, natural_key
from core.scheme import Scheme

_JSON = ".json"
_LOOKS = re.compile(r'"(annotations|completions|predictions|result)"\s*:\s*\[')
_MORE = re.compile(r'"(data|result|from_name|to_name|completed_by)"\s*:')
_LIST = re.compile(r"\s*\[\s*\{")
_OTHER = re.compile(r'"(categories|shapes|imagePath|file_name)"\s*:')


class FormatLabelStudio:
    """Label Studio's JSON, a file or a folder of files of one task each; written as a file."""

    name = "labelstudio"
    title = "Label Studio: a .json export, a list of tasks with keypoint labels"
    kind: Literal["file", "folder"] = "file"
    suffix = ".json"
    holds = Holds(missing=True, occluded=True, outside=True, box=True, crop=True, tags=True, extras=True, size=True)

    def matches(self, source: Peek) -> bool:
        """Whether it is a list of tasks, or one task; or the first .json file in the folder or below it is one."""
        file = source if source.is_file else source.first(_JSON)
        if file is None or file.suffix != _JSON or _LOOKS.search(file.text) is None or _MORE.search(file.text) is None:
            return False
        return _LIST.match(file.text) is not None or _OTHER.search(file.text) is None

    def read(self, source: Path, options: ReadOptions) -> ImportResult:
        """Read it. Tasks and faces that cannot be used go to `skipped`, with the reason.

        Raises:
            FormatError: not such a file, or not one face of it usable.
        """
        skipped: list[Skipped] = []
        passed: Counter[str] = Counter()
        tasks = _tasks(source, skipped, passed)
        if not tasks:
            if skipped:
                raise nothing_usable(skipped, source)
            raise FormatError("no task has keypoint labels", where=source, remedy="Choose a Label Studio JSON export")
        top = source.parent if source.is_file() else source
        images = _Images(tasks, top if options.images_root is None else options.images_root, options)
        named: list[NamedFace] = []
        for done, task in enumerate(tasks):
            options.tell(done, len(tasks))
            try:
                regions = Regions(task.result)
                if not regions.points:
                    passed["tasks have no keypoint labels and were passed over."] += 1
                    continue
                path, info = images.find(task)
                check_size(info, *regions.size())
                named += regions.faces(path, info, task, skipped)
                passed += regions.passed
            except UnusableError as error:
                skipped.append(Skipped(task.where, str(error)))
            except ImageError as error:
                skipped.append(Skipped(task.where, f"{error.where}: {error.what}"))
        options.tell(len(tasks), len(tasks))
        if not named:
            if skipped:
                raise nothing_usable(skipped, source)
            raise FormatError("no task has keypoint labels", where=source, remedy="Choose a Label Studio JSON export")
        faces, scheme, notes = into_scheme(named, options.scheme, source, skipped)
        if not faces:
            raise nothing_usable(skipped, source)
        notes += [f"{count} {what}" for what, count in passed.items()] + images.resolver.notes()
        return ImportResult(faces, skipped, scheme.id, self.name, notes, None)

    def write(self, faces: Sequence[LabelledFace], scheme: Scheme, place: Path, options: WriteOptions) -> list[str]:
        """Write the file."""
        return write_labelstudio(faces, scheme, place, options)


def _tasks(source: Path, skipped: list[Skipped], passed: Counter[str]) -> list[Task]:
    """All tasks that have a result."""
    if source.is_file():
        return _tasks_of(source, read_json(source), skipped, passed)
    found: list[Task] = []
    files = [folder / name for folder, names in walk_folders(source, FormatError) for name in names]
    for path in sorted((path for path in files if path.suffix.lower() == _JSON), key=natural_key):
        try:
            found += _tasks_of(path, read_json(path), skipped, passed)
        except StarmarkError as error:
            skipped.append(Skipped(error.where or str(path), error.what))
    return found


def _tasks_of(path: Path, data: Any, skipped: list[Skipped], passed: Counter[str]) -> list[Task]:
    single = isinstance(data, dict)
    items: Sequence[Any] = [data] if single else data
    if not isinstance(items, list):
        raise FormatError("this is no list of tasks", where=path, remedy="Choose a Label Studio JSON export")
    found = []
    for index, item in enumerate(items):
        where = str(path) if single else f"{path}, [{index}]"
        try:
            task = open_task(item, where, passed)
        except UnusableError as error:
            skipped.append(Skipped(where, str(error)))
            continue
        if task is not None:
            found.append(task)
    return found


class _Images:
    """Finds the images of tasks."""

    def __init__(self, tasks: Sequence[Task], root: Path, options: ReadOptions) -> None:
        self._files = options.files
        self._texts: dict[int, list[str] | UnusableError] = {}
        for task in tasks:
            try:
                self._texts[id(task)] = image_texts(task.data)
            except UnusableError as error:
                self._texts[id(task)] = error
        first = (texts[0] for texts in self._texts.values() if isinstance(texts, list))
        self.resolver = PathResolver(first, root, options.files, outside=options.outside)

    def find(self, task: Task) -> tuple[Path, ImageInfo | None]:
        """The first of the files that the task's text may mean that is there; UnusableError or ImageError if none."""
        texts = self._texts[id(task)]
        if isinstance(texts, UnusableError):
            raise texts
        paths = [self.resolver.resolve(text) for text in texts]
        path = next((path for path in paths if self._files.exists(path)), paths[0])
        return path, self._files.info(path)
