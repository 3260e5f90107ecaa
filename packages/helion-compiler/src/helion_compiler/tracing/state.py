"""The state of one trace: what each fake tensor stands for, and the parts of the Program built so far."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import sympy

from helion import exc
from helion_compiler.program.types import Buffer, TileType, Value
from helion_compiler.torch_bridge import symbolic
from helion_compiler.torch_bridge.modes import innermost
from helion_compiler.tracing.barriers import Barriers
from helion_compiler.tracing.body import BodyBuilder
from helion_compiler.tracing.location import here
from helion_compiler.tracing.plan import PlanBuilder
from helion_compiler.tracing.tunables import Tunables
from helion_compiler.tracing.waiting_loops import WaitingLoops

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch

    from helion_compiler.program.ops import Grid
    from helion_compiler.program.types import Size
    from helion_compiler.torch_bridge.modes import FakeTensorMode
    from helion_compiler.tracing.symbols import Symbols


class Trace:
    """Everything that is known while a kernel is traced.

    ``listener`` makes the mode that shows ATen calls to this trace: rules enter it to have what they
    call recorded, too. Fake tensors are kept alive with what they stand for. ``leaves`` are the tensors
    and numbers of the call that is traced.
    """

    def __init__(
        self,
        fake_mode: FakeTensorMode,
        symbols: Symbols,
        device: torch.device,
        listener: Callable[[Trace], AbstractContextManager[Any]],
        leaves: tuple[Any, ...] = (),
    ) -> None:
        self.fake_mode = fake_mode
        self.symbols = symbols
        self.torch_device = device
        self.plan = PlanBuilder(symbols)
        self.body = BodyBuilder(symbols)
        self.grids: list[Grid] = []
        self.barrier = Barriers()
        self.tunables = Tunables()
        self.loops = WaitingLoops()
        self.places_that_draw = 0
        self.seed: torch.Tensor | None = None
        """What the seeds of torch's generators are read from, on the device."""
        self.leaves = leaves
        self.on_device = False
        self._listener = listener
        self._buffers: dict[int, tuple[torch.Tensor, Buffer]] = {}
        self._values: dict[int, tuple[torch.Tensor, Value]] = {}
        self._depths: dict[int, int] = {}
        self._aliases: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._views: dict[int, torch.Tensor] = {}
        self._dense: dict[int, torch.Tensor] = {}

    @contextmanager
    def device_phase(self) -> Iterator[None]:
        """Within, operators belong to the device."""
        self.on_device = True
        try:
            yield
        finally:
            self.on_device = False
            self.plan.launched = True

    def listening(self) -> AbstractContextManager[Any]:
        """A context in which operators are recorded although one is being recorded already: once each."""
        if type(innermost()) is self._listener:
            return nullcontext()
        return self._listener(self)

    def describe(self, tensor: torch.Tensor) -> str:
        """A tensor's shape in the author's words: tiles by their names."""
        return self.body.describe(self.sizes_of(tensor))

    def number(self, value: Any) -> Size:
        """A number as the device computes it.

        ``tile.block_size`` is nominal; a tile's size in a shape (``x[tile].shape[0]``, or what a mean
        divides by) is how many of its lanes lie inside the loop's range.
        """
        size = self.symbols.expression(value)
        if isinstance(size, int):
            return size
        changes: dict[sympy.Symbol, Any] = dict(self.symbols.nominal_blocks)
        for axis in self.body.axes:
            if axis.block is not None and axis.offset is not None:
                lanes = axis.block.symbol
                changes[lanes] = sympy.Min(lanes, axis.end - axis.offset)
        return size.xreplace(changes)

    def holds(self, condition: bool | torch.SymBool) -> bool:
        """Whether a condition that a program relies on holds. Where a number decides that nothing is known
        of, calls will be checked: it does.
        """
        if isinstance(condition, bool) or self.symbols.is_told(condition.node.expr):
            return bool(condition)
        self.plan.guard.append(self.plan.number(condition))
        return True

    def float_number(self, value: torch.SymFloat) -> Any:
        """A float as the device is given it: computed by the host, and passed as one number."""
        if value.node.expr.is_number:
            return float(value)
        if not value.node.expr.free_symbols <= self.symbols.host.keys():
            raise exc.StatementNotSupported(
                span=here(),
                statement="a fraction of a tile's position as a Python number",
                remedy="compute with the tile's indices instead: `tile.index / 2`",
            )
        return self.symbols.device_float(self.plan.number(value))

    # Fake tensors and what they stand for.

    def fake(self, sizes: tuple[Size, ...], dtype: torch.dtype) -> torch.Tensor:
        """A fake tensor with these sizes."""
        shape = [self.symbols.value(size) for size in sizes]
        made = symbolic.fake_like(self.fake_mode, shape, dtype, self.torch_device)
        self._dense[id(made)] = made
        return made

    def is_dense(self, tensor: torch.Tensor) -> bool:
        """Whether a fake tensor is one that :meth:`fake` made: its lanes lie in row-major order."""
        return id(tensor) in self._dense

    def rearranged(self, tensor: torch.Tensor) -> None:
        """A fake tensor has got other dimensions in place: nothing is known of its lanes' order."""
        self._dense.pop(id(tensor), None)

    def sizes_of(self, tensor: torch.Tensor) -> tuple[Size, ...]:
        """The sizes of a fake tensor as expressions."""
        return tuple(self.symbols.expression(size) for size in tensor.shape)

    def add_buffer(self, tensor: torch.Tensor, buffer: Buffer) -> None:
        """``tensor`` stands for ``buffer`` from now on."""
        self._buffers[id(tensor)] = (tensor, buffer)

    def buffer_of(self, tensor: torch.Tensor) -> Buffer | None:
        """The buffer a tensor stands for, if it is one."""
        found = self._buffers.get(id(tensor))
        return None if found is None else found[1]

    def add_value(self, tensor: torch.Tensor, value: Value) -> None:
        """``tensor`` stands for ``value`` from now on, and so do its aliases."""
        tensor = self._original(tensor)
        self._values[id(tensor)] = (tensor, value)
        self._depths.setdefault(id(tensor), self.body.depth)

    def new_value(self, tensor: torch.Tensor, name: str) -> Value:
        """A new value with the type of ``tensor``, which stands for it from now on."""
        value = Value(name, TileType(tensor.dtype, self.sizes_of(tensor)))
        self.add_value(tensor, value)
        return value

    def alias(self, tensor: torch.Tensor) -> torch.Tensor:
        """Another tensor that stands for whatever ``tensor`` stands for, also after changes in place.

        A view of everything is one: torch does not let a view be the very tensor that it views.
        """
        twin = self.fake(self.sizes_of(tensor), tensor.dtype)
        self._aliases[id(twin)] = (twin, self._original(tensor))
        return twin

    def add_view(self, tensor: torch.Tensor) -> None:
        """``tensor`` shows lanes of another: changing it in place would have to change that one."""
        self._views[id(tensor)] = tensor

    def is_view(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor shows lanes of another."""
        return id(self._original(tensor)) in self._views

    def _original(self, tensor: Any) -> Any:
        found = self._aliases.get(id(tensor))
        return tensor if found is None else found[1]

    def depth_of(self, tensor: torch.Tensor) -> int:
        """In how many nested blocks a tensor of the device was made."""
        return self._depths[id(self._original(tensor))]

    def is_value(self, tensor: object) -> bool:
        """Whether a tensor lives on the device."""
        return id(self._original(tensor)) in self._values

    def value_of(self, tensor: torch.Tensor) -> Value:
        """The value a tensor stands for; anything else is the author's mistake."""
        found = self._values.get(id(self._original(tensor)))
        if found is not None:
            return found[1]
        buffer = self.buffer_of(tensor)
        if buffer is not None:
            raise exc.HostTensorDirectUsage(
                span=here(), tensor=buffer.name, operator="this operation"
            )
        raise exc.TracedArgNotSupported(
            span=here(),
            parameter=f"tensor of shape {tuple(tensor.shape)}",
            type="tensor that is neither an argument, a closure variable nor a global of the kernel",
        )
