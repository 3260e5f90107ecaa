"""Logs by stage, reproducers, and what an author sees of faults that are not the author's."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
from helion import exc, reference
from helion_compiler import specialized_kernel

if TYPE_CHECKING:
    from pathlib import Path

FACTOR = 3


def tripled(x: torch.Tensor) -> torch.Tensor:
    return x * FACTOR


def applied(x: torch.Tensor, y: torch.Tensor, more: int, function: Any) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile, :] = function(x[tile, :]) + y[tile, :] * more
    return out


def arguments() -> tuple[Any, ...]:
    return torch.ones(7, 5), torch.ones(5, 7).t(), 2, tripled


def run(program: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, check=False
    )


def test_a_reproducer_runs_by_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kernel = helion.kernel(applied, config=helion.Config(block_sizes=[4]), print_repro=True)
    kernel(*arguments())
    program = tmp_path / "again.py"
    program.write_text(capsys.readouterr().err + "print(applied(*arguments).shape)\n")
    assert "FACTOR = 3" in program.read_text()
    result = run(program)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "torch.Size([7, 5])\n"


def test_internal_errors_keep_the_place_and_leave_a_reproducer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*args: Any) -> Any:
        raise KeyError("a fault of ours")

    monkeypatch.setattr(specialized_kernel, "make_source", broken)
    kernel = helion.kernel(applied, config=helion.Config(block_sizes=[4]))
    with pytest.raises(exc.InternalError, match="a fault of ours") as raised:
        kernel(*arguments())
    diagnostic = raised.value.diagnostic
    assert diagnostic.span is not None
    assert diagnostic.span.filename == __file__
    (path,) = re.findall(r"`python (\S+)` reproduces this", "\n".join(diagnostic.notes))
    result = run(path)
    assert result.returncode == 0, result.stderr  # where nothing is broken


SIZES = {"known": 4}


@helion.kernel()
def of_a_missing_key(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile] = x[tile] + SIZES["unknown"]
    return out


@helion.kernel()
def divides_by_nothing(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0) // (SIZES["known"] - 4)):
        out[tile] = x[tile]
    return out


@pytest.mark.parametrize(
    ("kernel", "error"), [(of_a_missing_key, KeyError), (divides_by_nothing, ZeroDivisionError)]
)
def test_what_the_authors_own_python_raises_stays_as_it_is(
    kernel: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        kernel(torch.zeros(8))
    with pytest.raises(error):
        reference.run(kernel.fn, (torch.zeros(8),))


def test_failures_of_triton_leave_a_reproducer() -> None:
    def broken(request: dict[str, Any]) -> dict[str, Any]:
        raise RuntimeError("PassManager::run failed")

    from helion_compiler.building.targets import parse_target

    bound: Any = helion.kernel(applied).bind(arguments())._implementation
    with pytest.raises(exc.TritonError, match="PassManager") as raised:
        bound.specialized.build(
            helion.Config(block_sizes=[4]), parse_target("sm_90"), compiler=broken
        )
    assert raised.value.diagnostic.span is not None
    assert any("reproduces this" in note for note in raised.value.diagnostic.notes)


def test_logs_by_stage(capsys: pytest.CaptureFixture[str]) -> None:
    kernel = helion.kernel(applied, config=helion.Config(block_sizes=[4]), logs="trace, emit")
    kernel(*arguments())
    logged = capsys.readouterr().err
    assert "[helion trace]\nprogram applied(" in logged
    assert "[helion emit]\nimport triton" in logged
    assert "[helion schedule]" not in logged
    everything = helion.kernel(applied, config=helion.Config(block_sizes=[4]), logs="all")
    everything(*arguments())
    assert "blocks: tile=4" in capsys.readouterr().err


def test_logs_of_an_unknown_stage() -> None:
    with pytest.raises(exc.InvalidSetting, match="there is no stage links"):
        helion.kernel(applied, logs="links")(*arguments())
