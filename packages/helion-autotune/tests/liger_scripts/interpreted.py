"""Liger's kernel under our decorator, in Triton's interpreter: launched by hand, and tuned with a timer of formulas."""

import liger_cross_entropy as example
import pytest
import torch

from helion_autotune import Budget, Measurement, TimesMeanNothingError, autotune

CLASSES = 700
logits, target = torch.randn(3, CLASSES), torch.tensor([0, 699, 31])
gradient = logits.clone()
loss = example.by_torch(gradient, target)


def check(run):
    own = logits.clone()
    torch.testing.assert_close(run(own, target), loss)
    torch.testing.assert_close(own.detach(), gradient, rtol=1e-4, atol=1e-6)


check(example.by_liger)
with pytest.raises(TimesMeanNothingError):
    check(example.cross_entropy)
launches = []


def timer(fn, *, give_up_over_ms, before):
    assert before is not None, "the logits are restored before every call"
    before()
    fn()
    launches.append(fn)
    return Measurement(len(launches))


assert example.SPACE.check(example.SPACE.default) == []
kernel = autotune(
    example.SPACE,
    key=["n_cols"],
    restore_value=["X_ptr"],
    measure=timer,
    strategy="random",
    budget=Budget(evaluations=3),
    jobs=1,
)(example.liger_cross_entropy_kernel)
check(lambda own, target: example.cross_entropy(own, target, kernel))
assert len(launches) > 3, "three candidates, and finalists again"
assert set(kernel.chosen.values()) == {example.SPACE.default}, "the first is the fastest, here"
check(lambda own, target: example.cross_entropy(own, target, kernel))

example.tuned_kernel.fix({"BLOCK_SIZE": 512, "num_warps": 4, "num_stages": 2})
check(example.cross_entropy)
print("passed")
