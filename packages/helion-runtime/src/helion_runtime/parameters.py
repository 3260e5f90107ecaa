"""How what a kernel is called with becomes the arguments of its op.

In: the names of a kernel's parameters and of its op's arguments. Out: a function from the one call to
the other. An op takes tensors and numbers alone, each under its parameter's name; those inside a
tuple ``xs`` are ``xs_0``, ``xs_1``, …. What else a kernel takes was fixed when its bundle was built
and is not recorded there, so that such a kernel is refused: nothing could tell another value from
the one that was compiled in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion_runtime.errors import ArgumentCountError, ArgumentTypeError, ParameterError
from helion_runtime.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def route(
    kernel: str, parameters: Sequence[str], arguments: Sequence[str]
) -> Callable[[tuple[Any, ...]], tuple[Any, ...]] | None:
    """The function from a kernel's arguments to its op's; None where they are the same.

    Raises :class:`ParameterError` where a parameter has no argument of the op, or an argument no
    parameter.
    """
    if tuple(parameters) == tuple(arguments):
        return None
    items = {name: _items(name, parameters, arguments) for name in parameters}
    covered = [argument for name in parameters for argument in (items[name] or (name,))]
    fixed = [name for name in parameters if name not in arguments and not items[name]]
    foreign = [argument for argument in arguments if argument not in covered]
    if fixed or foreign or covered != list(arguments):
        raise ParameterError(_refusal(kernel, parameters, arguments, fixed, foreign))
    return _Route(kernel, tuple((name, len(items[name])) for name in parameters))


class _Route(Record):
    """``parameters``: each with the number of its items, 0 for one that is passed on as it is."""

    kernel: str
    parameters: tuple[tuple[str, int], ...]

    def __call__(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(args) != len(self.parameters):
            raise ArgumentCountError(
                f"kernel {self.kernel!r} takes {len(self.parameters)} argument(s), {len(args)} were passed"
            )
        passed: list[Any] = []
        for (name, count), value in zip(self.parameters, args, strict=True):
            if not count:
                passed.append(value)
                continue
            if not isinstance(value, (tuple, list)) or len(value) != count:
                found = (
                    f"{len(value)}" if isinstance(value, (tuple, list)) else type(value).__name__
                )
                raise ArgumentTypeError(
                    f"kernel {self.kernel!r}: parameter {name!r}: its bundle was built for a tuple of {count} "
                    f"item(s), found {found}; pass as many, or build the bundle for these"
                )
            passed.extend(value)
        return tuple(passed)


def _items(name: str, parameters: Sequence[str], arguments: Sequence[str]) -> tuple[str, ...]:
    """The op's arguments that are the items of a tuple passed as ``name``, in order."""
    found: list[str] = []
    while name not in arguments and (item := f"{name}_{len(found)}") in arguments:
        if item in parameters:
            return ()
        found.append(item)
    return tuple(found)


def _refusal(
    kernel: str,
    parameters: Sequence[str],
    arguments: Sequence[str],
    fixed: Sequence[str],
    foreign: Sequence[str],
) -> str:
    listed = ", ".join(arguments)
    reasons = []
    if fixed:
        reasons.append(
            f"  {', '.join(fixed)}: fixed when the bundle was built, as functions, dtypes and constexpr are; the "
            "bundle does not say to what, so other values would go unnoticed"
        )
    if foreign:
        reasons.append(
            f"  {', '.join(foreign)}: taken by the op, but not a parameter of the kernel: captured by it or "
            "by a function that it was given"
        )
    if not reasons:
        reasons.append("  the op takes them in another order")
    head = (
        f"kernel {kernel!r} takes ({', '.join(parameters)}), its op in the bundle takes ({listed}):"
    )
    advice = (
        f"Call the op itself, helion_runtime.load(PATH).ops[{kernel!r}]({listed}), or let the kernel take tensors, "
        "numbers and tuples of them only and build the bundle again."
    )
    return "\n".join((head, *reasons, advice))
