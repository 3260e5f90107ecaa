"""Generated Triton, byte for byte; the same in every process; accepted by Triton for each kind of GPU."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import helion
from helion_compiler.building import parse_target
from helion_compiler.program.printer import print_program

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

TESTS = Path(__file__).parent
COMPILED = (
    "matmul_flat_masked",
    "matmul_persistent_interleaved",
    "matmul_descriptors",
    "matmul_cache_hints",
    "epilogue_halves",
    "epilogue_quarters_descriptors",
    "epilogue_bias_halves",
    "atomic_descriptor",
    "matmul_static_range",
    "epilogue_bias",
    "add_broadcast_dynamic",
    "softmax_rolled_dynamic",
    "gated_fast",
    "halves_of_bytes",
)
DETERMINISTIC = ("epilogue_bias", "add_broadcast_dynamic", "softmax_rolled_dynamic")
PRINTED = (
    "matmul_flat_masked",
    "matmul_dynamic",
    "epilogue_bias",
    "add_broadcast",
    "softmax_whole_masked",
)


def _names() -> list[str]:
    """The names of all sources, before any fixture runs."""
    spec = importlib.util.spec_from_file_location("golden_names", TESTS / "golden_sources.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return list(module.SOURCES)


NAMES = _names()


@pytest.mark.parametrize("name", NAMES)
def test_source(name: str, golden: Callable[[str, str], None], golden_sources: ModuleType) -> None:
    golden(f"{name}.py", golden_sources.SOURCES[name].text())


@pytest.mark.parametrize("name", PRINTED)
def test_program(name: str, golden: Callable[[str, str], None], golden_sources: ModuleType) -> None:
    bound = golden_sources.SOURCES[name].bind()._implementation.specialized
    golden(f"{name}.program", print_program(bound.program))


def test_no_orphans() -> None:
    expected = {f"{name}.py" for name in NAMES} | {f"{name}.program" for name in PRINTED}
    assert {path.name for path in (TESTS / "golden").iterdir() if path.is_file()} == expected


@pytest.mark.parametrize("seed", ["1", "2"])
def test_same_in_every_process(seed: str) -> None:
    """Neither the order of hashes nor what else a process compiled before shows in the source."""
    result = subprocess.run(
        [sys.executable, str(TESTS / "golden_sources.py"), *DETERMINISTIC],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(result.stdout) == {
        name: (TESTS / "golden" / f"{name}.py").read_text() for name in DETERMINISTIC
    }


@pytest.mark.parametrize("target", ["sm_80", "sm_90", "sm_100", "gfx942"])
@pytest.mark.parametrize("name", COMPILED)
def test_compiles(name: str, target: str, golden_sources: ModuleType) -> None:
    source = golden_sources.SOURCES[name]
    bound: Any = source.bind()._implementation.specialized
    built = bound.build(helion.Config(**source.config), parse_target(target))
    assert built.image.entry.arch.startswith(target)
    assert len(built.image.binary) > 1000
