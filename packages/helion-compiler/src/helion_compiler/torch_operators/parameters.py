"""The parameters of a kernel's operator: from a kernel's call to the operator's, and back.

In: a call, split, and what its Program says of the leaves. Out: the parameters as text of a schema, and the two ways.

A parameter of the kernel is one of the operator where torch has a type for it: a tensor, a number, a text, None, a
dtype, a device, and a list or tuple of tensors or of numbers. The leaves of other containers, and tensors that the
kernel captures, are parameters of their own. What is left (functions, enumerations, the form of containers) is
``fixed``: another value makes another operator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion_compiler.tracing.arguments import Constant, Function, Items, Leaf
from helion_runtime.errors import RegistrationError
from helion_runtime.torch_op import schema_type

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from helion_compiler.tracing.arguments import Call
    from helion_runtime.entries import VariantEntry

_CONSTANT_TYPES: dict[type, str] = {
    torch.dtype: "ScalarType",
    torch.device: "Device",
    bool: "bool",
    int: "int",
    float: "float",
    str: "str",
    type(None): "Tensor?",
}


@attrs.frozen
class OperatorParameters:
    """The parameters of one operator: first ``whole`` parameters of the kernel, by position, then ``parts``, leaves
    by number, of which those in ``captured`` are no arguments of the kernel."""

    schema: str
    whole: tuple[int, ...]
    parts: tuple[int, ...]
    captured: frozenset[int]
    fixed: Hashable
    example: Call = attrs.field(eq=False)
    plain: bool = False
    """Whether the operator's arguments are the kernel's, without change."""

    def pack(self, args: Sequence[Any], leaves: Sequence[Any]) -> tuple[Any, ...]:
        """The operator's arguments for a call of the kernel, given also as its leaves."""
        whole = (args[position] for position in self.whole)
        return (*whole, *(leaves[number] for number in self.parts))

    def unpack(self, values: Sequence[Any]) -> tuple[tuple[Any, ...], dict[int, Any]]:
        """The kernel's arguments for a call of the operator, and captured tensors by the number of their leaf."""
        if self.plain:
            return tuple(values), {}
        whole = dict(zip(self.whole, values, strict=False))
        parts = dict(zip(self.parts, values[len(whole) :], strict=True))
        leaves = [parts.get(number) for number in range(len(self.example.leaves))]
        joined, _, _ = self.example.join(leaves)
        args = [
            _as_passed(template, whole[position]) if position in whole else joined[position]
            for position, template in enumerate(self.example.templates)
        ]
        return tuple(args), {number: parts[number] for number in self.captured}


def operator_parameters(call: Call, variant: VariantEntry) -> OperatorParameters:
    """The parameters of an operator for calls like ``call``, which ``variant`` describes.

    Raises:
        RegistrationError: torch has no list for what a container holds.
    """
    written = frozenset(variant.mutates or ())
    texts: list[str] = []
    whole: list[int] = []
    parts: list[int] = []
    fixed: list[Hashable] = []
    for position, (name, template) in enumerate(zip(call.parameters, call.templates, strict=True)):
        type_ = _whole_type(template, position, variant, written)
        if type_ is not None:
            whole.append(position)
            texts.append(f"{type_} {name}")
        else:
            parts += _numbers(template)
            fixed.append((position, template))
    arguments = {n for template in call.templates for n in _numbers(template)}
    captured = [number for number in range(len(call.leaves)) if number not in arguments]
    for number in (*parts, *captured):
        where = f"operator of {call.kernel.original.__name__!r}: {call.names[number]}"
        mark = f"(p{number}!)" if number in written else ""
        texts.append(
            f"{schema_type([variant.signature[number]], mark, where)} {call.names[number]}"
        )
    return OperatorParameters(
        schema=", ".join(texts),
        whole=tuple(whole),
        parts=(*parts, *captured),
        captured=frozenset(captured),
        fixed=tuple(fixed),
        example=call,
        plain=not fixed
        and not captured
        and not any(isinstance(template, Items) for template in call.templates),
    )


def _whole_type(
    template: Any, position: int, variant: VariantEntry, written: frozenset[int]
) -> str | None:
    """The type of a parameter in a schema; None where torch has none for it."""
    match template:
        case Leaf():
            mark = f"(a{position}!)" if template.number in written else ""
            return schema_type([variant.signature[template.number]], mark, f"argument {position}")
        case Constant():
            return _CONSTANT_TYPES.get(template.type)
        case Items(type=kind, labels=None) if kind in (list, tuple):
            numbers = [item.number for item in template.items if isinstance(item, Leaf)]
            mark = f"(a{position}!)" if written.intersection(numbers) else ""
            signatures = [variant.signature[number] for number in numbers]
            if len(numbers) != len(template.items) or not numbers:
                return None
            try:
                element = schema_type(signatures, mark, f"argument {position}")
            except RegistrationError:  # of several kinds: parameters of their own
                return None
            return None if element.endswith("?") else f"{element}[]"
    return None


def _numbers(template: Any) -> Iterator[int]:
    """The leaves of a template."""
    match template:
        case Leaf():
            yield template.number
        case Items():
            for item in template.items:
                yield from _numbers(item)
        case Function():
            named = (*template.closure, *template.globals, *template.keywords)
            for part in (*template.defaults, *(part for _, part in named)):
                yield from _numbers(part)


def _as_passed(template: Any, value: Any) -> Any:
    """An operator's argument as the kernel was given it: torch makes lists of tuples."""
    return tuple(value) if isinstance(template, Items) and template.type is tuple else value
