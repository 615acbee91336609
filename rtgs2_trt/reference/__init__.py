"""Readable NumPy references of the core's kernels: slow, obvious, and what the tests compare the core with."""
