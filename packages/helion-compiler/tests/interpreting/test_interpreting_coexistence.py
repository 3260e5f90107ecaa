"""Interpreting leaves Triton as it was: the same kernels compile before, after and meanwhile."""

import inspect
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from helion_compiler.interpreting import interpret

SIGNATURE = {"x": "*bf16", "y": "*fp32", "n": "i32", "BLOCK": "constexpr"}


@triton.jit
def helper(a):
    return tl.sigmoid(a) + tl.sum(a)


@triton.jit
def kernel(x, y, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.static_assert(BLOCK > 1)
    for _ in tl.range(0, n, num_stages=2):
        for j in tl.static_range(2):
            a = tl.load(x + i).to(tl.float32)
            tl.store(y + i, helper(a) + j)


@triton.jit
def broken(x, y, n, BLOCK: tl.constexpr):
    tl.store(x + tl.arange(0, BLOCK), y)


def compiled(function: Any) -> str:
    source = ASTSource(function, SIGNATURE, constexprs={(3,): 64})
    return str(triton.compile(source, target=GPUTarget("cuda", 90, 32)).asm["ttir"])


def run() -> None:
    x, y = torch.randn(64).to(torch.bfloat16), torch.empty(64)
    interpret(kernel, (1, 1, 1), [x, y, 2], {"BLOCK": 64})
    torch.testing.assert_close(y, x.float().sigmoid() + x.float().sum() + 1)


def attributes() -> dict[tuple[str, str], int]:
    owners: list[Any] = [
        tl, tl.core, tl.math, tl.standard, tl.tensor, tl.dtype, tl.range, tl.static_range,
        tl.core.tensor_descriptor_base, triton.runtime.JITFunction,
    ]  # fmt: skip
    return {
        (str(owner), name): id(member)
        for owner in owners
        for name, member in inspect.getmembers_static(owner)
        if callable(member)
    }


def test_nothing_of_triton_changes() -> None:
    before, globals_before = attributes(), dict(kernel.fn.__globals__)
    run()
    assert attributes() == before
    with pytest.raises(Exception, match="broken"):
        interpret(broken, (1, 1, 1), [torch.zeros(64), torch.zeros(64), 1], {"BLOCK": 64})
    assert attributes() == before
    assert dict(kernel.fn.__globals__) == globals_before


def test_a_kernel_compiles_after_it_was_interpreted(tmp_path: Any) -> None:
    with triton.knobs.cache.scope():
        triton.knobs.cache.dir = str(tmp_path)
        run()
        assert "tt.reduce" in compiled(kernel)
        run()


def test_interpreting_in_one_thread_while_another_compiles(tmp_path: Any) -> None:
    stop = threading.Event()

    def interpret_until_told() -> int:
        count = 0
        while not stop.is_set() or count == 0:
            run()
            count += 1
        return count

    with triton.knobs.cache.scope(), ThreadPoolExecutor(2) as pool:
        triton.knobs.cache.dir = str(tmp_path)
        interpreting = [pool.submit(interpret_until_told) for _ in range(2)]
        try:
            texts = [compiled(kernel)]
            triton.knobs.cache.dir = str(tmp_path / "again")
            texts.append(compiled(kernel))
        finally:
            stop.set()
        assert all(future.result() > 0 for future in interpreting)
    assert texts[0] == texts[1]
