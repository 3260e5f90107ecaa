"""Functions with the signature of a kernel that pass all arguments on by position.

The call of a kernel is paid on every launch, so binding arguments to parameters is left to the interpreter: a function
is generated with the kernel's own parameters, which costs 0.1 microseconds where ``*args, **kwargs`` costs 0.4 and
``Signature.bind`` several. It fills in defaults, takes keywords, and raises Python's own TypeErrors.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from helion.exc import Span, StarredArgsNotSupportedOnDevice

if TYPE_CHECKING:
    from collections.abc import Callable


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
        scope: dict[str, Any] = {}
        exec(self._code, scope)
        function: Any = scope["make"](target)
        function.__qualname__ = self._name
        function.__defaults__ = self._defaults
        function.__kwdefaults__ = self._keyword_defaults
        return function  # type: ignore[no-any-return]  # made of text just now


def _source(signature: inspect.Signature) -> str:
    """``make(target)``, which returns the function; defaults are filled in afterwards."""
    names = list(signature.parameters)
    target = "target"
    while target in names:
        target += "_"
    bare = [
        parameter.replace(
            annotation=parameter.empty,
            default=parameter.empty if parameter.default is parameter.empty else None,
        )
        for parameter in signature.parameters.values()
    ]
    head = str(inspect.Signature(bare))
    return (
        f"def make({target}):\n"
        f"    def call{head}:\n"
        f"        return {target}({', '.join(names)})\n"
        f"    return call\n"
    )
