from __future__ import annotations

import numpy as np
import torch

from rtgs2_networks.config import preset
from rtgs2_networks.encoder import PointTransformerEncoder
from rtgs2_training.encoder.joined_clouds import join_clouds
from rtgs2_trt.geometry_plan import build_geometry_plan


def test_joined_clouds_are_encoded_as_if_each_were_alone():
    """BatchNorm in eval mode sees no other cloud, so nothing but rounding may differ."""
    torch.manual_seed(0)
    config = preset("tiny", 5).encoder
    encoder = PointTransformerEncoder(config).eval()
    rng = np.random.default_rng(0)
    inputs, plans = [], []
    for count in (900, 40, 2500):
        points = rng.uniform(-1.2, 1.2, (count, 3)).astype(np.float32)
        plan = build_geometry_plan(
            points,
            np.ones(count, np.float32),
            voxel_size=config.voxel_size,
            stages=config.stages,
            patch_size=config.patch_size,
            stem_kernel=config.stem_kernel,
            cpe_kernel=config.cpe_kernel,
        )
        rows = rng.standard_normal((len(plan.representatives), 10)).astype(np.float32)
        inputs.append(rows)
        plans.append(dict(plan.arrays))

    def tensors(arrays):
        return {
            name: [torch.from_numpy(a) for a in value] if isinstance(value, list) else torch.from_numpy(value)
            for name, value in arrays.items()
        }

    joined = join_clouds(inputs, plans)
    with torch.no_grad():
        together = encoder(torch.from_numpy(joined.inputs), tensors(joined.plan))
        for start, rows, plan in zip(joined.starts, inputs, plans, strict=True):
            alone = encoder(torch.from_numpy(rows), tensors(plan))
            torch.testing.assert_close(together[start : start + len(rows)], alone, rtol=1e-4, atol=1e-5)
