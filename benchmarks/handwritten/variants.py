"""Which kernels are tried, and how one is prepared: ``prepare`` gives a function that fills its output."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    import torch

LOG2_E = math.log2(math.e)


class Prepared(Protocol):
    """A kernel bound to its tensors."""

    def compile(self) -> None:
        """Compile it, and launch nothing."""

    def run(self) -> None:
        """Launch it."""


@dataclass(frozen=True)
class _Launch:
    kernel: Any
    grid: tuple[int, ...]
    args: tuple[Any, ...]
    options: dict[str, Any]

    def compile(self) -> None:
        self.kernel.warmup(*self.args, grid=self.grid, **self.options)

    def run(self) -> None:
        self.kernel[self.grid](*self.args, **self.options)


@dataclass(frozen=True)
class Gluon:
    """Two warp groups of 64 queries each, ``keys`` in a block, ``slots`` buffers of keys and as many of values.

    ``across``: turns go on across tiles. ``persistent``: a program for each multiprocessor, which goes through tiles,
    and not one for each tile. ``section``: causal tiles of so many heads at a time come longest first.
    """

    keys: int
    slots: int
    across: bool = False
    persistent: bool = True
    section: int = 8
    widths: tuple[int, ...] = (64, 128)
    lengths: ClassVar[tuple[int, ...]] = (128, 200, 384, 1152)
    """Those it is checked at."""

    @property
    def name(self) -> str:
        return (
            f"gluon 128x{self.keys} slots={self.slots} {'across tiles' if self.across else 'by tile'}"
            f"{'' if self.persistent else ', a program each'}"
        )

    def constants(self, *, causal: bool) -> dict[str, Any]:
        """The kernel's constants."""
        return {
            "SLOTS": self.slots,
            "SECTION": self.section,
            "CAUSAL": causal,
            "ACROSS": self.across,
        }

    def prepare(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, o: torch.Tensor, *, causal: bool
    ) -> Prepared:
        """Bound to contiguous tensors [heads, length, width] of bfloat16 on the GPU."""
        import torch
        from triton.experimental.gluon import language as gl
        from triton.experimental.gluon.nvidia.hopper import TensorDescriptor

        from benchmarks.handwritten.attention_gluon import attention_kernel
        from benchmarks.handwritten.gluon_parts import QUERIES, ROWS

        heads, length, width = q.shape
        layout = gl.NVMMASharedLayout(128, 16, 3)

        def descriptor(tensor: torch.Tensor, rows: int) -> TensorDescriptor:
            return TensorDescriptor.from_tensor(tensor, [1, rows, width], layout)

        tiles = heads * -(-length // QUERIES.value)
        processors = torch.cuda.get_device_properties(q.device).multi_processor_count
        args = (
            descriptor(q, ROWS.value), descriptor(k, self.keys), descriptor(v, self.keys), descriptor(o, ROWS.value),
            heads, length, tiles, LOG2_E / math.sqrt(width),
        )  # fmt: skip
        grid = (min(tiles, processors) if self.persistent else tiles,)
        options = {**self.constants(causal=causal), "num_warps": 4}
        return _Launch(attention_kernel, grid, args, options)


@dataclass(frozen=True)
class Triton:
    """Triton's loop of blocks of ``rows`` queries and ``keys``, with ``specialize`` its own warp specialization."""

    rows: int
    keys: int
    warps: int
    stages: int
    specialize: bool = True
    widths: tuple[int, ...] = (64, 128)
    lengths: ClassVar[tuple[int, ...]] = (128, 384, 1152)

    @property
    def name(self) -> str:
        return (
            f"triton {self.rows}x{self.keys} warps={self.warps} stages={self.stages}"
            f"{' specialized' if self.specialize else ''}"
        )

    def prepare(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, o: torch.Tensor, *, causal: bool
    ) -> Prepared:
        """Bound to contiguous tensors [heads, length, width] of bfloat16 on the GPU."""
        from triton.tools.tensor_descriptor import TensorDescriptor

        from benchmarks.handwritten.attention_triton import attention_kernel

        heads, length, width = q.shape

        def descriptor(tensor: torch.Tensor, rows: int) -> TensorDescriptor:
            return TensorDescriptor.from_tensor(tensor.view(-1, width), [rows, width])

        args = (
            descriptor(q, self.rows), descriptor(k, self.keys), descriptor(v, self.keys), descriptor(o, self.rows),
            length, LOG2_E / math.sqrt(width),
        )  # fmt: skip
        options = {
            "CAUSAL": causal, "SPECIALIZE": self.specialize, "BLOCK_M": self.rows, "BLOCK_N": self.keys,
            "WIDTH": width, "num_warps": self.warps, "num_stages": self.stages,
        }  # fmt: skip
        return _Launch(attention_kernel, (length // self.rows, heads), args, options)


Variant = Gluon | Triton

GLUON = (
    Gluon(128, 2),
    Gluon(128, 2, across=True),
    Gluon(128, 2, persistent=False),
    Gluon(64, 4),
    Gluon(64, 4, across=True),
    Gluon(128, 4, widths=(64,)),
    Gluon(128, 4, across=True, widths=(64,)),
)
TRITON = (
    Triton(128, 128, 8, 2, specialize=False),
    *(Triton(*sizes) for sizes in product((64, 128), (64, 128), (4, 8), (2, 3))),
)
_ALL: tuple[Variant, ...] = (*GLUON, *TRITON)
VARIANTS: dict[str, Variant] = {variant.name: variant for variant in _ALL}
