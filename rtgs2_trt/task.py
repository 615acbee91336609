"""What a fusion network predicts for every pixel."""

from __future__ import annotations

from typing import Literal, get_args

Task = Literal["semantic", "depth"]
"""``"semantic"``: a class of a table, from one logit a class. ``"depth"``: the distance of the surface seen along the
camera's axis in metres, from one channel."""

TASKS: tuple[Task, ...] = get_args(Task)
