"""``helion space``: show what a Config of a kernel may hold."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from helion_compiler.cli.kernel_options import add_command, add_kernel, read_request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_autotune import Parameter
    from helion_compiler.space import ConfigSpace

_SHOWN = 12
_LISTED = 64
"""Values of a parameter that the table shows, and that the JSON lists."""


def add(commands: Any) -> None:
    """Declare the command."""
    command = add_command(commands, "space", "show what a Config of a kernel may hold", _space)
    add_kernel(command)
    command.add_argument(
        "--target",
        default="sm_90",
        help="the GPU that configs are for: sm_90 (default), gfx942, ...",
    )
    command.add_argument("--json", action="store_true", help="print JSON")


def _space(options: Any) -> int:
    from helion_compiler.building import parse_target  # --help loads no torch

    target = parse_target(options.target)
    space = read_request(options, options.args, None).bind(target).space
    description = _describe(space)
    print(json.dumps(description, indent=2) if options.json else _render(description))
    return 0


def _describe(space: ConfigSpace) -> dict[str, Any]:
    """A config space as JSON values."""
    from helion_autotune.json_values import thaw  # --help loads no numpy

    default = space.default_config()
    point = space.point(default)
    return {
        "kernel": space.kernel,
        "default_config": json.loads(default.to_json()),
        "parameters": [
            {
                "name": name,
                "values": _values(parameter),
                "count": parameter.cardinality,
                "default": thaw(point[name]) if name in point else None,
                "condition": space.conditions[name].reason if name in space.conditions else None,
            }
            for name, parameter in space.space.parameters.items()
        ],
        "fixed": [
            {"name": f"{key}[{site.name}]", "value": site.neutral, "reason": site.reason}
            for key, sites in space.sites.items()
            for site in sites
            if site.parameter is None
        ],
        "excluded": [{"what": item.what, "reason": item.reason} for item in space.excluded],
        "demands": [{"name": item.name, "reason": item.reason} for item in space.demands],
        "advice": [{"name": item.name, "reason": item.reason} for item in space.advice],
    }


def _values(parameter: Parameter) -> Any:
    """Every value, or the declaration where there are too many."""
    from helion_autotune.json_values import thaw  # as above

    if parameter.cardinality <= _LISTED:
        return [thaw(value) for value in parameter.values()]
    return parameter.describe()


def _render(description: dict[str, Any]) -> str:
    """A description as text."""
    rows = [
        [
            parameter["name"],
            _text(parameter["default"]),
            _shown(parameter["values"])
            + (f"  ({parameter['condition']})" if parameter["condition"] else ""),
        ]
        for parameter in description["parameters"]
    ]
    lines = [f"{description['kernel']}: {len(rows)} parameters", ""]
    lines += _table(["parameter", "default", "values"], rows)
    for title, key, name in (
        ("fixed", "fixed", "name"),
        ("not in the space", "excluded", "what"),
        ("no config runs where", "demands", "name"),
        ("the search avoids", "advice", "name"),
    ):
        if description[key]:
            shown = [[item[name], item["reason"]] for item in description[key]]
            lines += ["", *_table([title, "why"], shown)]
    lines += ["", f"default config: {json.dumps(description['default_config'])}"]
    return "\n".join(lines)


def _shown(values: Any) -> str:
    if isinstance(values, dict):
        return _text(values)
    shown = [_text(value) for value in values]
    if len(shown) > _SHOWN:
        shown = [*shown[: _SHOWN - 1], f"... {len(values)} in all"]
    return " ".join(shown)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their widest cell."""
    cells = [head, *rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
