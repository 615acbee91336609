"""Networks of more feature channels than the rasteriser draws on a GPU."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from rtgs2_trt.backends import cuda
from rtgs2_trt.errors import BackendError


def test_they_are_refused_before_anything_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that backend "auto" passes on to the CPU."""
    monkeypatch.setattr(cuda, "cuda_problem", lambda: None)
    bundle = SimpleNamespace(manifest=SimpleNamespace(encoder=SimpleNamespace(feature_channels=96)))
    with pytest.raises(BackendError, match="the bundle has 96 feature channels, a GPU's rasteriser 64 at most"):
        cuda.CudaBackend(cast("Any", bundle))
