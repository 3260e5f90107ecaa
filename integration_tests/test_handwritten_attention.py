"""Attention by hand: what its variants compile to for a Hopper GPU, and how the processes that try them fail."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest
import triton
from triton.backends.compiler import GPUTarget
from triton.experimental.gluon import language as gl
from triton.experimental.gluon._runtime import GluonASTSource

from benchmarks.counters.machine_code import disassemble
from benchmarks.handwritten.attention import Trial, line_of, rows_of
from benchmarks.handwritten.attention_gluon import attention_kernel
from benchmarks.handwritten.gluon_parts import GROUPS, ROWS
from benchmarks.handwritten.variants import GLUON, TRITON, VARIANTS, Gluon

if TYPE_CHECKING:
    from pathlib import Path

HOPPER = GPUTarget("cuda", 90, 32)


def compiled(variant: Gluon, width: int, *, causal: bool) -> triton.compiler.CompiledKernel:
    """For sm_90, of which none is needed."""
    layout = gl.NVMMASharedLayout(128, 16, 3)

    def descriptor(rows: int) -> str:
        return f"tensordesc<bf16[1, {rows}, {width}],{layout!r}>"

    constants = variant.constants(causal=causal)
    signature = {
        "q_desc": descriptor(ROWS.value),
        **{name: descriptor(variant.keys) for name in ("k_desc", "v_desc")},
        "o_desc": descriptor(ROWS.value),
        **dict.fromkeys(("heads", "length", "tiles"), "i32"),
        "scale": "fp32",
        **dict.fromkeys(constants, "constexpr"),
    }
    places = {(list(signature).index(name),): value for name, value in constants.items()}
    source = GluonASTSource(attention_kernel, signature, places)
    return triton.compile(source, target=HOPPER, options={"num_warps": 4})


KERNELS = [
    pytest.param(Gluon(128, 2, across=across), id="across tiles" if across else "by tile")
    for across in (False, True)
]


@pytest.mark.parametrize("causal", [False, True], ids=["plain", "causal"])
@pytest.mark.parametrize("variant", KERNELS)
def test_softmax_runs_beside_the_product_with_values(
    tmp_path: Path, variant: Gluon, causal: bool
) -> None:
    """Between the wait for scores and that for the product issued behind them stand the exponentials of a block."""
    binary = tmp_path / "attention.cubin"
    binary.write_bytes(compiled(variant, 128, causal=causal).asm["cubin"])
    between = re.findall(
        r"WARPGROUP\.DEPBAR\.LE gsb0, 0x1\b(.*?)WARPGROUP\.DEPBAR\.LE gsb0, 0x0\b",
        disassemble(binary),
        re.DOTALL,
    )
    loops = 2 if variant.across else 1  # within a tile, and from one to the next
    assert len(between) == loops * GROUPS.value
    assert all(part.count("MUFU.EX2") >= ROWS.value * variant.keys // 128 for part in between)
    assert not any(re.search(r"\b(LDL|STL)\b", part) for part in between)


@pytest.mark.parametrize("variant", KERNELS)
def test_a_loop_over_keys_is_bounded_by_its_own_tile(variant: Gluon) -> None:
    """What bounds the loop over keys is computed in that over tiles: Triton may lose it when it is carried."""
    lines = compiled(variant, 128, causal=True).asm["ttgir"].splitlines()
    loops = [number for number, line in enumerate(lines) if " scf.for " in line]
    assert len(loops) == 2 * (GROUPS.value + 1)
    for tiles, keys in zip(loops[::2], loops[1::2], strict=True):
        bound = re.search(r" to (%\w+) step", lines[keys])
        assert bound is not None
        assert any(line.strip().startswith(f"{bound[1]} = ") for line in lines[tiles:keys])
        defined = next(
            line for line in lines[tiles:keys] if line.strip().startswith(f"{bound[1]} = ")
        )
        source = re.search(r"= arith\.\w+ (%\w+),", defined)
        assert source is not None
        assert any(line.strip().startswith(f"{source[1]} = ") for line in lines[tiles:keys])


def test_groups_take_registers_from_the_copying_warp() -> None:
    """The groups of four warps ask for more than an even share, and the copying warp for less."""
    text = compiled(Gluon(128, 2), 128, causal=False).asm["ptx"]
    assert re.search(r"setmaxnreg\.inc\S* +\t?240;", text)
    assert re.search(r"setmaxnreg\.dec\S* +\t?24;", text)


def test_names_tell_variants_apart() -> None:
    assert len(VARIANTS) == len(GLUON) + len(TRITON)


def trial(tmp_path: Path, program: str) -> Trial:
    """The process of a variant that is this program."""
    return Trial("tried", [sys.executable, "-c", program], tmp_path / "log")


READY = "import sys; print('{\"ready\": true}', flush=True); sys.stdin.readline(); "
ROW = 'print(\'{"shape": [1, 2, 3, 4], "causal": true, "failure": "wrong"}\', flush=True); '


def test_rows_of_a_trial(tmp_path: Path) -> None:
    rows = rows_of(trial(tmp_path, READY + ROW + "print('{\"done\": true}')"), seconds=30)
    assert rows == [{"variant": "tried", "shape": [1, 2, 3, 4], "causal": True, "failure": "wrong"}]
    assert line_of(rows[0]) == "| tried | 1x2x3x4 | causal | wrong | | | |"


def test_a_trial_that_dies_keeps_its_rows_and_says_why(tmp_path: Path) -> None:
    rows = rows_of(trial(tmp_path, READY + ROW + "raise RuntimeError('out of luck')"), seconds=30)
    assert [row["failure"] for row in rows] == ["wrong", "RuntimeError: out of luck"]


def test_a_trial_that_hangs_is_ended(tmp_path: Path) -> None:
    rows = rows_of(trial(tmp_path, READY + "import time; time.sleep(600)"), seconds=0.5)
    assert re.fullmatch(r"no answer in \d s", rows[0]["failure"])
