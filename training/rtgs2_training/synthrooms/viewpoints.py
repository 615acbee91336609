"""Where the cameras stand and look: as a person walks through the rooms, never inside or right before furniture."""

from __future__ import annotations

import math

import numpy as np

from rtgs2_trt.camera import Camera

from .floor_space import FloorSpace
from .piece import Piece
from .surfaces import Array
from .zbuffer import FrontSurface

EYE = (0.9, 1.8)  # metres
FOV_DEGREES = (60.0, 95.0)
WALL_DISTANCE = 0.3  # metres
_BESIDE, _ABOVE = 0.3, 0.25  # metres kept from furniture
_TOO_NEAR = ((0.5, 0.08), (1.0, 0.3))  # metres, and the share of pixels that may be nearer
_SOUGHT = {  # what fills few pixels is looked at more often
    "toilet": 3.0,
    "sink": 2.5,
    "desk": 2.5,
    "other furniture": 2.5,
    "picture": 2.0,
    "sofa": 2.0,
    "counter": 1.5,
    "refrigerator": 1.5,
    "shower curtain": 1.5,
    "bathtub": 1.5,
    "bookshelf": 1.5,
    "table": 1.5,
}
_LEVEL_SHARE = 0.4  # of the views of things; the others look down at them
_EMPTY_SHARE, _ONE_THING, _TYPICAL_DEPTH = 0.4, 0.65, 1.6


def random_camera(
    rooms: list[FloorSpace], index: int, size: tuple[int, int], rng: np.random.Generator
) -> Camera | None:
    """A camera in the room of this index, or None if the place that came up is taken."""
    room = rooms[index]
    x0, y0, x1, y1 = room.space.rectangles[
        int(rng.choice(len(room.space.rectangles), p=_shares(room))) if len(room.space.rectangles) > 1 else 0
    ]
    eye = np.array([rng.uniform(x0, x1), rng.uniform(y0, y1), min(rng.uniform(*EYE), room.space.height - 0.3)])
    if not room.space.contains(float(eye[0]), float(eye[1]), WALL_DISTANCE) or not _free(room, eye):
        return None
    target = _target(rooms, index, eye, rng)
    run = target - eye
    if math.hypot(run[0], run[1]) < 0.6:
        return None
    roll = math.radians(float(rng.normal(0, 1.5)))
    side = np.array([run[1], -run[0], 0.0]) / math.hypot(run[0], run[1])
    up = np.array([0.0, 0.0, 1.0]) * math.cos(roll) + side * math.sin(roll)
    return Camera.look_at(eye, target, up, width=size[0], height=size[1], fov_degrees=float(rng.uniform(*FOV_DEGREES)))


def _shares(room: FloorSpace) -> Array:
    areas = np.array([(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in room.space.rectangles])
    return np.asarray(areas / areas.sum())


def _free(room: FloorSpace, eye: Array) -> bool:
    for body in room.taken:
        if body.low - _ABOVE < eye[2] < body.high + _ABOVE:
            first, second = body.corners[1] - body.corners[0], body.corners[2] - body.corners[1]
            offset = eye[:2] - body.corners[0]
            beyond = []
            for side in (first, second):
                length = float(np.linalg.norm(side))
                along = float(offset @ side) / length
                beyond.append(max(-along, along - length, 0.0))
            if math.hypot(*beyond) < _BESIDE:
                return False
    return True


def _target(rooms: list[FloorSpace], index: int, eye: Array, rng: np.random.Generator) -> Array:
    """Mostly something that stands there, else any direction; now and then up or down."""
    room = rooms[index]
    if room.placed and rng.random() < 0.82:
        weights = np.array([_interest(piece) for piece, _ in room.placed])
        piece, pose = room.placed[int(rng.choice(len(weights), p=weights / weights.sum()))]
        x, y = pose.point(0.0 if piece.placement.centred else piece.depth / 2, 0.0)
        height = eye[2] if rng.random() < _LEVEL_SHARE else pose.z + 0.4 * piece.height
        target = np.array([x, y, height]) + rng.normal(0, [0.5, 0.5, 0.25])
        if np.linalg.norm(target[:2] - eye[:2]) > 1.3:
            pitch = np.clip(target[2] - eye[2], -0.9 * np.linalg.norm(target[:2] - eye[:2]), 1.0)
            return np.array([target[0], target[1], eye[2] + pitch])
    heading, pitch = rng.uniform(0, 2 * np.pi), math.radians(float(np.clip(rng.normal(-12, 14), -50, 30)))
    return np.asarray(eye + 2 * np.array([math.cos(heading), math.sin(heading), math.tan(pitch)]))


def _interest(piece: Piece) -> float:
    size = math.sqrt(piece.height * max(piece.width, piece.depth)) + 0.2
    return size * max((_SOUGHT.get(part.class_name, 1.0) for part in piece.parts), default=1.0)


def worth_keeping(front: FrontSurface, owner: Array) -> bool:
    """Whether a view shows enough: not the back of a cupboard from 20 cm, not only a wall, not only the void."""
    if any((front.depth < near).mean() > share for near, share in _TOO_NEAR):
        return False
    if np.median(front.depth) < _TYPICAL_DEPTH or (front.triangle < 0).mean() > _EMPTY_SHARE:
        return False
    shown = owner[front.triangle[front.triangle >= 0]]
    return bool(np.bincount(shown).max() < _ONE_THING * front.triangle.size)
