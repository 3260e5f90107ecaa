"""An op as an operator of torch's: what tracers, fake tensors and autograd see in place of its launches.

In: a dispatcher and a namespace. Out: ``torch.ops.<namespace>.<op>``, which takes the op's arguments and returns the
tensors that a call makes; and a function that calls it and returns what the op does.

What fake tensors give comes from the plan of the variant that would serve them, without a device. An operator of
torch's must not return what it was given: arguments that the op returns are taken from the call, and a result that
shares memory with an argument or with another result is copied. An op that reads numbers from tensors on the host has
no plan ahead of a call, and cannot be an operator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.compiler import is_dynamo_compiling

from helion_runtime.entries import CallStep, ReadStep, TensorSignature, ViewStep, numbers_taken
from helion_runtime.errors import RegistrationError
from helion_runtime.execution import imagine
from helion_runtime.expressions import evaluate, item_uses
from helion_runtime.host_operators import find_operator
from helion_runtime.plan import ArgumentMetadata, serves
from helion_runtime.record import Record
from helion_runtime.signature import mismatches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from helion_runtime.entries import VariantEntry

_TYPES = {"int": "int", "float": "float", "bool": "bool", "str": "str"}
count_modes: Callable[[], int] = vars(torch._C)["_len_torch_dispatch_stack"]
"""How many dispatch modes are switched on in this thread: torch has no other way to ask."""

_TAGS = (torch.Tag.pt2_compliant_tag, torch.Tag.needs_exact_strides)


class TorchOp(Record, eq=False):
    """A registered op. ``library`` keeps it registered."""

    operator: Any
    call: Callable[..., Any]
    library: torch.library.Library
    gradients: set[str]

    def record_gradients(
        self, backward: Callable[..., Any], setup_context: Callable[..., Any] | None
    ) -> None:
        """See :func:`torch.library.register_autograd`."""
        name = self.operator._schema.name
        torch.library.register_autograd(
            name, backward, setup_context=setup_context, lib=self.library
        )
        self.gradients.add(name)

    def around(self, direct: Callable[..., Any]) -> Callable[..., Any]:
        """``direct``, but for calls that someone traces or records."""
        call = self.call

        def traced_or_direct(*args: Any) -> Any:
            if is_dynamo_compiling() or count_modes():
                return call(*args)
            return direct(*args)

        def recorded_or_direct(*args: Any) -> Any:
            if is_dynamo_compiling() or count_modes() or _is_recorded(args):
                return call(*args)
            return direct(*args)

        return recorded_or_direct if self.gradients else traced_or_direct


def _is_recorded(args: Sequence[Any]) -> bool:
    return torch.is_grad_enabled() and any(
        isinstance(value, torch.Tensor) and value.requires_grad for value in args
    )


def register(
    namespace: str,
    name: str,
    arguments: Sequence[str],
    variants: Sequence[VariantEntry],
    run: Callable[..., Any],
) -> TorchOp:
    """Register ``torch.ops.<namespace>.<name>``, which is carried out by ``run``.

    Raises:
        RegistrationError: the op's variants do not make one operator of torch's, or there is one of that name.
    """
    where = f"op {name!r}"
    if not variants:
        raise RegistrationError(f"{where}: it has no variant to tell what it takes and returns")
    results = _Results(variants, where)
    schema = f"{name}({_parameters(arguments, variants, where)}) -> {results.schema}"
    library = torch.library.Library(namespace, "FRAGMENT")  # type: ignore[no-untyped-call]  # torch leaves it unannotated
    qualified = f"{namespace}::{name}"
    try:
        library.define(schema, tags=_TAGS)  # type: ignore[no-untyped-call]  # as above
    except RuntimeError as error:
        raise RegistrationError(f"{where}: torch refuses {namespace}::{schema}: {error}") from error

    def imagined(*args: Any) -> Any:
        variant = _variant_for(name, arguments, variants, args)
        device = next(value.device for value in args if isinstance(value, torch.Tensor))
        return results.taken(imagine(variant, _metadata(args), device))

    def carried_out(*args: Any) -> Any:
        return results.taken(run(*args))

    library.impl(name, carried_out, "CompositeExplicitAutograd")  # type: ignore[no-untyped-call]  # as above
    torch.library.register_fake(qualified, imagined, lib=library)
    operator = getattr(getattr(torch.ops, namespace), name).default

    def call(*args: Any) -> Any:
        return results.given(operator(*args), args)

    return TorchOp(operator, call, library, set())


def _metadata(args: Sequence[Any]) -> ArgumentMetadata:
    def count_multiprocessors() -> int:
        raise AttributeError("there is no device")

    return ArgumentMetadata(args, count_multiprocessors)


def _variant_for(
    name: str, arguments: Sequence[str], variants: Sequence[VariantEntry], args: Sequence[Any]
) -> VariantEntry:
    """The first variant whose signature and guard take ``args``."""
    for variant in variants:
        if not mismatches(variant, arguments, args) and serves(variant, _metadata(args)):
            return variant
    shapes = [list(arg.shape) if isinstance(arg, torch.Tensor) else arg for arg in args]
    raise RegistrationError(f"op {name!r}: no variant takes tensors and numbers like {shapes}")


def _parameters(arguments: Sequence[str], variants: Sequence[VariantEntry], where: str) -> str:
    """The parameters of the schema; what a variant writes into is marked, or everything where it does not say."""
    written: set[int] = set()
    for variant in variants:
        everything = range(len(arguments))
        written.update(everything if variant.mutates is None else variant.mutates)
    texts = []
    for position, name in enumerate(arguments):
        items = [variant.signature[position] for variant in variants]
        kinds = {"Tensor" if isinstance(i, TensorSignature) else i.kind for i in items}
        optional = "?" if "none" in kinds else ""
        kinds.discard("none")
        if len(kinds) > 1:
            raise RegistrationError(
                f"{where}: argument {name!r} may be {' or '.join(sorted(kinds))}"
            )
        kind = kinds.pop() if kinds else "Tensor"
        mark = f"(a{position}!)" if kind == "Tensor" and position in written else ""
        texts.append(f"{_TYPES.get(kind, kind)}{mark}{optional} {name}")
    return ", ".join(texts)


class _Results:
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
        self._shared = [_shared(variant, n_arguments) for variant in variants]
        count = sum(1 for _ in _leaves(self._form))
        self._single = count == 1
        self.schema = "Tensor" if count == 1 else f"({', '.join(['Tensor'] * count)})"
        self._copied = sorted(set().union(*self._shared))

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
        return evaluate(form[1], _metadata(args))
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
    roots = _roots(variant, n_arguments)
    seen: set[int | None] = set(range(n_arguments))
    shared = set()
    for position, buffer in enumerate(_result_buffers(variant.outputs, n_arguments)):
        root = roots[buffer]
        if root is None or root in seen:
            shared.add(position)
        seen.add(root)
    return frozenset(shared)


def _roots(variant: VariantEntry, n_arguments: int) -> dict[int, int | None]:
    """For each buffer the one whose memory it lies in; None where that is not known."""
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
