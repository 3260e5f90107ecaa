"""How alike two keys of records are, so that what was found for one shape is tried first for another.

In: keys, which are texts of the caller's (JSON, mostly). Out: a distance in octaves: numbers that stand at the same
place count by how many times one would have to be doubled, everything else that differs by a fixed amount.
"""

from __future__ import annotations

import json
import math
import re
from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from helion_autotune.records import ResultLine, StoredResult

#: What a word that differs counts, in octaves: more than another size, less than sizes of another world.
OTHER_WORD = 4.0
_TOKEN = re.compile(r"[\w.+-]+")


def key_distance(a: str, b: str) -> float:
    """0 for equal keys; doubling one size is 1, another word (a dtype, a device) is ``OTHER_WORD``."""
    pairs = zip_longest(_TOKEN.findall(a), _TOKEN.findall(b))
    return math.fsum(_token_distance(one, other) for one, other in pairs if one != other)


def nearest_results(lines: Iterable[ResultLine], key: str, count: int) -> tuple[StoredResult, ...]:
    """At most ``count`` results stored under other keys, the nearest first; of one key and space, the latest."""
    latest = {(line.fingerprint, line.key): line for line in lines if line.key != key}
    ranked = sorted(latest.values(), key=lambda line: key_distance(line.key, key))
    return tuple(line.result for line in ranked[:count])


def _token_distance(a: str | None, b: str | None) -> float:
    one, other = _number(a), _number(b)
    if one is None or other is None or one * other < 0:
        return OTHER_WORD
    return abs(math.log2((1 + abs(one)) / (1 + abs(other))))


def _number(token: str | None) -> float | None:
    """The number that a token is; hashes that happen to look like one (1e23) are none."""
    if token is None or not re.fullmatch(r"[+-]?\d{1,15}(\.\d*)?", token):
        return None
    return float(token)


def key_difference(stored: str, wanted: str) -> str:
    """Where two keys differ, in words; of JSON objects, the fields that do."""
    try:
        here, there = json.loads(stored), json.loads(wanted)
    except ValueError:
        here = there = None
    if not (isinstance(here, dict) and isinstance(there, dict)):
        return f"the key: {stored}"
    names = [name for name in {**here, **there} if here.get(name) != there.get(name)]
    return ", ".join(f"{name} ({here.get(name)!r}, not {there.get(name)!r})" for name in names)
