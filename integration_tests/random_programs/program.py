"""One random program, from its number: source, arguments, and how exact its results have to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import torch

from . import arithmetic, earlier, functions, online, rows, shapes
from .draft import Draft, Index, Output
from .expressions import value
from .statements import block, some_dims
from .stores import store
from .values import Dim, RejectedError

if TYPE_CHECKING:
    from .tensors import TensorSpec

NEVER_FLIPPED = (torch.float8_e4m3fn, torch.float8_e5m2)
"""What torch itself cannot flip on CPUs."""
FAMILIES = (arithmetic, earlier, functions, online, rows, shapes)
"""The modules that register families of expressions, and statements."""


@attrs.frozen
class RandomProgram:
    """A kernel as text, and a call of it."""

    number: int
    source: str
    tensors: tuple[TensorSpec, ...]
    numbers: tuple[tuple[str, int | float], ...]
    outputs: tuple[Output, ...]
    static_shapes: bool

    def arguments(self, device: str) -> tuple[Any, ...]:
        """The call's arguments, the same numbers each time."""
        generator = torch.Generator().manual_seed(self.number)
        tensors = [spec.make(generator, device) for spec in self.tensors]
        return (*tensors, *(number for _, number in self.numbers))


def write(number: int) -> RandomProgram:
    """Program ``number``."""
    draft = Draft(number)
    static = draft.draws.chance(0.7)
    draft.tensor((2,), torch.float32, draft.content(torch.float32), plain=True)
    grids = draft.draws.pick((1, 1, 1, 1, 1, 1, 2, 2, 3))
    for grid in range(grids):
        if grid and draft.draws.chance(0.5):
            draft.line("hl.barrier()")
            draft.readable = [output for output in draft.outputs if output.readable]
        _grid(draft)
    _change_arguments(draft)
    returned = [_returned(draft, output) for output in draft.outputs]
    return RandomProgram(
        number=number,
        source=_source(draft, returned),
        tensors=tuple(draft.tensors),
        numbers=tuple(draft.numbers),
        outputs=tuple(draft.outputs),
        static_shapes=static,
    )


def _grid(draft: Draft) -> None:
    """An outermost loop."""
    draft.effort = 14
    style = draft.draws.integer(0, 4)
    axes: list[Dim | Index] = []
    if style == 0:
        count = draft.draws.pick((1, 1, 2))
        sizes = [draft.draws.integer(1, 4) for _ in range(count)]
        axes = [Index(draft.fresh("i"), size) for size in sizes]
        names = ", ".join(axis.text for axis in axes if isinstance(axis, Index))
        shape = str(sizes[0]) if count == 1 else str(sizes)
        draft.line(f"for {names} in hl.grid({shape}):")
    else:
        count = draft.draws.pick((1, 1, 2, 2, 3))
        pool = (0, 1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 17, 31, 33)[
            0 if draft.draws.chance(0.15) else 1 :
        ]
        sizes = [draft.draws.pick(pool if count < 3 else pool[:8]) for _ in range(count)]
        begin = draft.draws.integer(1, 3) if count == 1 and draft.draws.chance(0.15) else 0
        axes = [Dim(draft.fresh("t"), size, tile=True, begin=begin) for size in sizes]
        names = ", ".join(axis.name for axis in axes if isinstance(axis, Dim))
        ends = [draft.sized(size + begin) for size in sizes]
        shape = (
            f"{begin}, {ends[0]}" if begin else ends[0] if count == 1 else f"[{', '.join(ends)}]"
        )
        fixed = _blocks(draft, count) if draft.draws.chance(0.12) else ""
        draft.line(f"for {names} in hl.tile({shape}{fixed}):")
    with draft.indented():
        draft.owners = list(axes)
        draft.scope.tiles = [axis for axis in axes if isinstance(axis, Dim)]
        draft.scope.indices = [axis for axis in axes if isinstance(axis, Index)]
        outputs = len(draft.outputs)
        block(draft, draft.draws.integer(1, 4))
        if len(draft.outputs) == outputs:
            try:
                store(draft, draft.named(value(draft, some_dims(draft))))
            except RejectedError:
                tiles = tuple(draft.scope.tiles)
                store(draft, draft.named(value(draft, tiles, depth=0)))


def _blocks(draft: Draft, count: int) -> str:
    """Block sizes that the author chooses, or leaves to the config but shares."""
    if count == 1:
        return f", block_size={draft.draws.pick((1, 2, 4, 16))}"
    if draft.draws.chance(0.5):
        name = draft.fresh("b")
        draft.prelude.append(f"{name} = hl.register_block_size({draft.draws.pick((4, 8, 16))})")
        return f", block_size=[{', '.join([name] * count)}]"
    sizes = [draft.draws.pick(("None", "1", "2", "8")) for _ in range(count)]
    return f", block_size=[{', '.join(sizes)}]"


def _change_arguments(draft: Draft) -> None:
    """Host code before the loops: some arguments become other tensors of their shape."""
    for spec in draft.tensors:
        if spec.content.kind == "random" and spec.shape and draft.draws.chance(0.06):
            changed = draft.draws.pick(("torch.flip({0}, [0])", "{0}.clone()", "{0}.contiguous()"))
            if "flip" in changed and spec.dtype in NEVER_FLIPPED:
                continue
            draft.prelude.append(f"{spec.name} = {changed.format(spec.name)}")


def _returned(draft: Draft, output: Output) -> str:
    """A result as the kernel returns it: now and then after more host code."""
    if not draft.draws.chance(0.12):
        return output.name
    return draft.draws.pick(("{0}[..., None]", "{0}.clone()", "{0}.unsqueeze(0)")).format(
        output.name
    )


def _source(draft: Draft, results: list[str]) -> str:
    parameters = [spec.name for spec in draft.tensors] + [name for name, _ in draft.numbers]
    returned = ", ".join(results)
    lines = ["import torch", "import helion.language as hl", "", ""]
    for function in draft.functions:
        lines += [*function.splitlines(), "", ""]
    lines.append(f"def kernel({', '.join(parameters)}):")
    lines += [f"    {line}" for line in draft.prelude]
    lines += draft.body
    lines.append(f"    return ({returned},)")
    return "\n".join(lines) + "\n"
