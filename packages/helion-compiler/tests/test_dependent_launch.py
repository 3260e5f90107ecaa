"""``programmatic_dependent_launch``: kernels wait for the one ahead before they touch memory, and are launched so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
import helion_runtime
from helion import exc
from helion_compiler import BuildRequest, build_bundle
from helion_compiler.building import parse_target
from helion_runtime.cli import main

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

WAITS = {"programmatic_dependent_launch": True}
MEMORY = re.compile(
    r"\b(?:ld|st|atom|red|cp|multimem|prefetch|prefetchu|tensormap|fence)\b(?!\.param|\.shared)"
)
"""What touches memory that other kernels may see, in PTX: parameters and shared memory are a launch's own."""

BRANCH = re.compile(r"\b(?:bra|brx|ret|exit)\b")


@helion.kernel(config=helion.Config(block_sizes=[64]), **WAITS)
def scaled(x: torch.Tensor, factor: float) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile] = x[tile] * factor
    return out


@helion.kernel(**WAITS)
def in_two_steps(x: torch.Tensor) -> torch.Tensor:
    out, sums = torch.empty_like(x), torch.empty_like(x[:, 0])
    for tile in hl.tile(x.size(0)):
        sums[tile] = x[tile, :].sum(-1)
    hl.barrier()
    for tile in hl.tile(x.size(0)):
        out[tile, :] = x[tile, :] / sums[tile][:, None]
    return out


def entry_body(ptx: str) -> list[str]:
    """The instructions of a kernel, without comments, directives and declarations."""
    _, _, body = ptx.partition(".entry ")
    _, _, body = body.partition("\n{")
    found = []
    for line in body.splitlines():
        code = line.partition("//")[0].strip()
        if code and not code.startswith((".", "}", "{", ")")):
            found.append(code)
    return found


@pytest.mark.parametrize(
    "name",
    [
        "matmul_flat_masked",
        "matmul_persistent_interleaved",
        "matmul_descriptors",
        "matmul_cache_hints",
        "matmul_dynamic",
        "epilogue_quarters_descriptors",
        "atomic_descriptor",
        "add_dependent",
        "add_broadcast_dynamic",
        "softmax_rolled_dynamic",
    ],
)
def test_nothing_is_touched_before_the_wait(name: str, golden_sources: ModuleType) -> None:
    """Whatever Triton moves, in what its compiler writes the wait is unconditional, and memory comes after it."""
    source = golden_sources.SOURCES[name]
    kernel = helion.kernel(static_shapes=not source.dynamic, **WAITS)(source.function)
    bound: Any = kernel.bind(source.arguments)._implementation.specialized
    built = bound.build(helion.Config(**source.config), parse_target("ptx_90"))
    body = entry_body(built.image.binary.decode())
    (wait,) = [n for n, code in enumerate(body) if code.startswith("griddepcontrol.wait")]
    (begin,) = [
        n for n, code in enumerate(body) if code.startswith("griddepcontrol.launch_dependents")
    ]
    touching = [n for n, code in enumerate(body) if MEMORY.search(code)]
    assert wait < begin, "the next kernel is set up when the one ahead has ended"
    assert wait < min(touching), body[: wait + 1]
    assert not any(BRANCH.search(code) for code in body[:wait]), "every program waits"


def test_the_check_would_see_what_comes_first(golden_sources: ModuleType) -> None:
    bound: Any = golden_sources.SOURCES["add_flat_exact"].bind()._implementation.specialized
    config = helion.Config(**golden_sources.SOURCES["add_flat_exact"].config)
    body = entry_body(bound.build(config, parse_target("ptx_90")).image.binary.decode())
    assert sum(bool(MEMORY.search(code)) for code in body) >= 3
    assert not any("griddepcontrol" in code for code in body)


@pytest.mark.parametrize("target", ["sm_90", "sm_100", "sm_120", "ptx_90"])
def test_compiles(target: str) -> None:
    bound = BuildRequest(scaled, (torch.empty(1000, device="meta"), 2.0)).bind(parse_target(target))
    built = bound.build(helion.Config(block_sizes=[64]), parse_target(target))
    assert built.image.entry.programmatic_dependent_launch


def test_launches_say_so_here_and_in_bundles(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x = torch.empty(1000, device="meta")
    request = BuildRequest(scaled, (x, 2.0))
    plain = BuildRequest(
        helion.kernel(scaled.fn, config=helion.Config(block_sizes=[64])), (x, 2.0), name="plain"
    )
    config = helion.Config(block_sizes=[64])
    built = request.bind().build(config, parse_target("sm_90"))
    assert built.image.entry.programmatic_dependent_launch
    assert built.recipe.options["launch_pdl"] is True
    build_bundle(tmp_path / "b.helion", [request, plain], targets=["sm_90"], jobs=1)
    assert main(["inspect", str(tmp_path / "b.helion")]) == 0
    shown = capsys.readouterr().out.splitlines()
    kernels_shown = [line.split() for line in shown if " sm_90a " in line and "block_sizes" in line]
    assert [words[6] for words in kernels_shown] == ["dependent", "ordinary"]
    manifest = helion_runtime.load(tmp_path / "b.helion").manifest
    kernels = {kernel.name: kernel for kernel in manifest.kernels}
    by_op = {op.name: kernels[op.variants[0].launches[0].kernel] for op in manifest.ops}
    assert by_op["scaled"].programmatic_dependent_launch
    assert not by_op["plain"].programmatic_dependent_launch


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("sm_80", "is compiled for sm_80, and GPUs before sm_90 have no such launches"),
        ("ptx_80", "is compiled for sm_80, and GPUs before sm_90"),
        ("gfx942", "is compiled for gfx942, and only NVIDIA GPUs have such launches"),
    ],
)
def test_other_targets_are_refused(target: str, words: str, tmp_path: Path) -> None:
    request = BuildRequest(scaled, (torch.empty(1000, device="meta"), 2.0))
    with pytest.raises(exc.InvalidSetting, match=f"`scaled` {words}"):
        build_bundle(tmp_path / "b.helion", [request], targets=[target])
    assert not (tmp_path / "b.helion").exists()


def test_kernels_with_barriers_are_refused() -> None:
    with pytest.raises(exc.InvalidSetting, match="`in_two_steps` has a barrier"):
        in_two_steps.bind((torch.rand(8, 16),)).to_triton_code(helion.Config(block_sizes=[4, 4]))


def test_interpreted() -> None:
    x = torch.randn(1000)
    assert torch.equal(scaled(x, 2.0), x * 2.0)


def test_a_kernel_may_use_the_names() -> None:
    @helion.kernel(config=helion.Config(block_sizes=[64]), **WAITS)
    def gdc_wait(gdc_launch_dependents: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(gdc_launch_dependents)
        for tile in hl.tile(out.size(0)):
            out[tile] = gdc_launch_dependents[tile] + 1
        return out

    x = torch.randn(1000)
    assert torch.equal(gdc_wait(x), x + 1)
