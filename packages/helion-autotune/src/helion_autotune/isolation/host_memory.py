"""How much memory of the host may still be used, by this process and by the control group that it is in (Linux)."""

from __future__ import annotations

from pathlib import Path

#: Limit and use of the control group, as versions 2 and 1 of Linux's control groups tell a process inside.
GROUPS = (
    ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory.current"),
    (
        "sys/fs/cgroup/memory/memory.limit_in_bytes",
        "sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


def available_bytes(root: Path = Path("/")) -> int | None:
    """The least of what the machine and the control group have left; None where neither says."""
    left = [_machine(root / "proc/meminfo")]
    for limit, use in GROUPS:
        most, used = _number(root / limit), _number(root / use)
        if most is not None and used is not None:
            left.append(max(most - used, 0))
    return min((each for each in left if each is not None), default=None)


def _machine(path: Path) -> int | None:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    fields = [line.split() for line in lines if line.startswith("MemAvailable:")]
    return int(fields[0][1]) * 1024 if fields else None


def _number(path: Path) -> int | None:
    """The number in a file; None where there is none, as for ``max``."""
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
