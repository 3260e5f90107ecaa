"""Run an operator's calls and say how each ended."""

from __future__ import annotations

import contextlib
import signal
import traceback
import warnings
from typing import TYPE_CHECKING, Any
from unittest import mock

import torch

from helion import exc
from operator_coverage.comparing import difference
from operator_coverage.kernels import WrongType, prepare
from operator_coverage.results import AGREES, CRASHED, REFUSED, WRONG, Finding, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operator_coverage.calls import OperatorCall
    from operator_coverage.database import Operator

SECONDS = 60
"""After which a call counts as a crash."""

UNDEFINED = frozenset(
    {"empty", "empty_like", "empty_permuted", "empty_strided", "new_empty", "new_empty_strided"}
)
"""Operators whose results hold anything: element types and ranks are compared alone."""

TIED = frozenset({"kthvalue", "masked.median", "median", "mode", "nanmedian", "topk"})
"""Operators that say where a value is, of which there may be several: the values alone are compared."""


def check(operator: Operator, dtype: torch.dtype, limit: int, *, compiles: bool) -> Result | None:
    """Run at most ``limit`` calls and what is derived from them; None if the database has none that fits."""
    name = str(dtype).removeprefix("torch.")
    try:
        calls = operator.calls(dtype, limit)
    except Exception:  # noqa: BLE001  some entries need what a CPU build lacks
        return None
    findings = []
    modes: set[str] = set()
    for call in calls:
        with warnings.catch_warnings(), _at_most(SECONDS):
            warnings.simplefilter("ignore")
            finding = _check_call(operator.name, call, modes, compiles=compiles)
        if finding is not None:
            findings.append(finding)
    return Result(operator.name, name, operator.elementwise, tuple(findings)) if findings else None


def _check_call(
    operator: str, call: OperatorCall, compiled: set[str], *, compiles: bool
) -> Finding | None:
    """How a call ended; None where torch itself refuses it or gives nothing to compare."""
    try:
        expected = call.expected()
    except Exception:  # noqa: BLE001  the database has calls that a build of torch cannot do
        return None
    if not expected or not call.tensors or any(result.is_complex() for result in expected):
        return None
    text, mode = call.described(), "?"
    try:
        prepared = prepare(call, expected)
        mode = prepared.mode
        found = prepared.run()
        compared = 0 if operator in UNDEFINED else 1 if operator in TIED else len(found)
        compared = 0 if _draws(call, expected) else compared
        problem = difference(call, found[:compared], expected[:compared])
        if problem is None and compiles and mode not in compiled:
            prepared.compile()
            compiled.add(mode)
    except exc.InternalError as error:
        return Finding(text, mode, CRASHED, "InternalError", error.diagnostic.message)
    except exc.TritonError as error:
        return Finding(text, mode, CRASHED, "TritonError", error.diagnostic.message)
    except exc.HelionError as error:
        return Finding(text, mode, REFUSED, type(error).__name__, error.diagnostic.message)
    except WrongType as error:
        return Finding(text, mode, WRONG, "", str(error))
    except Exception as error:  # noqa: BLE001  that nothing else is raised is what is tested
        return Finding(text, mode, CRASHED, type(error).__name__, _place(error))
    return Finding(text, mode, AGREES if problem is None else WRONG, "", problem or "")


def _draws(call: OperatorCall, expected: list[torch.Tensor]) -> bool:
    """Whether another seed gives something else: random numbers, of which types and ranks alone are compared.

    The database's own wrappers seed every call.
    """
    torch.manual_seed(99)
    with mock.patch.object(torch, "manual_seed"):
        again = call.expected()
    return not all(
        torch.allclose(one, other, equal_nan=True)
        for one, other in zip(again, expected, strict=True)
    )


def _place(error: Exception) -> str:
    """The message, and the last line of ours that the error came through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "helion" in f.filename or "triton" in f.filename] or list(frames)
    last = ours[-1]
    return f"{error} ({last.filename.rsplit('/', 2)[-1]}:{last.lineno})"[:600]


@contextlib.contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    def stop(_signal: int, _frame: Any) -> None:
        raise TimeoutError(f"it ran for more than {seconds} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
