"""A tuned kernel that Python plays, of which some candidates harm whoever runs them; workers import it by its name."""

from __future__ import annotations

import os
import signal

from helion_autotune import Choice, Measurement, Space, autotune

WAYS = Space({"WAY": Choice(["fine", "other", "crash", "wrong", "spoil"])})


def timer(fn, *, give_up_over_ms, before):
    fn()
    return Measurement(1.0 + os.getpid() / 1e9)


class Kernel:
    """Has what a ``@triton.jit`` object has for its launcher."""

    def __init__(self, fn):
        self.fn = fn
        self.arg_names = ("x", "out", "n", "WAY")
        self.__name__ = fn.__name__

    def run(self, x, out, n, *, grid, warmup, WAY):
        if warmup:
            return
        assert grid == (n // 2,), "asked of the caller's function, which exists in the session only"
        if WAY == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if WAY == "spoil":
            x.zero_()
        self.fn(x, out, n, WAY)


@autotune(WAYS, key=["n"], measure=timer)
@Kernel
def double(x, out, n, WAY):
    out.copy_(3 * x if WAY == "wrong" else 2 * x)
