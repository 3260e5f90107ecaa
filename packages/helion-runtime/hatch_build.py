"""The wheel of helion-runtime: pure Python, or with the extension module where ``HELION_NATIVE=1`` asks for it.

pip prefers the wheel of its platform, so both are published: ``HELION_NATIVE=1 python -m build --wheel`` gives one for
this platform and Python 3.11 and later (``cp311-abi3``), ``python -m build --wheel`` one for everything else.
"""

from __future__ import annotations

import os
import runpy
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class NativeBuildHook(BuildHookInterface):
    """Adds the compiled launcher to the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  # hatchling's interface
        """Compile, and say what the wheel is for."""
        if os.environ.get("HELION_NATIVE") != "1":
            return
        script = Path(self.root) / "native" / "build.py"
        folder = Path(self.root) / "build"
        folder.mkdir(exist_ok=True)
        module = runpy.run_path(str(script))["build"](folder / "_launch.abi3.so")
        build_data["force_include"][str(module)] = f"helion_runtime/{module.name}"
        build_data["pure_python"] = False
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"cp311-abi3-{platform}"
