"""``_cuda.Graph``: what is recorded is not run, and runs whenever it is launched."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest


def test_recorded_copy_reads_what_is_there_when_it_runs(emulated_gpu: ModuleType) -> None:
    core, stream = emulated_gpu, emulated_gpu.Stream()
    source, target = core.PinnedMemory(4), core.Memory(4)
    target.write(np.zeros(4, np.uint8))
    source.view()[:] = 1

    def enqueue() -> None:
        core.copy_rows(target.address, 4, source.address, 4, 4, 1, stream.address)

    graph = core.Graph(stream.address, enqueue)
    stream.wait()
    assert target.read().tolist() == [0] * 4
    for value in (1, 7):
        source.view()[:] = value
        graph.launch(stream.address)
        stream.wait()
        assert target.read().tolist() == [value] * 4


def test_exception_while_recording_leaves_the_stream_usable(emulated_gpu: ModuleType) -> None:
    core, stream = emulated_gpu, emulated_gpu.Stream()

    def enqueue() -> None:
        raise KeyError("engine failed")

    with pytest.raises(KeyError, match="engine failed"):
        core.Graph(stream.address, enqueue)
    core.Graph(stream.address, lambda: None).launch(stream.address)
    stream.wait()


def test_default_stream_cannot_be_recorded(emulated_gpu: ModuleType) -> None:
    with pytest.raises(emulated_gpu.CudaError, match="record a CUDA graph"):
        emulated_gpu.Graph(0, lambda: None)
