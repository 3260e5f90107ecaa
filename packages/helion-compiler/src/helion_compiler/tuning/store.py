"""Where results are kept between processes: one file of records per kernel, keyed by everything a result depends on."""

from __future__ import annotations

import hashlib
import inspect
import json
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion import exc
from helion_autotune import Records, RecordsError, StoredResult
from helion_compiler.program.expressions import next_power_of_two
from helion_compiler.tracing.arguments import device_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from helion_autotune import Point, Space
    from helion_compiler.specialized_kernel import SpecializedKernel


@attrs.frozen(eq=False)
class Store:
    """The records of one kernel, and the key of one specialization in them."""

    records: Records
    key: str
    device: str

    def earlier(self) -> Iterator[Point]:
        """What every session on this kind of device has found, for whatever arguments, the latest first."""
        for line in reversed(list(self.records.results())):
            if f'"device": {json.dumps(self.device)}' in line.key:
                yield line.result.point

    def best(self, space: Space) -> Point | None:
        """The stored winner, if there is one and it still lies in the space."""
        stored = self.records.result(space.fingerprint, self.key)
        if stored is None or space.check(stored.point):
            return None
        return stored.point

    def remember(self, space: Space, point: Point) -> None:
        """Make ``point`` the stored winner, whatever the key of the session that found it."""
        stored = StoredResult(point, 0.0, 0.0, 0, "chosen")
        if self.records.result(space.fingerprint, self.key) != stored:
            self.records.add_result(space.fingerprint, self.key, stored)


def open_store(kernel: SpecializedKernel, leaves: Sequence[Any]) -> Store:
    """The store of a specialization.

    Raises:
        helion.exc.CacheNotWritable: the cache directory cannot be used.
    """
    import triton  # only its version

    definition = kernel.definition
    source = inspect.getsource(definition.function)
    device = torch.cuda.get_device_name(device_of(leaves))
    key = json.dumps(
        {
            "kernel": hashlib.sha256(source.encode()).hexdigest()[:16],
            "arguments": [
                _describe(leaf, static=definition.settings.static_shapes) for leaf in leaves
            ],
            "aligned": sorted(kernel.aligned),
            "device": device,
            "dot_precision": definition.settings.dot_precision,
            "fast_math": definition.settings.fast_math,
            "triton": triton.__version__,
            "helion": version("helion-compiler"),
        },
        sort_keys=True,
    )
    folder = Path(definition.settings.autotune_cache).expanduser()
    records = Records(folder / f"{definition.name}.jsonl")
    try:
        records.prepare()
    except RecordsError as error:
        raise exc.CacheNotWritable(path=str(folder), reason=str(error)) from error
    return Store(records, key, device)


def _describe(leaf: Any, *, static: bool) -> Any:
    if not isinstance(leaf, torch.Tensor):
        return repr(leaf)
    # Dynamic sizes share results by the power of two above them.
    sizes = list(leaf.shape) if static else [next_power_of_two(size) for size in leaf.shape]
    return [str(leaf.dtype), sizes, list(leaf.stride()) if static else leaf.ndim]
