"""Loops over tiles that are flattened into inner loops are right, or refused: what tiles share shows nowhere else.

Programs have many tiles, so that what one leaves for the next is read.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import helion
import helion.language as hl
from helion.exc import InvalidConfig
from helion_compiler.space import carried_operands

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
from attention import attention

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        not torch.cuda.is_available() or torch.cuda.get_device_capability() < (9, 0),
        reason="products read shared memory from Hopper on",
    ),
]
TILES = 8
"""Of each program at least."""
FLAT: dict[str, Any] = {"pid_type": "persistent_interleaved", "range_flattens": {"grid": True}}


@helion.kernel()
def matmul(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = torch.empty([x.size(0), y.size(1)], dtype=torch.float32, device=x.device)
    for tile_m, tile_n in hl.tile(out.size()):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(x.size(1)):
            acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        out[tile_m, tile_n] = acc
    return out


@helion.kernel()
def rows_kept(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """``x @ y``, for tiles of rows that are read once."""
    out = torch.empty([x.size(0), y.size(1)], dtype=torch.float32, device=x.device)
    for tile_m in hl.tile(x.size(0)):
        rows = x[tile_m, :]
        for tile_n in hl.tile(y.size(1)):
            out[tile_m, tile_n] = hl.dot(rows, y[:, tile_n])
    return out


@helion.kernel()
def rows_read_behind(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """``x[b] @ y[b] @ x[b, :columns]`` for each ``b``: the last factor is read before the loop of the first product."""
    batches, rows, _ = x.size()
    columns = hl.specialize(y.size(2))
    out = torch.empty([batches, rows, columns], dtype=torch.float32, device=x.device)
    for tile_b, tile_m in hl.tile([batches, rows], block_size=[1, None]):
        last = x[tile_b, 0:columns, 0:columns]
        acc = hl.zeros([tile_b, tile_m, columns], dtype=torch.float32)
        for tile_k in hl.tile(x.size(2)):
            acc = torch.baddbmm(acc, x[tile_b, tile_m, tile_k], y[tile_b, tile_k, :])
        out[tile_b, tile_m, :] = hl.dot(acc.to(x.dtype), last)
    return out


@helion.kernel(static_shapes=False)
def with_a_range(x: torch.Tensor, y: torch.Tensor, begin: int, end: int) -> torch.Tensor:
    """``x + sum(y[begin:end])``."""
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        acc = x[tile]
        for place in hl.grid(begin, end):
            acc = acc + y[place]
        out[tile] = acc
    return out


def _draw(*shape: int) -> torch.Tensor:
    torch.manual_seed(sum(shape))
    return torch.randn(shape, device="cuda", dtype=torch.bfloat16)


def _programs() -> int:
    return torch.cuda.get_device_properties().multi_processor_count


def _flattened(kernel: Any, arguments: tuple[Any, ...], config: dict[str, Any]) -> Any:
    """The result of the flattened loop; None where it is refused for being flattened."""
    bound = kernel.bind(arguments)
    bound.to_triton_code(helion.Config(**{**config, "range_flattens": {"grid": None}}))
    try:
        bound.set_config(helion.Config(**config))
    except InvalidConfig as error:
        if "may not be flattened" not in str(error):
            raise
        return None
    return bound(*arguments)


def _attention(kernel: Any, rows: int, warps: int, stages: int, mode: str) -> bool:
    """Whether the config is admitted; its results are checked. One turn of four with the wrong queries shows."""
    q, k, v = (_draw(TILES * _programs() // 2, 1, 256, 64) for _ in range(3))
    config = {
        "block_sizes": [1, rows, 64],
        "num_warps": warps,
        "num_stages": stages,
        "indexing": {"k_in@load": mode, "v_in@load": mode, "out@store": "tensor_descriptor"},
        **FLAT,
    }
    found = _flattened(kernel, (q, k, v, False), config)
    if found is None:
        return False
    weights = torch.softmax(q.double() @ k.double().mT / math.sqrt(q.size(-1)), -1)
    torch.testing.assert_close(found[0].double(), weights @ v.double(), atol=2e-2, rtol=2e-2)
    return True


@pytest.mark.parametrize(
    ("stages", "mode"),
    [(1, "pointer"), (2, "pointer"), (3, "pointer"), (2, "tensor_descriptor")],
)
@pytest.mark.parametrize(
    ("rows", "warps", "admitted"), [(128, 8, False), (64, 4, False), (32, 4, True), (64, 2, True)]
)
def test_attention(rows: int, warps: int, admitted: bool, stages: int, mode: str) -> None:
    assert _attention(attention, rows, warps, stages, mode) == admitted


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="Triton 3.6 overwrites the queries; where it does not, the demand can go",
)
@pytest.mark.parametrize(("rows", "warps"), [(128, 8), (64, 4)])
def test_attention_without_the_demand(
    monkeypatch: pytest.MonkeyPatch, rows: int, warps: int
) -> None:
    monkeypatch.setattr(carried_operands, "ARCHITECTURE", math.inf)
    if not _attention(helion.kernel(attention.fn), rows, warps, 2, "pointer"):
        pytest.fail("it is refused still", pytrace=False)


@pytest.mark.parametrize("stages", [1, 2, 3])
def test_rows_that_are_kept(stages: int) -> None:
    x, y = _draw(TILES * _programs() * 64, 64), _draw(64, 512)
    config = {"block_sizes": [64, 64], "num_warps": 4, "num_stages": stages, **FLAT}
    found = _flattened(rows_kept, (x, y), config)
    if found is not None:
        torch.testing.assert_close(found.double(), x.double() @ y.double(), atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize("stages", [1, 2, 3])
def test_factors_that_are_read_behind_the_loop(stages: int) -> None:
    x, y = _draw(TILES * _programs(), 64, 256), _draw(TILES * _programs(), 256, 64)
    config = {"block_sizes": [64, 64], "num_warps": 4, "num_stages": stages, **FLAT}
    found = _flattened(rows_read_behind, (x, y), config)
    if found is not None:
        between = (x.double() @ y.double()).to(torch.bfloat16).double()
        expected = between @ x[:, :64, :64].double()
        torch.testing.assert_close(found.double(), expected, atol=1.0, rtol=2e-2)


@pytest.mark.parametrize("stages", [1, 2, 3])
def test_factors_of_the_inner_loop_alone_may_be_flattened(stages: int) -> None:
    side = 64 * math.isqrt(TILES * _programs())
    x, y = _draw(side, 256), _draw(256, side)
    config = {"block_sizes": [64, 64, 64], "num_warps": 4, "num_stages": stages, **FLAT}
    found = _flattened(matmul, (x, y), config)
    assert found is not None
    torch.testing.assert_close(found.double(), x.double() @ y.double(), atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize(("begin", "end"), [(300, 500), (500, 300), (500, 500), (500, -3)])
def test_loops_that_end_before_they_begin(begin: int, end: int) -> None:
    x, y = (torch.randn(size, device="cuda") for size in (TILES * _programs() * 64, 1000))
    found = _flattened(with_a_range, (x, y, begin, end), {"block_sizes": [64], **FLAT})
    assert found is not None
    expected = x.double() + y[begin : max(begin, end)].double().sum()
    torch.testing.assert_close(found.double(), expected, atol=1e-3, rtol=1e-3)
