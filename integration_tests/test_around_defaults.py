"""The program that measures what is near untuned configs: which points those are, and what it says of them."""

from __future__ import annotations

from benchmarks.around_defaults import around, differing, told
from helion_autotune import Permutation, PowerOfTwo, Space

SPACE = Space(
    {
        "loop_orders[grid]": Permutation(3, default=(0, 1, 2)),
        "block_sizes[tile]": PowerOfTwo(16, 256, default=64),
        "num_warps": PowerOfTwo(1, 8, default=4),
    }
)
DEFAULT = SPACE.default


def test_steps_are_of_the_keys_alone() -> None:
    orders = around(SPACE, DEFAULT, ["loop_orders"], 1)
    assert orders[0] == DEFAULT
    assert [differing(DEFAULT, one) for one in orders[1:]] == [
        {"loop_orders[grid]": order} for order in [(1, 0, 2), (2, 1, 0), (0, 2, 1)]
    ]
    assert len(around(SPACE, DEFAULT, ["loop_orders"], 2)) == 6
    near = around(SPACE, DEFAULT, ["block_sizes", "num_warps"], 1)
    assert {(one["block_sizes[tile]"], one["num_warps"]) for one in near} == {
        (64, 4),
        (32, 4),
        (128, 4),
        (64, 2),
        (64, 8),
    }
    assert around(SPACE, DEFAULT, [], 3) == [DEFAULT]


def test_the_fastest_come_first() -> None:
    result = {
        "case": "hstu-8",
        "kernel": "hstu",
        "default_ms": 0.2,
        "others": [
            {"differs": {"num_warps": 8}, "ms": 0.25},
            {"differs": {"loop_orders[grid]": (0, 2, 1), "num_warps": 2}, "ms": 0.16},
        ],
        "failed": {"TritonError: too large": 3},
    }
    assert told(result).splitlines() == [
        "hstu-8/hstu: untuned 200.0 µs",
        "        160.0 µs, 1.25: loop_orders[grid] = (0, 2, 1), num_warps = 2",
        "        250.0 µs, 0.80: num_warps = 8",
        "    3 failed: TritonError: too large",
    ]
