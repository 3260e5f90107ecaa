"""Schedule: a Program plus a Config, every choice resolved."""

from helion_compiler.scheduling.make_schedule import make_schedule
from helion_compiler.scheduling.schedule import Abilities, GridSchedule, LoopOptions, Schedule

__all__ = ["Abilities", "GridSchedule", "LoopOptions", "Schedule", "make_schedule"]
