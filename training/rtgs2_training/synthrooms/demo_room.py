"""The rooms of the demo and of the benchmarks, in no data set."""

from __future__ import annotations

from .room import Room, generate_room
from .settings import RoomSettings

SEED = 1021  # shows seventeen classes


def demo_room(gaussians: int = 200_000, image_size: tuple[int, int] = (320, 240), views: int = 8) -> Room:
    """The same room every time, as a good capture has it."""
    return generate_room(SEED, RoomSettings(gaussians, views, image_size, imperfections=0.4))
