"""Every example, in each of the three ways to run, compared with torch at odd sizes and in several dtypes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import helion
from gallery import rows
from gallery.case import EXAMPLES, Case, Maker, check, kernels, load, use

if TYPE_CHECKING:
    import torch

CASES = [*rows.CASES]

# Examples that cannot be compiled yet, by function: the error that they meet, and why.
UNSUPPORTED: dict[str, tuple[type[Exception], str]] = {}

PROGRAMS = {"demo", "beside_torch"}  # in examples/, but no examples

RUNS = [
    pytest.param(case, sizes, dtype, id=f"{case}-{'x'.join(map(str, sizes))}-{dtype}"[:80])
    for case in CASES
    for sizes, dtype in case.runs()
]


@pytest.mark.parametrize(("case", "sizes", "dtype"), RUNS)
def test_in_reference_mode(case: Case, sizes: tuple[int, ...], dtype: torch.dtype) -> None:
    module = load(case.example)
    use(module, helion.Settings(ref_mode=True), None)
    check(module, case, sizes, Maker(dtype, "cpu"))


@pytest.mark.parametrize(("case", "sizes", "dtype"), RUNS)
def test_interpreted(case: Case, sizes: tuple[int, ...], dtype: torch.dtype) -> None:
    module = load(case.example)
    use(module, helion.Settings(), case.block)
    if str(case) in UNSUPPORTED:
        error, _reason = UNSUPPORTED[str(case)]
        with pytest.raises(error):
            check(module, case, sizes, Maker(dtype, "cpu"))
    else:
        check(module, case, sizes, Maker(dtype, "cpu"))


@pytest.mark.gpu
@pytest.mark.parametrize("case", CASES, ids=str)
def test_on_a_gpu(case: Case) -> None:
    if str(case) in UNSUPPORTED:
        pytest.skip(UNSUPPORTED[str(case)][1])
    module = load(case.example)
    use(module, helion.Settings(autotune_effort="none", dot_precision="ieee"), None)
    for dtype in case.dtypes:
        check(module, case, case.large, Maker(dtype, "cuda"))


def test_everything_is_tried() -> None:
    """Each file of ``examples/`` has a case, and each kernel in it runs in one of them."""
    found = {path.stem for path in EXAMPLES.glob("*.py")} - PROGRAMS
    assert found == {case.example for case in CASES}
    assert {str(case) for case in CASES} >= UNSUPPORTED.keys()


@pytest.mark.parametrize("example", sorted({case.example for case in CASES}))
def test_main(
    example: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a reader runs first ends well; in reference mode, which is quick."""
    monkeypatch.setenv("HELION_INTERPRET", "1")
    module = load(example)
    assert kernels(module)
    module.main()
    assert "agrees with torch" in capsys.readouterr().out
