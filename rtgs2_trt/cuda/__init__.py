"""The GPU's side of the SDK: whether there is one, and arrays in its memory."""

from .device_array import DeviceArray
from .problem import cuda_problem

__all__ = ["DeviceArray", "cuda_problem"]
