"""Resumable, parallel, checked tuning over declared search spaces.

``tune(space, workload)`` searches for the fastest point of anything that can be compiled and timed;
``autotune`` does so for a hand-written ``@triton.jit`` kernel. Importing this imports neither torch, triton nor scipy.
"""

from helion_autotune.blueprint import Blueprint, Call, Measurer, NotPortableError
from helion_autotune.budget import NO_LIMIT, Budget
from helion_autotune.choosing import (
    Chooser,
    LockedResult,
    LockFile,
    LockFileError,
    NotTunedError,
    Question,
    RanksDisagreeError,
)
from helion_autotune.constraints import Condition, Constraint, Violation
from helion_autotune.finalists import Finalist
from helion_autotune.functions import time_on_host, tune_function
from helion_autotune.isolation_limits import Isolation
from helion_autotune.live_progress import LiveProgress, progress_for
from helion_autotune.measuring import NoDeviceError, measure_milliseconds
from helion_autotune.notebook_progress import NotebookProgress
from helion_autotune.objective import Objective
from helion_autotune.parameters import (
    Boolean,
    Choice,
    Float,
    Integer,
    ListOf,
    Parameter,
    Permutation,
    PowerOfTwo,
)
from helion_autotune.point import Point
from helion_autotune.progress import (
    Generation,
    NoProgress,
    PlainProgress,
    Progress,
    SearchEnded,
    SearchStarted,
)
from helion_autotune.records import Records, RecordsError, StoredResult
from helion_autotune.runner import CannotMeasureError
from helion_autotune.session import NoCandidateWorked, Result, tune
from helion_autotune.space import NoValidPointError, Size, Space
from helion_autotune.strategies import Strategy, known_strategies, strategy
from helion_autotune.trial import Measurement, Status, Trial
from helion_autotune.triton_kernels import TimesMeanNothingError, TunedKernel, autotune
from helion_autotune.workload import IsolableWorkload, Workload, WrongResult

__all__ = [
    "NO_LIMIT",
    "Blueprint",
    "Boolean",
    "Budget",
    "Call",
    "CannotMeasureError",
    "Choice",
    "Chooser",
    "Condition",
    "Constraint",
    "Finalist",
    "Float",
    "Generation",
    "Integer",
    "IsolableWorkload",
    "Isolation",
    "ListOf",
    "LiveProgress",
    "LockFile",
    "LockFileError",
    "LockedResult",
    "Measurement",
    "Measurer",
    "NoCandidateWorked",
    "NoDeviceError",
    "NoProgress",
    "NoValidPointError",
    "NotPortableError",
    "NotTunedError",
    "NotebookProgress",
    "Objective",
    "Parameter",
    "Permutation",
    "PlainProgress",
    "Point",
    "PowerOfTwo",
    "Progress",
    "Question",
    "RanksDisagreeError",
    "Records",
    "RecordsError",
    "Result",
    "SearchEnded",
    "SearchStarted",
    "Size",
    "Space",
    "Status",
    "StoredResult",
    "Strategy",
    "TimesMeanNothingError",
    "Trial",
    "TunedKernel",
    "Violation",
    "Workload",
    "WrongResult",
    "autotune",
    "known_strategies",
    "measure_milliseconds",
    "progress_for",
    "strategy",
    "time_on_host",
    "tune",
    "tune_function",
]
