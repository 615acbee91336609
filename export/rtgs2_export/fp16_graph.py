"""An FP16 graph within FP16's range: built, looked over on probing inputs, and built again where values leave it.

What computes in FP32 for its digits is decided where the networks are written (:meth:`GraphBuilder.wide`); here is what
would overflow with these weights. The largest magnitude of every value is taken from the same graph in FP32, and nodes
whose inputs or outputs come near the largest FP16 number are kept in FP32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto

from rtgs2_trt.backends.engines import OnnxRuntimeNetwork
from rtgs2_trt.encoder_inputs import encoder_inputs
from rtgs2_trt.errors import CheckpointError
from rtgs2_trt.geometry_plan import GeometryPlan
from rtgs2_trt.memory import release_freed_memory
from rtgs2_trt.rasterize import rasterize
from rtgs2_trt.self_check import Golden, relative_difference
from rtgs2_trt.threads import available_threads

from .fp16_emulation import emulate_fp16
from .graph import Arithmetic
from .magnitudes import Feed, Magnitude, watch
from .value_types import all_nodes, value_types

FP16_LARGEST = float(np.finfo(np.float16).max)
SAFE_LARGEST = FP16_LARGEST / 4
"""Magnitudes beyond it on the probes move to FP32: other scenes may bring values up to 4 times as large."""

_LARGEST_SHOWN = 5

Build = Callable[[Arithmetic, Mapping[str, str]], onnx.ModelProto]


@dataclass(frozen=True)
class PrecisionReport:
    """Which nodes of an FP16 graph compute in FP32 and why, and how large its values got.

    Attributes:
        nodes: nodes of the graph without its casts.
        casts: nodes that only convert.
        fp32: names of the nodes that compute in FP32, by reason.
        largest: the largest magnitudes among the FP16 values, the largest first, with the values' names.
        difference: relative difference of the output from the same graph in FP32, over all probes, when every FP16
            value is rounded (:mod:`rtgs2_export.fp16_emulation`).
    """

    nodes: int
    casts: int
    fp32: Mapping[str, tuple[str, ...]]
    largest: tuple[tuple[str, Magnitude], ...]
    difference: float

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        largest = [{"value": name, "largest": m.largest, "probe": m.probe} for name, m in self.largest]
        return {
            "nodes": self.nodes,
            "casts": self.casts,
            "fp32": {reason: list(names) for reason, names in self.fp32.items()},
            "largest": largest,
            "safe_largest": SAFE_LARGEST,
            "difference": self.difference,
        }

    def to_text(self) -> str:
        """Return a line a reason, and one on the range."""
        lines = [
            f"{self.nodes} nodes and {self.casts} casts; with every FP16 value rounded {self.difference:.1e} from FP32"
        ]
        lines += [f"  {len(names)} nodes in FP32, {reason}" for reason, names in self.fp32.items()]
        if self.largest:
            name, top = self.largest[0]
            lines.append(f"  largest FP16 value {top.largest:.3g} of {FP16_LARGEST:.0f}: {name} on {top.probe}")
        return "\n".join(lines)


def fusion_probes(golden: Golden) -> dict[str, Feed]:
    """Return inputs of the fusion graph by name: the golden view, and what no scene should go beyond."""
    camera = golden.camera.padded(32)
    view = rasterize(golden.scene.with_features(golden.features), camera)
    image, features = view.rgb[None], view.features[None]
    rng = np.random.default_rng(17)
    noise = rng.standard_normal(features.shape).astype(np.float32) * features.std()
    return {
        "golden view": {"image": image, "features": features},
        "noise": {"image": rng.random(image.shape, dtype=np.float32), "features": noise},
        "black": {"image": np.zeros_like(image), "features": np.zeros_like(features)},
        "white": {"image": np.ones_like(image), "features": features},
        "features 4 times as large": {"image": image, "features": 4 * features},
    }


def encoder_probes(golden: Golden, plan: GeometryPlan) -> dict[str, Feed]:
    """Return inputs of the encoder graph by name: the golden scene, whose plan is given, and what none is like."""
    inputs = encoder_inputs(golden.scene)[plan.representatives]
    rng = np.random.default_rng(17)
    noise = inputs.copy()
    noise[:, :3] += np.asarray([100, -100, 10], np.float32)
    noise[:, 3:7] = rng.random((len(inputs), 4), dtype=np.float32)
    noise[:, 7:] = rng.uniform(-9, 1, (len(inputs), 3))  # scales from 0.1 mm to 2.7 m
    probes = {"golden scene": inputs, "noise 100 m away": noise}
    return {name: {"inputs": rows, **plan.arrays} for name, rows in probes.items()}


def build_fp16_graph(build: Build, probes: Mapping[str, Feed]) -> tuple[onnx.ModelProto, PrecisionReport]:
    """Return the FP16 graph that `build` makes, with all in FP32 that would leave the safe range, and the report.

    Args:
        build: makes the graph in an arithmetic, with the given nodes (name -> reason) in FP32.
        probes: inputs by name, floating-point ones float32.

    Raises:
        CheckpointError: an input or the output itself leaves the range, or values that are not finite.
    """
    wide = watch(build("float32", {}), probes)
    release_freed_memory()  # two to four copies of the weights, in pieces that the next step would not fill
    largest = wide.largest
    kept: dict[str, str] = {}
    while True:
        model = build("float16", kept)
        half = _half_values(model)
        _check_ends(model, half, largest)
        leaving = _nodes_leaving_the_range(model, half, largest)
        if leaving.keys() <= kept.keys():
            difference = _difference(model, wide.outputs, probes)
            release_freed_memory()
            return model, _report(model, half, largest, difference)
        kept |= leaving


def _half_values(model: onnx.ModelProto) -> set[str]:
    return {name for name, element_type in value_types(model).items() if element_type == TensorProto.FLOAT16}


def _magnitude(value: str, largest: Mapping[str, Magnitude]) -> Magnitude | None:
    return largest.get(value.removesuffix("/as_float16"))


def _leaves(value: str, half: set[str], largest: Mapping[str, Magnitude]) -> Magnitude | None:
    magnitude = _magnitude(value, largest) if value in half else None
    return magnitude if magnitude is not None and not magnitude.largest <= SAFE_LARGEST else None


def _check_ends(model: onnx.ModelProto, half: set[str], largest: Mapping[str, Magnitude]) -> None:
    for entry in (*model.graph.input, *model.graph.output):
        magnitude = _leaves(entry.name, half, largest)
        if magnitude is not None:
            raise CheckpointError(
                "network's values leave the range of FP16",
                field=entry.name,
                found=f"{magnitude.largest:.3g} on the input '{magnitude.probe}'",
                expected=f"at most {SAFE_LARGEST:.0f}, a quarter of the largest FP16 number",
                fix="Export without the FP16 graph: --precision fp32",
            )


def _nodes_leaving_the_range(
    model: onnx.ModelProto, half: set[str], largest: Mapping[str, Magnitude]
) -> dict[str, str]:
    leaving: dict[str, str] = {}
    for node in all_nodes(model.graph):
        if node.op_type == "Cast":
            continue
        for value in (*node.input, *node.output):
            magnitude = _leaves(value, half, largest)
            if magnitude is not None:
                found = f"{magnitude.largest:.2g} on the input '{magnitude.probe}'"
                leaving[node.name] = f"range: values reach {found}, FP16 ends at {FP16_LARGEST:.0f}"
                break
    return leaving


def _difference(
    model: onnx.ModelProto, expected: Mapping[str, npt.NDArray[np.float32]], probes: Mapping[str, Feed]
) -> float:
    content = emulate_fp16(model).SerializeToString()
    rounded = OnnxRuntimeNetwork(model.graph.name, available_threads(), content=content)
    return max(relative_difference(rounded.run(feed), expected[name]) for name, feed in probes.items())


def _report(
    model: onnx.ModelProto, half: set[str], largest: Mapping[str, Magnitude], difference: float
) -> PrecisionReport:
    fp32: dict[str, list[str]] = {}
    nodes = list(all_nodes(model.graph))
    for node in nodes:
        if node.doc_string:
            fp32.setdefault(node.doc_string, []).append(node.name)
    found = {name: m for name in half if (m := _magnitude(name, largest)) and not name.endswith("/as_float16")}
    ordered = sorted(found.items(), key=lambda entry: (-entry[1].largest, entry[0]))
    casts = sum(node.op_type == "Cast" for node in nodes)
    return PrecisionReport(
        nodes=len(nodes) - casts,
        casts=casts,
        fp32={reason: tuple(names) for reason, names in fp32.items()},
        largest=tuple(ordered[:_LARGEST_SHOWN]),
        difference=difference,
    )
