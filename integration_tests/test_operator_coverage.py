"""A part of `tools/operator_coverage`: operators that models are made of work, others are refused by name and place."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).parent.parent / "tools" / "operator_coverage"

MODELS = """
    add addcmul addmm any argmax atan2 bmm cat clamp cumsum div.no_rounding_mode exp expand lerp log_softmax masked_fill
    matmul mean minimum nan_to_num nn.functional.gelu nn.functional.layer_norm nn.functional.silu pow rsqrt softmax
    sort split sum tril unsqueeze var_mean where
"""
WORKING = frozenset(MODELS.split())
INTEGER = frozenset(
    {"bitwise_left_shift", "floor_divide", "gcd", "index_add", "remainder", "scatter", "sum"}
)
REFUSED = frozenset({"digamma", "linalg.qr", "masked_scatter", "nonzero", "unique"})


def test_operators_of_models_agree_with_torch(tmp_path: Path) -> None:
    results = run(WORKING, "float32", tmp_path)
    assert {name for name, statuses in results.items() if "agrees" in statuses} == WORKING
    assert {name: found for name, found in results.items() if found - {"agrees", "refused"}} == {}


def test_operators_of_integers_agree_with_torch_and_others_are_refused(tmp_path: Path) -> None:
    results = run(INTEGER | REFUSED, "int64", tmp_path)
    assert {name for name, statuses in results.items() if statuses == {"agrees"}} == INTEGER
    assert {name for name, statuses in results.items() if statuses == {"refused"}} == REFUSED - {
        "linalg.qr"  # of floats alone
    }


def test_calls_that_torch_refuses_are_refused() -> None:
    """Wrong dimensions, shapes and counts, of operators that have rules of their own."""
    only = "^(cat|diagonal|index_add|kthvalue|unsqueeze)$"
    command = [sys.executable, TOOL, "mistakes", "--only", only]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert re.fullmatch(r"\d+ refused\n", done.stdout), done.stdout + done.stderr
    assert int(done.stdout.split()[0]) >= 10


def run(names: frozenset[str], dtype: str, place: Path) -> dict[str, set[str]]:
    """What the tool finds for some operators: how the calls of each ended."""
    file = place / "results.jsonl"
    only = "^(" + "|".join(map(re.escape, sorted(names))) + ")$"
    command = [sys.executable, TOOL, "run", "--inside", "--results", file, "--only", only]
    options = ["--dtypes", dtype, "--samples", "1", "--no-compile"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert file.exists(), done.stderr
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return {line["operator"]: {f["status"] for f in line["findings"]} for line in lines}
