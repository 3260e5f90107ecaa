"""Candidates that compute something wrong, or leave their output untouched, never win and are named."""

import pytest
import torch
import triton
import triton.language as tl

import helion_autotune
from helion_autotune import Choice, Measurement, NoCandidateWorked, Space


@triton.jit
def double(x_ptr, out_ptr, n, BLOCK: tl.constexpr, MODE: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask)
    if MODE == "right":
        tl.store(out_ptr + offsets, x + x, mask=mask)
    if MODE == "wrong":
        tl.store(out_ptr + offsets, x * 3, mask=mask)
    if MODE == "half":
        tl.store(out_ptr + offsets, x + x, mask=offsets < n // 2)


def timer(fn, *, give_up_over_ms, before):
    fn()
    return Measurement(1.0)


class Seen(helion_autotune.NoProgress):
    def __init__(self):
        self.trials = {}

    def trial(self, trial):
        self.trials[trial.point["MODE"]] = trial


def make(modes, **options):
    seen = Seen()
    space = Space({"BLOCK": Choice([64]), "MODE": Choice(modes)})
    tuned = helion_autotune.autotune(
        space, strategy="finite", measure=timer, progress=seen, **options
    )
    return tuned(double), seen


x, out = torch.linspace(1, 2, 100), torch.zeros(100)
kernel, seen = make(["right", "wrong", "half", "idle"])
kernel[(2,)](x, out, 100)
torch.testing.assert_close(out, x * 2)
assert [t.status.value for t in seen.trials.values()] == ["ok", *["wrong_result"] * 3]
assert "100 of 100 elements are off" in seen.trials["wrong"].error
assert "50 of 100 elements are off" in seen.trials["half"].error

# The output holds the right values already: still nothing gets away with not writing it.
kernel, seen = make(["right", "idle"])
kernel[(2,)](x, out, 100)
assert seen.trials["idle"].status == "wrong_result"

# A reference outvotes the first config.
kernel, seen = make(["wrong", "right"], reference=lambda x_ptr, **_: {"out_ptr": x_ptr * 2})
kernel[(2,)](x, out, 100)
torch.testing.assert_close(out, x * 2)
assert seen.trials["wrong"].status == "wrong_result"

# Nothing that runs changes anything: there is nothing to check.
kernel, seen = make(["idle", "idler"])
with pytest.raises(NoCandidateWorked, match="no tensor argument changes"):
    kernel[(2,)](x, out, 100)

# A reference must name the outputs.
kernel, _ = make(["right", "idle"], reference=lambda **_: {"y": x})
with pytest.raises(ValueError, match=r"it returned \['y'\]"):
    kernel[(2,)](x, out, 100)
print("passed")
