"""Data sets in and out: one module a format, one common face."""

from core.formats.base import Exporter, Importer, ImportResult, LabelledFace, ReadOptions, Skipped
from core.formats.pts import format_pts, parse_pts, read_pts, write_pts
from core.formats.registry import AUTO, EXPORTERS, FORMATS, detect_format, export_dataset, read_dataset
from core.formats.report import Report, import_report

__all__ = [
    "AUTO",
    "EXPORTERS",
    "FORMATS",
    "Exporter",
    "ImportResult",
    "Importer",
    "LabelledFace",
    "ReadOptions",
    "Report",
    "Skipped",
    "detect_format",
    "export_dataset",
    "format_pts",
    "import_report",
    "parse_pts",
    "read_dataset",
    "read_pts",
    "write_pts",
]
