#!/usr/bin/env python3
"""Writes ``docs/config.md`` from the table of config keys and from what the compiler makes of small kernels:
``python tools/config_docs.py``. A test compares the file with what this program would write.
"""

from __future__ import annotations

import difflib
import textwrap
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import attrs
import torch

import helion
import helion.language as hl
from helion.config_keys import CONFIG_KEYS, ConfigKey, Shape
from helion_compiler.building import parse_target
from helion_compiler.bundling import BuildRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

TARGET = Path(__file__).resolve().parent.parent / "docs" / "config.md"

HEAD = """<!-- Written by tools/config_docs.py from helion.config_keys and from generated code; change those. -->

# Config keys

A `helion.Config` holds what may differ between two equally right ways to run a kernel. It is immutable, compared by
value, and kept in JSON (`to_json`, `from_json`, `save`, `load`).

* **Which keys a kernel has** depends on the kernel, on its arguments and on the GPU: a key is there only where it can
  change the generated code or the launch. `helion space KERNEL --args ...` lists what is in, what is out and why; so
  does `kernel.bind(args).config_spec`.
* **Lists** have an entry for each loop, dimension or access, in source order: by position, or by name as a mapping, as
  in `{"block_sizes": {"tile_m": 64, "tile_n": 128}}`. A list may leave out the entries that the kernel cannot change.
  The singular stands for a list of one: `block_size=64`.
* **What does not fit is refused** with `InvalidConfig`, which says why. What asks for nothing (`0`, `""`, `None`,
  `False`, `"pointer"`) fits everywhere, and a key that other keys of the config make meaningless is left aside.
* **Configs of PyTorch's Helion** mean the same here, by position. Refused are `indexing="block_ptr"`,
  `range_warp_specializes` of other loops than those below, and keys of other backends.

The examples show what a key adds to a kernel: lines of the generated Triton, options of `triton.compile`, or the
programs of the launch.
"""


@helion.kernel()
def matmul(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """A product, tile by tile."""
    m, k = x.size()
    n = y.size(1)
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        out[tile_m, tile_n] = acc
    return out


@helion.kernel()
def add(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The sum of two tensors, element by element."""
    out = torch.empty_like(x)
    for rows, columns in hl.tile(x.size()):
        out[rows, columns] = x[rows, columns] + y[rows, columns]
    return out


@helion.kernel()
def row_sums(x: torch.Tensor) -> torch.Tensor:
    """The sum of each row."""
    out = torch.empty([x.size(0)], dtype=x.dtype, device=x.device)
    for rows in hl.tile(x.size(0)):
        out[rows] = x[rows, :].sum(-1)
    return out


@helion.kernel()
def weighed(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """Products of rows, squared, as weights of the rows of another tensor."""
    size = hl.specialize(x.size(1))
    out = torch.empty_like(x)
    for rows in hl.tile(x.size(0)):
        acc = hl.zeros([rows, size], dtype=torch.float32)
        own = x[rows, :]
        for columns in hl.tile(y.size(0)):
            products = hl.dot(own, y[columns, :].T)
            acc = hl.dot((products * products).to(z.dtype), z[columns, :], acc=acc)
        out[rows, :] = acc.to(out.dtype)
    return out


@helion.kernel()
def scaled(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """A product with weights of one byte."""
    m, k = x.size()
    n = y.size(1)
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = hl.dot(x[tile_m, tile_k], y[tile_k, tile_n].to(x.dtype), acc=acc)
        out[tile_m, tile_n] = acc
    return out


@helion.kernel()
def accumulate(out: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Add planes to one plane, each program some."""
    for planes, rows, columns in hl.tile(x.size()):
        hl.atomic_add(out, [rows, columns], x[planes, rows, columns].sum(0))
    return out


def _float(*shape: int) -> torch.Tensor:
    return torch.empty(shape, dtype=torch.float32)


@attrs.frozen
class Example:
    """A kernel, arguments, and the config that ``change`` is added to."""

    kernel: Any
    arguments: tuple[torch.Tensor, ...]
    change: Mapping[str, Any]
    base: Mapping[str, Any]
    target: str = "sm_90"
    lines: str = ""
    """A part of the lines that are shown, where a change makes another kernel; else all of them are."""

    def shown(self) -> Iterator[str]:
        """What the change adds to the source, or to the launch."""
        request = BuildRequest(self.kernel, self.arguments)  # type: ignore[arg-type]  # of a converter, mypy takes no type
        bound = request.bind(parse_target(self.target))
        before, after = (
            bound.lower(helion.Config(**config))
            for config in (self.base, {**self.base, **self.change})
        )
        added = _added(before.emitted.source, after.emitted.source)
        if self.lines:
            kept = [line for line in added.splitlines() if self.lines in line]
            added = "\n".join(line.strip() for line in kept)
        if added:
            yield f"```python\n{added}\n```"
            return
        options = [one.schedule.compile_options for one in (before, after)]
        news = {name: value for name, value in options[1].items() if options[0].get(name) != value}
        if news:
            yield f"`triton.compile(..., options={news!r})`"
        if after.schedule.sm_multiplier != before.schedule.sm_multiplier:
            yield f"a launch of {after.schedule.sm_multiplier} programs for each multiprocessor, or one for each tile"


def _added(before: str, after: str) -> str:
    """The lines that a source has and another has not, however far they are indented."""
    old, new = before.splitlines(), after.splitlines()
    bare_old, bare_new = ([line.strip() for line in lines] for lines in (old, new))
    matcher = difflib.SequenceMatcher(None, bare_old, bare_new, autojunk=False)
    changes = [(low, high) for kind, _, _, low, high in matcher.get_opcodes() if kind != "equal"]
    return textwrap.dedent(
        "\n".join(line for low, high in changes for line in new[low:high])
    ).strip()


PRODUCT: Mapping[str, Any] = MappingProxyType({"block_sizes": [64, 64, 32]})
PERSISTENT = MappingProxyType({**PRODUCT, "pid_type": "persistent_interleaved"})


def _matmul(base: Mapping[str, Any] = PRODUCT, target: str = "sm_90", **change: Any) -> Example:
    return Example(matmul, (_float(256, 128), _float(128, 256)), change, base, target)


EXAMPLES: Mapping[str, Example] = MappingProxyType(
    {
        "block_sizes": _matmul({"block_sizes": [64, 64, 32]}, block_sizes=[128, 64, 32]),
        "loop_orders": _matmul(loop_orders=[[1, 0]]),
        "flatten_loops": Example(
            add,
            (_float(100, 70), _float(100, 70)),
            {"flatten_loops": [True]},
            {"block_sizes": [8, 64]},
        ),
        "l2_groupings": _matmul(l2_groupings=[4]),
        "reduction_loops": Example(
            row_sums, (_float(64, 1000),), {"reduction_loops": [256]}, {"block_sizes": [4]}
        ),
        "range_unroll_factors": _matmul(range_unroll_factors=[0, 2]),
        "range_num_stages": _matmul(range_num_stages=[0, 3]),
        "range_multi_buffers": _matmul(range_multi_buffers=[None, False]),
        "range_flattens": _matmul(PERSISTENT, range_flattens=[True, None]),
        "range_warp_specializes": Example(
            weighed,
            tuple(torch.empty(512, 64, dtype=torch.bfloat16) for _ in range(3)),
            {"range_warp_specializes": [None, True]},
            {"block_sizes": [128, 64], "num_warps": 8},
            lines="warp",
        ),
        "static_ranges": _matmul(static_ranges=[True]),
        "swap_operands": Example(
            scaled,
            (
                torch.empty(256, 128, dtype=torch.bfloat16),
                torch.empty(128, 256, dtype=torch.int8),
            ),
            {"swap_operands": [True]},
            PRODUCT,
        ),
        "num_warps": _matmul(num_warps=8),
        "num_stages": _matmul(num_stages=4),
        "indexing": _matmul(indexing=["tensor_descriptor", "pointer", "pointer"]),
        "atomic_indexing": Example(
            accumulate,
            (_float(64, 64), _float(8, 64, 64)),
            {"atomic_indexing": "tensor_descriptor"},
            {"block_sizes": [2, 32, 32]},
        ),
        "pid_type": _matmul(pid_type="persistent_interleaved"),
        "num_sm_multiplier": _matmul(PERSISTENT, num_sm_multiplier=2),
        "maxnreg": _matmul(PERSISTENT, maxnreg=128),
        "load_eviction_policies": _matmul(load_eviction_policies=["first", ""]),
        "load_cache_modifiers": _matmul(load_cache_modifiers=["", ".cg"]),
        "store_cache_modifiers": _matmul(store_cache_modifiers=[".cs"]),
        "epilogue_subtile": _matmul(epilogue_subtile=2),
        "waves_per_eu": _matmul(target="gfx942", waves_per_eu=2),
        "matrix_instr_nonkdim": _matmul(target="gfx942", matrix_instr_nonkdim=16),
        "xcd_remap": _matmul(target="gfx942", xcd_remap=True),
    }
)
"""An example of each key that some kernel has."""


def document() -> str:
    """The whole file."""
    lines = [HEAD, "| key | default | effect |", "|---|---|---|"]
    lines += [f"| [`{k.name}`](#{k.name}) | {k.default} | {k.doc} |" for k in CONFIG_KEYS.values()]
    return "\n".join(
        [*lines, "", *(line for key in CONFIG_KEYS.values() for line in _section(key))]
    )


def _section(key: ConfigKey) -> Iterator[str]:
    yield f"## {key.name}\n"
    yield f"{key.doc}\n"
    yield f"- **Holds**: {key.entry.allowed}{_HOLDS[key.shape](key)}"
    yield f"- **Default**: {key.default}"
    yield f"- **Where**: {key.where}"
    if key.name in EXAMPLES:
        example = EXAMPLES[key.name]
        change = ", ".join(f"{name}={value!r}" for name, value in example.change.items())
        among = ", among other lines" if example.lines else ""
        yield f"\n`helion.Config(..., {change})` adds, in `{example.kernel.name}`{among}:\n"
        yield from example.shown()
    yield ""


_HOLDS: Mapping[Shape, Callable[[ConfigKey], str]] = MappingProxyType(
    {
        Shape.ONE: lambda _: "",
        Shape.PER_SITE: lambda key: f"; a list or a mapping of them, or `{key.alias}` for one",
        Shape.EITHER: lambda _: "; one for all, or a list or a mapping of them",
    }
)


if __name__ == "__main__":
    TARGET.write_text(document(), encoding="utf-8")
