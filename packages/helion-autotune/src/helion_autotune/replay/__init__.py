"""Research without a GPU: strategies search among recorded evaluations, and are compared by what they found when."""

from helion_autotune.replay.comparison import Comparison, compare
from helion_autotune.replay.recorded_space import RecordedSpace
from helion_autotune.replay.recording import Recording, recordings
from helion_autotune.replay.replaying import Problem, Replay, replay

__all__ = [
    "Comparison",
    "Problem",
    "RecordedSpace",
    "Recording",
    "Replay",
    "compare",
    "recordings",
    "replay",
]
