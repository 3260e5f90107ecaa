"""What only a GPU can show: launches, bundles without a compiler, tuning, CUDA graphs, streams and threads."""

from __future__ import annotations

import cProfile
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
import torch

import helion
import helion.language as hl

pytestmark = pytest.mark.gpu
EXAMPLES = Path(__file__).parents[2] / "examples"
SMALL = helion.Config(block_sizes=[64, 64, 32], num_warps=4, num_stages=2)


def matmul_function(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    m, k = x.size()
    k, n = y.size()
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        out[tile_m, tile_n] = acc
    return out


def scale_in_place_function(x: torch.Tensor, factor: int) -> None:
    for tile in hl.tile(x.size(0)):
        x[tile] = x[tile] * factor


def operands(m: int = 200, k: int = 96, n: int = 136) -> tuple[torch.Tensor, torch.Tensor]:
    return (
        torch.randn(m, k, device="cuda", dtype=torch.bfloat16),
        torch.randn(k, n, device="cuda", dtype=torch.bfloat16),
    )


def assert_product(result: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> None:
    torch.testing.assert_close(result.double(), x.double() @ y.double(), rtol=2e-2, atol=2e-1)


def run(code: str, *arguments: str, **environment: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as on a machine without a GPU, from the command line."""
    path = tmp_path_factory.mktemp("bundle") / "kernels.helion"
    indexing = '["tensor_descriptor", "tensor_descriptor", "pointer"]'
    config = f'{{"block_sizes": [64, 64, 32], "num_stages": 3, "indexing": {indexing}}}'
    command = [sys.executable, "-m", "helion_compiler", "build", f"{EXAMPLES / 'matmul.py'}:matmul"]
    command += ["--args", "bf16[200,96]", "bf16[96,136]", "--config", config]
    command += ["--target", "sm_90", "-o", str(path)]
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=hidden)
    assert result.returncode == 0, result.stderr
    return path


def test_bundle_runs_without_a_compiler(bundle: Path) -> None:
    """Anything that could compile is made unimportable, and no compiler is on the PATH."""
    run(
        """
        import sys
        refused = ("triton", "helion_compiler", "helion", "helion_autotune", "scipy")
        sys.modules.update(dict.fromkeys(refused))  # importing them raises; torch finds no triton
        import torch, helion_runtime
        x = torch.randn(200, 96, device="cuda", dtype=torch.bfloat16)
        y = torch.randn(96, 136, device="cuda", dtype=torch.bfloat16)
        ops = helion_runtime.load(sys.argv[1])
        torch.testing.assert_close(ops.matmul(x, y), x @ y, rtol=2e-2, atol=2e-1)
        assert not any(sys.modules[name] for name in refused)
        assert "torch._inductor" not in sys.modules
        """,
        str(bundle),
        PATH="/nonexistent",
    )


def test_same_source_runs_from_the_bundle(bundle: Path) -> None:
    out = run(
        """
        import sys, torch
        sys.path.insert(0, sys.argv[1])
        from matmul import matmul
        x = torch.randn(200, 96, device="cuda", dtype=torch.bfloat16)
        y = torch.randn(96, 136, device="cuda", dtype=torch.bfloat16)
        torch.testing.assert_close(matmul(x, y), x @ y, rtol=2e-2, atol=2e-1)
        print("triton" in sys.modules, "helion_compiler" in sys.modules)
        """,
        str(EXAMPLES),
        HELION_BUNDLE=str(bundle),
    )
    assert out.split() == ["False", "False"]


def test_bundle_refuses_other_shapes(bundle: Path) -> None:
    import helion_runtime

    x, y = operands(m=201)
    with pytest.raises(helion_runtime.RuntimeBundleError, match="matmul"):
        helion_runtime.load(bundle).matmul(x, y)


def test_config_runs_at_once_and_configs_are_measured(tmp_path: Path, capfd: Any) -> None:
    x, y = operands()
    one = helion.kernel(matmul_function, config=SMALL, autotune_cache=str(tmp_path))
    assert_product(one(x, y), x, y)
    others = [SMALL, helion.Config(block_sizes=[16, 16, 16], num_warps=1)]
    several = helion.kernel(matmul_function, configs=others, autotune_cache=str(tmp_path))
    assert_product(several(x, y), x, y)
    assert "Generation" not in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_tuning_is_stored_and_found_by_the_next_process(tmp_path: Path) -> None:
    code = """
        import sys, torch, time
        sys.path.insert(0, sys.argv[1])
        import helion
        from softmax import softmax
        kernel = helion.kernel(softmax.fn, autotune_cache=sys.argv[2], autotune_budget_seconds=10)
        x = torch.randn(500, 300, device="cuda")
        torch.testing.assert_close(kernel(x), torch.softmax(x, 1))
        """
    first = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(EXAMPLES), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Generation 1: replaced=" in first.stderr
    assert "@helion.kernel(config=helion.Config(" in first.stderr
    second = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(EXAMPLES), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Generation" not in second.stderr


def test_cuda_graph_capture() -> None:
    kernel = helion.kernel(matmul_function, config=SMALL)
    x, y = operands()
    kernel(x, y)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = kernel(x, y)
    x.copy_(torch.randn_like(x))
    graph.replay()
    assert_product(result, x, y)


def test_streams_and_threads() -> None:
    kernel = helion.kernel(matmul_function, config=SMALL)
    x, y = operands()
    kernel(x, y)
    failures: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            generator = torch.Generator("cuda").manual_seed(seed)
            with torch.cuda.stream(torch.cuda.Stream()):
                for _ in range(200):
                    a = torch.randn(200, 96, device="cuda", generator=generator).bfloat16()
                    result = kernel(a, y)
                assert_product(result, a, y)
        except BaseException as error:  # noqa: BLE001  # shown by the main thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_mutated_arguments_and_scalars() -> None:
    kernel = helion.kernel(scale_in_place_function, config=helion.Config(block_sizes=[128]))
    x = torch.randn(1000, device="cuda")
    for factor in (3, 5, 1):
        expected = x * factor
        assert kernel(x, factor) is None
        torch.testing.assert_close(x, expected)


SCALE = 2.0


def scaled(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile] = x[tile] * SCALE
    return out


def test_captured_numbers_may_change_and_cost_next_to_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x = torch.randn(1000, device="cuda")
    kernel = helion.kernel(scaled, config=helion.Config(block_sizes=[128]))
    for scale in (2.0, 2.0, 3.0, 3.0, 2.0):
        monkeypatch.setitem(globals(), "SCALE", scale)
        assert torch.equal(kernel(x), x * scale)
    with cProfile.Profile() as profile:
        kernel(x)
    called = {Path(code.co_filename).name for code in _codes(profile)}
    assert "arguments.py" not in called, "the call was split anew"


def _codes(profile: cProfile.Profile) -> list[CodeType]:
    return [entry.code for entry in profile.getstats() if isinstance(entry.code, CodeType)]


def test_unaligned_tensors_have_a_variant_of_their_own() -> None:
    kernel = helion.kernel(matmul_function, config=SMALL)
    x, y = operands()
    storage = torch.randn(200 * 96 + 1, device="cuda", dtype=torch.bfloat16)
    unaligned = storage[1:].view(200, 96)
    for left in (x, unaligned, x):
        assert_product(kernel(left, y), left, y)


def test_tensors_on_two_devices() -> None:
    kernel = helion.kernel(matmul_function, config=SMALL)
    x, y = operands()
    with pytest.raises(Exception, match="cpu"):
        kernel(x, y.cpu())


def test_both_worlds_in_one_process() -> None:
    """CPU tensors are interpreted and CUDA tensors compiled, by the same kernel, in any order."""
    kernel = helion.kernel(matmul_function, config=SMALL)
    x, y = operands(32, 32, 32)
    for _ in range(2):
        assert_product(kernel(x, y), x, y)
        assert_product(kernel(x.cpu(), y.cpu()), x.cpu(), y.cpu())
