"""Whether this installation and this machine can use an NVIDIA GPU."""

from __future__ import annotations

from ..tensorrt.platforms import gpu_access_cure, is_jetson

_NO_DRIVER = "no NVIDIA driver"
_UNSEEN = (_NO_DRIVER, "no NVIDIA GPU", "the GPU cannot be used")

_usable: object = None  # the core that has found its GPU, which stays: asking the driver takes longer than a kernel


def cuda_problem() -> str | None:
    """Return why the CUDA core cannot be used here, in one sentence that says what to do; None if it can.

    That it can is remembered for as long as the process lives.
    """
    global _usable
    try:
        from rtgs2_trt import _cuda
    except ImportError as error:
        if "_cuda" in str(error) and "cannot import name" in str(error):
            return "this installation has no CUDA core: install again where nvcc (CUDA 12.6 or later) is on PATH"
        return f"the CUDA core cannot be loaded: {error}"
    if _cuda is _usable:
        return None
    problem = _cuda.problem()
    if problem is None:
        _usable = _cuda
    elif problem.startswith(_UNSEEN) and is_jetson():
        what, _, why = problem.partition(": ")
        # A Jetson's driver is a part of its system: there is none to install.
        return f"{what}{'' if what == _NO_DRIVER else f' ({why})'}: {gpu_access_cure()}"
    return problem
