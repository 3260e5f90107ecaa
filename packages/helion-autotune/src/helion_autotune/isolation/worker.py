"""A worker's whole life: make the measurer, then measure one job after the other until the session goes away.

In: over the channel, first an opening (what may begin before there is anything to measure, as a GPU context), then
what the measurer is made of, then jobs, all pickled. Out: answers as JSON, which holds nothing that could run when it
is read; the first says whether the measurer could be made.
"""

from __future__ import annotations

import gc
import json
import os
import pickle
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.blueprint import find
from helion_autotune.failures import error_text, failure_status
from helion_autotune.isolation.frames import ChannelClosedError, receive, send
from helion_autotune.trial import Status

if TYPE_CHECKING:
    import socket

    from helion_autotune.blueprint import Call, Measurer

#: The two things a worker is asked for.
MEASURE, WARM_UP = "measure", "warm up"


def work(channel: socket.socket) -> None:
    """Serve jobs until the channel closes."""
    try:
        problem = _opened(receive(channel))
        maker, payload = pickle.loads(receive(channel))
        if problem is None:
            measurer = find(maker)(pickle.loads(payload))
    except ChannelClosedError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever goes wrong here is the answer
        problem = error_text(error)
    if problem is not None:
        send(channel, _answer(Status.RUN_ERROR, error=problem))
        return
    gc.freeze()  # what stands now stays: collections while measuring need not look at it
    send(channel, _answer(Status.OK, pid=os.getpid()))
    while True:
        try:
            request = receive(channel)
        except ChannelClosedError:
            return
        send(channel, _served(measurer, request))


def _opened(message: bytes) -> str | None:
    """Why the opening failed, which is told when the measurer is asked for."""
    try:
        opening: Call | None = pickle.loads(message)
        if opening is not None:
            opening()
    except Exception as error:  # noqa: BLE001 - whatever goes wrong here is the answer
        return error_text(error)
    return None


def _served(measurer: Measurer[Any], request: bytes) -> bytes:
    try:
        what, job_bytes, incumbent_ms = pickle.loads(request)
        job = pickle.loads(job_bytes)
        if what == WARM_UP and hasattr(measurer, "learn"):
            measurer.learn(job)
            return _answer(Status.OK)
        found = measurer.measure(job, incumbent_ms)
        return _answer(Status.OK, **attrs.asdict(found))
    except Exception as error:  # noqa: BLE001 - whatever a candidate does wrong is that trial's result
        status, text = failure_status(error), error_text(error)
    return _failed(
        measurer, status, text
    )  # behind the handler: its traceback held the candidate's tensors


def _failed(measurer: Measurer[Any], status: Status, text: str) -> bytes:
    """What went wrong, and whether the next job can be measured in this process."""
    recover = getattr(measurer, "recover", None)
    try:
        if recover is not None:
            recover()
    except Exception as lost:  # noqa: BLE001 - any of them means the same
        return _answer(status, error=text, lost=error_text(lost))
    return _answer(status, error=text)


def _answer(status: Status, **more: Any) -> bytes:
    return json.dumps({"status": status.value, **more}).encode()
