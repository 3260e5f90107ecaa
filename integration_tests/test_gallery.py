"""Every example, in each of the three ways to run, compared with torch at odd sizes and in several dtypes."""

from __future__ import annotations

import re
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

import helion
from gallery.case import EXAMPLES, Case, Maker, check, kernels, load, use
from gallery.every_case import CASES
from helion import exc

if TYPE_CHECKING:
    import torch

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
    with pytest.raises(exc.NotInReferenceMode) if case.compiled_only else nullcontext():
        check(module, case, sizes, Maker(dtype, "cpu"))


@pytest.mark.parametrize(("case", "sizes", "dtype"), RUNS)
def test_interpreted(case: Case, sizes: tuple[int, ...], dtype: torch.dtype) -> None:
    module = load(case.example)
    use(module, helion.Settings(), case.block)
    check(module, case, sizes, Maker(dtype, "cpu"))


@pytest.mark.gpu
@pytest.mark.parametrize("case", CASES, ids=str)
def test_on_a_gpu(case: Case) -> None:
    module = load(case.example)
    use(module, helion.Settings(autotune_effort="none", dot_precision="ieee"), None)
    for dtype in case.dtypes:
        check(module, case, case.large, Maker(dtype, "cuda"))


def test_everything_is_tried() -> None:
    """Each file of ``examples/`` has a case, and a line in the README."""
    found = {path.stem for path in EXAMPLES.glob("*.py")}
    assert found - PROGRAMS == {case.example for case in CASES}
    readme = (EXAMPLES / "README.md").read_text()
    assert set(re.findall(r"\((\w+)\.py\)", readme)) == found


@pytest.mark.parametrize("example", sorted({case.example for case in CASES}))
def test_main(
    example: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a reader runs first ends well; in reference mode, which is quick."""
    monkeypatch.setenv("HELION_INTERPRET", "1")
    module = load(example)
    assert kernels(module)
    if any(case.compiled_only for case in CASES if case.example == example):
        with pytest.raises(exc.NotInReferenceMode):
            module.main()
    else:
        module.main()
        assert "agrees with torch" in capsys.readouterr().out
