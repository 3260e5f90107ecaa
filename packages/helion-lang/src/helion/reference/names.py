"""The names that compiled Python mentions and assigns."""

from __future__ import annotations

import dis
import types
from typing import TYPE_CHECKING

from helion.exc import ClosureMutation, GlobalMutation, Span, several

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helion.exc import HelionError


_OF_GLOBALS = frozenset({dis.opmap["STORE_GLOBAL"], dis.opmap["DELETE_GLOBAL"]})


def names_mentioned(code: types.CodeType) -> Iterator[str]:
    """The globals and attributes that code, and code nested in it, may look up."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from names_mentioned(constant)


def refuse_assignments(code: types.CodeType) -> None:
    """Refuse to assign variables outside of the function: a compiled kernel would do so once, not on every call.

    Raises:
        GlobalMutation: a global variable is assigned or deleted.
        ClosureMutation: a variable of the scope around is.
        SeveralErrors: there are several such statements.
    """
    found = list(_assignments(code))
    if found:
        raise several(found)


def _assignments(code: types.CodeType) -> Iterator[HelionError]:
    if not code.co_freevars and _OF_GLOBALS.isdisjoint(code.co_code[::2]):
        return  # no such instruction: quicker than taking all of them apart
    for instruction in dis.get_instructions(code):
        name = str(instruction.argval)
        if instruction.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            yield GlobalMutation(name=name, span=Span.of_instruction(code, instruction.offset))
        if instruction.opname in ("STORE_DEREF", "DELETE_DEREF") and name in code.co_freevars:
            yield ClosureMutation(name=name, span=Span.of_instruction(code, instruction.offset))
