"""Problems between the host, where tensors live, and the device code inside tile loops."""

from __future__ import annotations

from helion.exc.base import HelionError


class HostTensorDirectUsage(HelionError):
    """A whole host tensor is used as a value in device code."""

    title = "host tensor used as a value"
    message = "`{tensor}` is a whole tensor on the host; `{operator}` needs values on the device"
    help = "load the part that is needed first: `{tensor}[tile]`, or `{tensor}[tile, :]`"


class CannotModifyHostVariableOnDevice(HelionError):
    """Device code assigns a host variable that is read after the loop or on a later iteration."""

    title = "host variable modified on the device"
    message = "`{name}` belongs to the host and cannot change inside an outermost tile loop"
    help = "store into a tensor: `out[tile] = value`"


class CannotReadDeviceVariableOnHost(HelionError):
    """Host code reads a name that only device code assigns."""

    title = "device variable read on the host"
    message = "`{name}` only exists inside the tile loop that assigns it"
    help = "store it into a tensor inside the loop, and read that"


class WrongDevice(HelionError):
    """Tensors of one call are on different devices."""

    title = "tensors on different devices"
    message = "`{parameter}` is on {found}, `{other}` is on {expected}"
    help = 'move them to one device: `{parameter}.to("{expected}")`'


class DeviceNotAvailable(HelionError):
    """A device is asked for that this machine does not have."""

    title = "device not available"
    message = "{device} is needed here, and {reason}"
    help = "pass CPU tensors to run without it, or run on a machine that has it"


class CantReadOnDevice(HelionError):
    """Something of the host that device code cannot read."""

    title = "cannot be read on the device"
    message = "`{name}` is a {type} of the host and cannot be read inside a tile loop"
    help = "pass it as an argument, or read what is needed of it before the loop"


class AtomicOnDeviceTensor(HelionError):
    """An atomic operation on a value, which has no memory."""

    title = "atomic operation on a value"
    message = "the target of `hl.{function}` is a value made inside the tile loop"
    help = "allocate the target on the host, before the loop: `torch.zeros(...)`"
