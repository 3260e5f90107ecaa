"""What the process of one case is told, as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable


def _names(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(given)


def _sizes(given: Iterable[int] | None) -> tuple[int, ...] | None:
    return None if given is None else tuple(given)


@attrs.frozen(kw_only=True)
class Task:
    """One case to measure.

    Attributes:
        case: its name.
        ways: how to run it, by name.
        folder: where records of searches are kept.
        device: where it runs.
        seconds: how long our search may take.
        peer_seconds: how long the peer's may.
        max_autotune: whether torch.compile searches, too.
        peer: where PyTorch's Helion is installed.
        config: run by ``ours_tuned`` instead of the result of a search.
        sizes: instead of the case's own.
    """

    case: str
    ways: tuple[str, ...] = attrs.field(converter=_names)
    folder: Path = attrs.field(converter=Path)
    device: str = "cuda"
    seconds: float = 20.0
    peer_seconds: float = 20.0
    max_autotune: bool = False
    peer: str | None = None
    config: dict[str, Any] | None = None
    sizes: tuple[int, ...] | None = attrs.field(default=None, converter=_sizes)

    def write(self, path: Path) -> None:
        """As JSON."""
        path.write_text(json.dumps({**attrs.asdict(self), "folder": str(self.folder)}, indent=1))

    @classmethod
    def read(cls, path: Path) -> Task:
        """What :meth:`write` wrote."""
        return cls(**json.loads(path.read_text()))
