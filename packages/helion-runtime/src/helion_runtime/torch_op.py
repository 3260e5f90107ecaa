"""An op as an operator of torch's: what tracers, fake tensors and autograd see in place of its launches.

In: what an op takes, returns and does, from a dispatcher or from a kernel that is compiled as it is called. Out:
``torch.ops.<namespace>.<op>``, which takes the op's arguments and returns the tensors that a call makes; and a function
that calls it and returns what the op does.

What fake tensors give comes from the plan of the variant that would serve them, without a device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.compiler import is_dynamo_compiling

from helion_runtime.entries import TensorSignature
from helion_runtime.errors import RegistrationError
from helion_runtime.execution import imagine
from helion_runtime.operator_results import OperatorResults, metadata_without_device
from helion_runtime.plan import serves
from helion_runtime.record import Record
from helion_runtime.signature import mismatches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from helion_runtime.entries import ScalarSignature, VariantEntry

_TYPES = {"int": "int", "float": "float", "bool": "bool", "str": "str"}
count_modes: Callable[[], int] = vars(torch._C)["_len_torch_dispatch_stack"]
"""How many dispatch modes are switched on in this thread: torch has no other way to ask."""

NAMESPACE = "helion"
"""Where operators go that nobody has named."""

_TAGS = (torch.Tag.pt2_compliant_tag, torch.Tag.needs_exact_strides)


class TorchOp(Record, eq=False):
    """A registered operator. ``library`` keeps it registered; what carries the operator out holds this in turn, so that
    graphs find it as long as the process lives."""

    operator: Any
    results: OperatorResults
    library: torch.library.Library
    gradients: set[str]

    def call(self, *args: Any) -> Any:
        """Call the operator of an op that takes the same arguments."""
        return self.results.given(self.operator(*args), args)

    def record_gradients(
        self, backward: Callable[..., Any], setup_context: Callable[..., Any] | None
    ) -> None:
        """See :func:`torch.library.register_autograd`.

        Raises:
            RegistrationError: the operator writes into its arguments, which torch records no gradients of.
        """
        schema = self.operator._schema
        name = schema.name
        if schema.is_mutable:
            raise RegistrationError(
                f"op {name!r}: torch records gradients of operators that write into no argument; this one is {schema}"
            )
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
            if is_dynamo_compiling() or count_modes() or is_recorded(args):
                return call(*args)
            return direct(*args)

        return recorded_or_direct if self.gradients else traced_or_direct


def is_recorded(args: Sequence[Any]) -> bool:
    """Whether autograd follows a call with these arguments."""
    return torch.is_grad_enabled() and any(map(_requires_gradient, args))


def _requires_gradient(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return any(map(_requires_gradient, value))
    return isinstance(value, torch.Tensor) and value.requires_grad


def define(
    namespace: str,
    name: str,
    parameters: str,
    results: OperatorResults,
    run: Callable[..., Any],
    imagined: Callable[..., Any],
) -> TorchOp:
    """Define ``torch.ops.<namespace>.<name>``.

    ``parameters`` are those of its schema. ``run(*args)`` carries a call out, ``imagined(*args)`` does so with tensors
    without data; both return what the op returns.

    Raises:
        RegistrationError: there is an operator of that name, or torch refuses it.
    """
    schema = f"{name}({parameters}) -> {results.schema}"
    library = torch.library.Library(namespace, "FRAGMENT")  # type: ignore[no-untyped-call]  # torch leaves it unannotated
    try:
        library.define(schema, tags=_TAGS)  # type: ignore[no-untyped-call]  # as above
    except RuntimeError as error:
        raise RegistrationError(
            f"op {name!r}: torch refuses {namespace}::{schema}: {error}"
        ) from error

    def carried_out(*args: Any) -> Any:
        return results.taken(run(*args))

    def carried_out_without_data(*args: Any) -> Any:
        return results.taken(imagined(*args))

    library.impl(name, carried_out, "CompositeExplicitAutograd")  # type: ignore[no-untyped-call]  # as above
    torch.library.register_fake(f"{namespace}::{name}", carried_out_without_data, lib=library)
    operator = getattr(getattr(torch.ops, namespace), name).default
    return TorchOp(operator, results, library, set())


def free_name(namespace: str, name: str) -> str:
    """``name``, or the first of ``name_2``, ``name_3``, … that no operator of the namespace has."""
    taken = getattr(torch.ops, namespace)
    number = 1
    while hasattr(taken, name if number == 1 else f"{name}_{number}"):
        number += 1
    return name if number == 1 else f"{name}_{number}"


def split_name(name: str, where: str) -> tuple[str, str]:
    """The namespace and the name in ``"namespace::name"``; raises :class:`RegistrationError` for another form."""
    parts = name.split("::")
    if len(parts) != 2 or not all(map(str.isidentifier, parts)):
        raise RegistrationError(
            f"{where}: expected a name such as 'my_model::kernel', found {name!r}"
        )
    return parts[0], parts[1]


def register(
    namespace: str,
    name: str,
    arguments: Sequence[str],
    variants: Sequence[VariantEntry],
    run: Callable[..., Any],
) -> TorchOp:
    """Register an op of which all variants are known as ``torch.ops.<namespace>.<name>``, carried out by ``run``.

    Raises:
        RegistrationError: the op's variants do not make one operator of torch's, or there is one of that name.
    """
    where = f"op {name!r}"
    if not variants:
        raise RegistrationError(f"{where}: it has no variant to tell what it takes and returns")

    def imagined(*args: Any) -> Any:
        return imagine_call(_variant_for(name, arguments, variants, args), args)

    results = OperatorResults(variants, where)
    return define(namespace, name, _parameters(arguments, variants, where), results, run, imagined)


def imagine_call(variant: VariantEntry, args: Sequence[Any]) -> Any:
    """What ``variant`` returns for a call with tensors without data, one at least."""
    device = next(value.device for value in args if isinstance(value, torch.Tensor))
    return imagine(variant, metadata_without_device(args), device)


def _variant_for(
    name: str, arguments: Sequence[str], variants: Sequence[VariantEntry], args: Sequence[Any]
) -> VariantEntry:
    """The first variant whose signature and guard take ``args``."""
    for variant in variants:
        if serves_call(variant, arguments, args):
            return variant
    shapes = [list(arg.shape) if isinstance(arg, torch.Tensor) else arg for arg in args]
    raise RegistrationError(f"op {name!r}: no variant takes tensors and numbers like {shapes}")


def serves_call(variant: VariantEntry, arguments: Sequence[str], args: Sequence[Any]) -> bool:
    """Whether a variant's signature and guard take ``args``, which may be fake."""
    return not mismatches(variant, arguments, args) and serves(
        variant, metadata_without_device(args)
    )


def _parameters(arguments: Sequence[str], variants: Sequence[VariantEntry], where: str) -> str:
    """The parameters of the schema; what a variant writes into is marked, or everything where it does not say."""
    written: set[int] = set()
    for variant in variants:
        everything = range(len(arguments))
        written.update(everything if variant.mutates is None else variant.mutates)
    texts = []
    for position, name in enumerate(arguments):
        items = [variant.signature[position] for variant in variants]
        mark = f"(a{position}!)" if position in written else ""
        texts.append(f"{schema_type(items, mark, f'{where}: argument {name!r}')} {name}")
    return ", ".join(texts)


def schema_type(items: Sequence[TensorSignature | ScalarSignature], mark: str, where: str) -> str:
    """The type that an argument of one of these signatures has in a schema; ``mark`` is put on tensors."""
    kinds = {"Tensor" if isinstance(item, TensorSignature) else item.kind for item in items}
    optional = "?" if "none" in kinds else ""
    kinds.discard("none")
    if len(kinds) > 1:
        raise RegistrationError(f"{where} may be {' or '.join(sorted(kinds))}")
    kind = kinds.pop() if kinds else "Tensor"
    return f"{_TYPES.get(kind, kind)}{mark if kind == 'Tensor' else ''}{optional}"
