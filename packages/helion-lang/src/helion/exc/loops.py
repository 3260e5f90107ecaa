"""Problems with single loops: what they iterate, where they stand, what follows them."""

from __future__ import annotations

from helion.exc.base import HelionError


class LoopFunctionNotInFor(HelionError):
    """A loop function is called, and what it returns is not looped over."""

    title = "loop function without a loop"
    message = "`hl.{function}` was called outside of a `for` statement"
    help = "write `for ... in hl.{function}(...):`"


class InvalidDeviceForLoop(HelionError):
    """A loop on the device iterates something that the device cannot."""

    title = "cannot loop over this on the device"
    message = "a {type} cannot be iterated inside a tile loop"
    help = "loop over `hl.tile`, `hl.grid`, `range`, or a tuple or list"


class NestedDeviceLoopsConflict(HelionError):
    """A loop on the device takes its block size from a loop around it."""

    title = "loops share a block size"
    message = "`{inner}` has the block size of `{outer}`, the loop around it"
    help = "give each of two loops inside each other a block size of its own"


class DeviceLoopElseBlock(HelionError):
    """A loop on the device has an ``else``."""

    title = "else of a loop"
    message = "a `for` loop over `{iterable}` cannot have an `else` on the device"
    help = "put the statements after the loop: without `break`, they always run"


class EmptyDeviceLoopAfterDCE(HelionError):
    """Nothing in a tile loop has an effect."""

    title = "tile loop without effect"
    message = "nothing that this tile loop computes is stored"
    help = "store into a tensor: `out[tile] = value`"


class BarrierOnlyAllowedAtTopLevel(HelionError):
    """A barrier stands inside of a loop."""

    title = "barrier inside a loop"
    message = "`hl.barrier()` separates outermost loops, and was called inside one"
    help = "move it between the two loops"


class BarrierRequiresPersistent(HelionError):
    """A config asks for program ids that cannot wait for each other."""

    title = "barrier with this program-id type"
    message = "`hl.barrier()` needs a persistent program-id type; the config says `{pid_type}`"
    help = 'use `pid_type="persistent_blocked"` or `"persistent_interleaved"`, or leave the key out'
