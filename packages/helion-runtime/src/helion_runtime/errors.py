"""Every error the runtime raises: each class is one kind of problem, its message says what, where
and what to do.

``RuntimeBundleError`` is the root. ``BundleError`` and below concern a file, ``CallError`` and
below one call, ``DeviceError`` and below the machine. Standard bases (``TypeError``,
``ValueError``) are kept where Python has one.
"""

from __future__ import annotations


class RuntimeBundleError(Exception):
    """Anything that goes wrong while opening a bundle, choosing a kernel or launching it."""


# a file or the data in it


class BundleError(RuntimeBundleError):
    """A bundle that cannot be used, and why."""


class BundleNotFoundError(BundleError):
    """There is no bundle at the path, or what is there is neither a directory nor a zip file."""


class NoBundleError(BundleError):
    """A kernel is to run from a bundle and none was named."""


class NoOpError(BundleError):
    """The bundle holds no op with the kernel's name."""


class PrecompiledError(RuntimeBundleError):
    """Something that takes a compiler was asked of a kernel that comes from a bundle."""


class BundleExistsError(BundleError):
    """A bundle cannot be written over what stands at the path."""


class BundleWriteError(BundleError):
    """The place where a bundle was to be written cannot be written to."""


class ContainerError(BundleError):
    """The directory or zip file is damaged, compressed, oversized, or holds names a bundle may not
    hold."""


class FormatVersionError(BundleError):
    """The bundle is of a format this version of the runtime does not read."""


class PinMismatchError(BundleError):
    """The bundle is not the one that was pinned."""


class UnsignedBundleError(BundleError):
    """Keys are trusted, and nobody has signed the bundle."""


class UntrustedSignerError(BundleError):
    """Keys are trusted, and none of them has signed the bundle."""


class SignatureMismatchError(BundleError):
    """A signature in the bundle is not one of this bundle: one of the two was altered."""


class DigestError(BundleError):
    """A file of the bundle is not what the manifest says it is: damaged or altered."""


class UntrustedSourceError(BundleError):
    """Source of a bundle would be run, and nobody has said which bundle that may be."""


class SchemaError(BundleError):
    """The manifest, or an entry in it, has a missing key, an unknown key, or a value of the wrong
    kind."""


class DuplicateNameError(SchemaError):
    """Two things of one bundle have the same name."""


class ExpressionError(SchemaError):
    """An expression that is malformed, or that has no value for this call."""


class BinaryError(BundleError):
    """A binary that is not what its kernel entry says: not that format, that symbol, those
    parameters."""


class KeyFileError(RuntimeBundleError):
    """A key that cannot be used: no such file, no key in it, of another kind, or locked by a passphrase."""


class SigningUnavailableError(RuntimeBundleError):
    """Signatures are to be made or checked, and the library that can is not installed."""


# one call


class CallError(RuntimeBundleError):
    """Arguments that an op cannot be called with."""


class ArgumentCountError(CallError, TypeError):
    """Too few or too many arguments."""


class ArgumentTypeError(CallError, TypeError):
    """An argument that is neither a plain tensor nor a Python number, bool, string or None."""


class ParameterError(CallError, TypeError):
    """A kernel's parameter that its op in the bundle has no room for, or the other way round."""


class DeviceMismatchError(CallError, ValueError):
    """Tensors on two devices, or a tensor on a device that kernels do not run on."""


class NoVariantError(CallError):
    """No variant of the op serves these arguments."""


class ReadingError(CallError, ValueError):
    """A number that host code read from a tensor is one that the variant was not compiled for."""


class RecompileError(CallError):
    """A kernel's source in a bundle cannot be compiled here."""


class NoTritonError(RecompileError):
    """A kernel is to be compiled here, and there is no Triton to do it."""


class RegistrationError(CallError):
    """An op that cannot be an operator of torch's, or not for these fake tensors."""


class ResultError(CallError):
    """An operator of host logic gave something else than was traced."""


class EmptyTensorError(CallError, ValueError):
    """A tensor without elements, where a kernel that does run takes a tensor map of it."""


class GridError(CallError, ValueError):
    """A grid that is larger than a launch may be, or negative."""


class ScalarRangeError(CallError, OverflowError):
    """A number that does not fit the type the kernel takes it as."""


# the machine


class DeviceError(RuntimeBundleError):
    """This machine cannot run the kernel."""


class NoDeviceError(DeviceError):
    """There is no NVIDIA GPU or no driver."""


class ArchitectureError(DeviceError):
    """The kernel was built for another architecture."""


class SharedMemoryError(DeviceError):
    """The kernel needs more shared memory than the device gives one block."""


class DriverTooOldError(DeviceError):
    """The bundle needs a newer driver."""


class DriverError(DeviceError):
    """A call into the CUDA driver failed; ``code`` is its CUresult."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code
