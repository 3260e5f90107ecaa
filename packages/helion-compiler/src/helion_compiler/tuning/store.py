"""Where results are kept between processes: one file of records per kernel, keyed by everything a result depends on."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion import exc
from helion_autotune import Records, RecordsError, StoredResult
from helion_compiler.tracing.arguments import device_of
from helion_compiler.tuning.result_key import result_key

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

    def prepare(self) -> None:
        """Make sure that results can be kept.

        Raises:
            helion.exc.CacheNotWritable: the cache directory cannot be written to.
        """
        with _usable(self.records):
            self.records.prepare()

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
    """The store of a specialization; for what is stored already, the directory need not be writable.

    Raises:
        helion.exc.CacheNotWritable: what is there cannot be read as records.
    """
    definition = kernel.definition
    device = torch.cuda.get_device_name(device_of(leaves))
    key = json.dumps(result_key(kernel, leaves, device), sort_keys=True)
    folder = Path(definition.settings.autotune_cache).expanduser()
    records = Records(folder / f"{definition.name}.jsonl")
    with _usable(records):
        records.check()
    return Store(records, key, device)


@contextmanager
def _usable(records: Records) -> Iterator[None]:
    try:
        yield
    except RecordsError as error:
        folder = str(records.path.parent)
        raise exc.CacheNotWritable(path=folder, reason=str(error)) from error
