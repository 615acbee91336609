"""Viewpoints in the room."""

from __future__ import annotations

from typing import NamedTuple

Point = tuple[float, float, float]


class Viewpoint(NamedTuple):
    """Where a camera stands, what it looks at (metres, z up) and its horizontal field of view in degrees."""

    eye: Point
    target: Point
    fov_degrees: float


def room_cameras() -> dict[str, Viewpoint]:
    """Eight views of the room by name, made for pictures of about 4 : 3."""
    return {
        "overview": Viewpoint((2.45, -2.1, 1.75), (-0.75, 1.0, 0.7), 78),
        "sofa": Viewpoint((0.9, 0.1, 1.45), (-2.6, -0.4, 0.75), 70),
        "dining": Viewpoint((-0.6, -1.3, 1.65), (1.75, 1.1, 0.75), 68),
        "window": Viewpoint((0.6, -1.9, 1.6), (-0.7, 2.4, 1.05), 74),
        "bookshelf": Viewpoint((0.35, 0.8, 1.6), (-1.45, -2.3, 0.92), 68),
        "sideboard": Viewpoint((-0.4, 0.6, 1.5), (2.7, -1.5, 0.9), 70),
        "plant": Viewpoint((-0.3, -0.4, 1.5), (-2.6, 2.2, 0.85), 70),
        "table": Viewpoint((0.35, 0.1, 1.5), (1.7, 1.05, 0.72), 72),
    }
