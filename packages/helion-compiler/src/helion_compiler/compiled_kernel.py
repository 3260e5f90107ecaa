"""One kernel as the compiler runs it: from arguments to a specialization, and from there to a launch.

A call like one before it, up to tensors and numbers, goes straight to the runtime's dispatcher, which remembers
signatures; everything else (functions among the arguments, captured tensors) is split first. Tensors on the
CPU run in Triton's interpreter. Calls that someone traces or records become calls of an operator of torch's.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion import exc
from helion.language import constexpr
from helion_compiler.bound_kernel import CompiledBoundKernel
from helion_compiler.building import traits_of_device
from helion_compiler.building.variant import aligned_leaves
from helion_compiler.interpreted import serves_call
from helion_compiler.specialized_kernel import SpecializedKernel
from helion_compiler.staging import stage
from helion_compiler.torch_operators import KernelOperators, with_captured
from helion_compiler.tracing.arguments import Call, split
from helion_compiler.tracing.shortcuts import Shortcut
from helion_compiler.tuning.worker_source import WorkerSource
from helion_runtime import Dispatcher
from helion_runtime.errors import ArgumentTypeError
from helion_runtime.signature import is_wrapped
from helion_runtime.torch_op import count_modes, is_recorded

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from types import FunctionType

    from helion.backends import KernelDefinition
    from helion_compiler.space.target_traits import TargetTraits
    from helion_compiler.staging import StagedFunction


@attrs.define(eq=False)
class _Family:
    """The specializations that share the static part of their calls, and their dispatcher on GPUs."""

    dispatcher: Dispatcher
    bound: list[CompiledBoundKernel]


class CompiledKernel:
    """The implementation behind one ``helion.Kernel``. Safe to call from several threads.

    Its configs are for GPUs of ``traits``; None means those of the arguments' own device. Searches have their workers
    of ``workers``.
    """

    def __init__(
        self,
        definition: KernelDefinition,
        traits: TargetTraits | None = None,
        workers: WorkerSource | None = None,
    ) -> None:
        self._definition = definition
        self._traits = traits
        self._workers = workers or WorkerSource()
        self._function: FunctionType = definition.function  # type: ignore[assignment]  # staging refuses anything else
        self._parameters = tuple(definition.signature.parameters)
        self._constants = frozenset(
            name
            for name, parameter in definition.signature.parameters.items()
            if parameter.annotation in (constexpr, "hl.constexpr", "constexpr")
        )
        self._lock = threading.RLock()
        self._staged: StagedFunction | None = None
        self._families: dict[Hashable, _Family] = {}
        self._shortcut: Shortcut | None = None
        self._before: _Family | None = None
        self._recorded = definition.gradient is not None
        self._operators = KernelOperators(definition, self._split, self._stage, self._carry_out)

    def __call__(self, *args: Any) -> Any:
        """Run the kernel, or call its operator where somebody watches."""
        if count_modes() or (self._recorded and is_recorded(args)):
            return self._operators.call(args)
        shortcut = self._shortcut
        if shortcut is not None and shortcut.takes(args):
            try:
                return shortcut.dispatcher(*shortcut.leaves_of(args))
            except ArgumentTypeError:
                pass  # a function or a list where a leaf was: the call has to be split
        return self._run(self._split(args), args)

    def operator(self, args: tuple[Any, ...], name: str | None = None) -> Any:
        """The operator of torch's that stands for calls like this one, under a name of the caller's if one is given."""
        return self._operators.operator(args, name)

    def bind(self, args: tuple[Any, ...]) -> CompiledBoundKernel:
        """The specialization for ``args``; traced if it is new, not compiled."""
        return self._bound(self._split(args))

    def specialization_key(self, args: tuple[Any, ...]) -> Hashable:
        """What of ``args`` the compiled program depends on: code and constants, dtypes, sizes, strides, alignment."""
        call = self._split(args)
        static_shapes = self._definition.settings.static_shapes
        leaves = tuple(_leaf_key(leaf, static_shapes=static_shapes) for leaf in call.leaves)
        return (call.static, leaves, aligned_leaves(call.leaves))

    def reset(self) -> None:
        """Forget every specialization."""
        with self._lock:
            self._families.clear()
            self._shortcut = self._before = None

    # Off the hot path.

    def _carry_out(self, args: tuple[Any, ...], captured: Mapping[int, Any]) -> Any:
        """What the kernel's operator does."""
        shortcut = self._shortcut
        if not captured and shortcut is not None and shortcut.takes(args):
            try:
                return shortcut.dispatcher(*shortcut.leaves_of(args))
            except ArgumentTypeError:
                pass  # as above
        return self._run(with_captured(self._split(args), captured), args)

    def _run(self, call: Call, args: tuple[Any, ...]) -> Any:
        if any(map(is_wrapped, call.leaves)):
            return self._operators.call(args)
        device = _device(call, self._definition.name)
        if device.type == "cuda":
            family = self._family(call)
            self._remember_shortcut(args, call, family)
            return family.dispatcher(*call.leaves)
        if device.type == "cpu":
            return self._bound(call).run_leaves(call.leaves)
        raise exc.DeviceNotAvailable(
            device=str(device), reason="kernels run on CUDA or CPU tensors"
        )

    def _remember_shortcut(self, args: tuple[Any, ...], call: Call, family: _Family) -> None:
        """Let calls like this one skip the split: if it is the first, or like the one that was split before. Where
        calls take turns, it would be written down in vain.
        """
        before, self._before = self._before, family
        if self._definition.key is None and (self._shortcut is None or family is before):
            constant = [name in self._constants for name in self._parameters]
            self._shortcut = Shortcut.of(
                self._function, constant, args, call.leaves, family.dispatcher
            )

    def _split(self, args: tuple[Any, ...]) -> Call:
        call = split(self._function, self._parameters, self._constants, args)
        return attrs.evolve(call, static=(call.static, self._extra_key(args)))

    def _extra_key(self, args: tuple[Any, ...]) -> Hashable:
        key = self._definition.key
        return None if key is None else _with_numbers(key(*args))

    def _family(self, call: Call) -> _Family:
        with self._lock:
            family = self._families.get(call.static)
            if family is None:
                # The tensors of this call would live as long as the kernel.
                like = attrs.evolve(call, leaves=())

                def miss(leaves: tuple[Any, ...]) -> None:
                    self._install(attrs.evolve(like, leaves=leaves))

                def traced(*leaves: Any) -> Any:
                    return self._operators.call(like.join(leaves)[0])

                dispatcher = Dispatcher(self._definition.name, call.names, miss, traced=traced)
                family = self._families[call.static] = _Family(dispatcher, [])
            return family

    def _install(self, call: Call) -> None:
        """Compile for a signature the dispatcher has not seen."""
        self._bound(call).install(call.leaves)

    def _bound(self, call: Call) -> CompiledBoundKernel:
        with self._lock:
            family = self._family(call)
            aligned = aligned_leaves(call.leaves)
            for bound in family.bound:
                specialized = bound.specialized
                if specialized.aligned == aligned and serves_call(specialized.program, call.leaves):
                    return bound
            device = _device(call, self._definition.name)
            self._workers.prepare(self._definition, device)
            traits = self._traits or traits_of_device(device)
            specialized = SpecializedKernel(self._definition, self._stage(), call, traits)
            bound = CompiledBoundKernel(specialized, family.dispatcher, self._workers)
            family.bound.append(bound)
            return bound

    def _stage(self) -> StagedFunction:
        if self._staged is None:
            self._staged = stage(self._function)
        return self._staged


def _with_numbers(key: Any) -> Hashable:
    """A key without torch's symbols: what a kernel is to be specialised on, the tracer specialises on as well."""
    match key:
        case tuple():
            return tuple(map(_with_numbers, key))
        case torch.SymInt():
            return int(key)
        case torch.SymFloat():
            return float(key)
        case torch.SymBool():
            return bool(key)
    hashable: Hashable = key
    return hashable


def _device(call: Call, name: str) -> torch.device:
    for leaf in call.leaves:
        if isinstance(leaf, torch.Tensor):
            return leaf.device
    raise exc.NoTensorArgs(kernel=name)


def _leaf_key(leaf: Any, *, static_shapes: bool) -> Hashable:
    if not isinstance(leaf, torch.Tensor):
        return (type(leaf), leaf)
    if static_shapes:
        return (leaf.dtype, leaf.device, tuple(leaf.shape), leaf.stride())
    return (leaf.dtype, leaf.device, tuple(min(size, 2) for size in leaf.shape))
