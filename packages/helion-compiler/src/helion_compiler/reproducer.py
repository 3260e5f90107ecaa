"""A program that compiles one kernel for one call again, by itself: for reports of faults, and for ``print_repro``.

In: the kernel's function, the call it was specialised for, the config. Out: Python text. It holds the sources of
the kernel and of the author's functions that it calls, numbers that it captures, and tensors of the same
shapes, strides and dtypes with random elements; whatever else it captures is named in a comment.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import os
import tempfile
import textwrap
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import torch

from helion_compiler.tracing.location import is_author

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helion import Config, Settings
    from helion_compiler.tracing.arguments import Call

_HEAD = '''"""Compiles `{name}` as it was compiled when this was written, with torch {torch}.{problem}"""

from __future__ import annotations

import torch

import helion
import helion.language as hl
'''


def reproducer(
    call: Call, settings: Settings, config: Config | None = None, problem: str = ""
) -> str:
    """The text of the program; ``problem`` is what went wrong, if anything did."""
    function: Any = call.kernel.original
    told = f"\n\n{problem.strip()}\n" if problem else ""
    parts = [_HEAD.format(name=function.__name__, torch=torch.__version__, problem=told)]
    arguments, _, _ = call.join(call.leaves)
    seen = {function.__name__}
    parts += _captures(function, seen)
    for argument in arguments:
        parts += _function(argument, seen)
    options = ["autotune_effort='none'"] if config is None else [f"config={config!r}"]
    options += [] if settings.static_shapes else ["static_shapes=False"]
    parts.append(f"@helion.kernel({', '.join(options)})\n{_source(function)}")
    listed = ",\n    ".join(_argument(argument) for argument in arguments)
    parts.append(f"arguments = (\n    {listed},\n)\n{function.__name__}(*arguments)\n")
    return "\n\n".join(parts)


def write_reproducer(text: str, name: str) -> str | None:
    """Where the program was written: a file in the directory for temporary files, or None if none can be."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    path = Path(tempfile.gettempdir()) / f"helion_{name}_{digest}.py"
    beside = path.with_suffix(f".{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError:
        return None
    return str(path)


def _source(function: Any) -> str:
    """A function's own text, without its decorators."""
    source = textwrap.dedent(inspect.getsource(function))
    try:
        definition = ast.parse(source).body[0]
    except SyntaxError:
        return f"# {function.__name__}: a lambda\n"
    first = definition.lineno - 1
    return "".join(source.splitlines(keepends=True)[first:])


def _captures(function: Any, seen: set[str]) -> Iterator[str]:
    """What a function reads from around it, innermost first."""
    captured = inspect.getclosurevars(function)
    for name, value in {**captured.globals, **captured.nonlocals}.items():
        if name in seen or name in ("torch", "helion", "hl"):
            continue
        if isinstance(value, FunctionType) and is_author(value.__code__.co_filename):
            yield from _function(value, seen)
            continue
        seen.add(name)
        if isinstance(value, ModuleType):
            yield f"import {value.__name__} as {name}\n"
        elif isinstance(value, torch.Tensor):
            yield f"{name} = {_tensor(value)}\n"
        elif isinstance(value, int | float | str | bool | tuple | torch.dtype | type(None)):
            yield f"{name} = {value!r}\n"
        else:
            yield f"# {name} is {type(value).__name__} {value!r}\n"


def _function(value: Any, seen: set[str]) -> Iterator[str]:
    """A function of the author's, after what it captures; nothing for anything else."""
    if isinstance(value, FunctionType) and value.__name__ not in seen:
        seen.add(value.__name__)
        yield from _captures(value, seen)
        yield _source(value)


def _argument(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return _tensor(value)
    if isinstance(value, tuple | list) and not hasattr(value, "_fields"):
        items = "".join(f"{_argument(item)}, " for item in value)
        return f"({items})" if isinstance(value, tuple) else f"[{items}]"
    if callable(value):
        return getattr(value, "__name__", repr(value))
    return repr(value)


def _tensor(value: torch.Tensor) -> str:
    """A tensor of the same shape, strides, dtype and device: small numbers, which any dtype holds."""
    size = 1 + sum((n - 1) * s for n, s in zip(value.shape, value.stride(), strict=True) if n)
    elements = f"torch.randint(0, 2, [{size}], device={str(value.device)!r}).to({value.dtype})"
    return f"{elements}.as_strided({tuple(value.shape)}, {value.stride()})"
