"""Stage: from the author's function to one whose loops are calls, so that Python itself can run the rest."""

from helion_compiler.staging.names import UNBOUND
from helion_compiler.staging.stage import LoopHandler, StagedFunction, stage

__all__ = ["UNBOUND", "LoopHandler", "StagedFunction", "stage"]
