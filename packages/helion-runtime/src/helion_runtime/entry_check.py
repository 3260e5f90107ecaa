"""Structural checks of entries: after these, evaluating and launching cannot meet a malformed
entry.

In: entries from anywhere. Out: nothing, or a :class:`SchemaError` that names the place.
"""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING, Any

from helion_runtime.abi import check_words, expand
from helion_runtime.architecture import parse_architecture
from helion_runtime.entries import (
    DescriptorArgument,
    PointerArgument,
    ScalarArgument,
    ScalarSignature,
    TensorSignature,
    launch_position,
)
from helion_runtime.errors import DuplicateNameError, SchemaError
from helion_runtime.expressions import MAX_DIMENSIONS, MAX_STRING, check
from helion_runtime.plan import torch_dtype
from helion_runtime.step_check import StepCheck, check_buffer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from helion_runtime.entries import (
        DescriptorLayout,
        KernelEntry,
        LaunchArgument,
        LaunchEntry,
        OpEntry,
        VariantEntry,
    )

MAX_ARGUMENTS = 255
_MAX_OUTPUT_DEPTH = 32
_MAX_RANK_OF_MAP = 5
_KINDS = {"int": int, "float": float, "bool": bool, "str": str, "none": type(None)}


def check_op(op: OpEntry, kernels: Mapping[str, KernelEntry]) -> None:
    """Check an op and its variants against the kernels they name."""
    check_names(op.name, op.arguments)
    if not op.variants:
        raise SchemaError(f"op {op.name!r}: expected at least one variant, found none")
    for number, variant in enumerate(op.variants):
        where = f"op {op.name!r}, variant {number}"
        check_variant(variant, len(op.arguments), kernels, where)
        _refuse_objects(variant.outputs, f"{where}: outputs")


def _refuse_objects(tree: Any, where: str) -> None:
    """What only a process knows how to make cannot be in a bundle."""
    match tree:
        case ["object", *_]:
            raise SchemaError(f"{where}: an object of Python's, which no bundle can hold")
        case ["dict", [*pairs]]:
            for _, item in pairs:
                _refuse_objects(item, where)
        case ["tuple" | "list", [*trees]]:
            for item in trees:
                _refuse_objects(item, where)


def check_names(op: str, arguments: Sequence[str]) -> None:
    """Check the name of an op and of its arguments: identifiers, no two the same."""
    for name in (op, *arguments):
        if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("__"):
            raise SchemaError(
                f"op {op!r:.80}: expected Python identifiers as names, found {name!r:.80}"
            )
    if len(arguments) > MAX_ARGUMENTS:
        raise SchemaError(
            f"op {op!r}: {len(arguments)} arguments, at most {MAX_ARGUMENTS} are supported"
        )
    if len(set(arguments)) != len(arguments):
        raise DuplicateNameError(f"op {op!r}: two arguments have one name: {list(arguments)}")


def check_kernel(kernel: KernelEntry) -> None:
    """Check what can be said of a kernel entry without its binary."""
    where = f"kernel {kernel.name!r:.80}"
    parse_architecture(kernel.arch, f"{where}: arch")
    check_words(kernel)
    for name, low, high in (
        ("num_warps", 1, 64),
        ("num_ctas", 1, 16),
        ("warp_size", 32, 64),
        ("shared", 0, 2**24),
        ("global_scratch_size", 0, 2**40),
        ("profile_scratch_size", 0, 2**40),
    ):
        _check_range(getattr(kernel, name), low, high, f"{where}: {name}")
    for name in ("global_scratch_align", "profile_scratch_align"):
        align = getattr(kernel, name)
        if align < 1 or align & (align - 1) or align > 2**20:
            raise SchemaError(
                f"{where}: {name}: expected a power of two up to 2**20, found {align}"
            )
    for number, layout in enumerate(kernel.descriptors):
        _check_layout(layout, f"{where}: descriptor {number}")


def check_variant(
    variant: VariantEntry, n_arguments: int, kernels: Mapping[str, KernelEntry], where: str
) -> None:
    """Check one variant of an op with ``n_arguments`` arguments."""
    if len(variant.signature) != n_arguments:
        raise SchemaError(
            f"{where}: the op has {n_arguments} argument(s), the signature {len(variant.signature)}"
        )
    for position, item in enumerate(variant.signature):
        _check_signature(item, f"{where}: signature {position}")
    tensors = {i for i, item in enumerate(variant.signature) if isinstance(item, TensorSignature)}
    for name, positions in (("aligned", variant.aligned), ("mutates", variant.mutates or ())):
        if not tensors.issuperset(positions):
            raise SchemaError(f"{where}: {name}: expected tensor arguments, found {[*positions]}")
    steps = StepCheck(n_arguments, tensors)
    launching = launch_position(variant.steps)
    for step in variant.steps[:launching]:
        steps.check(step, where, after=False)
    for number, launch in enumerate(variant.launches):
        _check_launch(launch, steps.buffers, kernels, f"{where}: launch {number}")
    for expression, place in _launch_expressions(variant, where):
        check(expression, n_arguments, place, steps.items)
    for step in variant.steps[launching:]:
        steps.check(step, where, after=True)
    for expression, place in _output_values(variant.outputs, steps.buffers, f"{where}: outputs"):
        check(expression, n_arguments, place, steps.items)
    for number, guard in enumerate(variant.guard):
        check(guard, n_arguments, f"{where}: guard {number}", steps.items)


def _check_signature(item: TensorSignature | ScalarSignature, where: str) -> None:
    if isinstance(item, TensorSignature):
        torch_dtype(item.dtype)
        _check_range(item.ndim, 0, MAX_DIMENSIONS, f"{where}: ndim")
    elif item.kind not in _KINDS:
        raise SchemaError(
            f"{where}: kind: expected one of {', '.join(_KINDS)}; found {item.kind!r}"
        )
    elif item.constant and type(item.value) is not _KINDS[item.kind]:
        raise SchemaError(f"{where}: value: expected {item.kind}, found {item.value!r:.80}")


def _check_launch(
    launch: LaunchEntry, buffers: set[int], kernels: Mapping[str, KernelEntry], where: str
) -> None:
    if launch.kernel not in kernels:
        raise SchemaError(f"{where}: there is no kernel {launch.kernel!r:.80}")
    for position, argument in enumerate(launch.arguments):
        if not isinstance(argument, ScalarArgument):
            check_buffer(argument.buffer, buffers, f"{where}: argument {position}")
        if isinstance(argument, DescriptorArgument):
            _check_descriptor(argument, kernels[launch.kernel], f"{where}: argument {position}")
    expand(kernels[launch.kernel], launch.arguments)


def _check_descriptor(argument: DescriptorArgument, kernel: KernelEntry, where: str) -> None:
    ranks = {len(argument.shape), len(argument.strides)}
    if 0 <= argument.layout < len(kernel.descriptors):
        ranks.add(len(kernel.descriptors[argument.layout].block_shape))
    if len(ranks) != 1:
        raise SchemaError(
            f"{where}: shape, strides and block of a descriptor have ranks {sorted(ranks)}"
        )
    if argument.strides[-1] != 1:
        raise SchemaError(
            f"{where}: the last stride of a descriptor is 1, found {argument.strides[-1]}"
        )


def _check_layout(layout: DescriptorLayout, where: str) -> None:
    _check_range(len(layout.block_shape), 1, _MAX_RANK_OF_MAP, f"{where}: rank of block_shape")
    for extent in layout.block_shape:
        _check_range(extent, 1, 2**16, f"{where}: block_shape")
    _check_range(layout.element_size, 1, 16, f"{where}: element_size")
    _check_range(layout.element_type, 0, 15, f"{where}: element_type")
    _check_range(layout.swizzle, 0, 6, f"{where}: swizzle")


def _check_range(value: int, low: int, high: int, where: str) -> None:
    if not low <= value <= high:
        raise SchemaError(f"{where}: expected {low} to {high}, found {value}")


def _launch_expressions(variant: VariantEntry, where: str) -> Iterator[tuple[object, str]]:
    """Every expression of a variant's launches, with its place."""
    for number, launch in enumerate(variant.launches):
        for extent in launch.grid:
            yield extent, f"{where}: launch {number}: grid"
        for position, argument in enumerate(launch.arguments):
            for operand in _argument_expressions(argument):
                yield operand, f"{where}: launch {number}: argument {position}"


def _argument_expressions(argument: LaunchArgument) -> tuple[object, ...]:
    if isinstance(argument, ScalarArgument):
        return (argument.value,)
    if isinstance(argument, PointerArgument):
        return (argument.offset,)
    return (*argument.shape, *argument.strides, argument.offset)


def _output_values(
    tree: object, buffers: set[int], where: str, depth: int = 0
) -> Iterator[tuple[object, str]]:
    """The expressions in an output tree, after checking its form."""
    if depth > _MAX_OUTPUT_DEPTH:
        raise SchemaError(f"{where}: nested deeper than {_MAX_OUTPUT_DEPTH}")
    match tree:
        case ["none"]:
            return
        case ["buffer", int() as number]:
            check_buffer(number, buffers, where)
        case ["value", expression]:
            yield expression, where
        case ["dict", [*pairs]]:
            for name, item in _named(pairs, where):
                yield from _output_values(item, buffers, f"{where}[{name!r}]", depth + 1)
        case ["object", make, [*trees]] if callable(make):
            for item in trees:
                yield from _output_values(item, buffers, where, depth + 1)
        case ["tuple" | "list", [*trees]]:
            for item in trees:
                yield from _output_values(item, buffers, where, depth + 1)
        case _:
            raise SchemaError(
                f'{where}: expected ["buffer", n], ["value", expression], ["tuple", trees], ["list", trees], '
                f'["dict", pairs] or ["none"], found {tree!r:.120}'
            )


def _named(pairs: Sequence[object], where: str) -> Iterator[tuple[str, object]]:
    """The entries of a dict, whose names are strings, no two the same."""
    seen: set[str] = set()
    for pair in pairs:
        match pair:
            case [str() as name, tree] if name not in seen and len(name) <= MAX_STRING:
                seen.add(name)
                yield name, tree
            case _:
                raise SchemaError(
                    f"{where}: expected [name, tree] with a name of its own, found {pair!r:.120}"
                )
