"""What a kernel takes, writes and returns, for arguments that may have neither data nor sizes that are numbers.

In: calls, split, with tensors that may be fake. Out: for each the host's part of a Program, as a variant that launches
nothing: signature, guards, allocations and results. No config is chosen, and no device is asked.

Sizes that torch keeps symbolic stay so: the kernel is traced with symbols of its own, whatever its settings say, and
what the trace decided by sizes becomes guards of torch's. A kernel that cannot be traced so is traced for the sizes of
the example at hand, which torch then specialises on; that is logged.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion import exc
from helion_compiler.building.block_sizes import mentions_block_sizes, with_block_sizes
from helion_compiler.pipeline import make_program
from helion_compiler.scheduling import Abilities, make_schedule
from helion_compiler.space import derive_space
from helion_compiler.torch_bridge.modes import unwatched
from helion_compiler.torch_bridge.symbolic import example_number, fake_mode, imagined
from helion_runtime.entries import ReadStep, VariantEntry, numbers_taken
from helion_runtime.errors import RegistrationError
from helion_runtime.torch_op import serves_call

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from helion.backends import KernelDefinition
    from helion_compiler.program.program import Program
    from helion_compiler.staging import StagedFunction
    from helion_compiler.torch_bridge.modes import FakeTensorMode
    from helion_compiler.tracing.arguments import Call

_log = logging.getLogger("helion_compiler")


class HostParts:
    """The host parts of one kernel's Programs. Safe to use from several threads."""

    def __init__(self, definition: KernelDefinition, stage: Callable[[], StagedFunction]) -> None:
        self._definition = definition
        self._stage = stage
        self._lock = threading.RLock()
        self._found: dict[Hashable, list[VariantEntry]] = {}

    def find(self, call: Call) -> VariantEntry:
        """The host part for a call.

        Raises:
            helion.exc.HelionError: the kernel cannot be traced for it.
            RegistrationError: it cannot be known without running the kernel.
        """
        symbolic = any(map(_is_symbolic, call.leaves))
        with self._lock:
            known = self._found.setdefault((call.static, symbolic), [])
            for variant in known:
                if serves_call(variant, call.names, call.leaves):
                    return variant
            variant = self._traced(_example(call), symbolic=symbolic)
            if not serves_call(variant, call.names, call.leaves):
                raise RegistrationError(
                    f"kernel {self._definition.name!r}: its trace for {list(_shapes(call))} does not hold for them; "
                    "trace around the kernel"
                )
            known.append(variant)
            return variant

    def _traced(self, example: Call, *, symbolic: bool) -> VariantEntry:
        with unwatched():
            if symbolic:
                try:
                    return self._host_part(example, static_shapes=False)
                except exc.HelionError as error:
                    _log.info(
                        "kernel %r is specialised on sizes that torch keeps symbolic: %s",
                        self._definition.name,
                        error,
                    )
            return self._host_part(example, static_shapes=symbolic or None)

    def _host_part(self, example: Call, *, static_shapes: bool | None) -> VariantEntry:
        settings = self._definition.settings
        if static_shapes is not None:
            settings = attrs.evolve(settings, static_shapes=static_shapes)
        program = make_program(self._stage(), example, settings)
        variant = VariantEntry(
            signature=program.signature,
            guard=program.guard,
            aligned=(),
            steps=program.steps,
            launches=(),
            outputs=program.outputs,
            mutates=tuple(sorted(program.written_arguments())),
        )
        return self._with_block_sizes(variant, program)

    def _with_block_sizes(self, variant: VariantEntry, program: Program) -> VariantEntry:
        """The variant with the block sizes of the author's config, or of the default, where the host computes with
        them."""
        if not mentions_block_sizes((variant.steps, variant.outputs)):
            return variant
        configs = self._definition.configs
        if len(configs) != 1 and _results_mention_block_sizes(variant):
            raise RegistrationError(
                f"kernel {self._definition.name!r}: the size of a result is computed from a block size, which a config "
                "will choose; give the kernel one config, or return what does not depend on it"
            )
        settings = self._definition.settings
        space = derive_space(program, frozenset(), dot_precision=settings.dot_precision)
        config = configs[0] if configs else space.default_config()
        schedule = make_schedule(
            program,
            space.point(config),
            dot_precision=settings.dot_precision,
            fast_math=settings.fast_math,
            abilities=Abilities(),
        )
        filled: VariantEntry = with_block_sizes(variant, schedule)
        return filled


def _is_symbolic(leaf: Any) -> bool:
    if isinstance(leaf, torch.Tensor):
        return any(type(size) is not int for size in (*leaf.shape, *leaf.stride()))
    return isinstance(leaf, torch.SymInt | torch.SymFloat | torch.SymBool)


def _example(call: Call) -> Call:
    """The same call with fakes whose sizes are numbers."""
    mode = fake_mode()
    return attrs.evolve(call, leaves=tuple(_example_leaf(leaf, mode) for leaf in call.leaves))


def _example_leaf(leaf: Any, mode: FakeTensorMode) -> Any:
    if not isinstance(leaf, torch.Tensor):
        return example_number(leaf) if _is_symbolic(leaf) else leaf
    return imagined(leaf, mode)


def _shapes(call: Call) -> Iterator[Any]:
    for leaf in call.leaves:
        yield list(leaf.shape) if isinstance(leaf, torch.Tensor) else leaf


def _results_mention_block_sizes(variant: VariantEntry) -> bool:
    made: dict[int, Any] = {}
    number = len(variant.signature)
    for step in variant.steps:
        if not isinstance(step, ReadStep):
            made.update(dict.fromkeys(range(number, number + numbers_taken(step)), step))
        number += numbers_taken(step)
    return any(
        mentions_block_sizes(made[buffer]) for buffer in _buffers(variant.outputs) if buffer in made
    )


def _buffers(tree: Any) -> Iterator[int]:
    match tree:
        case ["buffer", int() as number]:
            yield number
        case list() | tuple():
            for part in tree:
                yield from _buffers(part)
