"""``helion-autotune report``: records as an HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from helion_autotune.report import page, summaries
from helion_autotune.text_files import write_text

if TYPE_CHECKING:
    import argparse


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to a parser's."""
    parser = commands.add_parser(
        "report",
        help="write one HTML page about tuning sessions",
        description="Write one HTML page, which needs no network, about the sessions in files of records.",
    )
    parser.add_argument(
        "records",
        nargs="+",
        type=Path,
        help="files of records, also .gz ones, or directories of them",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("tuning-report.html"),
        help="default: tuning-report.html",
    )
    parser.add_argument("--title", default="Tuning report", help="the page's title")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the page."""
    write_text(options.output, page(summaries(options.records), options.title))
    print(f"wrote {options.output}")
    return 0
