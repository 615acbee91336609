"""What runs a bundle: one small protocol, one module a backend."""

from ._protocol import Backend, Frame, FrameRequest, Precision, PrecisionChoice
from ._select import BACKENDS, PRECISIONS, create_backend, select_backend

__all__ = [
    "BACKENDS",
    "PRECISIONS",
    "Backend",
    "Frame",
    "FrameRequest",
    "Precision",
    "PrecisionChoice",
    "create_backend",
    "select_backend",
]
