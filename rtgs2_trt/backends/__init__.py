"""What runs a bundle: one small protocol, one module a backend."""

from ._protocol import Backend, Frame, FrameRequest
from ._select import BACKENDS, create_backend

__all__ = ["BACKENDS", "Backend", "Frame", "FrameRequest", "create_backend"]
