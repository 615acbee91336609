"""A furnished room, made from nothing: a 3D Gaussian Splatting scene that looks like a captured one.

Stands alone on NumPy::

    arrays = furnished_room(seed=0)          # means, scales, rotations, opacities, sh
    poses = room_cameras(640, 480)           # arguments of Camera.look_at, by name

Metres, z up; the room spans x -3..3, y -2.5..2.5, z 0..2.7.
"""

from .cameras import LookAt, room_cameras
from .gaussians import furnished_room

__all__ = ["LookAt", "furnished_room", "room_cameras"]
