"""Self-supervised training of the encoder: the point contrast between views of a scene."""
