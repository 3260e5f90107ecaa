#!/usr/bin/env python3
"""Writes ``docs/language.md`` from the docstrings of :mod:`helion.language`: ``python tools/language_docs.py``.

A docstring has a summary, prose, and sections that start with ``Args:``, ``Returns:``, ``Yields:``, ``Raises:``,
``Attributes:`` or ``Example:`` at the margin. A test compares the file with what this program would write.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

import helion.autotuner
import helion.language as hl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TARGET = Path(__file__).resolve().parent.parent / "docs" / "language.md"

SECTIONS = (
    ("Loops over tiles", "loops"),
    ("Loops over positions, barriers", "ranges"),
    ("Tiles", "tiles"),
    ("Properties of tiles as functions", "tile_properties"),
    ("Making values", "creation"),
    ("Adding and joining dimensions", "views"),
    ("Reading and writing", "memory"),
    ("Atomic operations", "atomics"),
    ("Atomic operations on bits", "atomic_bits"),
    ("Stacked tensors", "stacks"),
    ("Matrix products", "matrix"),
    ("Reductions and scans", "reductions"),
    ("Random numbers", "random_numbers"),
    ("Specialization and tuning", "tuning"),
    ("Triton and assembly", "escapes"),
    ("Looking at values", "debugging"),
)
"""Headings, and the modules of :mod:`helion.language` that they stand for."""

HEAD = """<!-- Written by tools/language_docs.py from the docstrings; change those. -->

# The language

What a kernel may say besides PyTorch's own operators: `import helion.language as hl`. A kernel is a function decorated
with `@helion.kernel()`; its outermost loops over `hl.tile` or `hl.grid` run on the device, everything else on the host.
Each example here is run by the tests.
"""

_WIDTH = 100
_PARTS = re.compile(r"^(Args|Returns|Yields|Raises|Attributes|Example):$", re.MULTILINE)
_ENTRY = re.compile(r"^    (?P<name>[^:\n]+): (?P<text>.*(?:\n {8,}\S.*)*)", re.MULTILINE)
_ROLE = re.compile(r":(?:func|class|meth|data|attr):`~?(?:[\w.]*\.)?(\w+)`")
_MODULE = re.compile(r":mod:`([\w.]+)`")


@attrs.frozen
class Docstring:
    """A docstring taken apart; ``parts`` are its sections in order, dedented."""

    prose: str
    parts: dict[str, str]

    @classmethod
    def of(cls, text: str) -> Docstring:
        """Take ``text`` apart."""
        prose, *rest = _PARTS.split(text)
        pairs = zip(rest[::2], rest[1::2], strict=True)
        return cls(prose.strip(), {name: body.strip("\n") for name, body in pairs})

    @property
    def example(self) -> str:
        """The code of the example; empty if there is none."""
        return textwrap.dedent(self.parts.get("Example", ""))


def document() -> str:
    """The whole file."""
    return "\n".join([HEAD, *(line for title, name in SECTIONS for line in _section(title, name))])


def _section(title: str, module_name: str) -> Iterator[str]:
    module = import_module(f"helion.language.{module_name}")
    yield f"## {title}\n"
    introduction = inspect.getdoc(module) or ""
    if introduction.rstrip(".") != title:
        yield f"{_markdown(introduction)}\n"
    for name, value in vars(module).items():
        own = getattr(value, "__module__", "") == module.__name__
        if own and name in hl.DECLARATIONS:
            yield from _function(name)
        elif own and name in hl.__all__ and isinstance(value, type):
            yield from _class(f"hl.{name}", value)
    if module_name == "tuning":
        yield from (line for one in helion.autotuner.FRAGMENTS for line in _fragment(one))


def _function(name: str) -> Iterator[str]:
    declaration = hl.DECLARATIONS[name]
    yield f"### `hl.{name}`\n"
    yield f"```python\n{_signature(f'hl.{name}', declaration.signature)}\n```\n"
    yield from _body(Docstring.of(declaration.doc))


def _class(title: str, value: type) -> Iterator[str]:
    yield f"### `{title}`\n"
    yield from _body(Docstring.of(inspect.getdoc(value) or ""))
    for name, member in vars(value).items():
        if isinstance(member, property):
            summary, *more = (inspect.getdoc(member) or "").split("\n", 1)
            yield f"- `.{name}`: {_markdown(summary)}{_markdown(''.join(more))}"
    yield ""


def _fragment(value: type) -> Iterator[str]:
    yield f"### `helion.autotuner.{value.__name__}`\n"
    signature = inspect.signature(value).replace(return_annotation=inspect.Signature.empty)
    parameters = [one.replace(annotation=one.empty) for one in signature.parameters.values()]
    shown = ", ".join(
        one.name if one.default is one.empty else f"{one.name}=..." for one in parameters
    )
    yield f"```python\n{value.__name__}({shown})\n```\n"
    yield from _body(Docstring.of(inspect.getdoc(value) or ""))


def _body(doc: Docstring) -> Iterator[str]:
    yield f"{_markdown(doc.prose)}\n"
    for part in ("Args", "Attributes", "Returns", "Yields", "Raises"):
        if part in doc.parts:
            yield from _part(part, doc.parts[part])
    if doc.example:
        yield f"```python\n{doc.example}\n```\n"


def _part(name: str, text: str) -> Iterator[str]:
    entries = [(found["name"], found["text"]) for found in _ENTRY.finditer(text)]
    if name in ("Returns", "Yields") or not entries:
        yield f"*{name}:* {_markdown(textwrap.dedent(text))}\n"
        return
    yield f"*{name}:*\n"
    for entry, meaning in entries:
        names = ", ".join(f"`{one.strip()}`" for one in entry.split(","))
        yield f"- {names}: {_markdown(_joined(meaning))}"
    yield ""


def _signature(name: str, signature: inspect.Signature) -> str:
    """As in the source, on one line where it fits."""
    shown = list(_parameters(signature))
    whole = f"{name}({', '.join(shown)}) -> {signature.return_annotation}"
    if len(whole) <= _WIDTH:
        return whole
    lines = "".join(f"    {one},\n" for one in shown)
    return f"{name}(\n{lines}) -> {signature.return_annotation}"


def _parameters(signature: inspect.Signature) -> Iterator[str]:
    """Parameters as they are written, ``/`` and ``*`` among them."""
    parameters = list(signature.parameters.values())
    for index, one in enumerate(parameters):
        before = parameters[index - 1].kind if index else None
        after = parameters[index + 1].kind if index + 1 < len(parameters) else None
        if one.kind is one.KEYWORD_ONLY and before not in (one.KEYWORD_ONLY, one.VAR_POSITIONAL):
            yield "*"
        star = "*" if one.kind is one.VAR_POSITIONAL else ""
        default = "" if one.default is one.empty else f" = {_default(one.default)}"
        yield f"{star}{one.name}: {one.annotation}{default}"
        if one.kind is one.POSITIONAL_ONLY and after is not one.POSITIONAL_ONLY:
            yield "/"


def _default(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _joined(text: str) -> str:
    return " ".join(line.strip() for line in text.splitlines())


def _markdown(text: str) -> str:
    """Docstring prose as Markdown: literals and roles become code."""
    return _MODULE.sub(r"`\1`", _ROLE.sub(r"`\1`", text)).replace("``", "`")


def main(write: Callable[[str], Any] | None = None) -> None:
    """Write the file."""
    (write or TARGET.write_text)(document())


if __name__ == "__main__":
    main()
