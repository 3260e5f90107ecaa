"""Messages between a session and its workers: a length, then that many bytes, over a Unix socket.

In and out: bytes. A peer that is gone reads as :class:`ChannelClosedError`, one that is silent as TimeoutError.
"""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

_LENGTH = struct.Struct("!Q")
_CHUNK = 1 << 20


class ChannelClosedError(ConnectionError):
    """The process at the other end has closed its socket, most likely by dying."""


def send(channel: socket.socket, message: bytes, seconds: float | None = None) -> None:
    """Send one message within ``seconds``; None waits for ever."""
    channel.settimeout(seconds)
    try:
        channel.sendall(_LENGTH.pack(len(message)))
        channel.sendall(message)
    except TimeoutError:
        raise
    except OSError as error:
        raise ChannelClosedError(str(error)) from error


def receive(channel: socket.socket, seconds: float | None = None) -> bytes:
    """The next message, within ``seconds`` in all; None waits for ever."""
    deadline = None if seconds is None else time.monotonic() + seconds
    (length,) = _LENGTH.unpack(_exactly(channel, _LENGTH.size, deadline))
    return _exactly(channel, length, deadline)


def _exactly(channel: socket.socket, count: int, deadline: float | None) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutError("no answer in time")
        channel.settimeout(left)
        try:
            part = channel.recv(min(count - len(parts), _CHUNK))
        except TimeoutError:
            raise
        except OSError as error:
            raise ChannelClosedError(str(error)) from error
        if not part:
            raise ChannelClosedError("the other end has closed the channel")
        parts += part
    return bytes(parts)
