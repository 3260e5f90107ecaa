"""What of an op's results comes out of an operator of torch's, and what is put around it.

In: the variants of an op, which all return things of one form. Out: the tensors that the operator gives, and the way
back to what the op returns.

An operator of torch's must not return what it was given: arguments that the op returns are taken from the call, and a
result that shares memory with an argument or with another result is copied. An op that reads numbers from tensors on
the host has no plan ahead of a call, and cannot be an operator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion_runtime.entries import CallStep, ReadStep, ViewStep, numbers_taken
from helion_runtime.errors import RegistrationError
from helion_runtime.expressions import evaluate, item_uses
from helion_runtime.host_operators import find_operator
from helion_runtime.plan import ArgumentMetadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch

    from helion_runtime.entries import VariantEntry


def metadata_without_device(args: Sequence[Any]) -> ArgumentMetadata:
    """The metadata of a call that may be fake: no device is asked anything."""

    def count_multiprocessors() -> int:
        raise AttributeError("there is no device")

    return ArgumentMetadata(args, count_multiprocessors)


class OperatorResults:
    """What of an op's output tree comes out of the operator, and what is put around it."""

    def __init__(self, variants: Sequence[VariantEntry], where: str) -> None:
        n_arguments = len(variants[0].signature)
        forms = {repr(_form(variant.outputs, n_arguments)) for variant in variants}
        if len(forms) > 1:
            raise RegistrationError(f"{where}: its variants return things of {len(forms)} forms")
        for variant in variants:
            if any(isinstance(step, ReadStep) for step in variant.steps):
                raise RegistrationError(
                    f"{where}: it reads numbers from tensors on the host, which no tracer knows; trace around it"
                )
        self._form = _form(variants[0].outputs, n_arguments)
        count = sum(1 for _ in _leaves(self._form))
        self._single = count == 1
        self.schema = "Tensor" if count == 1 else f"({', '.join(['Tensor'] * count)})"
        self._copied = sorted(set().union(*(_shared(variant, n_arguments) for variant in variants)))

    @property
    def form(self) -> str:
        """What two operators must share to be one: the structure around their tensors, and which are copied."""
        return repr((self._form, self._copied))

    def taken(self, returned: Any) -> Any:
        """The operator's tensors of what the op returned."""
        tensors = list(_tensors(self._form, returned))
        for position in self._copied:
            tensors[position] = tensors[position].clone()
        if not tensors:
            return None
        return tensors[0] if self._single else tuple(tensors)

    def given(self, tensors: Any, args: Sequence[Any]) -> Any:
        """What the op returns, of the operator's tensors and the call's arguments."""
        rest = [tensors] if self._single else list(tensors or ())
        return _built(self._form, rest, args)


def _form(tree: Any, n_arguments: int) -> tuple[Any, ...]:
    """An output tree of ``("result",)``, ``("argument", n)``, ``("value", expression)``, ``("none",)``, ``("tuple",
    forms)``, ``("list", forms)``, ``("object", (make, forms))`` and ``("dict", pairs)``."""
    match tree:
        case ["buffer", int() as number]:
            return ("argument", number) if number < n_arguments else ("result",)
        case ["value", expression]:
            if item_uses(expression):
                raise RegistrationError(
                    "a number read from a tensor is returned; trace around the op"
                )
            return ("value", expression)
        case ["dict", pairs]:
            return ("dict", tuple((name, _form(item, n_arguments)) for name, item in pairs))
        case ["object", make, trees]:
            return ("object", (make, tuple(_form(item, n_arguments) for item in trees)))
        case ["tuple" | "list" as kind, trees]:
            return (kind, tuple(_form(item, n_arguments) for item in trees))
        case _:
            return ("none",)


def _parts(form: tuple[Any, ...]) -> tuple[tuple[Any, ...], ...]:
    """The forms inside a form."""
    match form:
        case ("dict", pairs):
            return tuple(part for _, part in pairs)
        case ("object", (_, parts)) | ("tuple" | "list", parts):
            return tuple(parts)
        case _:
            return ()


def _leaves(form: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if form[0] == "result":
        yield form
    for part in _parts(form):
        yield from _leaves(part)


def _tensors(form: tuple[Any, ...], returned: Any) -> Iterator[torch.Tensor]:
    """The tensors of what an op returned that stand where the form has results."""
    if form[0] == "result":
        yield returned
        return
    values = returned.values() if form[0] == "dict" else returned
    for part, value in zip(_parts(form), values if _parts(form) else (), strict=True):
        yield from _tensors(part, value)


def _built(form: tuple[Any, ...], rest: list[Any], args: Sequence[Any]) -> Any:
    """The structure of a form, with results taken from the front of ``rest``."""
    kind = form[0]
    if kind == "result":
        return rest.pop(0)
    if kind == "argument":
        return args[form[1]]
    if kind == "value":
        return evaluate(form[1], metadata_without_device(args))
    if kind == "none":
        return None
    if kind == "dict":
        return {name: _built(part, rest, args) for name, part in form[1]}
    parts = [_built(part, rest, args) for part in _parts(form)]
    if kind == "object":
        return form[1][0](parts)
    return tuple(parts) if kind == "tuple" else parts


def _shared(variant: VariantEntry, n_arguments: int) -> frozenset[int]:
    """The results, by position, that share memory with an argument or with a result before them."""
    roots = memory_roots(variant)
    seen: set[int | None] = set(range(n_arguments))
    shared = set()
    for position, buffer in enumerate(_result_buffers(variant.outputs, n_arguments)):
        root = roots[buffer]
        if root is None or root in seen:
            shared.add(position)
        seen.add(root)
    return frozenset(shared)


def memory_roots(variant: VariantEntry) -> dict[int, int | None]:
    """For each buffer the one whose memory it lies in; None where that is not known."""
    n_arguments = len(variant.signature)
    roots: dict[int, int | None] = {number: number for number in range(n_arguments)}
    number = n_arguments
    for step in variant.steps:
        taken = range(number, number + numbers_taken(step))
        if isinstance(step, ViewStep):
            roots[number] = roots[step.buffer]
        elif isinstance(step, CallStep):
            may_alias = any(
                r.alias_info is not None for r in find_operator(step.operator)._schema.returns
            )
            roots.update({each: None if may_alias else each for each in taken})
        else:
            roots[number] = number
        number = taken.stop
    return roots


def _result_buffers(tree: Any, n_arguments: int) -> Iterator[int]:
    match tree:
        case ["buffer", int() as number]:
            if number >= n_arguments:
                yield number
        case ["dict", pairs]:
            for _, item in pairs:
                yield from _result_buffers(item, n_arguments)
        case ["object", _, trees] | ["tuple" | "list", trees]:
            for item in trees:
                yield from _result_buffers(item, n_arguments)
