"""Private interfaces of torch and Triton are imported where ARCHITECTURE.md says they may be, and nowhere else."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = Path(__file__).parent.parent / "packages"

ALLOWED = {
    "torch": ("helion_compiler/torch_bridge",),
    "triton": (
        "helion_compiler/interpreting",
        "helion_compiler/building",
        "helion_runtime/recompiling/worker",
    ),
}
TRITON_PUBLIC = ("triton.language", "triton.testing", "triton.tools.tensor_descriptor")


def imported_modules(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def is_private(name: str) -> bool:
    library, *rest = name.split(".")
    if library == "torch":
        return any(part.startswith("_") for part in rest)
    if library == "triton":
        public = any(name == module or name.startswith(f"{module}.") for module in TRITON_PUBLIC)
        return len(rest) > 1 and not public  # triton.jit and the like are public
    return False


@pytest.mark.parametrize(
    ("name", "private"),
    [
        ("torch.nn.functional", False),
        ("torch._inductor.ir", True),
        ("torch.utils._pytree.tree_map", True),
        ("triton.jit", False),
        ("triton.language.core", False),
        ("triton.runtime.interpreter", True),
        ("attrs.frozen", False),
    ],
)
def test_the_rule_tells_private_from_public(name: str, private: bool) -> None:
    assert is_private(name) is private


def test_private_interfaces_stay_where_they_belong() -> None:
    strays = []
    for path in sorted(PACKAGES.glob("*/src/**/*.py")):
        place = str(path.relative_to(PACKAGES)).split("/src/")[1]
        for line, name in imported_modules(ast.parse(path.read_text())):
            homes = ALLOWED.get(name.split(".")[0], ())
            if is_private(name) and not place.startswith(homes):
                strays.append(f"{place}:{line} imports {name}; only {' and '.join(homes)} may")
    assert not strays, "\n".join(strays)
