"""The encoder of a backend with a GPU: there if it can be, else on the CPU. It runs once a scene."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..bundle import ENCODER, Bundle
from ..errors import BackendError
from ..geometry_plan import GeometryPlan
from .engines import Network, OnnxRuntimeNetwork
from .graphs import check_interface, run_encoder


class EncoderOnCpuWarning(UserWarning):
    """The GPU could not run the encoder; the message says why."""


class Encoder:
    """Runs a bundle's encoder; not to be called from several threads.

    Args:
        bundle: the opened bundle.
        threads: should it have to run on the CPU.
        file: name of the graph for the GPU.
        on_gpu: returns that graph, loaded, or raises BackendError.
    """

    def __init__(self, bundle: Bundle, threads: int, file: str, on_gpu: Callable[[], Network]) -> None:
        self._bundle, self._threads, self._file, self._on_gpu = bundle, threads, file, on_gpu
        self._on_cpu: OnnxRuntimeNetwork | None = None

    def encode(self, plan: GeometryPlan, inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """See :class:`Backend`. On the CPU and in FP32 if the GPU fails at it, for want of memory for example.

        Warns:
            EncoderOnCpuWarning: then, once.
        """
        if self._on_cpu is None:
            try:
                return run_encoder(self._bundle, self._file, self._on_gpu(), plan, inputs)
            except BackendError as error:
                warnings.warn(f"the encoder runs on the CPU, once a scene: {error}", EncoderOnCpuWarning, 3)
            path, content = self._bundle.file(ENCODER), self._bundle.read(ENCODER)
            network = OnnxRuntimeNetwork(path, self._threads, content=content)
            check_interface(self._bundle, ENCODER, network)
            self._on_cpu = network
        return run_encoder(self._bundle, ENCODER, self._on_cpu, plan, inputs)
