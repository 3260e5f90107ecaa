"""Functions with the signature of a kernel that pass all arguments on by position.

The call of a kernel is paid on every launch, so binding arguments to parameters is left to the interpreter: a function
is generated with the kernel's own parameters, which costs 0.1 microseconds where ``*args, **kwargs`` costs 0.4 and
``Signature.bind`` several. It fills in defaults, takes keywords, and raises Python's own TypeErrors.

What Dynamo meets in its place is a call that it puts into its graph as it is. Dynamo follows methods of classes alone,
so the function is made as one.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from helion.exc import Span, StarredArgsNotSupportedOnDevice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Forwarder:
    """Makes functions that are called like ``function``.

    Raises:
        StarredArgsNotSupportedOnDevice: ``function`` takes any number of arguments.
    """

    def __init__(self, function: Callable[..., Any], signature: inspect.Signature) -> None:
        parameters = signature.parameters.values()
        for parameter in parameters:
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise StarredArgsNotSupportedOnDevice(
                    parameter=str(parameter.replace(annotation=parameter.empty)),
                    span=Span.of_definition(function),
                )
        self._name: str = getattr(function, "__qualname__", type(function).__name__)
        defaults = {
            parameter: parameter.default
            for parameter in parameters
            if parameter.default is not parameter.empty
        }
        self._defaults = tuple(
            default
            for parameter, default in defaults.items()
            if parameter.kind is not parameter.KEYWORD_ONLY
        )
        self._keyword_defaults = {
            parameter.name: default
            for parameter, default in defaults.items()
            if parameter.kind is parameter.KEYWORD_ONLY
        }
        self._code = compile(_source(signature), f"<call of {self._name}>", "exec")

    def to(self, target: Callable[..., Any]) -> Callable[..., Any]:
        """A function that calls ``target`` with one positional argument per parameter, in order."""
        return self._finished(self._made("make_function", target))

    def to_method(
        self, target: Callable[..., Any], traced: Callable[..., Any]
    ) -> Callable[..., Any]:
        """The same as a method, to be put into a class; where Dynamo traces it, it calls ``traced`` instead."""
        from torch.compiler import is_dynamo_compiling  # `import helion` loads no torch

        parts = (self.to(target), is_dynamo_compiling, traced)
        return self._finished(self._made("make_method", target, *parts))

    def _made(self, maker: str, *parts: Any) -> Any:
        scope: dict[str, Any] = {}
        exec(self._code, scope)
        return scope[maker](*parts)

    def _finished(self, function: Any) -> Callable[..., Any]:
        function.__qualname__ = self._name
        function.__defaults__ = self._defaults
        function.__kwdefaults__ = self._keyword_defaults
        return function  # type: ignore[no-any-return]  # made of text just now


def _source(signature: inspect.Signature) -> str:
    """``make_function(target)`` and ``make_method(target, plain, compiling, traced)``, which return functions;
    defaults are filled in afterwards.

    A method counts itself where it says how many arguments it takes, so that too many of them go to ``plain``, which
    complains in the kernel's own terms.
    """
    names = list(signature.parameters)
    target, plain, compiling, traced, self, more = (
        _unlike(names, name) for name in ("target", "plain", "compiling", "traced", "self", "more")
    )
    bare = [_bare(parameter) for parameter in signature.parameters.values()]
    positional = [each for each in bare if each.kind is not each.KEYWORD_ONLY]
    by_keyword = [each for each in bare if each.kind is each.KEYWORD_ONLY]
    method = [
        inspect.Parameter(self, inspect.Parameter.POSITIONAL_ONLY),
        *positional,
        inspect.Parameter(more, inspect.Parameter.VAR_POSITIONAL),
        *by_keyword,
    ]
    again = ", ".join(
        (
            *(each.name for each in positional),
            f"*{more}",
            *(f"{each.name}={each.name}" for each in by_keyword),
        )
    )
    passed = ", ".join(names)
    return (
        f"def make_function({target}):\n"
        f"    def call{inspect.Signature(bare)}:\n"
        f"        return {target}({passed})\n"
        f"    return call\n"
        f"def make_method({target}, {plain}, {compiling}, {traced}):\n"
        f"    def call{inspect.Signature(method)}:\n"
        f"        if {more}:\n"
        f"            return {plain}({again})\n"
        f"        if {compiling}():\n"
        f"            return {traced}({passed})\n"
        f"        return {target}({passed})\n"
        f"    return call\n"
    )


def _bare(parameter: inspect.Parameter) -> inspect.Parameter:
    """A parameter without its annotation, and with None for its default."""
    default = parameter.empty if parameter.default is parameter.empty else None
    return parameter.replace(annotation=parameter.empty, default=default)


def _unlike(names: Sequence[str], name: str) -> str:
    """``name``, lengthened until it is none of ``names``."""
    while name in names:
        name += "_"
    return name
