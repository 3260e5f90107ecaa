"""Triton's language as an interpreted kernel sees it, bound to one launch.

In: anything that a kernel's globals may hold, and the launch's builder. Out: what the kernel sees in its place:
modules as views that bind their members, Triton's builtins with the launch's semantics filled in, functions
decorated by `@triton.jit` as calls of their rewritten Python, and constants as plain numbers.
Nothing of Triton is patched: kernels run over globals of their own, and tensors are given a class of their own,
so other threads may interpret or compile meanwhile.
Assumed: Triton's builtins take their context from the keyword `_semantic`, as from 3.6 on.
"""

import inspect
from collections.abc import Callable
from functools import cache, cached_property, partial
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final

from triton.language import core
from triton.language.extra import libdevice as libdevice_stubs
from triton.language.extra.cuda import libdevice as cuda_libdevice
from triton.language.semantic import TritonSemantic
from triton.runtime.jit import JITFunction

from helion_compiler.interpreting.builder import Builder
from helion_compiler.interpreting.meanings import Meanings
from helion_compiler.interpreting.rewriting import RUNTIME, rewritten_code
from helion_compiler.interpreting.runtime import Runtime


class Language:
    """What the kernels of one launch see of Triton."""

    def __init__(self, builder: Builder) -> None:
        self.semantic: Final = TritonSemantic(builder)
        self._runtime: Final = Runtime(lambda value: self.adopt(self.semantic.to_tensor(value)))
        meanings = Meanings(self)
        self._replacements: Final = meanings.by_identity()
        self._python_builtins: Final = meanings.builtins()
        self._bound: Final[dict[int, tuple[object, Any]]] = {}

    def bind(self, value: Any) -> Any:
        """What a kernel sees in place of a global, a member of a module or a default."""
        if isinstance(value, core.constexpr):
            return value.value
        if not (callable(value) or isinstance(value, ModuleType)):
            return value
        if id(value) not in self._bound:
            # The value is kept with its binding so that its id stays its own.
            self._bound[id(value)] = (value, self._binding(value))
        return self._bound[id(value)][1]

    def _binding(self, value: Any) -> Any:
        if id(value) in self._replacements:
            return self._replacements[id(value)]
        if isinstance(value, ModuleType):
            return BoundModule(cuda_libdevice if value is libdevice_stubs else value, self)
        if isinstance(value, JITFunction):
            return BoundFunction(value, self)
        if getattr(value, "__module__", None) == libdevice_stubs.__name__:
            return self.bind(getattr(cuda_libdevice, value.__name__))
        if core.is_builtin(value):
            return partial(self._call_builtin, value)
        return value

    def function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The rewritten Python of a kernel or helper, over globals bound to this launch."""
        code = rewritten_code(function)
        closure = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        visible = {name: cell.cell_contents for name, cell in closure}
        visible |= {
            name: function.__globals__[name]
            for name in _names(code) - visible.keys()
            if name in function.__globals__
        }
        namespace = self._python_builtins | {name: self.bind(it) for name, it in visible.items()}
        namespace[RUNTIME] = self._runtime
        defaults = tuple(self.bind(default) for default in function.__defaults__ or ())
        return FunctionType(code, namespace, function.__name__, defaults)

    def _call_builtin(
        self,
        builtin: Callable[..., Any],
        *args: Any,
        _semantic: object = None,  # given when Triton's own code calls a method of our tensor
        _generator: object = None,
        **kwargs: Any,
    ) -> Any:
        return self.adopt(builtin(*args, **kwargs, _semantic=self.semantic))

    def adopt(self, value: Any) -> Any:
        """A result of Triton's own code, with tensors and descriptors that work outside its compiler."""
        if isinstance(value, core.constexpr):
            return value.value
        if type(value) in self._classes:
            value.__class__ = self._classes[type(value)]
        elif isinstance(value, tuple):
            return tuple(self.adopt(item) for item in value)
        elif isinstance(value, core.tuple):
            return tuple(self.adopt(item) for item in value.values)
        return value

    @cached_property
    def _classes(self) -> dict[type[Any], type[Any]]:
        """By Triton's classes, subclasses whose operators and methods are bound to this launch."""
        protocol = {
            "__bool__": _truth,
            "__index__": lambda tensor: int(tensor.handle.data.item()),
            "__hash__": object.__hash__,
            "__repr__": lambda tensor: f"{tensor.type}: {tensor.handle.data}",
            "T": property(lambda tensor: tensor.permute(1, 0)),
        }
        return {
            core.tensor: self._subclass(core.tensor, protocol),
            core.tensor_descriptor_base: self._subclass(core.tensor_descriptor_base, {}),
            core.tensor_descriptor: self._subclass(core.tensor_descriptor, {}),
        }

    def _subclass(self, kind: Any, protocol: dict[str, Any]) -> type[Any]:
        methods = {name: _method(self.bind(member)) for name, member in _language_members(kind)}
        return type(f"interpreted_{kind.__name__}", (kind,), methods | protocol)


class BoundModule:
    """A module whose members are bound to a launch when they are read."""

    def __init__(self, module: ModuleType, language: Language) -> None:
        self._module = module
        self._language = language

    def __getattr__(self, name: str) -> Any:
        value = self._language.bind(getattr(self._module, name))
        setattr(self, name, value)
        return value


class BoundFunction:
    """A `@triton.jit` function as other interpreted functions call it; rewritten at its first call."""

    def __init__(self, function: JITFunction, language: Language) -> None:
        self.source: Final = function.fn
        self._language: Final = language

    @cached_property
    def _function(self) -> Callable[..., Any]:
        return self._language.function(self.source)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the rewritten function."""
        return self._function(*args, **kwargs)


@cache
def _language_members(kind: Any) -> tuple[tuple[str, Any], ...]:
    """The members of one of Triton's classes that need its compiler."""
    return tuple(
        (name, member)
        for name, member in inspect.getmembers(kind)
        if isinstance(member, JITFunction) or core.is_builtin(member)
    )


def _method(bound: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, *args, **kwargs: bound(self, *args, **kwargs)


def _names(code: CodeType) -> set[str]:
    nested = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*(_names(inner) for inner in nested))


def _truth(tensor: Any) -> bool:
    data = tensor.handle.data
    if data.size != 1:
        raise ValueError(
            f"a condition must be a scalar, but this one is a block of shape {list(data.shape)}; "
            "use tl.where, or reduce it first"
        )
    return bool(data.item())
