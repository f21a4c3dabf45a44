"""Inputs for benchmarks/fuzz.py: the files of fuzz_seeds.py, and ways to spoil them that get past the first check.

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
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.fuzz_seeds import JSON_FORMATS, SEEDS

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
