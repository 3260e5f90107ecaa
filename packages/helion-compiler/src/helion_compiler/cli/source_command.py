"""``helion source``: print the generated Triton source."""

from __future__ import annotations

from typing import Any

from helion_compiler.cli.kernel_options import add_command, add_kernel, read_config, read_request


def add(commands: Any) -> None:
    """Declare the command."""
    command = add_command(commands, "source", "print the generated Triton source", _source)
    add_kernel(command)
    command.add_argument("--config", help="JSON, or a file that Config.save wrote")


def _source(options: Any) -> int:
    request = read_request(options, options.args, read_config(options.config))
    bound = request.bind()
    print(bound.to_triton_code(request.choose_config(bound)), end="")
    return 0
