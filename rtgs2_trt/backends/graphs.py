"""The graphs of a bundle: checked against what its manifest promises, whatever engine runs them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..bundle import ENCODER, ENCODER_FP16, ENCODER_HASH, FUSION, FUSION_FP16, OUTPUT_NAMES, Bundle
from ..encoder_inputs import CHANNELS
from ..errors import BundleError, shown
from ..geometry_plan import GeometryPlan
from ..memory import release_freed_memory
from ._protocol import Precision
from .engines import Network

_Array = npt.NDArray[np.float32]

_EXPORT_AGAIN = "Export the checkpoint again with rtgs2-export"


def encoder_file(bundle: Bundle, precision: Precision) -> str:
    """Return the name of the encoder graph for a fusion network in `precision`.

    The FP16 one goes with FP16 if the bundle has it, else the FP32 one, with which bundles of older versions do.
    """
    return ENCODER_FP16 if precision == "fp16" and ENCODER_FP16 in bundle.manifest.files else ENCODER


def encoder_precision(bundle: Bundle, precision: Precision) -> Precision:
    """Return what :func:`encoder_file` computes in."""
    return "fp16" if encoder_file(bundle, precision) == ENCODER_FP16 else "fp32"


def fusion_file(bundle: Bundle, precision: Precision) -> str:
    """Return the name of the fusion graph that computes in `precision`.

    Raises:
        BundleError: there is none in FP16.
    """
    if precision != "fp16":
        return FUSION
    if FUSION_FP16 not in bundle.manifest.files:
        raise BundleError(
            "bundle has no FP16 graph",
            file=bundle.path,
            found=f"precision {list(bundle.manifest.precision)}",
            fix="Export the checkpoint again with rtgs2-export --precision both, or take precision 'fp32'",
        )
    return FUSION_FP16


def check_interface(bundle: Bundle, name: str, network: Network) -> None:
    """Refuse the graph `name` if its inputs and outputs, or its encoder, are not those of the manifest.

    Raises:
        BundleError: names the first input or output that does not fit.
    """
    manifest = bundle.manifest
    spec = manifest.encoder
    is_encoder = name in (ENCODER, ENCODER_FP16)
    input_type = "float16" if name == FUSION_FP16 else "float32"
    output_type = "float32" if manifest.task == "depth" else input_type
    if is_encoder:
        inputs = {"inputs": {1: CHANNELS}}
        outputs = {"features": {1: spec.feature_channels}}
    else:
        inputs = {"image": {1: 3}, "features": {1: spec.feature_channels}}
        outputs = {OUTPUT_NAMES[manifest.task]: {1: manifest.output_channels}}
    for kind, wanted, found, expected_type in (
        ("input", inputs, network.inputs, input_type),
        ("output", outputs, network.outputs, output_type),
    ):
        for key, sizes in wanted.items():
            element_type, shape = found.get(key, ("nothing", ()))
            fits = element_type == expected_type
            if not fits or any(len(shape) <= axis or shape[axis] != size for axis, size in sizes.items()):
                raise BundleError(
                    f"graph does not have the {kind} that the manifest promises",
                    file=bundle.file(name),
                    field=key,
                    found=f"{element_type} {list(shape)}" if key in found else "nothing",
                    expected=f"{expected_type} with sizes {sizes}",
                    fix=_EXPORT_AGAIN,
                )
    if is_encoder and network.metadata.get(ENCODER_HASH) != spec.hash:
        raise BundleError(
            "graph is not the encoder that the manifest describes",
            file=bundle.file(name),
            field=ENCODER_HASH,
            found=shown(network.metadata.get(ENCODER_HASH, "nothing")),
            expected=shown(spec.hash),
            fix=_EXPORT_AGAIN,
        )


def check_shape(bundle: Bundle, name: str, found: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """Refuse a result of another shape than the manifest promises.

    Raises:
        BundleError: names the graph and the result.
    """
    if found != expected:
        raise BundleError(
            "graph computes something of another shape than the manifest promises",
            file=bundle.file(name),
            field="features" if name in (ENCODER, ENCODER_FP16) else OUTPUT_NAMES[bundle.manifest.task],
            found=found,
            expected=expected,
            fix=_EXPORT_AGAIN,
        )


def run_encoder(bundle: Bundle, name: str, network: Network, plan: GeometryPlan, inputs: _Array) -> _Array:
    """Return the features (voxels, D) of the voxels' representatives.

    Args:
        bundle: whose encoder it is.
        name: of the encoder's graph.
        network: that graph, loaded.
        plan: of the scene.
        inputs: (voxels, 10) float32, see :func:`rtgs2_trt.encoder_inputs.encoder_inputs`.

    Raises:
        BundleError: the graph asks for, or computes, something else.
        BackendError: the engine failed.
    """
    unknown = [name for name in network.inputs if name != "inputs" and name not in plan.arrays]
    if unknown:
        raise BundleError(
            "graph has an input that no geometry plan provides",
            file=bundle.file(name),
            field=shown(unknown[0]),
            fix=_EXPORT_AGAIN,
        )
    try:
        features = network.run({"inputs": inputs, **plan.arrays})
    finally:
        release_freed_memory()  # else every thread that ever encoded keeps what the largest scene took
    check_shape(bundle, name, features.shape, (len(inputs), bundle.manifest.encoder.feature_channels))
    return features
