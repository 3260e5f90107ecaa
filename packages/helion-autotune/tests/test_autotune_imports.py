"""What importing the package costs: neither torch, triton nor scipy, in a fresh interpreter."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "triton", "scipy", "rich", "numpy", "IPython", "pandas")


def modules_after(statements):
    script = f"{statements}\nimport sys\nprint(' '.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in run.stdout.splitlines()[-1].split()}


def test_importing_is_lean():
    assert not modules_after("import helion_autotune") & set(HEAVY)


def test_declaring_a_space_and_reading_records_stays_lean(tmp_path):
    loaded = modules_after(
        "from helion_autotune import *\n"
        "space = Space({'a': PowerOfTwo(1, 8), 'b': Boolean()})\n"
        f"Records({str(tmp_path / 'r.jsonl')!r}).result(space.fingerprint, '')\n"
        "known_strategies()"
    )
    assert not loaded & set(HEAVY)


def test_decorating_a_kernel_loads_neither_torch_nor_triton():
    loaded = modules_after(
        "import helion_autotune\n"
        "class Kernel:\n"
        "    arg_names = ['x', 'BLOCK']\n"
        "    fn = staticmethod(lambda x, BLOCK: None)\n"
        "    __name__ = 'kernel'\n"
        "space = helion_autotune.Space({'BLOCK': helion_autotune.PowerOfTwo(1, 8)})\n"
        "helion_autotune.autotune(space, key=['x'])(Kernel())"
    )
    assert not loaded & set(HEAVY)


@pytest.mark.parametrize("strategy", ["random", "pattern", "finite", "surrogate", "default"])
def test_tuning_something_else_than_a_gpu_loads_neither_torch_nor_triton(strategy):
    loaded = modules_after(
        "from helion_autotune import *\n"
        "class W:\n"
        "    def compile(self, point): return point\n"
        "    def measure(self, candidate, incumbent_ms): return Measurement(candidate['a'])\n"
        f"tune(Space({{'a': Integer(1, 8)}}), W(), strategy={strategy!r})"
    )
    assert not loaded & {"torch", "triton", "rich"}
