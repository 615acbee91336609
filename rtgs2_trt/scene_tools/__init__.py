"""What one does to a captured scene before it is encoded: crop, clean, join, look at, bring into metres."""

from .floaters import floaters
from .frame_estimate import SceneFrame, estimate_frame
from .merging import merge
from .selection import inside_box, select
from .statistics import SceneStatistics, statistics

__all__ = [
    "SceneFrame",
    "SceneStatistics",
    "estimate_frame",
    "floaters",
    "inside_box",
    "merge",
    "select",
    "statistics",
]
