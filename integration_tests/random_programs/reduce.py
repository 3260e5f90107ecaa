"""Make a failing program smaller while it fails in the same way: a statement or a part of an expression at a time."""

from __future__ import annotations

import ast
import copy
import re
from typing import TYPE_CHECKING

import attrs

from .check import Outcome, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .program import RandomProgram

ATTEMPTS = 3
"""Configs that a smaller program is tried with: what it fails on may depend on them."""


def reduce_program(program: RandomProgram, outcome: Outcome, device: str = "cpu") -> RandomProgram:
    """A smaller program with the same failure."""
    wanted = _signature(outcome)
    best = _pruned_to_one_result(program, wanted, device)
    progress = True
    while progress:
        progress = False
        position = 0
        while (candidate := _candidate(best, position)) is not None:
            smaller = len(candidate.source) < len(best.source)
            if smaller and _fails(candidate, wanted, device):
                best, progress = candidate, True
            else:
                position += 1
    return best


def _pruned_to_one_result(
    program: RandomProgram, wanted: tuple[str, str], device: str
) -> RandomProgram:
    """The program without what does not lead to one of its results, if it still fails."""
    for output in program.outputs:
        candidate = _of_source(program, pruned(program.source, output.name))
        if _fails(candidate, wanted, device):
            return candidate
    return program


def pruned(source: str, result: str) -> str:
    """The source without stores to other results, and without names that nothing reads then."""
    tree = ast.parse(source)
    while True:
        read = {
            node.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        }
        changed = _Pruner(result, read)
        tree = changed.visit(tree)
        if not changed.removed:
            return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


class _Pruner(ast.NodeTransformer):
    def __init__(self, result: str, read: set[str]) -> None:
        self._result = result
        self._read = read
        self.removed = False

    def visit_Return(self, node: ast.Return) -> ast.AST:
        if isinstance(node.value, ast.Tuple) and any(
            isinstance(one, ast.Name) and one.id.startswith("out") for one in ast.walk(node.value)
        ):
            node.value.elts = [ast.Name(self._result, ast.Load())]
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        return self._kept(node, node.targets[0])

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST | None:
        return self._kept(node, node.target)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        match node.value:
            case ast.Call(args=[ast.Name(id=name), *_]) if name.startswith("out"):
                return self._unless(node, name != self._result)
        return node

    def visit_For(self, node: ast.For) -> ast.AST | None:
        self.generic_visit(node)
        return self._unless(node, all(isinstance(one, ast.Pass) for one in node.body))

    def _kept(self, node: ast.AST, target: ast.expr) -> ast.AST | None:
        match target:
            case ast.Subscript(value=ast.Name(id=name)):
                return self._unless(node, name.startswith("out") and name != self._result)
            case ast.Name(id=name):
                return self._unless(node, name not in self._read)
        return node

    def _unless(self, node: ast.AST, useless: bool) -> ast.AST | None:
        if not useless:
            return node
        self.removed = True
        return None

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(node, ast.For | ast.If | ast.While) and not node.body:
            node.body.append(ast.Pass())
        return node


def _signature(outcome: Outcome) -> tuple[str, str]:
    """What has to stay the same: the kind, and of an error its class."""
    if outcome.kind == "error":
        last = outcome.detail.strip().splitlines()[-1]
        return outcome.kind, last[:40]
    return outcome.kind, outcome.detail.partition(":")[0] if outcome.kind == "refused" else ""


def _fails(program: RandomProgram, wanted: tuple[str, str], device: str) -> bool:
    for attempt in range(ATTEMPTS):
        outcome = check(program, device, attempt=attempt)
        if _signature(outcome) == wanted and "depends on tiles" not in outcome.detail:
            return True
        if outcome.kind not in ("passed", "wrong"):
            return False
    return False


def _candidate(program: RandomProgram, position: int) -> RandomProgram | None:
    """The program after its change number ``position``."""
    tree = ast.parse(program.source)
    for number, change in enumerate(_changes(tree)):
        if number == position:
            changed = change()
            ast.fix_missing_locations(changed)
            return _of_source(program, ast.unparse(changed) + "\n")
    return None


def _of_source(program: RandomProgram, source: str) -> RandomProgram:
    returned = source.rpartition("return")[2]
    names = set(re.findall(r"\w+", returned))
    kept = tuple(output for output in program.outputs if output.name in names)
    return attrs.evolve(program, source=source, outputs=kept)


def _changes(tree: ast.Module) -> Iterator:  # type: ignore[type-arg]  # of functions to trees
    nodes = list(ast.walk(tree))
    for number, node in enumerate(nodes):
        for field in ("body", "orelse"):
            statements = getattr(node, field, None)
            if isinstance(statements, list) and not isinstance(node, ast.Module):
                for place in reversed(range(len(statements))):
                    yield lambda n=number, f=field, p=place: _without(tree, n, f, p)
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            for place in range(len(node.value.elts)):
                yield lambda n=number, p=place: _without_result(tree, n, p)
    for number, node in enumerate(nodes):
        if isinstance(node, ast.expr):
            for part in _parts(node):
                yield lambda n=number, p=part: _replaced(tree, n, p)


def _without(tree: ast.Module, number: int, field: str, place: int) -> ast.Module:
    changed = copy.deepcopy(tree)
    statements = getattr(list(ast.walk(changed))[number], field)
    removed = statements[place]
    inner = removed.body if isinstance(removed, ast.If) else []
    statements[place : place + 1] = inner
    if not statements and field == "body":
        statements.append(ast.Pass())
    return changed


def _without_result(tree: ast.Module, number: int, place: int) -> ast.Module:
    changed = copy.deepcopy(tree)
    statement = list(ast.walk(changed))[number]
    assert isinstance(statement, ast.Return)
    assert isinstance(statement.value, ast.Tuple)
    del statement.value.elts[place]
    return changed


def _parts(node: ast.expr) -> list[str]:
    """Where in an expression a smaller one may be that could stand for it."""
    match node:
        case ast.BinOp():
            return ["left", "right"]
        case ast.IfExp():
            return ["body", "orelse"]
        case (
            ast.Call(func=ast.Attribute(value=ast.Name(id="torch" | "hl")))
            | ast.Call(func=ast.Name())
        ):
            return [f"args.{i}" for i in range(len(node.args))]
        case ast.Call(func=ast.Attribute()):
            return ["func.value"]
        case ast.Subscript():
            return ["value"]
        case ast.UnaryOp():
            return ["operand"]
        case _:
            return []


def _replaced(tree: ast.Module, number: int, part: str) -> ast.Module:
    changed = copy.deepcopy(tree)
    old = list(ast.walk(changed))[number]
    new: object = old
    for name in part.split("."):
        new = new[int(name)] if isinstance(new, list) else getattr(new, name)
    for node in ast.walk(changed):
        for field, entry in ast.iter_fields(node):
            if entry is old:
                setattr(node, field, new)
            elif isinstance(entry, list):
                entry[:] = [new if item is old else item for item in entry]
    return changed
