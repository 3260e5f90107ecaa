"""What rewritten kernels call where Triton's meaning of a construct is not Python's (see `rewriting`).

In: the values of expressions, those of `and` and `or` after the first as functions. Out: values.
Assumed: tensors come from `language`, with methods that work outside Triton's compiler.
"""

from collections.abc import Callable
from typing import Any

from attrs import frozen
from triton.language import core


@frozen
class Runtime:
    """The rewritten constructs; `scalar` makes a tensor of a number."""

    scalar: Callable[[bool | int | float], Any]

    def assigned(self, value: Any) -> Any:
        """The value of an assignment: numbers become scalar tensors, as in a compiled kernel."""
        value = known(value)
        if isinstance(value, bool | int | float):
            return self.scalar(value)
        if type(value) is tuple:
            return tuple(self.assigned(item) for item in value)
        return value

    def every(self, first: Any, *others: Callable[[], Any]) -> Any:
        """`and`: element by element between tensors, else Python's."""
        result = first
        for other in others:
            if isinstance(result, core.tensor):
                result = result.logical_and(other())
            elif result:
                result = other()
        return result

    def some(self, first: Any, *others: Callable[[], Any]) -> Any:
        """`or`: element by element between tensors, else Python's."""
        result = first
        for other in others:
            if isinstance(result, core.tensor):
                result = result.logical_or(other())
            elif not result:
                result = other()
        return result

    def negated(self, value: Any) -> Any:
        """`not`: element by element of a tensor, else Python's."""
        return value.__not__() if isinstance(value, core.tensor) else not value

    def known(self, value: Any) -> Any:
        """A value of compile time as a plain one."""
        return known(value)


def known(value: Any) -> Any:
    """A value of compile time as a plain one; shapes become Triton tuples of plain numbers."""
    if isinstance(value, core.constexpr):
        return value.value
    if isinstance(value, core.tuple):
        return core.tuple([known(item) for item in value.values])
    return value
