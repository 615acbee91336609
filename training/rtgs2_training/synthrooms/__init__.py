"""SynthRooms: furnished flats as labelled 3D Gaussians, made from nothing. NumPy and Pillow only.

One room: ``generate_room(seed, RoomSettings(...))``. A data set: ``write_dataset(folder, scenes=..., seed=...)``.
"""

from .dataset import write_dataset, write_scene
from .room import Room, View, generate_room
from .settings import RoomSettings

__all__ = ["Room", "RoomSettings", "View", "generate_room", "write_dataset", "write_scene"]
