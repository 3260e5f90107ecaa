"""Compile one kernel from text to binary; as a program, serve such requests over pipes.

This file imports nothing of ours, so that a worker process starts in the time that Triton needs:
the pool runs it by its path. A request and an answer are one line of JSON each:

    {"name", "source", "file", "types", "divisible", "backend", "architecture", "warp_size", "options"}
    {"binary": base64, "metadata": {...}, "target": PTX's .target line or null, "triton": its version}
    or {"error": text}
"""

from __future__ import annotations

import base64
import json
import linecache
import os
import re
import sys
from importlib import import_module
from typing import Any

ALIGNMENT = 16
"""What ``divisible`` parameters are multiples of: bytes for addresses."""

METADATA = {
    "name": "",
    "shared": 0,
    "num_warps": 4,
    "num_ctas": 1,
    "launch_cooperative_grid": False,
    "launch_pdl": False,
    "global_scratch_size": 0,
    "global_scratch_align": 1,
    "profile_scratch_size": 0,
    "profile_scratch_align": 1,
    "tensordesc_meta": (),
}
"""What an answer says of a binary, and the value where a version of Triton says nothing."""

TENSOR_MEMORY = 512
"""Columns of tensor memory that a Blackwell multiprocessor has: PTX ISA, "Tensor Memory Addressing"."""
OUT_OF_TENSOR_MEMORY = "out of tensor memory"

_OF_PTXAS = re.compile(r"ptxas\b.*?\b(?:error|fatal)\s*:\s*(.+)")
"""As in ``ptxas kernel.ptx, line 39; error   : Unknown modifier '.instr'``."""


def load_source(name: str, source: str, file: str) -> Any:
    """The Triton function ``name`` of a source, which tracebacks and Triton find under ``file``."""
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace: dict[str, Any] = {"__name__": f"helion_generated.{name}"}
    exec(compile(source, file, "exec"), namespace)
    return namespace[name]


def compile_request(
    request: dict[str, Any], cache_key_variables: dict[str, str] | None = None
) -> dict[str, Any]:
    """The answer to a request; raises whatever Triton raises, and a RuntimeError for a binary that no GPU could load.
    ``binary`` is bytes here.
    """
    import triton
    from triton.backends.compiler import GPUTarget

    function = load_source(request["name"], request["source"], request["file"])
    if not isinstance(function, triton.JITFunction):
        raise RuntimeError("TRITON_INTERPRET is set: Triton compiles nothing then; unset it")
    source = _source_class(function)(
        function,
        signature=dict(zip(function.arg_names, request["types"], strict=True)),
        constexprs={},
        attrs={
            (position,): [["tt.divisibility", ALIGNMENT]]
            for position, divisible in enumerate(request["divisible"])
            if divisible
        },
    )
    target = GPUTarget(request["backend"], request["architecture"], request["warp_size"])
    more = {} if cache_key_variables is None else {"_env_vars": cache_key_variables}
    compiled = triton.compile(source, target=target, options=request["options"], **more)
    # Triton compiles what needs more, and refuses to load it.
    columns = getattr(compiled.metadata, "tmem_size", None) or 0
    if columns > TENSOR_MEMORY:
        raise RuntimeError(
            f"{OUT_OF_TENSOR_MEMORY}: it needs {columns} columns, and a multiprocessor has {TENSOR_MEMORY}"
        )
    ptx: str | None = compiled.asm.get("ptx")
    metadata = {
        field: getattr(compiled.metadata, field, None) or absent
        for field, absent in METADATA.items()
    }
    line = "" if ptx is None else next(x for x in ptx.splitlines() if x.startswith(".target"))
    binary: bytes | str = compiled.asm[request["binary"]]
    return {
        "binary": binary.encode() if isinstance(binary, str) else binary,
        "metadata": metadata,
        "target": line.removeprefix(".target").partition(",")[0].strip() or None,
        "triton": triton.__version__,
    }


def _source_class(function: Any) -> Any:
    """What Triton compiles a function of its own language from, or one of Gluon's."""
    if function.is_gluon():
        from triton.experimental.gluon._runtime import GluonASTSource

        return GluonASTSource
    from triton.compiler import ASTSource

    return ASTSource


def reason(error: BaseException) -> str:
    """What of an error says why: the first complaint of the assembler's, else the last line that is no command."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    for line in lines:
        found = _OF_PTXAS.match(line)
        if found is not None:
            return f"ptxas: {found[1]}"
    told = [line for line in lines if not line.startswith("Repro command:")]
    return told[-1] if told else type(error).__name__


def serve() -> None:
    """Answer requests on standard input until it ends. What Triton prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    import_module("triton.compiler")  # before it is needed: the first request is still to be made
    for line in sys.stdin:
        try:
            answer = compile_request(json.loads(line))
            answer["binary"] = base64.b64encode(answer["binary"]).decode()
        except Exception as error:  # noqa: BLE001  # whatever Triton raises is the answer
            answer = {"error": reason(error)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve()
