"""Problems with how a kernel is built up: its loops, what stands between them, what is called where."""

from __future__ import annotations

from helion.exc.base import HelionError


class NotInsideKernel(HelionError):
    """A language function was called where no kernel is running."""

    title = "language function outside of a kernel"
    message = "`hl.{function}` only has a meaning while a kernel runs"
    help = "call it in a function decorated with @helion.kernel"


class NoDeviceLoopsInKernel(HelionError):
    """A kernel has no tile loop, so nothing would run on the device."""

    title = "no tile loop in kernel"
    message = "kernel `{kernel}` never loops over `hl.tile`"
    help = "put the work into `for tile in hl.tile(size):`; without one, use plain PyTorch"


class TopLevelStatementBetweenLoops(HelionError):
    """A host statement stands between two outermost tile loops and depends on the device."""

    title = "statement between outermost tile loops"
    message = "this runs on the host, after one tile loop and before another"
    help = "move it before the first tile loop, or into a loop"


class NestedGridLoop(HelionError):
    """A loop that must be outermost is inside another one."""

    title = "outermost loop inside a loop"
    message = "this tile loop would start a second launch grid inside the first"
    help = "make it a loop of its own after the first one, or one loop: `hl.tile([m, n])`"


class DeviceAPIOnHost(HelionError):
    """A function of the device was called outside of every tile loop."""

    title = "device function on the host"
    message = "`hl.{function}` was called outside of every tile loop"
    help = "move the call into a tile loop, or use torch on the host"


class LoopDependencyError(HelionError):
    """A tile loop touches what another outermost loop writes, without a barrier between."""

    title = "loops depend on each other"
    message = "`{tensor}` is also used by an earlier outermost loop, which runs at the same time"
    help = "put `hl.barrier()` between the two loops, or make them one"


class NotAllowedOnDevice(HelionError):
    """A function of the host was called inside a tile loop."""

    title = "host function on the device"
    message = "`hl.{function}` was called inside a tile loop"
    help = "move the call before the first tile loop"


class NotInReferenceMode(HelionError):
    """Something that needs compiling was asked for in reference mode."""

    title = "not in reference mode"
    message = "`{function}` has no meaning in reference mode: nothing is compiled"
    help = "unset HELION_INTERPRET (or `ref_mode`) to compile"
