"""A furnished room, made from nothing: a 3D Gaussian Splatting scene that looks like a captured one.

Stands alone on NumPy::

    arrays = furnished_room(seed=0)          # means, scales, rotations, opacities, sh
    views = room_cameras()                   # name -> (eye, target, fov_degrees)

Metres, z up; the room spans x -3..3, y -2.5..2.5, z 0..2.7.
"""

from .cameras import Viewpoint, room_cameras
from .gaussians import furnished_room

__all__ = ["Viewpoint", "furnished_room", "room_cameras"]
