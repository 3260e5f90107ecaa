"""Declaring language functions, and finding who gives them meaning.

A language function has a name, a signature and a docstring, and no body. Calling one hands its arguments, bound to
parameter names with defaults filled in, to the active :class:`Semantics`: reference mode, or a tracing compiler.
Which one is active is the one piece of ambient state in Helion: a context variable, so threads and tasks are apart.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

import attrs

from helion.exc import NotInsideKernel, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

P = ParamSpec("P")
R = TypeVar("R")


@attrs.frozen
class Declaration:
    """A function of the language, as written down in :mod:`helion.language`."""

    name: str
    signature: inspect.Signature
    doc: str


class Semantics(Protocol):
    """Gives calls of language functions their meaning."""

    def call(self, declaration: Declaration, arguments: Mapping[str, Any]) -> Any:
        """The result of one call; ``arguments`` has every parameter, in order."""


_declared: dict[str, Declaration] = {}
DECLARATIONS: Mapping[str, Declaration] = MappingProxyType(_declared)
"""Every function of the language by name; complete once :mod:`helion.language` is imported."""

_active: ContextVar[Semantics | None] = ContextVar("helion_semantics", default=None)


def active() -> Semantics | None:
    """The semantics in force here, or None outside of kernels."""
    return _active.get()


@contextlib.contextmanager
def activate(semantics: Semantics) -> Iterator[None]:
    """Give language functions the meaning of ``semantics`` within the ``with`` block."""
    token = _active.set(semantics)
    try:
        yield
    finally:
        _active.reset(token)


def declare(function: Callable[P, R]) -> Callable[P, R]:
    """Register ``function`` as part of the language and return what users call in its place."""
    signature = inspect.signature(function)
    declaration = Declaration(function.__name__, signature, inspect.getdoc(function) or "")
    if declaration.name in _declared:
        raise ValueError(f"hl.{declaration.name} is declared twice")
    _declared[declaration.name] = declaration

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        semantics = _active.get()
        if semantics is None:
            raise NotInsideKernel(
                function=declaration.name, span=Span.from_frame(sys._getframe(1))
            ) from None
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        result: R = semantics.call(declaration, bound.arguments)
        return result

    return call


def agree(declarations: Mapping[str, Declaration], table: Mapping[str, Callable[..., Any]]) -> None:
    """Check that a table of meanings has exactly the declared names, each with the declared parameters.

    A meaning may take one parameter before the declared ones (the semantics itself, for unbound methods).

    Raises:
        TypeError: names or parameter names differ; the message lists all differences.
    """
    problems = [f"hl.{name} has no meaning" for name in declarations.keys() - table.keys()]
    problems += [f"hl.{name} is not declared" for name in table.keys() - declarations.keys()]
    for name in declarations.keys() & table.keys():
        declared = list(declarations[name].signature.parameters)
        given = list(inspect.signature(table[name]).parameters)
        if given[len(given) - len(declared) :] != declared or len(given) > len(declared) + 1:
            problems.append(f"hl.{name} takes {declared}, its meaning takes {given}")
    if problems:
        raise TypeError("; ".join(sorted(problems)))
