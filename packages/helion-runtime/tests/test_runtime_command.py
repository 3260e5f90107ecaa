from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from helion_runtime.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from helion_runtime.bundle.reading import VerifiedContent


def test_inspect_prints_tables(
    frozen_path: Path, frozen: VerifiedContent, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", str(frozen_path)]) == 0
    text = capsys.readouterr().out
    assert f"id       {frozen.id}" in text
    lines = text.splitlines()
    row = next(line for line in lines if line.startswith("scaled_add  0        sm_90a  "))
    assert "x: float32[any, any], y: float32[x.size(0), x.size(1)], scale: float" in row
    assert row.endswith("add_sm90a")
    assert next(line for line in lines if line.startswith("add_ptx80")).split()[1] == "ptx_80"


def test_json(
    frozen_path: Path, frozen: VerifiedContent, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", str(frozen_path), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["id"] == frozen.id
    assert [kernel["arch"] for kernel in summary["kernels"]] == ["sm_90a", "ptx_80"]
    assert main(["verify", str(frozen_path), "--json", "--pin", frozen.id]) == 0
    verdict = {"sound": True, "id": frozen.id, "files": 3, "signatures": []}
    assert json.loads(capsys.readouterr().out) == verdict


def test_a_bundle_that_is_not_sound(
    frozen_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "b.helion"
    path.write_bytes(frozen_path.read_bytes()[:-1])
    assert main(["verify", str(path)]) == 1
    assert "ContainerError" in capsys.readouterr().err
    assert main(["verify", str(frozen_path), "--pin", "0" * 64, "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["sound"], answer["error"]) == (False, "PinMismatchError")


def test_as_a_module(frozen_path: Path) -> None:
    command = [sys.executable, "-m", "helion_runtime"]
    done = subprocess.run(
        [*command, "verify", str(frozen_path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("sound: 3 file(s), id ")
    assert subprocess.run(command, capture_output=True, check=False).returncode == 2
