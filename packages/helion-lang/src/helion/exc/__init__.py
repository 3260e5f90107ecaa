"""Every error that Helion raises, by name: catch :class:`HelionError`, or the class named after the problem."""

from __future__ import annotations

from helion.exc.base import (
    HelionError,
)
from helion.exc.diagnostic import (
    Diagnostic,
    Span,
)
from helion.exc.host_and_device import (
    CannotModifyHostVariableOnDevice,
    CannotReadDeviceVariableOnHost,
    DeviceNotAvailable,
    HostTensorDirectUsage,
    WrongDevice,
)
from helion.exc.python_subset import (
    CantCombineTypesInControlFlow,
    ControlFlowTensorMismatch,
    FailedToUnpackTile,
    NonTensorSubscriptAssign,
    NoTensorArgs,
    StarredArgsNotSupportedOnDevice,
    StatementNotSupported,
    TracedArgNotSupported,
    UndefinedVariable,
)
from helion.exc.rendering import (
    render,
    wants_color,
)
from helion.exc.shapes import (
    DotBatchDimensionMismatch,
    IncorrectTileUsage,
    IndexOutOfRange,
    InvalidIndexingType,
    InvalidTileRange,
    RankMismatch,
    ShapeMismatch,
    TileOutOfBounds,
)
from helion.exc.structure import (
    DeviceAPIOnHost,
    LoopDependencyError,
    NestedGridLoop,
    NoDeviceLoopsInKernel,
    NotAllowedOnDevice,
    NotInReferenceMode,
    NotInsideKernel,
    SpecializeArgType,
    SpecializeOnDevice,
    TopLevelStatementBetweenLoops,
)
from helion.exc.tools import (
    BackendNotInstalled,
    ErrorCompilingKernel,
    IncompatibleBackend,
    InductorLoweringError,
    InternalError,
    TritonError,
    UnsupportedOperator,
)
from helion.exc.tuning import (
    AutotuneError,
    AutotuningDisallowedInEnvironment,
    CacheNotWritable,
    ConfigFileError,
    InvalidConfig,
    InvalidSetting,
    NoConfigFound,
    NotEnoughConfigs,
)

__all__ = [
    "AutotuneError",
    "AutotuningDisallowedInEnvironment",
    "BackendNotInstalled",
    "CacheNotWritable",
    "CannotModifyHostVariableOnDevice",
    "CannotReadDeviceVariableOnHost",
    "CantCombineTypesInControlFlow",
    "ConfigFileError",
    "ControlFlowTensorMismatch",
    "DeviceAPIOnHost",
    "DeviceNotAvailable",
    "Diagnostic",
    "DotBatchDimensionMismatch",
    "ErrorCompilingKernel",
    "FailedToUnpackTile",
    "HelionError",
    "HostTensorDirectUsage",
    "IncompatibleBackend",
    "IncorrectTileUsage",
    "IndexOutOfRange",
    "InductorLoweringError",
    "InternalError",
    "InvalidConfig",
    "InvalidIndexingType",
    "InvalidSetting",
    "InvalidTileRange",
    "LoopDependencyError",
    "NestedGridLoop",
    "NoConfigFound",
    "NoDeviceLoopsInKernel",
    "NoTensorArgs",
    "NonTensorSubscriptAssign",
    "NotAllowedOnDevice",
    "NotEnoughConfigs",
    "NotInReferenceMode",
    "NotInsideKernel",
    "RankMismatch",
    "ShapeMismatch",
    "Span",
    "SpecializeArgType",
    "SpecializeOnDevice",
    "StarredArgsNotSupportedOnDevice",
    "StatementNotSupported",
    "TileOutOfBounds",
    "TopLevelStatementBetweenLoops",
    "TracedArgNotSupported",
    "TritonError",
    "UndefinedVariable",
    "UnsupportedOperator",
    "WrongDevice",
    "render",
    "wants_color",
]
