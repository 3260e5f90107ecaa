"""Zip files as an attacker would write them. Every one has to be refused.

In: the files of a sound bundle by name. Out: named zip files.
"""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_END = b"PK\x05\x06"
_CENTRAL = b"PK\x01\x02"
_MANY = 20_001

STRANGE = (
    "../evil", "/etc/passwd", "blobs/../manifest.json", "blobs\\x", "notes.txt", "source/", "blobs/", "x\0y",
    "manifest.ed25519/", "manifest.ED25519", "manifest.rsa", "Manifest.json", "manifest.json/",
    "source/x.py/", "source/..py", "blobs/" + "g" * 64 + ".cubin",
)  # fmt: skip
"""Names that no bundle may hold."""


def hostile_zips(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Each under a name that says what is wrong with it."""
    for generate in (_members, _compressed, _bombs, _tables):
        yield from generate(files)


def _zip(rows: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    made = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names that are used twice
        with zipfile.ZipFile(made, "w", compression=compression) as archive:
            for name, content in rows:
                archive.writestr(zipfile.ZipInfo(name), content, compress_type=compression)
    return made.getvalue()


def _members(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    rows = list(files.items())
    for name in STRANGE:
        yield f"a member {name!r}", _zip([*rows, (name, b"")])
    for row in rows:
        yield f"{row[0]} twice", _zip([*rows, row])
        yield f"no {row[0]}", _zip([other for other in rows if other is not row])
    yield "a source that no manifest lists", _zip([*rows, ("source/x.py", b"")])


def _compressed(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    rows = list(files.items())
    for compression in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        yield f"compression {compression}", _zip(rows, compression)


def _bombs(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    rows = dict(files)
    for megabytes in (1, 70):
        bomb = {**rows, "manifest.json": bytes(megabytes << 20)}
        yield f"{megabytes} MB of zeros, compressed", _zip(list(bomb.items()), zipfile.ZIP_DEFLATED)
    yield "too many members", _zip([(f"source/a{number}.py", b"") for number in range(_MANY)])
    raw = _zip(list(files.items()))
    end = raw.rindex(_END)
    start = int.from_bytes(raw[end + 16 : end + 20], "little")
    entry = raw[start : raw.index(_CENTRAL, start + 4)].replace(b"manifest.json", b"source/aaa.py")
    clones = b"".join(entry.replace(b"aaa", b"a%02d" % number) for number in range(50))
    count = int.from_bytes(raw[end + 10 : end + 12], "little") + 50
    size = (end - start + len(clones)).to_bytes(4, "little")
    tail = raw[end : end + 8] + count.to_bytes(2, "little") * 2 + size + raw[end + 16 :]
    yield "members that share their bytes", raw[:end] + clones + tail


def _tables(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Central directories that say what is not so; offsets are those of the first entry."""
    raw = _zip(list(files.items()))
    start = raw.index(_CENTRAL)

    def put(offset: int, layout: str, value: int) -> bytes:
        changed = bytearray(raw)
        struct.pack_into(layout, changed, start + offset, value)
        return bytes(changed)

    fields: dict[str, tuple[int, str]] = {
        "flags": (8, "<H"),
        "method": (10, "<H"),
        "crc": (16, "<I"),
        "packed size": (20, "<I"),
        "size": (24, "<I"),
        "length of the name": (28, "<H"),
        "place of its content": (42, "<I"),
    }
    for name, (offset, layout) in fields.items():
        limit = 1 << 8 * struct.calcsize(layout)
        for value in (1, limit // 2 + 1, limit - 1):
            yield f"{name} {value}", put(offset, layout, value)
    end = raw.rindex(_END)
    edits: dict[str, Callable[[bytes], bytes]] = {
        "no end": lambda text: text[:end],
        "no beginning": lambda text: text[10:],
        "only an end": lambda text: text[end:],
        "an end of zeros": lambda text: text[:end] + _END + bytes(18),
        "an end that counts 65535 members": lambda text: (
            text[: end + 8] + b"\xff" * 4 + text[end + 12 :]
        ),
        "a directory beyond the end": lambda text: (
            text[: end + 16] + b"\xff" * 4 + text[end + 20 :]
        ),
        "nothing": lambda _: b"",
        "text": lambda _: b"kernels",
    }
    for name, edit in edits.items():
        yield name, edit(raw)
