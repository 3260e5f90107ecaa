"""Failures of backends and of the tools below them, and our own."""

from __future__ import annotations

from helion.exc.base import HelionError


class BackendNotInstalled(HelionError):
    """No installed package can run the kernel."""

    title = "no backend installed"
    message = "{problem}"
    help = "{remedy}"


class IncompatibleBackend(HelionError):
    """A backend was written for another version of helion-lang."""

    title = "incompatible backend"
    message = "backend `{backend}` speaks interface version {found}, helion-lang needs {expected}"
    help = "install the same version of all packages: `pip install -U helion-lang helion-compiler helion-runtime`"


class UnsupportedOperator(HelionError):
    """An operator that cannot be lowered."""

    title = "operator not supported"
    message = "`{operator}` cannot be compiled: {reason}"
    help = "write it with other operators, or move it out of the tile loop"


class InductorLoweringError(HelionError):
    """TorchInductor failed to lower an operator."""

    title = "TorchInductor failed"
    message = "TorchInductor could not lower `{operator}`: {reason}"
    help = "write it with other operators, or move it out of the tile loop"


class ErrorCompilingKernel(HelionError):
    """Generated source does not compile with any config that was tried."""

    title = "kernel does not compile"
    message = "`{kernel}` failed to compile: {reason}"
    help = "try another config; if all fail, report it with the kernel and the config"


class TritonError(HelionError):
    """Triton failed on generated source."""

    title = "Triton failed"
    message = "Triton failed on `{kernel}` with {config}: {reason}"
    help = "try another config; the generated source is `kernel.bind(args).to_triton_code(config)`"


class InternalError(HelionError):
    """A fault of Helion's own."""

    title = "internal error"
    message = "{reason}"
    help = "this is a fault in Helion, not in your kernel: please report it with the kernel and its arguments' shapes"


class TorchOpTracingError(HelionError):
    """Torch failed while an operator was traced."""

    title = "torch failed"
    message = "torch could not trace `{operation}`: {reason}"
    help = "write it with other operators, or move it out of the tile loop"


class InvalidAPIUsage(HelionError):
    """A function of the language is called with arguments that mean nothing."""

    title = "invalid call"
    message = "`hl.{function}`: {problem}"
    help = "{remedy}"


class BreakpointInDeviceLoopRequiresInterpret(HelionError):
    """A breakpoint on a device that has no debugger."""

    title = "breakpoint on the device"
    message = "a breakpoint inside a tile loop cannot stop a kernel that is compiled"
    help = "set HELION_INTERPRET=1 to run the kernel's own Python, or pass CPU tensors"
