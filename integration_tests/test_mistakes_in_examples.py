"""Two mistakes are made in each example: what is told is one of them or both, and never what follows from them."""

from __future__ import annotations

import ast
import importlib.util
import random
from typing import TYPE_CHECKING, Any

import helion
from gallery.case import EXAMPLES, Case, Maker, use
from gallery.every_case import CASES
from helion import exc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIRST = {case.example: case for case in reversed(CASES)}


def kernels_of(tree: ast.Module) -> list[ast.FunctionDef]:
    """The functions that a decorator of Helion's makes kernels of."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [f for f in functions if any("helion" in ast.unparse(d) for d in f.decorator_list)]


def values_of(node: ast.AST) -> Iterator[ast.expr]:
    """What the statements of a kernel assign, on one line each; those of functions inside it aside."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.Lambda)):
            continue
        if isinstance(child, (ast.Assign, ast.AugAssign)):
            if child.value.lineno == child.value.end_lineno:
                yield child.value
        else:
            yield from values_of(child)


def with_mistakes(source: str, names: list[str], choose: random.Random) -> str:
    """The source with a name that nothing defines in place of what some statements of one kernel assign."""
    kernel = choose.choice(kernels_of(ast.parse(source)))
    values = list(values_of(kernel))
    lines = source.split("\n")
    for name, value in zip(
        names, choose.sample(values, min(len(names), len(values))), strict=False
    ):
        line = lines[value.lineno - 1]
        lines[value.lineno - 1] = line[: value.col_offset] + name + line[value.end_col_offset :]
    return "\n".join(lines)


def mistaken(case: Case, names: list[str], choose: random.Random, folder: Path) -> Any:
    path = folder / f"{case.example}.py"
    text = (EXAMPLES / path.name).read_text(encoding="utf-8")
    path.write_text(with_mistakes(text, names, choose), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    use(module, helion.Settings(), case.block)
    return getattr(module, case.function)


def told(example: str, names: list[str], folder: Path) -> tuple[exc.HelionError, ...]:
    """The errors of an example with mistakes; none where the kernel that has them is not the one that is called."""
    case = FIRST[example]
    function = mistaken(case, names, random.Random(example), folder)
    try:
        function(*case.arguments(Maker(case.dtypes[0], "cpu"), *case.small[0]))
    except exc.SeveralErrors as error:
        return error.errors
    except exc.HelionError as error:
        return (error,)
    return ()


def test_nothing_that_follows_is_told(tmp_path: Path) -> None:
    names = ["mistake_one", "mistake_two"]
    found = {example: told(example, names, tmp_path) for example in FIRST}
    for example, errors in found.items():
        messages = " ".join(one.diagnostic.message for one in errors)
        assert {type(one) for one in errors} <= {exc.UndefinedVariable}, example
        assert sum(name in messages for name in names) == len(errors), example
    counts = [len(errors) for errors in found.values()]
    assert counts.count(2) > len(counts) // 4
    assert counts.count(0) < len(counts) // 4
