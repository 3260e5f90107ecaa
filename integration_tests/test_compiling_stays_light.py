"""What tracing, compiling and running a kernel imports: Dynamo and TorchInductor for uncommon operators alone.

Each program runs in a process of its own, since torch imports either for good; most are forks of one that has
imported neither.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from forked_programs import Forks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    LoadedBy = Callable[[str], frozenset[str]]

HEAVY = {"torch._inductor", "torch._dynamo"}
EXAMPLES = Path(__file__).parent.parent / "examples"
PREPARED = f"""
import importlib, linecache, sys
sys.path.insert(0, {str(EXAMPLES)!r})
import helion, helion.language as hl, torch
from helion_compiler.building import parse_target
from helion_compiler.bundling import BuildRequest

def half(*shape, dtype=torch.bfloat16):
    return torch.empty(shape, dtype=dtype, device="meta")

def example(path, *args):
    module, name = path.split(".")
    kernel, target = getattr(importlib.import_module(module), name), parse_target("sm_90")
    bound = BuildRequest(kernel, args, static_shapes=True).bind(target)
    assert bound.build(bound.space.default_config(), target).image.binary
    bound = BuildRequest(kernel, args, static_shapes=False).bind(target)
    assert "def " in bound.lower(bound.space.default_config()).emitted.source
"""
USUAL = {
    "add.add": "half(64, 1, 128), half(64, 128)",
    "attention.attention": "half(2, 4, 128, 64), half(2, 4, 128, 64), half(2, 4, 128, 64)",
    "cross_entropy.cross_entropy": "half(64, 1024), half(64, dtype=torch.int64)",
    "exp.exp_forward": "half(64, 128)",
    "geglu.geglu_forward": "half(64, 128), half(64, 128)",
    "layer_norm.layer_norm_forward": "half(64, 128), half(128), half(128), 1e-5",
    "matmul.matmul": "half(128, 128), half(128, 128)",
    "rms_norm.rms_norm_forward": "half(64, 128), half(128), 1e-5",
    "softmax.softmax": "half(64, 128)",
    "softmax.softmax_two_pass": "half(64, 128)",
    "sum.sum_rows": "half(64, 128)",
    "swiglu.swiglu_forward": "half(64, 256)",
}
OF_ITS_OWN = """
def author(x):
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        out[tile] = {text}
    return out
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    with Forks(PREPARED, tmp_path_factory.mktemp("prepared")) as forks:
        yield forks


def kernel_of(text: str) -> str:
    """Statements that define a kernel with one line of device code, where Python finds its source."""
    source = OF_ITS_OWN.format(text=text)
    return (
        f"source = {source!r}\n"
        "linecache.cache['author.py'] = (len(source), None, source.splitlines(True), 'author.py')\n"
        "exec(compile(source, 'author.py', 'exec'), globals())\n"
        "kernel = helion.kernel(config=helion.Config(block_sizes=[16, 32]))(author)\n"
    )


def test_torch_itself_is_light(loaded_by: LoadedBy) -> None:
    """What is imported below is not what torch, Triton or the examples import anyway."""
    assert not loaded_by("import torch, triton.language, torch.nn.functional") & HEAVY


def test_what_is_prepared_is_light(prepared: Forks) -> None:
    loaded = prepared.loaded_by("")
    assert "helion_compiler.bundling" in loaded
    assert not loaded & HEAVY


def test_usual_kernels_compile_without(prepared: Forks) -> None:
    program = "\n".join(f"example({path!r}, {args})" for path, args in USUAL.items())
    loaded = prepared.loaded_by(program)
    assert "helion_compiler.building.binary" in loaded
    assert not loaded & HEAVY


def test_what_tunes_and_measures_does_without(prepared: Forks) -> None:
    program = """
import importlib, pkgutil, helion_compiler.tuning
for module in pkgutil.iter_modules(helion_compiler.tuning.__path__, "helion_compiler.tuning."):
    importlib.import_module(module.name)
"""
    loaded = prepared.loaded_by(program)
    assert {"helion_compiler.tuning.measurer", "helion_compiler.tuning.choose_config"} <= loaded
    assert not loaded & HEAVY


def test_interpreted_kernels_do_without(prepared: Forks) -> None:
    program = kernel_of("torch.exp(x[tile]) * 2 + x[tile]")
    program += "x = torch.randn(17, 40)\n"
    program += "torch.testing.assert_close(kernel(x), torch.exp(x) * 2 + x)\n"
    loaded = prepared.loaded_by(program)
    assert "helion_compiler.interpreting.launch" in loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("torch.erf(x[tile])", "an operator that the table lacks"),
        ("torch.nn.functional.mish(x[tile])", "a composite"),
        ("torch.lerp(x[tile], x[tile], 0.5)", "a decomposition of Inductor's own"),
    ],
)
def test_uncommon_operators_import_it_in_the_middle_of_a_trace(
    text: str, reason: str, prepared: Forks
) -> None:
    """And mean what they mean: importing it is no part of what is traced."""
    del reason
    program = kernel_of(text)
    program += "x = torch.randn(17, 40)\n"
    program += f"tile = slice(None)\nexpected = {text}\n"
    program += "torch.testing.assert_close(kernel(x), expected, rtol=1e-5, atol=1e-6)\n"
    loaded = prepared.loaded_by(program)
    assert loaded >= {"torch._inductor", "helion_compiler.interpreting.launch"}


def test_threads_import_it_once(prepared: Forks) -> None:
    """One asks for the text of an operator while another asks for a decomposition."""
    program = """
from concurrent.futures import ThreadPoolExecutor
import torch
from helion_compiler.torch_bridge.decompositions import decomposition_table
from helion_compiler.torch_bridge.pointwise import TensorOperand, lower_pointwise

def text(name):
    return lower_pointwise(getattr(torch.ops.aten, name).default, (TensorOperand(torch.float32),), {}, torch.float32)

with ThreadPoolExecutor(4) as pool:
    texts = [pool.submit(text, name) for name in ("erf", "sin", "floor")]
    tables = [pool.submit(decomposition_table) for _ in range(3)]
    assert all(each.result().lines for each in texts)
    assert all(each.result() for each in tables)
"""
    assert "torch._inductor" in prepared.loaded_by(program)
