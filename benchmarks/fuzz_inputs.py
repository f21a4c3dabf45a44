"""Inputs for benchmarks/fuzz.py: valid files of every kind, and ways to spoil them that get past the first check.

Everything follows from a random generator, so that a loader's name and a number say what the input was.
"""

from __future__ import annotations

import io
import itertools
import json
import pickletools
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
_INTERESTING = (
    0,
    1,
    2,
    3,
    7,
    8,
    15,
    16,
    127,
    128,
    255,
    256,
    32767,
    32768,
    65535,
    65536,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 1,
)
_MAX_INPUT = 200_000

# Seeds


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


def make_input(loader: str, number: int) -> bytes:
    """The input `number` of a loader."""
    random = Random(f"{loader} {number}")
    seeds = SEEDS[loader]()
    data = random.choice(seeds)
    if random.random() < 0.02:
        data = random.randbytes(random.randrange(200))
    structured = _STRUCTURED[loader]
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        way = structured if random.random() < 0.7 else spoil_bytes
        try:
            data = way(data, random)
        except Exception:
            data = spoil_bytes(data, random)  # spoilt too far already to be taken apart, in any way
        if random.random() < 0.05:
            data = spliced(data, random.choice(seeds), random)
    return data[:_MAX_INPUT]


# Spoiling


def number_bytes(random: Random, width: int | None = None) -> bytes:
    """A number at or near a border of its type, of 1, 2, 4 or 8 bytes, in either order."""
    width = width or random.choice((1, 2, 2, 4, 4, 8))
    value = random.choice(_INTERESTING) + random.choice((-1, 0, 0, 0, 1))
    value = random.choice((value, value, -value, random.getrandbits(8 * width))) % 256**width
    return value.to_bytes(width, random.choice(("little", "big")))


def spoil_bytes(data: bytes, random: Random) -> bytes:
    """Any change of some bytes."""
    if not data:
        return number_bytes(random)
    place = random.randrange(len(data))
    # Headers are at the start, and more is decided there.
    place = place if random.random() < 0.5 else min(place, random.randrange(min(len(data), 100)))
    stop = min(len(data), place + random.choice((1, 2, 4, 8, 30, 300)))
    way = random.randrange(8)
    if way == 0:
        return data[:place] + bytes([data[place] ^ 1 << random.randrange(8)]) + data[place + 1 :]
    if way == 1:
        value = number_bytes(random)
        return data[:place] + value + data[place + len(value) :]
    if way == 2:
        return data[:place] + number_bytes(random) + data[place:]
    if way == 3:
        return data[:place] + data[stop:]
    if way == 4:
        return data[:stop] + data[place:stop] * random.choice((1, 2, 10, 200)) + data[stop:]
    if way == 5:
        return data[:place]
    if way == 6:
        return data[:place] + random.randbytes(stop - place) + data[stop:]
    return data[:place] + bytes([random.choice((0, 255))]) * (stop - place) + data[stop:]


def spliced(one: bytes, other: bytes, random: Random) -> bytes:
    """The beginning of one and the end of another."""
    return one[: random.randrange(len(one) + 1)] + other[random.randrange(len(other) + 1) :]


def _spoil_list(parts: list[Any], random: Random, spoil: Callable[[Any], Any]) -> list[Any]:
    place = random.randrange(len(parts))
    way = random.randrange(6)
    if way == 0:
        del parts[place]
    elif way == 1:
        parts[place:place] = [parts[place]] * random.choice((1, 1, 3, 50))
    elif way == 2:
        other = random.randrange(len(parts))
        parts[place], parts[other] = parts[other], parts[place]
    else:
        parts[place] = spoil(parts[place])
    return parts


def spoil_png(data: bytes, random: Random) -> bytes:
    """Chunks changed, with their lengths and checksums made right again."""
    chunks: list[tuple[bytes, bytes]] = []
    place = 8
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length

    def spoil(chunk: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
        kind, content = chunk
        if kind in (b"IDAT", b"iCCP") and random.random() < 0.5:
            try:
                return kind, zlib.compress(spoil_bytes(zlib.decompress(content), random))
            except zlib.error:
                pass
        if random.random() < 0.1:
            kind = random.choice(
                (b"IDAT", b"PLTE", b"tRNS", b"eXIf", b"acTL", b"fcTL", b"fdAT", b"zTXt", b"iCCP", b"IEND")
            )
        return kind, spoil_bytes(content, random)

    chunks = _spoil_list(chunks, random, spoil)
    joined = (struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in chunks)
    return data[:8] + b"".join(joined)


def spoil_jpeg(data: bytes, random: Random) -> bytes:
    """Segments changed, with their lengths made right again."""
    segments: list[tuple[int, bytes]] = []
    place = 2
    while data[place] == 0xFF and data[place + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", data, place + 2)
        segments.append((data[place + 1], data[place + 4 : place + 2 + length]))
        place += 2 + length

    def spoil(segment: tuple[int, bytes]) -> tuple[int, bytes]:
        marker, content = segment
        if 0xC0 <= marker <= 0xC2 and random.random() < 0.5:
            marker = random.choice((0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA))
        return marker, spoil_bytes(content, random)[:65533]

    rest = data[place:]
    if random.random() < 0.3:
        cut = random.randrange(len(rest))
        rest = (
            rest[:cut] + random.choice((b"\xff\xd9", b"\xff\xd3", b"\xff\xda\0\x08\1\1\0\0\x3f\0", rest)) + rest[cut:]
        )
    else:
        segments = _spoil_list(segments, random, spoil)
    joined = (bytes([0xFF, m]) + struct.pack(">H", len(c) + 2) + c for m, c in segments)
    return data[:2] + b"".join(joined) + rest


def spoil_riff(data: bytes, random: Random) -> bytes:
    """Chunks of a WebP changed, with their lengths made right again."""
    chunks: list[tuple[bytes, bytes]] = []
    place = 12
    while place + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, place)
        chunks.append((kind, data[place + 8 : place + 8 + length]))
        place += 8 + length + length % 2

    def spoil(chunk: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
        kind, content = chunk
        if random.random() < 0.1:
            kind = random.choice((b"VP8 ", b"VP8L", b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"EXIF"))
        return kind, spoil_bytes(content, random)

    chunks = _spoil_list(chunks, random, spoil)
    body = b"".join(k + struct.pack("<I", len(c)) + c + b"\0" * (len(c) % 2) for k, c in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def spoil_tiff(data: bytes, random: Random) -> bytes:
    """A field of an entry of the first directory changed."""
    order = "<" if data[:2] == b"II" else ">"
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    (start,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, start)
    size = 20 if big else 12
    entry = start + (8 if big else 2) + size * random.randrange(max(1, count))
    field, width = random.choice(((0, 2), (2, 2), (4, 8 if big else 4), (size - (8 if big else 4), 8 if big else 4)))
    value = random.choice(_INTERESTING) if random.random() < 0.7 else random.choice((*range(254, 350), *range(1, 40)))
    changed = bytearray(data)
    letter = {2: "H", 4: "I", 8: "Q"}[width]
    struct.pack_into(order + letter, changed, entry + field, value % 256**width)
    return bytes(changed)


def spoil_image(data: bytes, random: Random) -> bytes:
    """As the kind of the image asks."""
    for magic, way in ((b"\x89PNG", spoil_png), (b"\xff\xd8", spoil_jpeg), (b"RIFF", spoil_riff), (b"II", spoil_tiff)):
        if data.startswith(magic):
            return way(data, random)
    if data.startswith(b"BM"):
        place = random.choice((2, 10, 14, 18, 22, 26, 28, 30, 34, 46, 50))
        value = number_bytes(random, 4)
        return data[:place] + value + data[place + 4 :]
    return spoil_bytes(data, random)


_TOKENS = (
    *(
        "nan",
        "inf",
        "-inf",
        "1e999",
        "-1e999",
        "1e-999",
        "0",
        "-0.0",
        "1_000",
        "0x",
        "0xffff",
        "1" * 5000,
        "9" * 30,
        "",
    ),
    *(
        "\0",
        "\ufeff",
        "\u2028",
        "\r",
        "\t",
        "\n",
        "\x1b[2J",
        "é",
        "\U0001f600",
        "#",
        "//",
        "{",
        "}",
        "[",
        "]",
        "[[",
        "=",
        ",",
    ),
    *('"', "'", '"""', "true", "2020-01-01", "a.b.c", "[a]", "[[a]]", "{a = 1}", "..", "../../x.png", "C:\\x", "\\"),
    *("x" * 70_000, "1," * 9000, "a." * 300, "[" * 300, "version: 1", "n_points: 3", "regions = []", "[normalisers]"),
)


def spoil_text(data: bytes, random: Random) -> bytes:
    """Lines and words moved, lost, repeated and replaced."""
    text = data.decode("utf-8")
    if random.random() < 0.4:
        return "".join(
            _spoil_list(text.splitlines(keepends=True), random, lambda line: random.choice(_TOKENS) + line)
        ).encode()
    places = [i for i, letter in enumerate(text) if letter in " \t,=\n[]\"':"] or [0]
    start = random.choice(places)
    stop = random.choice((start, start + 1, min((p for p in places if p > start), default=len(text))))
    return (text[:start] + random.choice(_TOKENS) + text[stop:]).encode()


def spoil_xml(data: bytes, random: Random) -> bytes:
    """Elements and attribute values moved, lost, repeated and replaced; well-formed as a rule."""
    text = data.decode("utf-8")
    if random.random() < 0.5:
        values = list(re.finditer(r"""=(["'])(.*?)\1""", text))
        value = random.choice(values)
        token = random.choice((*_TOKENS, *(other[2] for other in random.sample(values, min(5, len(values))))))
        token = token.replace("&", "&amp;").replace("<", "&lt;").replace(value[1], "")
        return (text[: value.start(2)] + token + text[value.end(2) :]).encode()
    elements = list(re.finditer(r"<(\w+)[^<>]*(?:/>|>[^<]*</\1>)", text))  # those without others in them
    one, other = random.choice(elements), random.choice(elements)
    new = random.choice(("", one[0] * random.choice((2, 50)), other[0], "<x>" * 60 + "</x>" * 60, "&a;", "<!---->"))
    return (text[: one.start()] + new + text[one.end() :]).encode()


def spoil_parquet(data: bytes, random: Random) -> bytes:
    """Columns and values lost, repeated and replaced, written as a whole file again; or any bytes of it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if random.random() < 0.4:
        return spoil_bytes(data, random)
    table = pq.read_table(io.BytesIO(data))
    column = random.randrange(table.num_columns)
    name, values = table.column_names[column], table.column(column).to_pylist()
    way = random.randrange(5)
    if way == 0:
        table = table.remove_column(column)
    elif way == 1:
        table = table.rename_columns([random.choice((name, other)) for other in table.column_names])
    elif way == 2:
        table = pa.concat_tables([table] * random.choice((2, 20))) if table.num_rows < 50 else table
    else:
        row = random.randrange(len(values))
        odd = (None, float("nan"), float("inf"), -1e300, 3, "x", "9" * 5000, b"\xff", {"a": 1}, [], values[0])
        new = random.choice(odd)
        if isinstance(values[row], list) and random.random() < 0.7:
            values[row] = values[row][: random.randrange(40)] + [new] * random.choice((0, 1, 3000))
        else:
            values[row] = new
        table = table.set_column(column, name, pa.array(values))
    stream = io.BytesIO()
    options = {"compression": random.choice(("snappy", "zstd", "none")), "use_dictionary": random.random() < 0.5}
    pq.write_table(table, stream, data_page_version=random.choice(("1.0", "2.0")), **options)
    return stream.getvalue()


def spoil_hdf5(data: bytes, random: Random) -> bytes:
    """A number of the structure changed: one of the places that are not zero, behind MATLAB's header."""
    places = [place for place in range(512, len(data)) if data[place]]
    place = random.choice(places)
    if random.random() < 0.2:
        other = random.choice(places)  # an address or size from elsewhere in the file
        value = data[other : other + 8]
    else:
        width = random.choice((1, 1, 2, 4, 8))
        place -= place % width
        value = number_bytes(random, width)
    return data[:place] + value + data[place + len(value) :]


def spoil_json(data: bytes, random: Random) -> bytes:
    """One place of a JSON file changed; NaN and Infinity as Python writes them."""
    return json.dumps(_spoil_json(json.loads(data), random)).encode()


_JSON_VALUES: tuple[object, ...] = (
    *(None, True, False, 0, -1, 1, 3, 2**31, 2**63, 2**64, 10**40, 1e300, -1e300, 0.5, "", "x", "F32", "I64", "BF16"),
    *(
        "../x.toml",
        "x" * 5000,
        [],
        [0],
        [-1],
        [2**62, 2**62],
        [0, 2**62],
        [0, 4],
        [4, 0],
        {},
        {"a": []},
        [[]],
        float("nan"),
    ),
)


def _spoil_json(value: Any, random: Random) -> Any:
    """One place in a JSON value changed."""
    if isinstance(value, dict) and value and random.random() < 0.9:
        key = random.choice(list(value))
        way = random.random()
        if way < 0.1:
            del value[key]
        elif way < 0.15:
            value[random.choice(("a", "", "__metadata__", "version"))] = value[key]
        else:
            value[key] = _spoil_json(value[key], random)
        return value
    if isinstance(value, list) and value and random.random() < 0.7:
        return _spoil_list(value, random, lambda item: _spoil_json(item, random))[:1000]
    if isinstance(value, str) and value.startswith("{"):
        return json.dumps(_spoil_json(json.loads(value), random))
    return random.choice(_JSON_VALUES)


def spoil_checkpoint(data: bytes, random: Random) -> bytes:
    """The header of safetensors, or the index and members of torch's archive, with lengths and checksums right."""
    if not data.startswith(b"PK"):
        (length,) = struct.unpack_from("<Q", data)
        header = json.loads(data[8 : 8 + length])
        part = "__metadata__" if random.random() < 0.4 and "__metadata__" in header else random.choice(list(header))
        header[part] = _spoil_json(header[part], random)
        text = json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + data[8 + length :]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]

    def spoil(member: tuple[str, bytes]) -> tuple[str, bytes]:
        name, content = member
        return (name, _spoil_pickle(content, random) if name.endswith("data.pkl") else spoil_bytes(content, random))

    if random.random() < 0.7:
        members = [spoil(member) if member[0].endswith("data.pkl") else member for member in members]
    else:
        members = _spoil_list(members, random, spoil)
    stream = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if random.random() < 0.03 else zipfile.ZIP_STORED
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members:
            if name not in archive.namelist():
                archive.writestr(name, content)
    return stream.getvalue()


_OPCODES = (
    *(
        b"}",
        b"]",
        b")",
        b"(",
        b"t",
        b"\x85",
        b"\x86",
        b"R",
        b"b",
        b"s",
        b"u",
        b"a",
        b"e",
        b"N",
        b"0",
        b"1",
        b"2",
        b"Q",
        b".",
    ),
    *(
        b"cbuiltins\nbytearray\n",
        b"ctorch\nDoubleStorage\n",
        b"cos\nsystem\n",
        b"ccollections\nCounter\n",
        b"ctorch\nSize\n",
    ),
    *(
        b"J\xff\xff\xff\x7f",
        b"J\xff\xff\xff\xff",
        b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"K\0",
        b"h\0",
        b"q\0",
        b"r\0\1\0\0",
    ),
    *(
        b"X\xff\xff\xff\xff",
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\xff",
        b"G\x7f\xf8\0\0\0\0\0\0",
        b"\x81",
        b"\x93",
        b"\x94",
        b"I1\n",
    ),
)


def _spoil_pickle(data: bytes, random: Random) -> bytes:
    """Whole instructions moved, lost, repeated and replaced."""
    starts = [position for _code, _argument, position in pickletools.genops(data)] + [len(data)]
    parts = [data[a:b] for a, b in itertools.pairwise(starts)]
    return b"".join(_spoil_list(parts, random, lambda _part: random.choice(_OPCODES)))


_STRUCTURED: dict[str, Callable[[bytes, Random], bytes]] = {
    "images": spoil_image,
    "pts": spoil_text,
    "tsv": spoil_text,
    **dict.fromkeys(("cvat", "dlib"), spoil_xml),
    **dict.fromkeys(("deeplabcut", "csv"), spoil_text),
    "parquet": spoil_parquet,
    "wflw": spoil_text,
    "cofw": spoil_hdf5,
    "map": spoil_text,
    **dict.fromkeys(JSON_FORMATS, spoil_json),
    "scheme": spoil_text,
    "config": spoil_text,
    "rule": spoil_text,
    "checkpoint": spoil_checkpoint,
}
