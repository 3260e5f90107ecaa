#!/usr/bin/env python3
"""Writes ``docs/settings.md`` from :class:`helion.Settings`: ``python tools/settings_docs.py``. A test compares the
file with what this program would write.
"""

from __future__ import annotations

from pathlib import Path

import attrs

from helion.settings import Settings, allowed_of, help_of, variables_of
from helion_compiler.torch_bridge import approximations

TARGET = Path(__file__).resolve().parent.parent / "docs" / "settings.md"

HEAD = """<!-- Written by tools/settings_docs.py from helion.Settings; change that. -->

# Settings

How a kernel is compiled, run and tuned, apart from the choices of a [config](config.md). Each setting is a keyword of
`@helion.kernel` and an environment variable; the keyword wins. They are read once, when the kernel is decorated.
"""


def document() -> str:
    """The whole file."""
    lines = [HEAD, "| setting | holds | default | environment | effect |", "|---|---|---|---|---|"]
    lines += [_row(field) for field in attrs.fields(Settings)]
    return "\n".join([*lines, "", *_fast_math(), ""])


def _row(field: attrs.Attribute[object]) -> str:
    variables = ", ".join(f"`{variable}`" for variable in variables_of(field.name))
    cells = (
        f"`{field.name}`",
        allowed_of(field.name),
        f"`{field.default!r}`",
        variables,
        help_of(field.name),
    )
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _fast_math() -> list[str]:
    """What `fast_math` replaces, and with which errors."""
    _, _, errors = (approximations.__doc__ or "").partition("\n\n")
    texts = [
        f"| `{name}` | `{text.format('x', 'y')}` |"
        for name, text in approximations.APPROXIMATIONS.items()
    ]
    return ["## fast_math", "", "| operation | Triton |", "|---|---|", *texts, "", errors.strip()]


if __name__ == "__main__":
    TARGET.write_text(document(), encoding="utf-8")
