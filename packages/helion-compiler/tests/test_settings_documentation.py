"""docs/settings.md says what helion.Settings and the table of approximations say."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_page_says_what_the_class_says() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    written = runpy.run_path(str(ROOT / "tools" / "settings_docs.py"))["document"]()
    assert page == written, "run `python tools/settings_docs.py`"
