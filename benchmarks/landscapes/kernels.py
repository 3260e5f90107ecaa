"""Landscapes of a product and of rows, for several sizes. The constants are those of an H200, roughly."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from benchmarks.landscapes.landscape import FailsError, Hidden, Landscape
from helion_autotune import Boolean, Choice, Condition, Integer, PowerOfTwo, Space

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from helion_autotune import Parameter

SMS = 132
SHARED_BYTES = 227 * 1024
FLOPS = 800e12
BANDWIDTH = 4.0e12
CACHE_BANDWIDTH = 11e12
LAUNCH_MS = 0.004
PRODUCTS = (
    (4096, 4096, 4096),
    (16, 8192, 8192),
    (64, 4096, 14336),
    (1024, 1024, 1024),
    (4096, 4096, 512),
)
ROWS = ((8192, 8192), (65536, 1024), (1024, 65536))


def landscapes() -> list[Landscape]:
    """All of them."""
    products = [_product(number, *sizes) for number, sizes in enumerate(PRODUCTS)]
    return products + [_rows(100 + number, *sizes) for number, sizes in enumerate(ROWS)]


def _options(loads: int, loops: int) -> dict[str, Parameter]:
    """What every kernel has: how it loads, what it asks of loops and caches."""
    options: dict[str, Parameter] = {}
    for load in range(loads):
        options[f"indexing[{load}]"] = Choice(["pointer", "block_ptr", "descriptor"])
        options[f"eviction[{load}]"] = Choice(["", "evict_first", "evict_last"])
    for loop in range(loops):
        options[f"unroll[{loop}]"] = Integer(0, 4)
        options[f"flatten[{loop}]"] = Choice([None, True, False])
        options[f"multi_buffer[{loop}]"] = Choice([None, True, False])
    return options


def _product(number: int, m: int, n: int, k: int) -> Landscape:
    """M x n x k in bfloat16."""
    space = Space(
        {
            "block_m": PowerOfTwo(16, 256, default=64),
            "block_n": PowerOfTwo(16, 256, default=64),
            "block_k": PowerOfTwo(16, 256, default=32),
            "num_warps": PowerOfTwo(1, 32, default=4),
            "num_stages": Integer(1, 8, default=2),
            "group": PowerOfTwo(1, 64),
            "programs": Choice(["flat", "persistent_blocked", "persistent_interleaved"]),
            "per_sm": PowerOfTwo(1, 8),
            "specialize": Boolean(),
            **_options(3, 1),
        },
        conditions={
            "per_sm": Condition("only persistent grids have it", lambda p: p["programs"] != "flat"),
            "specialize": Condition(
                "warps specialize in persistent grids", lambda p: p["programs"] != "flat"
            ),
        },
    )  # fmt: skip

    def formula(point: Mapping[str, Any]) -> float:
        return _product_ms(point, m, n, k)

    return Landscape(f"product-{m}x{n}x{k}", space, formula, Hidden.drawn(space, number))


def _product_ms(point: Mapping[str, Any], m: int, n: int, k: int) -> float:
    rows, columns, depth = point["block_m"], point["block_n"], point["block_k"]
    warps, stages = point["num_warps"], point["num_stages"]
    shared = 2 * (rows + columns) * depth * max(stages - 1, 1)
    if shared > SHARED_BYTES:
        raise FailsError("out of shared memory")
    registers = rows * columns / (32 * warps) + 2 * (rows + columns) * depth / (32 * warps) / 8
    if registers > 700:
        raise FailsError("out of registers")
    tiles = math.ceil(m / rows) * math.ceil(n / columns)
    persistent = point["programs"] != "flat"
    fitting = int(65536 // (32 * warps * (40 + min(registers, 255))))
    resident = max(1, min(SHARED_BYTES // max(shared, 1), fitting, 8))
    resident = min(resident, point["per_sm"]) if persistent else resident
    waves = math.ceil(tiles / (SMS * resident)) * resident
    # The matrix unit is fed by whole warp groups of 64 rows, and by tiles that reuse what they load.
    shape = (
        min(rows / 64, 1.0) ** 0.6 * (1.0 if warps >= 4 else 0.55) * (1.0 if columns >= 64 else 0.7)
    )
    waiting = 1.0 + 1.2 / (stages * resident) * (64 / depth) ** 0.3
    spills = 1.0 + max(registers - 220, 0.0) / 90
    turns = math.ceil(k / depth)
    tile_flops = 2.0 * rows * columns * depth * turns
    compute = waves * tile_flops / (FLOPS / SMS * shape) * waiting * spills
    group = min(point["group"], math.ceil(m / rows))
    reuse = min(1.0, (1 / max(group * rows, rows) + 1 / columns) * 64)
    cached = 2.0 * tiles * (rows + columns) * depth * turns / CACHE_BANDWIDTH
    memory = 2.0 * (m * k * max(1.0, reuse * n / columns / 16) + n * k + m * n) / BANDWIDTH
    few = max(1.0, SMS / tiles)  # programs that too few tiles leave without work
    seconds = max(compute, cached, memory * min(few, 6.0)) + 0.25 * min(compute, cached)
    seconds *= 0.96 if persistent and tiles > SMS * 2 else 1.02
    seconds *= 0.97 if point["specialize"] and warps >= 8 and stages >= 3 else 1.0
    return float(seconds * 1e3 + LAUNCH_MS + 2e-4 * turns / max(stages, 1))


def _rows(number: int, rows: int, columns: int) -> Landscape:
    """A reduction of each row, whole or in steps."""
    space = Space(
        {
            "block": PowerOfTwo(1, 64),
            "step": PowerOfTwo(64, max(columns, 64), default=1024),
            "num_warps": PowerOfTwo(1, 32, default=4),
            "num_stages": Integer(1, 8),
            "programs": Choice(["flat", "persistent_blocked", "persistent_interleaved"]),
            **_options(3, 2),
        }
    )

    def formula(point: Mapping[str, Any]) -> float:
        return _rows_ms(point, rows, columns)

    return Landscape(f"rows-{rows}x{columns}", space, formula, Hidden.drawn(space, number))


def _rows_ms(point: Mapping[str, Any], rows: int, columns: int) -> float:
    block, step, warps = point["block"], point["step"], point["num_warps"]
    lanes = block * step / (32 * warps)
    if block * step > 2**17 or lanes > 1024:
        raise FailsError("out of registers")
    whole = step >= columns
    programs = math.ceil(rows / block)
    resident = max(1, min(int(65536 // (32 * warps * (24 + min(lanes, 231)))), 64 // warps, 32))
    waves = math.ceil(programs / (SMS * resident))
    idle = waves * SMS * resident / programs
    traffic = 2.0 * rows * columns * (2 if whole else 3)
    flight = min(1.0, resident * warps * min(lanes, 64) * 32 * 2 / 32768)
    wide = min(1.0, lanes / 8) ** 0.4
    spills = 1.0 + max(lanes - 128, 0) / 80
    seconds = traffic / (BANDWIDTH * flight**0.7 * wide) * min(idle, 4.0) ** 0.5 * spills
    seconds += 1.5e-6 * warps**0.5 * waves
    if not whole:
        seconds *= 1.0 + 0.15 / point["num_stages"]
    return float(seconds * 1e3 + LAUNCH_MS)
