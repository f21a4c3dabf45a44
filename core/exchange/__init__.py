"""Between a project and data sets: labels in with a report, labels out, and corrections as a patch."""

from core.exchange.labels_in import Imported, import_labels
from core.exchange.labels_out import Labels, project_labels
from core.exchange.patch import PATCH, PatchReport, apply_patch, is_patch, read_patch, write_patch

__all__ = [
    "PATCH",
    "Imported",
    "Labels",
    "PatchReport",
    "apply_patch",
    "import_labels",
    "is_patch",
    "project_labels",
    "read_patch",
    "write_patch",
]
