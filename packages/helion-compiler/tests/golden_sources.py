"""The kernels and configs whose generated source is kept in ``golden/``: by name, each showing one thing.

Run as a program, it prints the sources named by its arguments as JSON, so that a test can compare processes.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import attrs
import torch

import helion
import helion.language as hl
from helion_compiler.building import parse_target
from helion_compiler.bundling import BuildRequest

if TYPE_CHECKING:
    from collections.abc import Callable


def matmul(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    m, k = x.size()
    k, n = y.size()
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        out[tile_m, tile_n] = acc
    return out


def matmul_epilogue(
    x: torch.Tensor, y: torch.Tensor, epilogue: Callable[..., torch.Tensor]
) -> torch.Tensor:
    m, k = x.size()
    k, n = y.size()
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        out[tile_m, tile_n] = epilogue(acc, (tile_m, tile_n))
    return out


def matmul_of_bytes(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    m, k = x.size()
    k, n = y.size()
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = hl.dot(x[tile_m, tile_k], y[tile_k, tile_n].to(x.dtype), acc=acc)
        out[tile_m, tile_n] = acc
    return out


def add(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    x, y = torch.broadcast_tensors(x, y)
    out = torch.empty(x.shape, dtype=torch.promote_types(x.dtype, y.dtype), device=x.device)
    for tile in hl.tile(out.size()):
        out[tile] = x[tile] + y[tile]
    return out


def softmax(x: torch.Tensor) -> torch.Tensor:
    n, _ = x.size()
    out = torch.empty_like(x)
    for tile_n in hl.tile(n):
        out[tile_n, :] = torch.softmax(x[tile_n, :], dim=1)
    return out


def gated(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        gate = torch.exp(y[tile]) / (1 + torch.exp2(x[tile]))
        out[tile] = torch.tanh(x[tile]) * gate + torch.sqrt(torch.abs(y[tile])) * torch.rsqrt(gate)
    return out


def divergence(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        share = torch.sigmoid(x[tile])
        out[tile] = torch.tanh(share * (torch.log(share) - torch.log(y[tile])))
    return out


def plane_sums(x: torch.Tensor) -> torch.Tensor:
    _, m, n = x.size()
    out = torch.zeros([m, n], dtype=torch.float32, device=x.device)
    for planes, rows, columns in hl.tile(x.size()):
        hl.atomic_add(out, [rows, columns], x[planes, rows, columns].sum(0))
    return out


def recurrence(a: torch.Tensor, b: torch.Tensor, scale: float) -> torch.Tensor:
    def combine(left: Any, right: Any) -> Any:
        return left[0] * right[0], left[1] * right[0] + right[1] * scale

    out = torch.empty_like(a)
    for rows in hl.tile(a.size(0)):
        parts = (a[rows, :], b[rows, :])
        _, out[rows, :] = hl.associative_scan(combine, parts, dim=1, reverse=True)
    return out


def causal_attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    heads, length, size = q.size()
    size = hl.specialize(size)
    out = torch.empty_like(q)
    for head, rows in hl.tile([heads, length]):
        query = q[head, rows, :]
        top = hl.full([head, rows], float("-inf"), dtype=torch.float32)
        total = hl.zeros([head, rows], dtype=torch.float32)
        acc = hl.zeros([head, rows, size], dtype=torch.float32)
        for columns in hl.tile(rows.begin):
            scores = hl.dot(query, k[head, columns, :].transpose(1, 2))
            raised = torch.maximum(top, torch.amax(scores, -1))
            weights, worth = torch.exp(scores - raised[:, :, None]), torch.exp(top - raised)
            total = total * worth + weights.sum(-1)
            acc = acc * worth[:, :, None]
            acc = hl.dot(weights.to(v.dtype), v[head, columns, :], acc=acc)
            top = raised
        for columns in hl.tile(rows.begin, rows.end):
            scores = hl.dot(query, k[head, columns, :].transpose(1, 2))
            seen = rows.index[:, None] >= columns.index[None, :]
            scores = torch.where(seen[None, :, :], scores, float("-inf"))
            raised = torch.maximum(top, torch.amax(scores, -1))
            weights, worth = torch.exp(scores - raised[:, :, None]), torch.exp(top - raised)
            total = total * worth + weights.sum(-1)
            acc = acc * worth[:, :, None]
            acc = hl.dot(weights.to(v.dtype), v[head, columns, :], acc=acc)
            top = raised
        out[head, rows, :] = (acc / total[:, :, None]).to(out.dtype)
    return out


def halves_of_bytes(x: torch.Tensor, packed: torch.Tensor) -> torch.Tensor:
    """A product with the high and the low halves of bytes, one after the other."""
    m, k = x.size()
    n = packed.size(1)
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    pairs = x.view(m, k // 2, 2)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k // 2):
            both = packed[tile_k, tile_n]
            low, high = (both << 4) >> 4, both >> 4
            acc = hl.dot(pairs[tile_m, tile_k, 0], low.to(x.dtype), acc=acc)
            acc = hl.dot(pairs[tile_m, tile_k, 1], high.to(x.dtype), acc=acc)
        out[tile_m, tile_n] = acc
    return out


def half(*shape: int) -> torch.Tensor:
    return torch.empty(shape, dtype=torch.float16)


def _with_bias(x: torch.Tensor, y: torch.Tensor, bias: torch.Tensor) -> tuple[Any, ...]:
    return x, y, lambda acc, tiles: torch.relu(acc + bias[tiles[1]])


@attrs.frozen
class Source:
    """A kernel's function, its arguments, and a config; with ``dynamic`` shapes or static ones, for a ``target``.

    ``settings`` are further settings.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    config: dict[str, Any]
    dynamic: bool = False
    target: str | None = None
    settings: dict[str, Any] = attrs.field(factory=dict)

    def bind(self) -> Any:
        """The specialization."""
        kernel = helion.kernel(static_shapes=not self.dynamic, **self.settings)(self.function)
        return kernel.bind(self.arguments)

    def text(self) -> str:
        """The generated Triton."""
        config = helion.Config(**self.config)
        if self.target is not None:
            request = BuildRequest(helion.kernel()(self.function), self.arguments)
            return request.bind(parse_target(self.target)).lower(config).emitted.source
        text: str = self.bind().to_triton_code(config)
        return text


SQUARE = (half(512, 512), half(512, 512))
ODD = (half(500, 300), half(300, 200))
BRAINS = (torch.empty(64, 512, dtype=torch.bfloat16), torch.empty(64, 512, dtype=torch.bfloat16))
BLOCKS = {"block_sizes": [128, 128, 64]}

SOURCES: dict[str, Source] = {
    "matmul_flat_exact": Source(matmul, SQUARE, BLOCKS),
    "matmul_flat_masked": Source(matmul, ODD, BLOCKS),
    "matmul_l2_grouping": Source(matmul, ODD, BLOCKS | {"l2_groupings": [8]}),
    "matmul_loop_order": Source(matmul, SQUARE, BLOCKS | {"loop_orders": [[1, 0]]}),
    "matmul_persistent_blocked": Source(
        matmul, SQUARE, BLOCKS | {"pid_type": "persistent_blocked", "range_flattens": [True, None]}
    ),
    "matmul_persistent_interleaved": Source(
        matmul,
        SQUARE,
        BLOCKS | {"pid_type": "persistent_interleaved", "l2_groupings": [4], "num_stages": 3},
    ),
    "warps_with_roles": Source(
        causal_attention,
        tuple(half(4, 1024, 64) for _ in range(3)),
        {
            "block_sizes": [1, 128, 64, 64],
            "l2_groupings": [4],
            "range_warp_specializes": [None, True, None],
            "num_warps": 8,
            "num_stages": 3,
            "indexing": {"out@store": "tensor_descriptor"},
            "pid_type": "persistent_interleaved",
        },
    ),
    "halves_of_bytes": Source(
        halves_of_bytes,
        (torch.empty(64, 600, dtype=torch.bfloat16), torch.empty(300, 128, dtype=torch.int8)),
        {"block_sizes": [64, 64, 32]},
    ),
    "matmul_descriptors": Source(matmul, SQUARE, BLOCKS | {"indexing": "tensor_descriptor"}),
    "matmul_range_options": Source(
        matmul,
        SQUARE,
        BLOCKS
        | {
            "range_unroll_factors": [0, 2],
            "range_num_stages": [0, 3],
            "range_multi_buffers": [None, False],
        },
    ),
    "matmul_xyz": Source(
        matmul, ODD, BLOCKS | {"pid_type": "xyz", "loop_orders": [[1, 0]]}, dynamic=True
    ),
    "matmul_along_dies": Source(
        matmul, SQUARE, BLOCKS | {"xcd_remap": True, "l2_groupings": [4]}, target="gfx942"
    ),
    "matmul_swapped_operands": Source(
        matmul_of_bytes,
        (half(500, 300), torch.empty(300, 200, dtype=torch.int8)),
        BLOCKS | {"swap_operands": [True], "num_stages": 3, "num_warps": 8},
    ),
    "matmul_static_range": Source(matmul, ODD, BLOCKS | {"static_ranges": [True]}),
    "matmul_cache_hints": Source(
        matmul,
        SQUARE,
        BLOCKS
        | {
            "load_eviction_policies": ["first", ""],
            "load_cache_modifiers": {"y@load": ".cg"},
            "store_cache_modifiers": [".cs"],
        },
    ),
    "matmul_dynamic": Source(matmul, SQUARE, BLOCKS, dynamic=True),
    "matmul_transposed": Source(matmul, (half(512, 512).t(), half(512, 512)), BLOCKS),
    "matmul_transposed_descriptors": Source(
        matmul,
        (half(512, 512).t(), half(512, 512).t()),
        BLOCKS | {"indexing": "tensor_descriptor"},
    ),
    "epilogue_bias": Source(
        matmul_epilogue, _with_bias(half(512, 500), half(500, 512), half(512)), BLOCKS
    ),
    "epilogue_halves": Source(matmul, ODD, BLOCKS | {"epilogue_subtile": 2}),
    "epilogue_quarters_descriptors": Source(
        matmul,
        SQUARE,
        BLOCKS
        | {
            "epilogue_subtile": 4,
            "indexing": "tensor_descriptor",
            "pid_type": "persistent_interleaved",
        },
    ),
    "epilogue_bias_halves": Source(
        matmul_epilogue,
        _with_bias(half(512, 500), half(500, 512), half(512)),
        BLOCKS | {"epilogue_subtile": 2},
    ),
    "atomic_descriptor": Source(
        plane_sums,
        (half(4, 100, 200),),
        {"block_sizes": [2, 32, 64], "atomic_indexing": "tensor_descriptor"},
    ),
    "add_flattened": Source(
        add, (half(37, 67), half(67)), {"block_sizes": [8, 64], "flatten_loops": [True]}
    ),
    "add_flat_exact": Source(add, (half(256, 512), half(256, 512)), {"block_sizes": [2, 512]}),
    "add_broadcast": Source(add, (half(5, 1, 33), half(17, 33)), {"block_sizes": [1, 4, 64]}),
    "add_broadcast_dynamic": Source(
        add, (half(5, 1, 33), half(17, 33)), {"block_sizes": [1, 4, 64]}, dynamic=True
    ),
    "add_dependent": Source(
        add,
        (half(256, 512), half(256, 512)),
        {"block_sizes": [2, 512]},
        settings={"programmatic_dependent_launch": True},
    ),
    "gated_fast": Source(
        gated,
        (torch.empty(64, 500), torch.empty(64, 500)),
        {"block_sizes": [1, 512]},
        settings={"fast_math": True},
    ),
    "divergence": Source(divergence, BRAINS, {"block_sizes": [1, 512]}),
    "divergence_amd": Source(divergence, BRAINS, {"block_sizes": [1, 512]}, target="gfx942"),
    "softmax_whole_exact": Source(softmax, (half(64, 1024),), {"block_sizes": [4]}),
    "softmax_whole_masked": Source(softmax, (half(63, 1000),), {"block_sizes": [4]}),
    "scan_guarded": Source(recurrence, (half(63, 100), half(63, 100), 2.5), {"block_sizes": [4]}),
    "softmax_rolled": Source(
        softmax, (half(64, 1000),), {"block_sizes": [1], "reduction_loops": [256]}
    ),
    "softmax_renewed": Source(
        softmax,
        (half(64, 40000),),
        {"block_sizes": [1], "reduction_loops": [65536], "num_warps": 32},
    ),
    "softmax_rolled_dynamic": Source(
        softmax, (half(64, 1000),), {"block_sizes": [1], "reduction_loops": [256]}, dynamic=True
    ),
}


if __name__ == "__main__":
    json.dump({name: SOURCES[name].text() for name in sys.argv[1:]}, sys.stdout)
