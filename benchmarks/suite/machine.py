"""What a run was measured on, and with."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def describe() -> dict[str, Any]:
    """The GPU of this process, and the versions of what it runs."""
    import torch

    facts: dict[str, Any] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "triton": _version("triton"),
        "helion": _version("helion-compiler"),
        "commit": _output("git", "-C", str(ROOT), "rev-parse", "HEAD"),
    }
    if torch.cuda.is_available():
        device = torch.cuda.get_device_properties(torch.cuda.current_device())
        facts |= {
            "device": device.name,
            "multiprocessors": device.multi_processor_count,
            "memory_bytes": device.total_memory,
            "l2_bytes": device.L2_cache_size,
            "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]  # torch's
            "driver": _output("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"),
        }
    return facts


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _output(*command: str) -> str | None:
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return result.stdout.strip().partition("\n")[0] or None
