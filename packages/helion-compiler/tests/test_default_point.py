"""How starting points are improved and ranked, in a space without a kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion_autotune import Integer, PowerOfTwo, Space
from helion_compiler.space.default_point import ranked

if TYPE_CHECKING:
    from collections.abc import Mapping

SPACE = Space(
    {
        "num_warps": PowerOfTwo(1, 32, default=4),
        "range_num_stages[tile]": Integer(0, 4, default=0),
    }
)


def cost(stages: float, ahead: float) -> Any:
    """Eight warps are best; ``ahead`` is what loops with stages of their own take of the time of others."""

    def seconds(point: Mapping[str, Any]) -> float:
        off = {4: 1.2, 8: 1.0, 16: 1.5}.get(point["num_warps"], 3.0)
        return off * (ahead if point["range_num_stages[tile]"] else stages)

    return seconds


def points(*values: tuple[int, int]) -> list[Any]:
    return [SPACE.point({"num_warps": w, "range_num_stages[tile]": s}) for w, s in values]


def test_points_are_told_apart_by_stages_of_their_loops() -> None:
    plain, ahead = points((4, 0), (4, 3))
    assert ranked(SPACE, [plain, ahead], cost(2.0, 1.0))[0] == points((8, 3))[0]


def test_stages_of_loops_have_to_be_clearly_better() -> None:
    plain, ahead = points((4, 0), (4, 3))
    assert ranked(SPACE, [plain, ahead], cost(1.0, 0.95))[0] == points((8, 0))[0]
    assert ranked(SPACE, [ahead], cost(1.0, 0.95))[0] == points((8, 0))[0]


def test_tiles_change_their_shape_but_not_among_axes_of_a_grid() -> None:
    """As many elements, more of them along a loop; what no single step leads to."""
    blocks = "block_sizes[rows]", "block_sizes[columns]", "block_sizes[depth]"
    space = Space(
        {
            **{name: PowerOfTwo(1, 64, default=8) for name in blocks},
            "range_unroll_factors[depth]": Integer(0, 4, default=0),
        }
    )

    def seconds(point: Mapping[str, Any]) -> float:
        rows, columns, depth = (point[name] for name in blocks)
        other_size = abs((rows * columns * depth).bit_length() - 10)
        return 100.0 + 50.0 * other_size - depth - columns

    found = ranked(space, [space.default], seconds)[0]
    assert found["block_sizes[depth]"] == 64
    assert found["block_sizes[columns]"] == 8
    assert found["block_sizes[rows]"] == 1
