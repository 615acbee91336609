"""What runs a bundle: one small protocol, one module a backend."""

from ._protocol import Backend, Frame, FrameRequest, Precision
from ._select import BACKENDS, create_backend

__all__ = ["BACKENDS", "Backend", "Frame", "FrameRequest", "Precision", "create_backend"]
