"""The emulated GPU, for all tests of this folder."""

from emulated_gpu import emulated_core, emulated_gpu

__all__ = ["emulated_core", "emulated_gpu"]
