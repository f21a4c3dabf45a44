"""Valid files of every kind, from which benchmarks/fuzz.py makes spoilt ones."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]


def _save(picture: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


@lru_cache(maxsize=1)
def image_seeds() -> tuple[bytes, ...]:
    """Small pictures: every format in the ways it stores pixels."""
    y, x = np.mgrid[:18, :26]
    rgb = Image.fromarray(np.stack([x * 9, y * 14, (x + y) * 5], -1).astype(np.uint8))
    deep = Image.fromarray((x * 2000 + y).astype(np.uint16))
    exif = Image.Exif()
    exif[0x0112] = 6
    modes = {mode: rgb.convert(mode) for mode in ("L", "P", "RGBA", "LA", "1", "CMYK", "YCbCr")}
    seeds = [
        *(
            _save(rgb, "JPEG", **o)
            for o in ({}, {"progressive": True}, {"exif": exif}, {"subsampling": 0, "quality": 98})
        ),
        *(
            _save(modes[mode], "JPEG", progressive=progressive)
            for mode in ("L", "CMYK")
            for progressive in (False, True)
        ),
        _save(rgb, "JPEG", comment=b"note", icc_profile=bytes(300), restart_marker_blocks=2),
        *(_save(modes[mode], "PNG") for mode in ("L", "P", "RGBA", "LA", "1")),
        _save(rgb, "PNG", exif=exif, icc_profile=bytes(100)),
        _save(deep, "PNG"),
        _save(modes["P"], "PNG", transparency=3),
        _save(rgb, "PNG", save_all=True, append_images=[rgb.rotate(180)]),
        *(_save(rgb, "WEBP", **o) for o in ({}, {"lossless": True}, {"exif": exif})),
        _save(modes["RGBA"], "WEBP", quality=40),
        _save(rgb, "WEBP", save_all=True, append_images=[rgb.rotate(180)], lossless=True),
        *(_save(picture, "BMP") for picture in (rgb, modes["RGBA"], modes["L"], modes["P"], modes["1"])),
        *(
            _save(rgb, "TIFF", compression=c)
            for c in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd")
        ),
        *(_save(modes[mode], "TIFF") for mode in ("L", "P", "RGBA", "CMYK", "1")),
        _save(modes["1"], "TIFF", compression="group4"),
        _save(modes["YCbCr"], "TIFF", compression="jpeg"),
        _save(deep, "TIFF", compression="tiff_lzw"),
        _save(rgb, "TIFF", big_tiff=True, tiffinfo={0x0112: 8}),
        _save(rgb, "TIFF", save_all=True, append_images=[rgb], compression="tiff_lzw"),
        _tiled(),
        _packed_bmp(),
    ]
    return tuple(seeds)


def _tiled() -> bytes:
    tags = [(256, 26), (257, 18), (258, 8), (259, 8), (262, 1), (277, 1), (322, 16), (323, 16)]
    tile = zlib.compress(bytes(range(256)))
    start = 8 + 2 + 12 * (len(tags) + 2) + 4
    places = [start + 32 + i * len(tile) for i in range(4)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    entries += struct.pack("<HHII", 324, 4, 4, start) + struct.pack("<HHII", 325, 4, 4, start + 16)
    directory = struct.pack("<H", len(tags) + 2) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<8I", *places, *[len(tile)] * 4) + 4 * tile


def _packed_bmp() -> bytes:
    rows = b"\x1a\x05\0\0" * 9 + b"\0\x06abcdef\x14\2\0\0" * 8 + b"\0\2\3\1\0\1"
    header = struct.pack("<IiiHHIIiiII", 40, 26, 18, 1, 8, 1, len(rows), 0, 0, 256, 0)
    palette = b"".join(bytes([i, 255 - i, i // 2, 0]) for i in range(256))
    start = 14 + len(header) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + header + palette + rows


def _pts_seeds() -> tuple[bytes, ...]:
    points = "".join(f"{3.5 * i:.3f} {200 - i}\n" for i in range(68))
    return (
        f"version: 1\nn_points: 68\n{{\n{points}}}\n".encode(),
        b"version: 1\r\nn_points:  2 # two\r\n{\r\n1e1,2\r\n.5 -3.\r\n}\r\n",
    )


def _tsv_seeds() -> tuple[bytes, ...]:
    line = "a/{}.png\t1,2,3,4,5,6,7,8,9,10\t" + ",".join(f"{i}.5" for i in range(136)) + "\t1.2\t30\t40\t0,1,0,0,0,1\n"
    return (
        "".join(line.format(i) for i in range(3)).encode(),
        b"path\tfive\tlandmarks\tscale\tx\ty\nq.png\t\t" + b"1,2," * 29 + b"\t1\t2\t3\n",
    )


JSON_FORMATS = ("coco", "labelme", "labelstudio", "ljson")


@lru_cache(maxsize=1)
def _json_format_seeds() -> dict[str, tuple[bytes, ...]]:
    """Faces with all that a label can say, one and two in an image, in each of the formats in JSON."""
    import tempfile

    from core.face import Box, Label
    from core.formats.base import LabelledFace, WriteOptions
    from core.formats.registry import EXPORTERS
    from core.images import ImageInfo
    from core.scheme import get_scheme

    scheme = get_scheme("cofw-29")
    points = np.arange(58.0).reshape(29, 2) * 0.25
    points[3] = np.nan
    label = Label(scheme.id, points, np.array([0, 1, 2, *[0] * 26], np.uint8))
    info = ImageInfo(26, 18, "PNG", 1)
    extras = {"id": 4, "points": {scheme.points[1]: {"description": "hm", "flags": {"a": True}}}, "more": {"a": [1]}}
    extras |= {"attributes": {"pose": "left"}, "image": {"id": 3, "license": 1}, "license": {"id": 1, "name": "x"}}
    seeds: dict[str, tuple[bytes, ...]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in JSON_FORMATS:
            image = Path("input.png" if name == "ljson" else "q.png")
            first = LabelledFace(image, label, Box(1, 2, 9, 8), (0.3, 1.0, 2.0), ("blur", "odd"), "", info, extras)
            second = LabelledFace(image, Label(scheme.id, points + 1), None, None, (), "", info)
            written = []
            for number, faces in enumerate(([first], [first, second])):
                place = Path(folder) / f"{name}{number}"
                if EXPORTERS[name].kind == "folder":
                    place.mkdir()
                EXPORTERS[name].write(faces, scheme, place, WriteOptions(Path(), place, copied=True))
                files = [place] if place.is_file() else sorted(place.iterdir())
                written += [path.read_bytes() for path in files]
            seeds[name] = tuple(written)
    old = {"version": 2, "labels": [], "landmarks": {"points": [[2, 1]] * 29}}
    seeds["ljson"] += (json.dumps(old).encode(),)
    task = json.loads(seeds["labelstudio"][0])[0]
    task["completions"] = task.pop("annotations")
    choice = {"id": "face0-1", "type": "choices", "value": {"choices": ["occluded"]}}
    task["completions"][0]["result"].append(choice)
    seeds["labelstudio"] += (json.dumps(task).encode(),)
    return seeds


def _json_seeds(name: str) -> Callable[[], tuple[bytes, ...]]:
    return lambda: _json_format_seeds()[name]


@lru_cache(maxsize=1)
def format_seeds() -> dict[str, tuple[bytes, ...]]:
    """Faces with all that a label can say, in each of the formats that have a text or table of their own."""
    import tempfile

    from core.face import Box, Label
    from core.formats.base import LabelledFace, WriteOptions
    from core.formats.registry import EXPORTERS
    from core.images import ImageInfo
    from core.scheme import get_scheme

    scheme = get_scheme("cofw-29")
    points = np.arange(58.0).reshape(29, 2) * 1.25
    points[3] = np.nan
    states = np.zeros(29, np.uint8)
    states[[1, 2]] = 1, 2
    info = ImageInfo(26, 18, "PNG", 1)
    extras = {"label": "f", "z_order": 2, "more": {"a": [1, "x"]}}
    faces = [
        LabelledFace(Path(image), Label(scheme.id, points + shift, states), box, crop, tags, "", info, extras)
        for image, shift, box, crop, tags in (
            ("a/0.png", 0, Box(1, 2, 30.5, 40), (0.3, 1.0, 2.0), ("occluded", "pose=left")),
            ("a/0.png", 1, None, None, ()),
            ("q.png", 2, Box(1, 2, 3, 4), None, ("a;b",)),
        )
    ]
    seeds: dict[str, tuple[bytes, ...]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("cvat", "dlib", "deeplabcut", "csv", "parquet"):
            written = []
            for number, kept in enumerate((faces, faces[2:])):
                place = Path(folder) / f"{name}{number}"
                EXPORTERS[name].write(kept, scheme, place, WriteOptions(Path(), place))
                written.append(place.read_bytes())
            seeds[name] = tuple(written)
    row = ",".join(["q.png", "", "0", "1", "2", "30", "40", "0.5"])
    lines = [f"{row},{i},,{i}.5,{2 * i}" for i in range(29)]
    head = "image,error,face,box_x,box_y,box_w,box_h,score,point,name,x,y"
    seeds["csv"] += ("\n".join([head, *lines, "w.png,broken" + "," * 10, ""]).encode(),)
    return seeds


def _seeds_of(name: str) -> Callable[[], tuple[bytes, ...]]:
    return lambda: format_seeds()[name]


def _wflw_seeds() -> tuple[bytes, ...]:
    points = " ".join(f"{i}.250000" for i in range(196))
    return (
        "".join(f"{points} 10 20 150 160 0 1 0 0 1 0 a/{i}.png\n" for i in range(3)).encode(),
        f"{points} q.png\r\n{points} a/0.png\r\n".encode(),
        " ".join(["1 2"] * 29 + ["3 4 5 6 q.png\n"]).encode(),
    )


@lru_cache(maxsize=1)
def _cofw_seeds() -> tuple[bytes, ...]:
    """Three small faces each: packed and plain, with the groups of an old HDF5 and of a new one."""
    import h5py

    seeds = []
    for version in ("earliest", "latest"):
        stream = io.BytesIO()
        with h5py.File(stream, "w", userblock_size=512, libver=version) as file:
            group = file.create_group("#refs#")
            pixels = np.arange(3 * 12 * 9, dtype=np.uint8).reshape(3, 12, 9)
            group.create_dataset("a", data=pixels, chunks=(1, 6, 9), compression="gzip", shuffle=True)
            group.create_dataset("b", data=pixels[0])
            group.create_dataset("c", data=pixels[0], chunks=(5, 5), maxshape=(None, 9))
            cells = np.array([[group[name].ref for name in "abc"]], dtype=h5py.ref_dtype)
            file.create_dataset("IsTr", data=cells, dtype=h5py.ref_dtype).attrs["MATLAB_class"] = np.bytes_("cell")
            phis = np.concatenate([np.linspace(1, 9, 58), np.arange(29) % 2])
            file.create_dataset("phisTr", data=np.repeat(phis[:, None], 3, axis=1), compression="gzip")
            file.create_dataset("bboxesTr", data=np.tile([[1.0], [2], [6], [5]], (1, 3)))
        seeds.append(stream.getvalue())
    return tuple(seeds)


def _map_seeds() -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted((ROOT / "resources/scheme_maps").glob("*.toml")))


def _scheme_seeds() -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted((ROOT / "resources/schemes").glob("*.toml")))


def _config_seeds() -> tuple[bytes, ...]:
    from training.config import TrainConfig

    return (TrainConfig().to_toml().encode(), b"epochs = 3\nloss = 'wing'\nmilestones = [0.5]\nseed = 0x1F\n")


def _rule_seeds() -> tuple[bytes, ...]:
    return ((ROOT / "resources/models/crop_rule.toml").read_bytes(),)


@lru_cache(maxsize=1)
def checkpoint_seeds() -> tuple[bytes, ...]:
    """A small network as we keep it, as the reference saves it, and without our header."""
    import torch
    from safetensors.torch import save

    from core.model.header import HEADER_KEY, ModelHeader
    from core.model.network import StarNet, preset_config
    from core.scheme import get_scheme

    torch.manual_seed(1)
    config = preset_config("star", get_scheme("cofw-29"), stacks=1, width=4, levels=1, input_size=64)
    network = StarNet(config)
    header = ModelHeader("cofw-29", "custom", config, metrics={"nme": 0.05}).to_json()
    optimizer = torch.optim.Adam(network.parameters())
    state = network.state_dict()
    streams = []
    for content in ({"net": state, "optimizer": optimizer.state_dict(), "epoch": 3}, dict(state)):
        stream = io.BytesIO()
        torch.save(content, stream)
        streams.append(stream.getvalue())
    old = io.BytesIO()
    torch.save({"net": {"a": torch.zeros(3)}}, old, _use_new_zipfile_serialization=False)
    return save(state, {HEADER_KEY: header}), save(state), *streams, old.getvalue()


SEEDS: dict[str, Callable[[], tuple[bytes, ...]]] = {
    "images": image_seeds,
    "pts": _pts_seeds,
    "tsv": _tsv_seeds,
    **{name: _seeds_of(name) for name in ("cvat", "dlib", "deeplabcut", "csv", "parquet")},
    "wflw": _wflw_seeds,
    "cofw": _cofw_seeds,
    "map": _map_seeds,
    **{name: _json_seeds(name) for name in JSON_FORMATS},
    "scheme": _scheme_seeds,
    "config": _config_seeds,
    "rule": _rule_seeds,
    "checkpoint": checkpoint_seeds,
}
