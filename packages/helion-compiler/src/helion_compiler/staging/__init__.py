"""Stage: from the author's function to one whose control flow is calls, so that Python itself can run the rest."""

from helion_compiler.staging.names import UNBOUND
from helion_compiler.staging.stage import ControlHandler, Leaving, StagedFunction, stage

__all__ = ["UNBOUND", "ControlHandler", "Leaving", "StagedFunction", "stage"]
