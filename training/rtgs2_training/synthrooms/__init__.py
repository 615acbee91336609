"""SynthRooms: furnished rooms as labelled 3D Gaussians, made from nothing. NumPy and Pillow only."""
