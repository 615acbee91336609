"""Every size that a scene can have lies in the encoder's profile, and its ends are sizes that belong together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from rtgs2_trt.bundle import Bundle, EncoderSpec
from rtgs2_trt.geometry_plan import GeometryPlan, build_geometry_plan
from rtgs2_trt.tensorrt.profiles import encoder_profile


def surfaces(count: int) -> GeometryPlan:
    """Walls of a room, `count` Gaussians."""
    points = np.random.default_rng(count).uniform(0, 5, (count, 3)).astype(np.float32)
    points[np.arange(count), np.arange(count) % 3] = 0
    return build_geometry_plan(points, np.ones(count, np.float32), patch_size=64)


SPEC = EncoderSpec(0.07, 5, 64, 5, 3, 32, "0" * 64)


@pytest.mark.parametrize(("count", "most"), [(1, 400_000), (2, 400_000), (3000, 400_000), (60_000, None)])
def test_plans_fit(count: int, most: int | None) -> None:
    """Few voxels however they lie, and surfaces up to the very end."""
    plan = surfaces(count)
    profile = encoder_profile(SPEC, most or plan.voxel_counts[0])
    for name, array in plan.arrays.items():
        declared = tuple(-1 if axis in profile.sizes[name] else size for axis, size in enumerate(array.shape))
        low, typical, high = profile.shapes(name, declared)
        assert all(a <= b <= c for a, b, c in zip(low, typical, high, strict=True)), name
        assert all(a <= size <= c for a, size, c in zip(low, array.shape, high, strict=True)), (name, array.shape, high)


def test_every_dynamic_size_of_the_graph_has_a_range(frame_bundle: Path) -> None:
    bundle = Bundle(frame_bundle)
    profile = encoder_profile(bundle.manifest.encoder)
    graph = onnx.load_from_string(bundle.read("encoder.fp16.onnx")).graph
    ends: dict[str, set[tuple[int, int, int]]] = {}
    for entry in graph.input:
        sizes = entry.type.tensor_type.shape.dim
        shapes = profile.shapes(entry.name, tuple(-1 if size.dim_param else size.dim_value for size in sizes))
        for axis, size in enumerate(sizes):
            if size.dim_param:
                ends.setdefault(size.dim_param, set()).add(tuple(shape[axis] for shape in shapes))
    assert {"voxels_0", "voxels_4", "patches_0", "patch_size_0"} <= set(ends)
    assert {name for name, ranges in ends.items() if len(ranges) != 1} == set()  # equal names, equal sizes
    for stage in range(5):
        (voxels,), (patches,), (size,) = (ends[f"{name}_{stage}"] for name in ("voxels", "patches", "patch_size"))
        for n, p, k in zip(voxels, patches, size, strict=True):
            assert k == min(bundle.manifest.encoder.patch_size, n)
            assert p == -(-n // k)
