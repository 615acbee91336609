"""An augmentation of clouds that changes nothing but their heading."""

from __future__ import annotations

import dataclasses

from rtgs2_training.runs.config import CloudAugmentationConfig

_UNCHANGED = {"scale": (1.0, 1.0), "contrast": (1.0, 1.0), "size_contrast": (1.0, 1.0), "gamma": 1.0}
STILL = CloudAugmentationConfig(
    **{field.name: _UNCHANGED.get(field.name, 0.0) for field in dataclasses.fields(CloudAugmentationConfig)}
)
