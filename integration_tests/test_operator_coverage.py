"""A part of `tools/operator_coverage`: operators that models are made of work, others are refused by name and place."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

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


MISTAKES = ("cat", "diagonal", "index_add", "kthvalue", "unsqueeze")

# The database takes ten seconds to import: one process carries out all commands, and writes what each prints.
COMMANDS = """
import contextlib, json, runpy, sys
tool, folder, commands = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
for name, arguments in commands.items():
    sys.argv = [tool, *arguments]
    with open(f"{folder}/{name}.txt", "w") as file, contextlib.redirect_stdout(file):
        with contextlib.suppress(SystemExit):
            runpy.run_path(tool, run_name="__main__")
"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what the tool prints and finds, by the names of the commands."""
    folder = tmp_path_factory.mktemp("operators")

    def run(name: str, operators: frozenset[str], dtype: str) -> list[str]:
        command = ["run", "--inside", "--results", str(folder / f"{name}.jsonl")]
        options = ["--dtypes", dtype, "--samples", "1", "--no-compile"]
        return [*command, "--only", only(operators), *options]

    commands = {
        "models": run("models", WORKING, "float32"),
        "integers": run("integers", INTEGER | REFUSED, "int64"),
        "mistakes": ["mistakes", "--only", only(MISTAKES)],
    }
    command = [sys.executable, "-c", COMMANDS, str(TOOL), str(folder), json.dumps(commands)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def only(names: Iterable[str]) -> str:
    return "^(" + "|".join(map(re.escape, sorted(names))) + ")$"


def test_operators_of_models_agree_with_torch(printed: Path) -> None:
    results = found(printed / "models.jsonl")
    assert {name for name, statuses in results.items() if "agrees" in statuses} == WORKING
    others = {name: each - {"agrees", "refused"} for name, each in results.items()}
    assert not any(others.values()), others


def test_operators_of_integers_agree_with_torch_and_others_are_refused(printed: Path) -> None:
    results = found(printed / "integers.jsonl")
    assert {name for name, statuses in results.items() if statuses == {"agrees"}} == INTEGER
    assert {name for name, statuses in results.items() if statuses == {"refused"}} == REFUSED - {
        "linalg.qr"  # of floats alone
    }


def test_calls_that_torch_refuses_are_refused(printed: Path) -> None:
    """Wrong dimensions, shapes and counts, of operators that have rules of their own."""
    counts = (printed / "mistakes.txt").read_text()
    assert re.fullmatch(r"\d+ refused\n", counts), counts
    assert int(counts.split()[0]) >= 10


def found(results: Path) -> dict[str, set[str]]:
    """What the tool finds for some operators: how the calls of each ended."""
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    return {line["operator"]: {f["status"] for f in line["findings"]} for line in lines}
