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
    kernel = request.bind()
    print(kernel.lower(request.choose_config(kernel).config).emitted.source, end="")
    return 0
