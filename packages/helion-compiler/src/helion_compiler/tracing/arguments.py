"""Split a call into what a specialization is keyed by and what varies: the leaves.

In: the kernel's function and the positional arguments of one call. Out: a :class:`Call`, whose
``static`` part is hashable and whose ``leaves`` are tensors and plain numbers, in a stable order
with names. Functions among the arguments, and the kernel itself, are taken apart into their code
and what they capture: tensors become leaves, numbers belong to the static part.
"""

from __future__ import annotations

import re
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion import exc
from helion.containers import parts_of, together
from helion_compiler.torch_bridge.symbolic import fake_mode, imagined, mark_static, marked_static
from helion_compiler.tracing.captures import is_constant, is_filled, lifted
from helion_compiler.tracing.location import is_author
from helion_runtime.signature import is_wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

    from helion_compiler.torch_bridge.modes import FakeTensorMode

    MakeFunction = Callable[
        [FunctionType, Mapping[str, Any], Mapping[str, Any]], Callable[..., Any]
    ]

_SYMBOLS = (torch.SymInt, torch.SymFloat, torch.SymBool)
Named = tuple[tuple[str, Any], ...]
"""Templates, each with its name."""
_PLAIN = (torch.Tensor, int, float, bool, str, type(None), *_SYMBOLS)


@attrs.frozen
class Leaf:
    """The place of a leaf in a template."""

    number: int


@attrs.frozen
class Constant:
    """A value that the program depends on; the type keeps 1, 1.0 and True apart."""

    type: type
    value: Any


@attrs.frozen
class Items:
    """A container: its class, its keys or attributes where it has some, and what is in it."""

    type: type
    labels: tuple[Any, ...] | None
    items: tuple[Any, ...]


@attrs.frozen
class Function:
    """A Python function: its code, and what it captures by name, or by place as a default."""

    code: CodeType
    closure: Named
    globals: Named
    defaults: tuple[Any, ...]
    keywords: Named
    original: FunctionType = attrs.field(eq=False)


@attrs.frozen(eq=False)
class Call:
    """One call, split. ``static`` keys the specialization; ``names`` and ``leaves`` go together."""

    static: Hashable
    names: tuple[str, ...]
    leaves: tuple[Any, ...]
    templates: tuple[Any, ...]
    kernel: Function
    parameters: tuple[str, ...]
    constants: frozenset[str]

    def leaves_of(self, args: Sequence[Any]) -> tuple[Any, ...]:
        """The leaves of another call of the same kernel."""
        function: Any = self.kernel.original
        return split(function, self.parameters, self.constants, args).leaves

    def holds(self, leaves: Sequence[Any], arguments: Sequence[Any]) -> bool:
        """Whether containers that :meth:`join` has made of ``leaves`` still hold what they held."""
        return all(
            _holds(template, argument, leaves)
            for template, argument in zip(self.templates, arguments, strict=True)
        )

    def without_memory(self) -> Call:
        """The same call of tensors that have no memory, which whoever keeps the call would keep with it."""
        mode = fake_mode()
        return attrs.evolve(self, leaves=tuple(_without_memory(leaf, mode) for leaf in self.leaves))

    def join(
        self, leaves: Sequence[Any], make: MakeFunction | None = None
    ) -> tuple[tuple[Any, ...], dict[str, Any], dict[str, Any]]:
        """The arguments, closure variables and globals of the kernel, with other leaves in their place.

        ``make`` gives each function among them, from the original and what its closure and globals become, but for its
        defaults; by default a copy that captures them.
        """
        joiner = _Joiner(leaves, make or copied_function)
        arguments = tuple(map(joiner.join, self.templates))
        closure = {name: joiner.join(template) for name, template in self.kernel.closure}
        globals_ = {name: joiner.join(template) for name, template in self.kernel.globals}
        return arguments, closure, globals_


class _Splitter:
    def __init__(self) -> None:
        self.names: list[str] = []
        self.leaves: list[Any] = []
        self._entered: list[FunctionType] = []

    def leaf(self, name: str, value: Any) -> Leaf:
        self.names.append(name)
        self.leaves.append(value)
        return Leaf(len(self.leaves) - 1)

    def argument(self, name: str, value: Any, *, constant: bool) -> Any:
        if isinstance(value, torch.Tensor) or (isinstance(value, _PLAIN) and not constant):
            return self.leaf(name, value)
        return self.part(name, value)

    def part(self, name: str, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return self.leaf(name, value)
        if is_constant(value):
            return Constant(type(value), value)
        if _is_builtin(value):
            return Constant(type(value), value)
        if isinstance(value, FunctionType):
            return self.function(name, value)
        parts = parts_of(value)
        if parts is not None and all(map(_hashable, parts.labels or ())):
            named = zip(parts.names(name), parts.items, strict=True)
            items = tuple(self.argument(each, item, constant=False) for each, item in named)
            return Items(parts.type, parts.labels, items)
        raise exc.TracedArgNotSupported(parameter=name, type=type(value).__name__)

    def function(self, name: str, function: FunctionType) -> Function | Constant:
        if function in self._entered or not is_author(function.__code__.co_filename):
            return Constant(type(function), _Opaque(function))  # it calls itself, or is a library's
        defaults = [
            self._whole(f"{name}.default_{number}", value)
            for number, value in enumerate(function.__defaults__ or ())
        ]
        keywords = [
            (each, self._whole(f"{name}.{each}", value))
            for each, value in (function.__kwdefaults__ or {}).items()
        ]
        closure, globals_ = self._captures(name, function)
        # Whoever keeps the template would keep the tensors of the call with it.
        original = function
        if closure or defaults or keywords:
            original = _with_closure(function, {}, function.__globals__)
        code = function.__code__
        return Function(code, closure, globals_, tuple(defaults), tuple(keywords), original)

    def kernel(self, function: FunctionType) -> Function:
        """The kernel itself: its defaults are among its arguments, and what it captures is the author's to keep."""
        closure, globals_ = self._captures(function.__name__, function)
        return Function(function.__code__, closure, globals_, (), (), function)

    def _captures(self, name: str, function: FunctionType) -> tuple[Named, Named]:
        """What a function's closure, and the globals it reads, stand for."""
        self._entered.append(function)
        cells = function.__closure__ or ()
        try:
            closure = [
                (free, self._captured(f"{name}.{free}", cell.cell_contents))
                for free, cell in zip(function.__code__.co_freevars, cells, strict=True)
                if is_filled(cell)
            ]
            globals_ = [
                (used, self._whole(f"{name}.{used}", value)) for _, used, value in lifted(function)
            ]
        finally:
            self._entered.pop()
        return tuple(closure), tuple(globals_)

    def _whole(self, name: str, value: Any) -> Any:
        """A default or a global: as what closures capture, but numbers in tuples and lists are constants, since they
        may be dimensions.
        """
        kind = type(value)
        if kind not in (tuple, list):
            return self._captured(name, value)
        items = (self._whole(f"{name}_{number}", item) for number, item in enumerate(value))
        return Items(kind, None, tuple(items))

    def _captured(self, name: str, value: Any) -> Any:
        if is_constant(value) or isinstance(value, (torch.Tensor, FunctionType, tuple, list)):
            return self.part(name, value)
        return Constant(type(value), _Opaque(value))


@attrs.frozen
class _Opaque:
    """A captured object that is neither a tensor nor a number: kept by identity."""

    value: Any = attrs.field(eq=id)

    def __hash__(self) -> int:
        return id(self.value)


def _is_builtin(value: object) -> bool:
    """Whether a function is a module's own, such as ``torch.add``, and bound to no object."""
    owner = getattr(value, "__self__", None)
    return isinstance(value, BuiltinFunctionType) and isinstance(owner, ModuleType | type | None)


def _hashable(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _holds(template: Any, value: Any, leaves: Sequence[Any]) -> bool:
    if not isinstance(template, Items):
        return not isinstance(template, Leaf) or value is leaves[template.number]
    parts = parts_of(value)
    return (
        parts is not None
        and (parts.type, parts.labels, len(parts.items))
        == (template.type, template.labels, len(template.items))
        and all(
            _holds(item, found, leaves)
            for item, found in zip(template.items, parts.items, strict=True)
        )
    )


@attrs.frozen
class _Joiner:
    """Puts leaves back into templates."""

    leaves: Sequence[Any]
    make: MakeFunction

    def join(self, template: Any) -> Any:
        match template:
            case Leaf():
                return self.leaves[template.number]
            case Constant(value=_Opaque() as opaque):
                return opaque.value
            case Constant():
                return template.value
            case Items():
                items = [self.join(item) for item in template.items]
                return together(template.type, template.labels, items)
            case Function():
                closure = {name: self.join(part) for name, part in template.closure}
                globals_ = {name: self.join(part) for name, part in template.globals}
                original: Any = template.original  # mypy takes a function in a field for a method
                made: Any = self.make(original, closure, globals_)
                made.__defaults__ = tuple(map(self.join, template.defaults)) or None
                keywords = {name: self.join(part) for name, part in template.keywords}
                made.__kwdefaults__ = keywords or None
                return made
        raise AssertionError(f"not a template: {template!r}")


def copied_function(
    original: FunctionType, closure: Mapping[str, Any], globals_: Mapping[str, Any]
) -> FunctionType:
    """``original`` with other values for what it captures, and without defaults."""
    return _with_closure(original, closure, {**original.__globals__, **globals_})


def _with_closure(
    function: FunctionType, closure: Mapping[str, Any], namespace: dict[str, Any]
) -> FunctionType:
    """The same code, without defaults."""
    cells = tuple(
        CellType(closure[name]) if name in closure else CellType()
        for name in function.__code__.co_freevars
    )
    return FunctionType(function.__code__, namespace, function.__name__, None, cells)


def _without_memory(leaf: Any, mode: FakeTensorMode) -> Any:
    """A leaf that is known by as much, its elements aside; what tracers wrap has none anyway."""
    if not isinstance(leaf, torch.Tensor) or is_wrapped(leaf):
        return leaf
    return mark_static(imagined(leaf, mode), marked_static(leaf))


def device_of(leaves: Sequence[Any]) -> torch.device:
    """Where the leaves of a call are, of which one at least is a tensor."""
    device: torch.device = next(leaf.device for leaf in leaves if isinstance(leaf, torch.Tensor))
    return device


def is_plain(argument: object) -> bool:
    """Whether an argument is its own leaf, unless its parameter is a constant."""
    return isinstance(argument, _PLAIN)


def split(
    function: FunctionType,
    parameters: Sequence[str],
    constants: frozenset[str],
    args: Sequence[Any],
) -> Call:
    """Split one call of ``function``. Parameters named in ``constants`` are part of the key, whatever they hold.

    Raises:
        helion.exc.TracedArgNotSupported: an argument is of a type that kernels cannot take.
    """
    splitter = _Splitter()
    templates = tuple(
        splitter.argument(name, value, constant=name in constants)
        for name, value in zip(parameters, args, strict=True)
    )
    kernel = splitter.kernel(function)
    static = (templates, kernel)
    return Call(
        static=static,
        names=tuple(_stable_names(splitter.names)),
        leaves=tuple(splitter.leaves),
        templates=templates,
        kernel=kernel,
        parameters=tuple(parameters),
        constants=constants,
    )


def _stable_names(names: list[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        unique = re.sub(r"\W+", "_", name).strip("_")
        while unique in seen:
            unique += "_"
        seen.add(unique)
        yield unique
