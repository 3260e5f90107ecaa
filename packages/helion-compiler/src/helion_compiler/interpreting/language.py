"""Triton's language as an interpreted kernel sees it, bound to one launch.

In: anything that a kernel's globals may hold, and the launch's builder. Out: what the kernel sees in its place:
modules as views that bind their members, Triton's builtins with the launch's semantics filled in, functions
decorated by `@triton.jit` as calls of their rewritten Python, and constants as plain numbers.
Nothing of Triton is patched: kernels run over globals of their own, and tensors are given a class of their own, so
other threads may interpret or compile meanwhile.
Assumed: Triton's builtins take their context from the keyword `_semantic`, as from 3.6 on.
"""

import inspect
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final

from triton.language import core
from triton.language.extra import libdevice as libdevice_stubs
from triton.language.extra.cuda import libdevice as cuda_libdevice
from triton.language.semantic import TritonSemantic
from triton.runtime.jit import JITFunction

from helion_compiler.interpreting.builder import Builder
from helion_compiler.interpreting.reductions import reduced, scanned
from helion_compiler.interpreting.rewriting import RUNTIME, rewritten_code


class Language:
    """What kernels of one launch see of Triton, and the runtime of their rewritten code."""

    def __init__(self, builder: Builder) -> None:
        self.semantic: Final = TritonSemantic(builder)
        self._bound: Final[dict[int, tuple[object, Any]]] = {}
        self._replacements: Final = {id(original): new for original, new in self._own_meanings()}
        self._builtins: Final = {
            "range": self._range,
            "min": partial(self._extremum, min, core.minimum),
            "max": partial(self._extremum, max, core.maximum),
        }

    # Binding

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
        visible = inspect.getclosurevars(function).nonlocals
        namespace = {name: self.bind(value) for name, value in self._builtins.items()}
        namespace |= {
            name: self.bind(function.__globals__[name])
            for name in _names(code)
            if name in function.__globals__
        }
        namespace |= {name: self.bind(value) for name, value in visible.items()}
        namespace[RUNTIME] = self
        defaults = tuple(self.bind(default) for default in function.__defaults__ or ())
        bound = FunctionType(code, namespace, function.__name__, defaults)
        bound.__kwdefaults__ = {
            name: self.bind(value) for name, value in (function.__kwdefaults__ or {}).items()
        }
        return bound

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
        if type(value) is core.tensor:
            value.__class__ = self.tensor_class
        elif type(value) in self._descriptor_classes:
            value.__class__ = self._descriptor_classes[type(value)]
        elif isinstance(value, tuple):
            return tuple(self.adopt(item) for item in value)
        elif isinstance(value, core.tuple):
            return tuple(self.adopt(item) for item in value.values)
        return value

    @cached_property
    def tensor_class(self) -> type[Any]:
        """Triton's tensor with operators and methods bound to this launch."""
        members = self._methods(core.tensor)
        members |= {
            "__bool__": _truth,
            "__index__": lambda tensor: int(tensor.handle.data.item()),
            "__hash__": object.__hash__,
            "__repr__": lambda tensor: f"{tensor.type}: {tensor.handle.data}",
            "T": property(lambda tensor: self.bind(core.permute)(tensor, (1, 0))),
        }
        return type("InterpretedTensor", (core.tensor,), members)

    @cached_property
    def _descriptor_classes(self) -> dict[type[Any], type[Any]]:
        kinds = (core.tensor_descriptor_base, core.tensor_descriptor)
        return {
            kind: type(f"Interpreted_{kind.__name__}", (kind,), self._methods(kind))
            for kind in kinds
        }

    def _methods(self, kind: type[Any]) -> dict[str, Any]:
        members = inspect.getmembers(kind)
        return {
            name: _method(self.bind(member))
            for name, member in members
            if isinstance(member, JITFunction) or core.is_builtin(member)
        }

    # What Triton's compiler does with functions that have no body of their own

    def _own_meanings(self) -> list[tuple[object, Any]]:
        return [
            (core.range, self._range),
            (core.static_range, _static_range),
            (core.reduce, self._reduce),
            (core._reduce_with_indices, self._reduce_with_indices),
            (core.associative_scan, self._scan),
            (core.map_elementwise, self._map_elementwise),
            (core.static_assert, _static_assert),
            (core.static_print, print),
            (core.multiple_of, _unchanged),
            (core.max_contiguous, _unchanged),
            (core.max_constancy, _unchanged),
        ]

    def _range(self, start: Any, end: Any = None, step: Any = 1, **_options: Any) -> Iterator[Any]:
        """The indices of a loop at run time, as scalar tensors of the bounds' type."""
        start, end = (0, start) if end is None else (start, end)
        step = 1 if step is None else step
        bounds = [self.semantic.to_tensor(bound) for bound in (start, end, step)]
        kind = (
            core.int64
            if any(bound.dtype.primitive_bitwidth == 64 for bound in bounds)
            else core.int32
        )
        first, last, stride = (int(bound.handle.data.item()) for bound in bounds)
        for index in range(first, last, stride):
            yield self.adopt(self.semantic.scalar_constant(index, kind))

    def _extremum(self, python: Callable[..., Any], builtin: Any, *values: Any) -> Any:
        if not any(isinstance(value, core.tensor) for value in values):
            return python(*values)
        result, *others = values
        for other in others:
            result = self.bind(builtin)(result, other)
        return result

    def _reduce(
        self,
        input: Any,
        axis: Any,
        combine_fn: Any,
        keep_dims: Any = False,
        **_context: Any,
    ) -> Any:
        tensors = (input,) if isinstance(input, core.tensor) else tuple(input)
        combine, source = self._combination(combine_fn)
        results = reduced(
            tensors, known(axis), combine, source=source, keep_dims=bool(known(keep_dims))
        )
        return self.adopt(results[0] if isinstance(input, core.tensor) else results)

    def _reduce_with_indices(
        self,
        input: Any,
        axis: Any,
        combine_fn: Any,
        keep_dims: Any = False,
    ) -> Any:
        axis = known(axis)
        position = axis % len(input.shape)
        index = self.bind(core.arange)(0, known(input.shape[position]))
        for dimension in range(len(input.shape)):
            if dimension != position:
                index = self.bind(core.expand_dims)(index, dimension)
        index = self.bind(core.broadcast_to)(index, input.shape)
        return self._reduce((input, index), axis, combine_fn, keep_dims)

    def _scan(
        self,
        input: Any,
        axis: Any,
        combine_fn: Any,
        reverse: Any = False,
        **_context: Any,
    ) -> Any:
        tensors = (input,) if isinstance(input, core.tensor) else tuple(input)
        combine, source = self._combination(combine_fn)
        results = scanned(
            tensors, known(axis), combine, source=source, reverse=bool(known(reverse))
        )
        return self.adopt(results[0] if isinstance(input, core.tensor) else results)

    def _map_elementwise(self, scalar_fn: Any, *args: Any, pack: Any = 1) -> Any:
        if known(pack) != 1:
            raise NotImplementedError("tl.map_elementwise is interpreted only with pack=1")
        return self.bind(scalar_fn)(*args)

    def _combination(self, combine_fn: Any) -> tuple[Callable[..., Any], object]:
        bound = self.bind(combine_fn)
        adopted = lambda *operands: bound(*(self.adopt(operand) for operand in operands))  # noqa: E731
        return adopted, getattr(bound, "source", None)

    # What rewritten code calls

    def assigned(self, value: Any) -> Any:
        """The value of an assignment: numbers become scalar tensors, as in a compiled kernel."""
        if isinstance(value, core.constexpr):
            value = value.value
        if isinstance(value, bool | int | float):
            return self.adopt(self.semantic.to_tensor(value))
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
        self._language = language

    @cached_property
    def _function(self) -> Callable[..., Any]:
        return self._language.function(self.source)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(*args, **kwargs)


def known(value: Any) -> Any:
    """A value of compile time as a plain one; shapes become Triton tuples of plain numbers."""
    if isinstance(value, core.constexpr):
        return value.value
    if isinstance(value, core.tuple):
        return core.tuple([known(item) for item in value.values])
    return value


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


def _static_range(start: Any, end: Any = None, step: Any = 1) -> Iterator[int]:
    start, end = (0, start) if end is None else (start, end)
    return iter(range(known(start), known(end), known(step)))


def _static_assert(condition: Any, message: str = "") -> None:
    if not known(condition):
        raise AssertionError(f"tl.static_assert failed: {known(message)}")


def _unchanged(value: Any, _hint: Any) -> Any:
    return value
