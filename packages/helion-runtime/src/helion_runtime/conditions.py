"""Which conditions of a variant's guard a call does not meet, said with the values that were found.

In: a checked variant, the op's argument names, a call's metadata. Out: one line per condition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion_runtime.errors import ExpressionError
from helion_runtime.expression_text import describe_expression, describe_subject, is_node
from helion_runtime.expressions import ARGUMENT_NODES, evaluate, item_uses

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from helion_runtime.entries import VariantEntry
    from helion_runtime.expressions import CallMetadata


def unmet_conditions(
    variant: VariantEntry, names: Sequence[str], metadata: CallMetadata
) -> tuple[str, ...]:
    """What of the guard does not hold for a call that the signature takes; empty if it all holds.

    A condition without a value for this call does not hold; one on numbers that are yet to be read from
    tensors is not looked at.
    """
    guards = [guard for guard in variant.guard if not item_uses(guard)]
    return tuple(dict.fromkeys(_unmet(["and", *guards], names, metadata)))


def _unmet(guard: Any, names: Sequence[str], metadata: CallMetadata) -> Iterator[str]:
    try:
        if is_node(guard) and guard[0] == "and":
            for condition in guard[1:]:
                yield from _unmet(condition, names, metadata)
        elif not evaluate(guard, metadata):
            yield _explain(guard, names, metadata)
    except ExpressionError:
        text = describe_expression(guard, names)
        yield f"expected {text}, which has no value for these arguments"


def _explain(guard: Any, names: Sequence[str], metadata: CallMetadata) -> str:
    match guard:
        case [("eq" | "ne") as operator, ["mod", number, divisor], 0]:
            article = "a" if operator == "eq" else "no"
            multiple = _number(divisor, names, metadata)
            return f"{_found(number, names, metadata)}, expected {article} multiple of {multiple}"
        case ["eq", left, right]:
            if not is_node(left):
                left, right = right, left
            wanted = _number(right, names, metadata)
            verb = "expected" if is_node(right) else "this variant has"
            return f"{_found(left, names, metadata)}, {verb} {wanted}"
        case ["le" | "lt", left, right] if not is_node(left):
            words = "at least" if guard[0] == "le" else "more than"
            return f"{_found(right, names, metadata)}, expected {words} {left}"
        case ["le" | "lt", left, right]:
            words = "at most" if guard[0] == "le" else "less than"
            limit = _number(right, names, metadata)
            return f"{_found(left, names, metadata)}, expected {words} {limit}"
    values = [
        f"{describe_expression(node, names)} is {evaluate(node, metadata)}"
        for node in dict.fromkeys(_readings(guard))
    ]
    found = f", found that {', '.join(values)}" if values else ""
    return f"expected {describe_expression(guard, names)}{found}"


def _found(expression: Any, names: Sequence[str], metadata: CallMetadata) -> str:
    return f"{describe_subject(expression, names)} is {evaluate(expression, metadata)!r}"


def _number(expression: Any, names: Sequence[str], metadata: CallMetadata) -> str:
    """A number that is expected, and where it comes from if that is not the variant."""
    value = repr(evaluate(expression, metadata))
    if not is_node(expression):
        return value
    return f"{describe_expression(expression, names)} = {value}"


def _readings(expression: Any) -> Iterator[tuple[Any, ...]]:
    """The nodes that read the call."""
    if not is_node(expression):
        return
    if expression[0] in ARGUMENT_NODES:
        yield tuple(expression)
        return
    for operand in expression[1:]:
        yield from _readings(operand)
