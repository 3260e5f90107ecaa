"""What the tuner, or the specialization, decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion.autotuner import FRAGMENTS
from helion.config_keys import CONFIG_KEYS
from helion_compiler.program.expressions import next_power_of_two
from helion_compiler.torch_bridge import symbolic
from helion_compiler.tracing.location import here
from helion_compiler.tracing.meanings.registry import meaning, need_host

if TYPE_CHECKING:
    from helion_compiler.tracing.state import Trace


@meaning
def specialize(trace: Trace, value: Any) -> Any:
    """Turn sizes into constants, which the specialization then depends on."""
    if trace.on_device:
        raise exc.SpecializeOnDevice(span=here())
    if isinstance(value, list | tuple):
        return type(value)(specialize(trace, item) for item in value)
    if isinstance(value, torch.SymInt):
        if not trace.symbols.is_host(trace.symbols.expression(value)):
            raise exc.SpecializeArgType(span=here(), type="block size")
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        kind = "float" if isinstance(value, torch.SymFloat) else type(value).__name__
        raise exc.SpecializeArgType(span=here(), type=kind)
    return value


@meaning
def register_block_size(trace: Trace, min_or_max: int, max: int | None = None) -> torch.SymInt:  # noqa: A002  # the declaration's name
    """A block size that several loops may share."""
    need_host(trace, "register_block_size")
    low, high = (None, min_or_max) if max is None else (min_or_max, max)
    hint = symbolic.expression(high) if high is not None else 1 << 16
    limit = int(high) if isinstance(hint, int) else 1 << 16
    # Extents serve as bounds, too, and blocks are powers of two.
    least = None if low is None else next_power_of_two(low)
    most = next_power_of_two(limit)
    block, _ = trace.body.new_block_size("block", limit, low=least, high=most)
    return trace.symbols.nominal(block.symbol)


@meaning
def register_tunable(trace: Trace, name: str, fragment: Any) -> Any:
    """What the config says, else the default: known while the kernel is traced."""
    need_host(trace, "register_tunable")
    if not isinstance(name, str) or not isinstance(fragment, FRAGMENTS):
        raise exc.RegisterTunableArgTypes(
            span=here(), name_type=type(name).__name__, fragment_type=type(fragment).__name__
        )
    if name in trace.tunables.registered or name in CONFIG_KEYS:
        what = "a tunable" if name in trace.tunables.registered else "a config key"
        raise exc.TunableNameConflict(span=here(), name=name, what=what)
    default = fragment.default()
    if not isinstance(default, bool | int | float | str):
        raise exc.TunableTypeNotSupported(span=here(), name=name, type=type(default).__name__)
    return trace.tunables.register(name, fragment)
