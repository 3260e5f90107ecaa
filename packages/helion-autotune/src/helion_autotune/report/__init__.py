"""Records as one HTML page that needs no network: how a search went, what mattered, what failed, what won."""

from helion_autotune.report.page import page
from helion_autotune.report.session_summary import SessionSummary, summaries

__all__ = ["SessionSummary", "page", "summaries"]
