"""The configs of a lock file: what ``helion tune`` has written, or a search with the setting ``autotune_lock``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from helion_autotune import LockFile, LockFileError
from helion_compiler.bundling.errors import BundleRequestError
from helion_compiler.bundling.tuned_configs import TunedConfigs, TunedResult, key_object

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from helion_autotune import Space


def _lock_file(given: LockFile | str | os.PathLike[str]) -> LockFile:
    return given if isinstance(given, LockFile) else LockFile(Path(given))


@attrs.frozen
class LockedConfigs(TunedConfigs):
    """The entries of a lock file; ``tuned_on`` names a GPU where there are several of one architecture."""

    lock: LockFile = attrs.field(converter=_lock_file)
    tuned_on: str | None = None

    @property
    def place(self) -> str:
        """The file."""
        return str(self.lock.path)

    def results(self, space: Space) -> Sequence[TunedResult]:  # noqa: ARG002  # entries do not say of which they are
        """Its entries.

        Raises:
            BundleRequestError: it has none, or cannot be read.
        """
        try:
            found = self.lock.results()
        except LockFileError as error:
            raise BundleRequestError(
                problem=str(error), remedy="give another lock file, or none"
            ) from error
        if not found:
            raise BundleRequestError(
                problem=f"{self.lock.path} has no tuned results, or is not there",
                remedy="let `helion tune` write it on a machine with the GPU",
            )
        keys = ((one, key_object(one.key)) for one in found)
        return [TunedResult(one.kernel, key, one.point) for one, key in keys if key is not None]
