"""Data sets in, and later out: one module a format, one common result."""

from core.formats.base import Format, ImportedFace, ImportResult, ReadOptions, Skipped
from core.formats.pts import format_pts, parse_pts, read_pts, write_pts
from core.formats.registry import AUTO, FORMATS, detect_format, read_dataset

__all__ = [
    "AUTO",
    "FORMATS",
    "Format",
    "ImportResult",
    "ImportedFace",
    "ReadOptions",
    "Skipped",
    "detect_format",
    "format_pts",
    "parse_pts",
    "read_dataset",
    "read_pts",
    "write_pts",
]
