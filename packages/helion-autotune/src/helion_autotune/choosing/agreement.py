"""Ranks of a ``torch.distributed`` job run the same point: rank 0 decides, the others receive.

Ranks that ran different configs would finish at different times, and could round differently. Assumed: every rank of
the group asks the same questions in the same order, as ranks that run the same program do; where they do not, the
answer to another question is refused. torch is imported only where a job has initialised ``torch.distributed``.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from helion_autotune.point import Point

if TYPE_CHECKING:
    from collections.abc import Callable


class RanksDisagreeError(RuntimeError):
    """The ranks of a job cannot run the same point: they ask different questions, or rank 0 has no answer."""


def agreed(question: str, decide: Callable[[], Point], group: Any = None) -> Point:
    """What ``decide`` gives on the first rank of ``group`` (None: all ranks); alone, just what it gives.

    The other ranks wait; the timeout of the group is how long. Raises what ``decide`` raises on the rank that decides,
    and RanksDisagreeError on the others.
    """
    distributed = _distributed()
    if distributed is None or distributed.get_world_size(group) == 1:
        return decide()
    source = 0 if group is None else distributed.get_global_rank(group, 0)
    if distributed.get_rank() != source:
        return _received(distributed, question, source, group)
    answer: dict[str, Any] = {"question": question}
    try:
        point = decide()
        answer["point"] = point.to_json()
        return point
    except BaseException as error:
        answer["error"] = f"{type(error).__name__}: {error}"
        raise
    finally:
        distributed.broadcast_object_list([answer], src=source, group=group)


def _received(distributed: Any, question: str, source: int, group: Any) -> Point:
    answers: list[Any] = [None]
    distributed.broadcast_object_list(answers, src=source, group=group)
    (answer,) = answers
    if answer["question"] != question:
        raise RanksDisagreeError(
            f"rank {distributed.get_rank()} needs a config for {question}, while rank {source} decided on "
            f"{answer['question']}: ranks that agree must launch the same kernels with the same keys in the same order"
        )
    if "error" in answer:
        raise RanksDisagreeError(
            f"rank {source} could not choose a config for {question}: {answer['error']}"
        )
    return Point(answer["point"])


def _distributed() -> Any:
    """``torch.distributed`` where a job uses it."""
    if "torch" not in sys.modules:
        return None
    import torch.distributed

    usable = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed if usable else None
