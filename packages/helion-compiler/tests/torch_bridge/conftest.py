"""Turns templates into standalone kernels, runs them in Triton's interpreter, compiles them.

The interpreter is switched on by an environment variable that must be set before Triton is
imported, so one child process runs all kernels of a session and saves what they stored.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion_compiler.torch_bridge.elementary import ELEMENTARY_FUNCTIONS
from helion_compiler.torch_bridge.pointwise import IMPORTS, PointwiseTemplate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

import pytest

RUNNER = Path(__file__).with_name("run_interpreted.py")
BLOCK = 64
TYPES = {
    torch.float64: "fp64",
    torch.float32: "fp32",
    torch.float16: "fp16",
    torch.bfloat16: "bf16",
    torch.float8_e4m3fn: "fp8e4nv",
    torch.float8_e5m2: "fp8e5",
    torch.int64: "i64",
    torch.int32: "i32",
    torch.int16: "i16",
    torch.int8: "i8",
    torch.uint8: "u8",
    torch.bool: "i1",
}


@attrs.frozen
class Job:
    """A template with operand values: tensors of `BLOCK` elements and Python numbers."""

    name: str
    template: PointwiseTemplate
    operands: tuple[Any, ...]

    def source(self) -> str:
        """The kernel's text: load every tile, compute, store."""
        names = {name: name for name, _ in self.template.lines}
        places = [f"a{n}" for n in range(len(self.operands))]
        parameters = [f"p{n}" for n in range(len(self.operands))]
        body = ["index = tl.arange(0, BLOCK)"]
        for place, parameter, operand in zip(places, parameters, self.operands, strict=True):
            tile = isinstance(operand, torch.Tensor)
            body.append(f"{place} = " + (f"tl.load({parameter} + index)" if tile else parameter))
        body += [f"{name} = {text.format(*places, **names)}" for name, text in self.template.lines]
        result = self.template.result.format(*places, **names)
        body.append(f"tl.store(out + index, tl.broadcast_to({result}, [BLOCK]))")
        header = f"def {self.name}({', '.join([*parameters, 'out', 'BLOCK: tl.constexpr'])}):"
        return "\n".join(["@triton.jit", header, *(f"    {line}" for line in body)])

    def signature(self) -> dict[str, str]:
        """Parameter -> Triton type."""
        types = {
            f"p{n}": f"*{TYPES[operand.dtype]}"
            if isinstance(operand, torch.Tensor)
            else {float: "fp32", int: "i32", bool: "i1"}[type(operand)]
            for n, operand in enumerate(self.operands)
        }
        return types | {"out": f"*{TYPES[self.template.result_dtype]}", "BLOCK": "constexpr"}


def write_module(jobs: Sequence[Job], path: Path) -> None:
    """One Python file with a kernel for each job."""
    header = ["import triton", "import triton.language as tl", *IMPORTS.values(), "", ""]
    functions = [f"@triton.jit\ndef {name}{text}" for name, text in ELEMENTARY_FUNCTIONS.items()]
    texts = [*functions, *(job.source() for job in jobs)]
    path.write_text("\n".join(header) + "\n\n\n".join(texts) + "\n")


@pytest.fixture(scope="session")
def interpreted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function from jobs to the name -> stored tensor or error, all in one child process."""

    def run(jobs: Sequence[Job]) -> Mapping[str, torch.Tensor | str]:
        folder = tmp_path_factory.mktemp("interpreted")
        write_module(jobs, folder / "kernels.py")
        requests = {job.name: (job.operands, job.template.result_dtype) for job in jobs}
        torch.save(requests, folder / "requests.pt")
        environment = os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, str(RUNNER), str(folder), str(BLOCK)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return dict(torch.load(folder / "results.pt"))

    return run


@pytest.fixture(scope="session")
def binary_of(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function that compiles a job for sm_90 and returns what Triton makes of it."""
    import importlib.util

    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    folder = tmp_path_factory.mktemp("compiled")

    def compile_job(job: Job) -> Any:
        path = folder / f"{job.name}.py"
        write_module([job], path)
        specification = importlib.util.spec_from_file_location(job.name, path)
        assert specification is not None
        assert specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        source = ASTSource(getattr(module, job.name), job.signature(), {"BLOCK": BLOCK})
        return triton.compile(source, target=GPUTarget("cuda", 90, 32))

    return compile_job


@pytest.fixture(scope="session")
def compiled(binary_of: Any) -> Any:
    """A function that compiles a job for sm_90 and returns its PTX."""
    return lambda job: str(binary_of(job).asm["ptx"])


@pytest.fixture(scope="session")
def make_job() -> type[Job]:
    return Job
