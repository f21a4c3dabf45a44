"""Between a project and data sets: labels in with a report, labels out, and corrections as a patch."""

from core.exchange.labels_in import Imported, import_labels
from core.exchange.labels_out import Labels, project_labels
from core.exchange.patch import PATCH, PatchReport, apply_patch, is_patch, read_patch, write_patch
from core.exchange.repairs import LabelRepair, Repaired, apply_repairs

__all__ = [
    "PATCH",
    "Imported",
    "LabelRepair",
    "Labels",
    "PatchReport",
    "Repaired",
    "apply_patch",
    "apply_repairs",
    "import_labels",
    "is_patch",
    "project_labels",
    "read_patch",
    "write_patch",
]
