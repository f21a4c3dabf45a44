"""Cut the shared golden files down to what the repository keeps (at most 1 MB in all).

Usage: python tests/data/golden/make_subset.py ../shared/golden
"""

import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
KEEP = {
    "star_300W_forward": ("landmarks", "fusion_sum", "point_sum", "edge_sum"),
    "star_WFLW_forward": ("landmarks", "fusion_sum"),
    "star_COFW_forward": ("landmarks", "fusion_sum"),
    "star_300W_train": ("losses", "total"),
    "star_WFLW_train": ("losses", "total"),
    "star_COFW_train": ("losses", "total", "grad_keys", "grad_norms"),
    "losses": (
        "star/mean",
        "star/covariance",
        "star/eigenvalues",
        "star_v2_smoothl1_w1/grad",
        "awing/grad",
        "smoothl1/grad",
        "wing/grad",
    ),
    "targets_300W": ("points", "edgemap"),
    "targets_WFLW": ("points", "point_sum"),
    "targets_COFW": ("points", "edgemap", "point_sum"),
    "geometry": (
        "augment/params",
        "augment/matrix",
        "flip/300W_in",
        "flip/300W_out",
        "flip/WFLW_in",
        "flip/WFLW_out",
        "crop/in",
        "crop/matrix",
    ),
}


def main(source: Path) -> None:
    """Write the subset beside this script."""
    for name, keys in KEEP.items():
        with np.load(source / f"{name}.npz") as data:
            kept = {key: data[key] for key in keys}
            if name == "star_COFW_train":
                kept |= {key: data[key] for key in data.files if key.startswith("after_adam/")}
            if name == "losses":
                kept |= {key: data[key] for key in data.files if key.endswith("/value")}
            np.savez_compressed(HERE / f"{name}.npz", **kept)
    shapes = {}
    for dataset in ("300W",):
        entries = json.loads((source / f"star_{dataset}_keys.json").read_text())["keys"]
        shapes[dataset] = {key: entry["shape"] for key, entry in entries.items()}
    (HERE / "star_keys.json").write_text(json.dumps(shapes, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
