"""Where a kernel that runs in reference mode stands: what its language functions share."""

from __future__ import annotations

import contextlib
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.weak import WeakIdKeyDictionary

from helion.exc import (
    LoopFunctionNotInFor,
    ReferenceTimeout,
    Span,
    WrongDevice,
)
from helion.reference.addresses import AddressSpace
from helion.reference.host_names import HostNames
from helion.reference.written_memory import WrittenMemory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import CodeType, FrameType
    from typing import TypeAlias

    from helion.reference.blocks import BlockChooser

    Ticket: TypeAlias = tuple[str, CodeType, int]

_NO_TUNABLES: Mapping[str, Any] = MappingProxyType({})


class ReferenceState:
    """One run of one kernel.

    Attributes:
        device: where values are made.
        high: whether everything floating is float64.
        blocks: gives loops their block sizes.
        tunables: what a config says about registered tunables.
        depth: how many loops of the language are being run, one inside the other; 0 on the host.
        loops: how many of them have been started.
        latest_loop: the line and the number of axes of the loop started last.
        running: what each loop that is being run has handed out, the outermost first; after an error, those that were.
        working: whether torch is being called for the language, and not by the kernel.
        memory: what was written to.
        names: what names mean on the host.
        registered: the names of the tunables that the kernel has registered.
        addresses: finds stacked tensors.
        end: when the run has taken too long, on the clock of ``time.monotonic``; None if it may take any time.
        lanes: for each place of a loop, the axes whose tiles decide the ends of a jagged loop inside.
    """

    def __init__(
        self,
        device: torch.device,
        blocks: BlockChooser,
        *,
        originals: Sequence[tuple[torch.Tensor, torch.Tensor]] | None = None,
        tunables: Mapping[str, Any] = _NO_TUNABLES,
        seconds: float | None = None,
    ) -> None:
        """A run that begins now.

        Args:
            device: the kernel's.
            blocks: as above.
            originals: at high precision, the tensors that the kernel was given and the copies it works on.
            tunables: as above.
            seconds: how long it may take.
        """
        self.device = device
        self.high = originals is not None
        self.blocks = blocks
        self.tunables = tunables
        self.seconds = seconds
        self.end = None if seconds is None else time.monotonic() + seconds
        self.depth = 0
        self.loops = 0
        self.latest_loop: tuple[int, int] | None = None
        self.running: list[tuple[Any, ...]] = []
        self.working = False
        self.memory = WrittenMemory()
        self.names = HostNames()
        self.registered: set[str] = set()
        self.lanes: dict[tuple[CodeType, int], frozenset[int]] = {}
        pairs = originals or ()
        self.addresses = AddressSpace(
            None if originals is None else {one.data_ptr(): copy for one, copy in pairs}
        )
        self._native_dtypes = {id(copy): one.dtype for one, copy in pairs}
        self._values = WeakIdKeyDictionary()
        self._pending: list[Ticket] = []

    def precise(self, dtype: torch.dtype) -> torch.dtype:
        """``dtype``, or float64 for a floating one at high precision."""
        return torch.float64 if self.high and dtype.is_floating_point else dtype

    def native_dtype(self, tensor: torch.Tensor) -> torch.dtype:
        """What an argument held before it was copied for high precision."""
        return self._native_dtypes.get(id(tensor), tensor.dtype)

    def add_values(self, result: Any) -> None:
        """Remember that the tensors in ``result`` were made inside a tile loop: they have no memory on the device."""
        if isinstance(result, torch.Tensor):
            self._values[result] = None
        elif isinstance(result, (tuple, list)):
            for entry in result:
                self.add_values(entry)

    def is_value(self, tensor: torch.Tensor) -> bool:
        """Whether ``tensor`` was made inside a tile loop."""
        return tensor in self._values

    def note_write(self, tensor: torch.Tensor) -> None:
        """Remember that ``tensor`` was written to."""
        self.memory.note_write(tensor, in_loop=self.depth > 0)

    def note_read(self, tensor: torch.Tensor) -> None:
        """Remember that ``tensor`` is read, where a loop does that."""
        if self.depth and not self.is_value(tensor):
            self.memory.note_read(tensor)

    def check_time(self) -> None:
        """Raise ReferenceTimeout where the run has taken longer than it may; loops ask at each turn."""
        if self.end is not None and time.monotonic() > self.end:
            raise ReferenceTimeout(seconds=f"{self.seconds:g}")

    def await_loop(self, function: str, frame: FrameType) -> Ticket:
        """Remember that a loop function was called and waits to be looped over."""
        ticket = (function, frame.f_code, frame.f_lasti)
        self._pending.append(ticket)
        return ticket

    def enter_loop(self, ticket: Ticket) -> None:
        """A loop function is being looped over."""
        if ticket in self._pending:
            self._pending.remove(ticket)

    def check_finished(self) -> None:
        """Refuse to end with a loop function that was called in vain."""
        for function, code, instruction in self._pending:
            span = Span.of_instruction(code, instruction)
            raise LoopFunctionNotInFor(function=function, span=span)

    def check_device(self, device: torch.device | str | None) -> None:
        """Raise WrongDevice unless ``device`` is the kernel's, or not given."""
        if device is None:
            return
        asked = torch.device(device)
        if asked.type != self.device.type or asked.index not in (None, self.device.index):
            raise WrongDevice(
                parameter="device", found=device, other="the kernel", expected=self.device
            )

    @contextlib.contextmanager
    def at_work(self, *, working: bool = True) -> Iterator[None]:
        """Call torch for the language within; with ``working=False``, call the user's functions from there."""
        before, self.working = self.working, working
        try:
            yield
        finally:
            self.working = before
