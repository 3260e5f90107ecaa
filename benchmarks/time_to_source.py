"""How long it takes from a kernel to its Triton source, for the first config and for each further one.

    python benchmarks/time_to_source.py [example ...] [--output report.json]

Each kernel is traced and lowered in this process, after imports and after one warm-up kernel has loaded what
kernels need of torch; the medians of fresh traces are reported, in milliseconds. `--peer DIRECTORY` does the
same with PyTorch's Helion, installed in that directory, for kernels that it accepts, in a process of its own.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
ROUNDS = 5


def arguments() -> dict[str, Callable[[], tuple[Any, ...]]]:
    """What each kernel is bound to, by ``file.kernel``."""

    def randn(*shape: int, dtype: torch.dtype = torch.bfloat16) -> torch.Tensor:
        return torch.randn(*shape, device=DEVICE, dtype=dtype)

    return {
        "add.add": lambda: (randn(1024, 1024), randn(1024, 1024)),
        "softmax.softmax": lambda: (randn(1024, 1024),),
        "matmul.matmul": lambda: (randn(1024, 1024), randn(1024, 1024)),
        "attention.attention": lambda: tuple(randn(2, 8, 1024, 64) for _ in range(3)),
    }


def load(name: str) -> Any:
    """A module of ``examples/``."""
    sys.path.insert(0, str(EXAMPLES))
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def median(samples: list[float]) -> float:
    return round(statistics.median(samples) * 1000, 2)


def measure(name: str, make: Callable[[], tuple[Any, ...]]) -> dict[str, float]:
    """First source and further configs of one kernel."""
    import helion

    module, kernel_name = name.split(".")
    function = getattr(load(module), kernel_name).fn
    args = make()
    first, further = [], []
    for _ in range(ROUNDS):
        kernel = helion.kernel(function, static_shapes=True)
        start = time.perf_counter()
        bound = kernel.bind(args)
        config = default_of(bound)
        bound.to_triton_code(config)
        first.append(time.perf_counter() - start)
        for stages in (2, 3, 5, 6):
            changed = helion.Config(**{**dict(config), "num_stages": stages})
            start = time.perf_counter()
            bound.to_triton_code(changed)
            further.append(time.perf_counter() - start)
    return {"first_ms": median(first), "further_ms": median(further)}


def default_of(bound: Any) -> Any:
    return bound.config_spec.default_config()


def with_peer(directory: Path, names: list[str]) -> dict[str, Any]:
    """The same in a process that finds the peer's ``helion`` first."""
    environment = {**os.environ, "PYTHONPATH": str(directory)}
    command = [sys.executable, __file__, *names]
    result = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    lines = [line for line in result.stdout.splitlines() if line.startswith("{")]
    return json.loads(lines[-1]) if lines else {"failed": result.stderr[-2000:]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *arguments()], default=[])
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    names = given.names or list(arguments())
    measure("add.add", arguments()["add.add"])  # loads what tracing needs
    report: dict[str, Any] = {}
    for name in names:
        try:
            report[name] = measure(name, arguments()[name])
        except Exception as error:  # noqa: BLE001  # one refused kernel must not cost the others
            report[name] = {"failed": f"{type(error).__name__}: {str(error)[:300]}"}
    print(json.dumps(report))
    if given.peer is not None:
        peer = with_peer(given.peer, names)
        for name in names:
            print(name, report[name], "peer:", peer.get(name, peer), flush=True)
        report = {"ours": report, "peer": peer}
    if given.output is not None:
        given.output.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
