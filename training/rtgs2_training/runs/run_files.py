"""Names of the files in a run's folder."""

CONFIG = "config.yaml"
"""What is trained, from what."""

STATE = "state.pt"
"""What the run goes on from."""

RESULT = "ckpt.pt"
"""The trained weights."""
