"""The lowest version of the bundle format that can say what ops say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion_runtime.entries import CallStep, PointerArgument, ReadStep, ScalarArgument
from helion_runtime.expressions import SINCE_1_1, nodes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from helion_runtime.entries import OpEntry, VariantEntry


def needed_version(ops: Iterable[OpEntry]) -> tuple[int, int]:
    """The lowest format version for checked ``ops``."""
    variants = [variant for op in ops for variant in op.variants]
    if any(variant.mutates is not None for variant in variants):
        return (1, 2)
    return (1, 1) if any(map(_is_newer, variants)) else (1, 0)


def _is_newer(variant: VariantEntry) -> bool:
    """Whether a variant has a step, an output or an operator that 1.0 does not know."""
    if any(isinstance(step, (CallStep, ReadStep)) for step in variant.steps):
        return True
    if "dict" in _output_kinds(variant.outputs):
        return True
    return any(
        node[0] in SINCE_1_1 for expression in _expressions(variant) for node in nodes(expression)
    )


def _output_kinds(tree: Any) -> Iterator[str]:
    kind = tree[0]
    yield kind
    if kind in ("tuple", "list"):
        for item in tree[1]:
            yield from _output_kinds(item)


def _output_values(tree: Any) -> Iterator[object]:
    kind = tree[0]
    if kind == "value":
        yield tree[1]
    elif kind in ("tuple", "list"):
        for item in tree[1]:
            yield from _output_values(item)


def _expressions(variant: VariantEntry) -> Iterator[object]:
    yield from variant.guard
    for step in variant.steps:
        assert not isinstance(step, (CallStep, ReadStep)), "asked before"
        yield from (*step.sizes, *step.strides, getattr(step, "offset", 0))
    for launch in variant.launches:
        yield from launch.grid
        for argument in launch.arguments:
            match argument:
                case ScalarArgument():
                    yield argument.value
                case PointerArgument():
                    yield argument.offset
                case _:
                    yield from (*argument.shape, *argument.strides, argument.offset)
    yield from _output_values(variant.outputs)
