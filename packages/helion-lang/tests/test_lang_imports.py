"""What importing the language loads, in a fresh interpreter."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = ("triton", "scipy", "sympy", "torch._inductor", "helion_compiler", "helion_runtime")


def _loaded_by(statement: str) -> set[str]:
    """The modules that ``statement`` loads beyond those that torch loads."""
    program = (
        "import sys, json, torch\n"
        "before = set(sys.modules)\n"
        f"{statement}\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


def test_import_is_light() -> None:
    loaded = _loaded_by("import helion, helion.language")
    assert "helion.kernels" in loaded
    assert not [name for name in loaded if name.startswith(HEAVY)]
    assert "helion.reference" not in loaded


def test_decorating_looks_for_no_backend() -> None:
    loaded = _loaded_by("import helion\n@helion.kernel\ndef kernel(x): return x")
    assert not [name for name in loaded if name.startswith(HEAVY)]


def test_reference_mode_needs_no_other_package() -> None:
    loaded = _loaded_by(
        "import helion.language as hl\n"
        "from helion.reference import run\n"
        "def kernel(x):\n"
        "    for tile in hl.tile(x.size(0)):\n"
        "        x[tile] = 1\n"
        "run(kernel, (torch.zeros(3),))"
    )
    assert not [name for name in loaded if name.startswith(HEAVY)]


def test_modules_that_load_torch_are_found_when_asked_for() -> None:
    program = (
        "import sys, helion\n"
        "assert 'torch' not in sys.modules\n"
        "assert helion.autotuner.IntegerFragment(1, 2).default() == 1\n"
        "assert helion.language.Tile.__name__ == 'Tile'\n"
        "assert not hasattr(helion, 'languages')\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
