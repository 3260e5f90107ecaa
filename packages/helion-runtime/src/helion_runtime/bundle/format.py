"""The bundle format: names of its files, limits, canonical JSON. See docs/bundle-format.md."""

from __future__ import annotations

import hashlib
import json
import re
from math import isfinite
from typing import Any

from helion_runtime.errors import DuplicateNameError, SchemaError

FORMAT_VERSION = (1, 2)
"""What this version of the runtime reads: the same major version up to this minor one. It writes the
lowest that can say what a bundle says."""

MANIFEST = "manifest.json"
MANIFEST_DIGEST = "manifest.sha256"
SIGNATURES = "manifest.ed25519"
BLOB_NAME = re.compile(r"blobs/([0-9a-f]{64})\.(cubin|ptx|hsaco)", re.ASCII)
SOURCE_NAME = re.compile(r"source/([A-Za-z_][A-Za-z0-9_]{0,127})\.py", re.ASCII)
DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)

MAX_MANIFEST = 64 * 2**20
MAX_FILE = 512 * 2**20
MAX_FILES = 20_000
MAX_TOTAL = 4 * 2**30
"""Bytes of the manifest, of one file, how many files, bytes in all."""


def digest(content: bytes) -> str:
    """sha256 in lower-case hex."""
    return hashlib.sha256(content).hexdigest()


def is_allowed_name(name: str) -> bool:
    """Whether a bundle may hold a file of this name. No path can be built from one that leaves the
    bundle."""
    return (
        name in (MANIFEST, MANIFEST_DIGEST, SIGNATURES)
        or BLOB_NAME.fullmatch(name) is not None
        or SOURCE_NAME.fullmatch(name) is not None
    )


def canonical_json(value: Any) -> bytes:
    """The one way to write a value: keys sorted, no spaces, ASCII, a newline at the end, no NaN."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )
    return text.encode("ascii") + b"\n"


def parse_json(content: bytes, where: str) -> Any:
    """Parse, refusing duplicate keys, NaN, numbers of absurd length and nesting of absurd depth."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs):
            raise DuplicateNameError(
                f"{where}: an object has one key twice: {_repeated(pairs)!r:.80}"
            )
        return result

    def refuse(name: str) -> Any:
        raise SchemaError(f"{where}: {name} is not JSON")

    def finite(text: str) -> float:
        number = float(text)
        if not isfinite(number):
            raise SchemaError(f"{where}: {text:.80} is beyond every float")
        return number

    try:
        return json.loads(
            content.decode("ascii"),
            object_pairs_hook=unique,
            parse_constant=refuse,
            parse_float=finite,
        )
    except RecursionError as error:
        raise SchemaError(f"{where}: nested too deeply") from error
    except ValueError as error:
        raise SchemaError(f"{where}: not valid JSON: {error}") from error


def _repeated(pairs: list[tuple[str, Any]]) -> str:
    keys = [key for key, _ in pairs]
    return next(key for key in keys if keys.count(key) > 1)
