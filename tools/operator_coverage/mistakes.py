"""What becomes of calls that torch refuses: the database has some for each operator, with the error that is due."""

from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING, Any

import attrs
import torch

import helion
import helion.language as hl
from helion import exc
from operator_coverage.calls import OperatorCall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operator_coverage.database import Operator

REFUSED, ACCEPTED, FAILED = "refused", "accepted", "failed"
LARGEST_RANK = 64
"""Of torch; its mistakes beyond are about that, and no kernel has so many dimensions."""


@attrs.frozen
class Mistake:
    """A call that torch refuses with ``wanted``, and how a kernel with it ended."""

    operator: str
    call: str
    status: str
    wanted: str
    found: str


@helion.kernel(config=helion.Config())
def _whole(call: Any, tensors: list[torch.Tensor], out: torch.Tensor) -> None:
    """The first result's sum, so that kernels differ in nothing else."""
    for _ in hl.tile(1):
        results = call([tensor[...] for tensor in tensors])
        out[...] = results[0].to(torch.float32).sum()


def mistakes(operator: Operator) -> Iterator[Mistake]:
    """How kernels end with each of the operator's wrong calls that tensors of one device can make."""
    info = operator.info
    if info.error_inputs_func is None:
        return
    for wrong in info.error_inputs("cpu"):
        sample = wrong.sample_input
        with contextlib.suppress(RuntimeError, TypeError, ValueError):  # no arguments at all
            call = OperatorCall.of(info.op, sample.input, sample.args, sample.kwargs)
            wanted = _refusal(call)
            if wanted is not None:
                status, found = _ending(call)
                yield Mistake(operator.name, call.described(), status, wanted, found)


def _refusal(call: OperatorCall) -> str | None:
    """What torch says of a call; None where it says nothing, or a kernel could not be asked."""
    if not call.tensors or any(not _is_plain(tensor) for tensor in call.tensors):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what it does before it refuses
            call.expected()
    except Exception as error:  # noqa: BLE001  whatever torch raises is what is due
        return f"{type(error).__name__}: {_first_line(error)}"
    return None


def _is_plain(tensor: torch.Tensor) -> bool:
    return (
        tensor.layout is torch.strided
        and not tensor.is_complex()
        and tensor.device.type == "cpu"
        and tensor.ndim <= LARGEST_RANK
    )


def _ending(call: OperatorCall) -> tuple[str, str]:
    """Refused as a mistake of the author's, accepted, or failed in some other way."""
    try:
        _whole(lambda tensors: call(tensors), list(call.tensors), torch.zeros(1))
    except (exc.InternalError, exc.TritonError) as error:
        return FAILED, _first_line(error.diagnostic.message)
    except exc.HelionError as error:
        return REFUSED, f"{type(error).__name__}: {error.diagnostic.message}"
    except Exception as error:  # noqa: BLE001  that nothing else is raised is what is asked
        return FAILED, f"{type(error).__name__}: {_first_line(error)}"
    return ACCEPTED, ""


def _first_line(error: object) -> str:
    return str(error).strip().partition("\n")[0][:160]
