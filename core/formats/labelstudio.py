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
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from core.errors import FormatError, ImageError
from core.files import walk_folders
from core.formats.base import Holds, ImportResult, LabelledFace, ReadOptions, Skipped, WriteOptions, nothing_usable
from core.formats.image_files import PathResolver, check_size
from core.formats.json_file import read_json_items
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
        files = _files(source)
        top = source.parent if source.is_file() else source
        images = _Images(files, top if options.images_root is None else options.images_root, options)
        named: list[NamedFace] = []
        total = 1000 * len(files)
        for done, task in _tasks(files, skipped, passed):
            options.tell(int(1000 * done), total)
            try:
                named += _faces(task, images, skipped, passed)
            except UnusableError as error:
                skipped.append(Skipped(task.where, str(error)))
            except ImageError as error:
                skipped.append(Skipped(task.where, f"{error.where}: {error.what}"))
        options.tell(total, total)
        if not named:
            if skipped:
                raise nothing_usable(skipped, source)
            raise FormatError("no task has keypoint labels", where=source, remedy="Choose a Label Studio JSON export")
        faces, scheme, notes = into_scheme(named, options.scheme, source, skipped)
        if not faces:
            raise nothing_usable(skipped, source)
        if options.index_base is not None:
            notes.append("Coordinates are shares of the image's size, for which the index base means nothing.")
        notes += [f"{count} {what}" for what, count in passed.items()] + images.resolver.notes()
        return ImportResult(faces, skipped, scheme.id, self.name, notes, None)

    def write(self, faces: Sequence[LabelledFace], scheme: Scheme, place: Path, options: WriteOptions) -> list[str]:
        """Write the file."""
        return write_labelstudio(faces, scheme, place, options)


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    found = [folder / name for folder, names in walk_folders(source, FormatError) for name in names]
    return sorted((path for path in found if path.suffix.lower() == _JSON), key=natural_key)


def _tasks(files: Sequence[Path], skipped: list[Skipped], passed: Counter[str]) -> Iterator[tuple[float, Task]]:
    """All tasks that have a result, each as it is read, since a large export would not fit into memory at once.

    With each comes how many files are read by then, in parts of them. A file that is none, or wrong from some place on,
    goes to `skipped`; if it is the only one it ends the reading.
    """
    for before, path in enumerate(files):
        try:
            for index, (item, share) in enumerate(read_json_items(path)):
                where = f"{path}, [{index}]"
                try:
                    task = open_task(item, where, passed)
                except UnusableError as error:
                    skipped.append(Skipped(where, str(error)))
                    continue
                if task is not None:
                    yield before + share, task
        except FormatError as error:
            if len(files) == 1:
                raise
            skipped.append(Skipped(error.where or str(path), error.what))


def _faces(task: Task, images: _Images, skipped: list[Skipped], passed: Counter[str]) -> list[NamedFace]:
    regions = Regions(task.result)
    if not regions.points:
        passed["tasks have no keypoint labels and were passed over."] += 1
        return []
    path, info = images.find(task)
    check_size(info, *regions.size())
    faces = regions.faces(path, info, task, skipped)
    passed += regions.passed
    return faces


class _Images:
    """Finds the images of tasks."""

    def __init__(self, files: Sequence[Path], root: Path, options: ReadOptions) -> None:
        self._files = options.files
        # The resolver looks at the first paths only, and so no more tasks are read for it.
        self.resolver = PathResolver(_image_paths(files), root, options.files, outside=options.outside)

    def find(self, task: Task) -> tuple[Path, ImageInfo | None]:
        """The first of the files that the task's text may mean that is there; UnusableError or ImageError if none."""
        paths = [self.resolver.resolve(text) for text in image_texts(task.data)]
        path = next((path for path in paths if self._files.exists(path)), paths[0])
        return path, self._files.info(path)


def _image_paths(files: Sequence[Path]) -> Iterator[str]:
    for path in files:
        with suppress(FormatError):
            for item, _ in read_json_items(path):
                with suppress(UnusableError):
                    task = open_task(item, "", Counter())
                    if task is not None:
                        yield image_texts(task.data)[0]
