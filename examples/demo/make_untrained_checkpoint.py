"""Write ckpt.pt: preset `tiny` with the 20 ScanNet classes and random weights, until trained ones take its place.

python examples/demo/make_untrained_checkpoint.py
"""

from __future__ import annotations

from pathlib import Path

import torch

from rtgs2_networks.checkpoint import save_checkpoint
from rtgs2_networks.config import preset
from rtgs2_networks.encoder import PointTransformerEncoder
from rtgs2_networks.fusion import FusionNetwork
from rtgs2_trt.classes import builtin_class_table

SEED = 1
DESCRIPTION = "untrained demo weights (random, seed 1): the labels mean nothing"


def main() -> None:
    torch.manual_seed(SEED)
    classes = builtin_class_table("scannet")
    config = preset("tiny", len(classes))
    encoder, fusion = PointTransformerEncoder(config.encoder), FusionNetwork(config.fusion)
    save_checkpoint(
        Path(__file__).parent / "ckpt.pt",
        config,
        classes,
        encoder.state_dict(),
        fusion.state_dict(),
        half=True,
        description=DESCRIPTION,
    )


if __name__ == "__main__":
    main()
