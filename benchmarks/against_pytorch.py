"""Does a bundle label a scene as PyTorch does, and what does each take? The same views, A and B alternating.

    python benchmarks/against_pytorch.py BUNDLE SCENE --cameras FILE --checkpoint CKPT
    python benchmarks/against_pytorch.py BUNDLE SCENE --cameras FILE --encoder E --fusion F --classes TABLE

Both sides use this project's rasteriser and plan; the networks run once through ONNX Runtime and once through
PyTorch, as they are defined (no export algebra). A label that differs is a near-tie when PyTorch's winner leads by
less than 1e-4 of the largest logit.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rtgs2_export.golden import encode_with_pytorch
from rtgs2_networks.checkpoint import Checkpoint, load_checkpoint, load_research_checkpoint
from rtgs2_trt import Scene, Segmenter, load_cameras, rasterize
from rtgs2_trt.classes import resolve_class_table
from rtgs2_trt.console import image_size, join_axis
from rtgs2_trt.threads import available_threads

TIE = 1e-4


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("scene")
    parser.add_argument("--cameras", required=True)
    parser.add_argument("--checkpoint")
    parser.add_argument("--encoder")
    parser.add_argument("--fusion")
    parser.add_argument("--classes")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--up", default="z")
    parser.add_argument("--size", type=image_size)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args(join_axis(None))
    if not arguments.checkpoint and not (arguments.encoder and arguments.fusion and arguments.classes):
        parser.error("give --checkpoint, or all of --encoder, --fusion and --classes")
    result = compare(arguments)
    print(json.dumps(result, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    return 1 if result["labels"]["wrong"] else 0


def read_checkpoint(arguments: argparse.Namespace) -> Checkpoint:
    if arguments.checkpoint:
        return load_checkpoint(arguments.checkpoint)
    return load_research_checkpoint(arguments.encoder, arguments.fusion, resolve_class_table(arguments.classes))


def compare(arguments: argparse.Namespace) -> dict[str, Any]:
    torch.set_num_threads(available_threads())
    checkpoint = read_checkpoint(arguments)
    segmenter = Segmenter(arguments.bundle, "cpu")
    scene = Scene.load(arguments.scene, scale=arguments.scale, up=arguments.up)
    start = time.perf_counter()
    encoded = segmenter.encode(scene)
    onnx_encode = time.perf_counter() - start
    start = time.perf_counter()
    features = encode_with_pytorch(checkpoint, scene)
    torch_encode = time.perf_counter() - start
    assert encoded.features is not None

    cameras = load_cameras(arguments.cameras, scale=arguments.scale, up=arguments.up)
    network = checkpoint.build_fusion()
    torch_scene = scene.with_features(features)
    different = wrong = pixels = 0
    onnx_fuse, torch_fuse = [], []
    for camera in cameras.values():
        camera = camera.resized(*arguments.size) if arguments.size else camera
        result = segmenter(encoded, camera)
        onnx_fuse.append(result.seconds["fuse"] + result.seconds["argmax"])
        rendering = rasterize(torch_scene, camera.padded(32))
        image = torch.from_numpy(rendering.rgb)[None].clamp(0, 1)
        if checkpoint.config.trained_on == "bgr":
            image = image.flip(1)
        start = time.perf_counter()
        with torch.inference_mode():
            logits = network(image, torch.from_numpy(rendering.features)[None])
            full = torch.nn.functional.interpolate(logits, scale_factor=4, mode="bilinear")[0]
            full = full[:, : camera.height, : camera.width]
            expected = full.argmax(0).numpy()
        torch_fuse.append(time.perf_counter() - start)
        rows, columns = np.nonzero(result.labels != expected)
        values = full.numpy()
        lead = values[expected[rows, columns], rows, columns] - values[result.labels[rows, columns], rows, columns]
        different += len(rows)
        wrong += int((lead > TIE * np.abs(values).max()).sum())
        pixels += expected.size
    ratios = [a / b for a, b in zip(onnx_fuse, torch_fuse, strict=True)]
    return {
        "gaussians": len(scene),
        "views": len(cameras),
        "features_relative_difference": float(np.abs(features - encoded.features).max() / np.abs(features).max()),
        "labels": {"pixels": pixels, "different": different, "wrong": wrong},
        "encode_seconds": {"bundle (with plan and session)": onnx_encode, "pytorch (with plan)": torch_encode},
        "fusion_seconds_median": {"bundle": statistics.median(onnx_fuse), "pytorch": statistics.median(torch_fuse)},
        "fusion_ratio_median": statistics.median(ratios),
    }


if __name__ == "__main__":
    sys.exit(main())
