"""A directory that is not there."""

from __future__ import annotations

import helion


def provoke() -> None:
    helion.Config().save("no/such/directory/file.json")
