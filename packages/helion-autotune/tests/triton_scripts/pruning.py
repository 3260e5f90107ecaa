"""Pruning: by a predicate, by Triton's own dict, and what is refused."""

import pytest
import torch
import triton
import triton.language as tl

import helion_autotune
from helion_autotune import Measurement, PowerOfTwo, Space

TRIED = []


def timer(fn, *, give_up_over_ms, before):
    fn()
    return Measurement(1000.0 / TRIED[-1])


@triton.heuristics({"EVEN": lambda args: TRIED.append(args["BLOCK"]) or False})
@triton.jit
def negate(x_ptr, out_ptr, n, BLOCK: tl.constexpr, EVEN: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    tl.store(out_ptr + offsets, -tl.load(x_ptr + offsets, mask=mask), mask=mask)


def blocks_tried(configs, n=40, **options):
    kernel = helion_autotune.autotune(configs, key=["n"], **{"measure": timer, **options})(negate)
    TRIED.clear()
    x = torch.randn(n)
    out = torch.empty_like(x)
    kernel[lambda meta: (triton.cdiv(n, meta["BLOCK"]),)](x, out, n)
    torch.testing.assert_close(out, -x)
    return set(TRIED), TRIED[-1]


SPACE = Space({"BLOCK": PowerOfTwo(16, 128)})
CONFIGS = [triton.Config({"BLOCK": block}) for block in (16, 32, 64, 128)]


def too_wide(config, arguments):
    return config["BLOCK"] > arguments["n"]


for configs in (SPACE, CONFIGS):
    assert blocks_tried(configs, prune=too_wide) == ({16, 32}, 32)
    assert blocks_tried(configs, n=100, prune=too_wide) == ({16, 32, 64}, 64)


def narrow(configs, named):
    return [config for config in configs if config.kwargs["BLOCK"] < named["n"]]


early = {"early_config_prune": narrow}
assert blocks_tried(CONFIGS, prune=early) == ({16, 32}, 32)
model = {"perf_model": lambda **named: abs(named["BLOCK"] - 1.5 * named["n"]), "top_k": 2}
assert blocks_tried(CONFIGS, prune=model) == ({32, 64}, 64)
assert blocks_tried(CONFIGS, prune={**early, **model}) == ({16, 32}, 32)
assert blocks_tried(CONFIGS, prune={**model, "top_k": 0.75}) == ({16, 32, 64}, 64)

# One that is left needs no timer, nor a GPU.
assert blocks_tried(CONFIGS, prune={**model, "top_k": 1}, measure=None) == ({64}, 64)

with pytest.raises(ValueError, match="prune leaves none of 4 configs"):
    blocks_tried(CONFIGS, prune=lambda config, arguments: True)
with pytest.raises(ValueError, match="for a Space, prune is a predicate"):
    blocks_tried(SPACE, prune=early)
with pytest.raises(ValueError, match=r"prune has \['top'\]; Triton's dict has early_config_prune"):
    blocks_tried(CONFIGS, prune={"top": 3})
with pytest.raises(TypeError, match="prune is a predicate, or a dict"):
    blocks_tried(CONFIGS, prune=3)
print("passed")
