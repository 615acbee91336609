"""A bundle's golden input, run here and compared with what the PyTorch networks gave at export."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .backends import Backend, Frame, FrameRequest, Precision
from .bundle import GOLDEN, Bundle
from .camera import Camera
from .encoder_inputs import encoder_inputs
from .errors import BundleError
from .geometry_plan import GeometryPlan
from .scene import Scene
from .upsample import upsample
from .upsample_argmax import upsample_argmax

BOUNDS: dict[Precision, float] = {"fp32": 1e-4, "fp16": 2e-2, "bf16": 5e-2}
"""Largest allowed relative difference of a result. In FP32 both sides sum the same terms in another order, about 1e-6
apart. FP16 has 11 bits of mantissa and rounds some 200 times in a row: docs/precision.md has what was measured. BF16
has 8 bits: 1e-2 was measured with full-size networks."""

_GOLDEN_LIMIT = 64 << 20
_GOLDEN_SIDE = 2048


@dataclass(frozen=True)
class Golden:
    """The content of ``golden.npz``.

    Attributes:
        scene: a small scene without features.
        camera: one view of it.
        features: (N, D) float32, the PyTorch encoder's answer.
        logits: (C, h / 4, w / 4) float32, the PyTorch fusion network's answer to the view rendered with `features`;
            of the depth task (1, h / 4, w / 4), metres.
    """

    scene: Scene
    camera: Camera
    features: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32]

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return what is stored."""
        scene, camera = self.scene, self.camera
        return {
            "means": scene.means,
            "scales": scene.scales,
            "rotations": scene.rotations,
            "opacities": scene.opacities,
            "sh": scene.sh,
            "image_size": np.asarray([camera.width, camera.height], np.int64),
            "intrinsics": np.asarray([camera.fx, camera.fy, camera.cx, camera.cy], np.float64),
            "world_to_camera": np.asarray(camera.world_to_camera, np.float64),
            "features": self.features,
            "logits": self.logits,
        }


@dataclass(frozen=True)
class SelfCheck:
    """How far this machine is from the PyTorch networks on the golden input.

    Attributes:
        features_difference: max |difference| / max |expected| of the encoder's features.
        logits_difference: the same of the fusion network's output (logits or depth), through the whole frame.
        labels_different: pixels whose label differs; 0 of the depth task.
        labels_wrong: those of them that are no near-tie: the expected winner leads by more than the bound.
        pixels: all pixels.
        bound: the largest difference of the output that passes.
        features_bound: the largest difference of the features that passes, by the encoder's precision.
        depth_difference: of the depth task, max |difference| of the depth at full size, in metres.
        depth_bound: the largest of it that passes, in metres: `bound` of the largest expected depth.
    """

    features_difference: float
    logits_difference: float
    labels_different: int
    labels_wrong: int
    pixels: int
    bound: float
    features_bound: float
    depth_difference: float | None = None
    depth_bound: float | None = None

    @property
    def passed(self) -> bool:
        """Whether all differences are within their bounds and no label is wrong."""
        within = self.features_difference <= self.features_bound and self.logits_difference <= self.bound
        if self.depth_difference is not None and self.depth_bound is not None:
            return within and self.depth_difference <= self.depth_bound
        return within and self.labels_wrong == 0

    def to_dict(self) -> dict[str, Any]:
        """Return what belongs to the bundle's task as JSON has it; a difference that is infinite is None."""
        values: dict[str, Any] = {
            "passed": self.passed,
            "features_difference": _finite_or_none(self.features_difference),
            "logits_difference": _finite_or_none(self.logits_difference),
        }
        if self.depth_difference is None:
            values |= {"labels_different": self.labels_different, "labels_wrong": self.labels_wrong}
        else:
            values |= {"depth_difference": _finite_or_none(self.depth_difference), "depth_bound": self.depth_bound}
        return {**values, "pixels": self.pixels, "bound": self.bound, "features_bound": self.features_bound}


def read_golden(bundle: Bundle, name: str = GOLDEN) -> Golden:
    """Read the golden input and answer of `bundle`: :data:`GOLDEN`, or the larger view :data:`FRAME_GOLDEN`.

    Raises:
        BundleError: the file is damaged.
    """
    path, content = bundle.file(name), io.BytesIO(bundle.read(name))
    try:
        with zipfile.ZipFile(content) as archive:  # what np.load would unpack is told before it does
            size = sum(entry.file_size for entry in archive.infolist())
        limit = _GOLDEN_LIMIT + 4 * bundle.manifest.output_channels * (_GOLDEN_SIDE // 4) ** 2  # FP32 at quarter size
        if size > limit:
            raise ValueError(f"{size} bytes unpacked, at most {limit} are expected")
        content.seek(0)
        with np.load(content, allow_pickle=False) as stored:
            golden = _golden_from(stored)
        _check_golden(golden, bundle)
    except Exception as error:  # a damaged archive or array header raises whatever its bytes happen to spell
        raise BundleError(
            f"golden input is damaged: {error}",
            file=path,
            fix="Export the checkpoint again with rtgs2-export",
        ) from error
    return golden


def encode_golden(
    bundle: Bundle,
    golden: Golden,
    encode: Callable[[GeometryPlan, npt.NDArray[np.float32]], npt.NDArray[np.float32]],
) -> npt.NDArray[np.float32]:
    """Return the features (N, D) that `encode` gives the golden scene; it is called as :meth:`Backend.encode` is."""
    plan = bundle.manifest.encoder.build_plan(golden.scene)
    by_voxel = encode(plan, np.ascontiguousarray(encoder_inputs(golden.scene)[plan.representatives]))
    return plan.to_gaussians(by_voxel)


def run_self_check(bundle: Bundle, backend: Backend) -> SelfCheck:
    """Run the golden input of `bundle` through `backend` and compare, within the bounds of the backend's precisions.

    Raises:
        BundleError: the golden file is damaged.
        BackendError: the backend failed.
    """
    golden, bound = read_golden(bundle, backend.golden), BOUNDS[backend.precision]
    features = encode_golden(bundle, golden, backend.encode)
    request = FrameRequest(output=True)
    scene = golden.scene.with_features(features)
    for _ in range(2):  # where a backend records frames, the second is a recorded one: that is how all later ones come
        (frame,) = backend.frames(scene, [golden.camera], request)
    difference = relative_difference(features, golden.features)
    return compare_frame(golden, frame, bound, difference, BOUNDS[backend.encoder_precision])


def compare_frame(
    golden: Golden,
    frame: Frame,
    bound: float,
    features_difference: float = 0.0,
    features_bound: float = BOUNDS["fp32"],
) -> SelfCheck:
    """Compare a frame of the golden view, which has its output, with the expected one; see :class:`SelfCheck`."""
    assert frame.output is not None
    different = wrong = 0
    depth_difference = depth_bound = None
    if frame.depth_prediction is not None:
        expected = upsample(golden.logits[0], golden.camera.height, golden.camera.width)
        depth_difference = _largest_difference(frame.depth_prediction, expected)
        depth_bound = bound * float(np.abs(golden.logits).max())
    else:
        assert frame.labels is not None
        different, wrong = _compare_labels(frame.labels, golden, bound)
    return SelfCheck(
        features_difference=features_difference,
        logits_difference=relative_difference(frame.output, golden.logits),
        labels_different=different,
        labels_wrong=wrong,
        pixels=golden.camera.width * golden.camera.height,
        bound=bound,
        features_bound=features_bound,
        depth_difference=depth_difference,
        depth_bound=depth_bound,
    )


def relative_difference(found: npt.NDArray[Any], expected: npt.NDArray[Any]) -> float:
    """Max |found - expected| / max |expected|; infinite where either is not finite."""
    difference = _largest_difference(found, expected)
    if not math.isfinite(difference):
        return difference
    return difference / max(float(np.abs(expected).max(initial=0)), float(np.finfo(np.float32).tiny))


def _largest_difference(found: npt.NDArray[Any], expected: npt.NDArray[Any]) -> float:
    """Max |found - expected|; infinite where either is not finite."""
    if found.shape != expected.shape or not (np.isfinite(found).all() and np.isfinite(expected).all()):
        return float("inf")
    return float(np.abs(found - expected).max(initial=0))


def _finite_or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _compare_labels(labels: npt.NDArray[Any], golden: Golden, bound: float) -> tuple[int, int]:
    expected, _ = upsample_argmax(golden.logits, *labels.shape)
    rows, columns = np.nonzero(labels != expected)
    full = _upsampled(golden.logits, rows, columns)
    pixels = np.arange(len(rows))
    lead = full[expected[rows, columns], pixels] - full[labels[rows, columns], pixels]
    return len(rows), int((lead > 2 * bound * np.abs(golden.logits).max()).sum())


def _upsampled(
    logits: npt.NDArray[np.float32], rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
) -> npt.NDArray[np.float32]:
    """Logits (C, pixels) at full-size pixels, bilinear, align_corners=False."""
    lower, upper, weights = [], [], []
    for position, size in ((rows, logits.shape[1]), (columns, logits.shape[2])):
        source = np.maximum((position + 0.5) / 4 - 0.5, 0)
        first = source.astype(np.intp)
        lower.append(first)
        upper.append(np.minimum(first + 1, size - 1))
        weights.append((source - first).astype(np.float32))
    (y0, x0), (y1, x1), (wy, wx) = lower, upper, weights
    top = logits[:, y0, x0] * (1 - wx) + logits[:, y0, x1] * wx
    bottom = logits[:, y1, x0] * (1 - wx) + logits[:, y1, x1] * wx
    return np.asarray(top * (1 - wy) + bottom * wy, np.float32)


def _golden_from(stored: Mapping[str, npt.NDArray[Any]]) -> Golden:
    width, height = (int(v) for v in stored["image_size"])
    fx, fy, cx, cy = (float(v) for v in stored["intrinsics"])
    features, logits = (np.asarray(stored[name], np.float32) for name in ("features", "logits"))
    return Golden(
        scene=Scene(
            means=stored["means"],
            scales=stored["scales"],
            rotations=stored["rotations"],
            opacities=stored["opacities"],
            sh=stored["sh"],
        ),
        camera=Camera(width, height, fx, fy, cx, cy, stored["world_to_camera"]),
        features=features,
        logits=logits,
    )


def _check_golden(golden: Golden, bundle: Bundle) -> None:
    camera, manifest = golden.camera, bundle.manifest
    if max(camera.width, camera.height) > _GOLDEN_SIDE:
        raise ValueError(f"a view of {camera.width} x {camera.height} pixels, at most {_GOLDEN_SIDE} a side")
    padded = camera.padded(32)
    shapes = {
        "features": (golden.features, (len(golden.scene), manifest.encoder.feature_channels)),
        "logits": (golden.logits, (manifest.output_channels, padded.height // 4, padded.width // 4)),
    }
    for name, (array, shape) in shapes.items():
        if array.shape != shape or not np.isfinite(array).all():
            raise ValueError(f"{name} must be finite and of the shape {shape}, found {array.shape}")


def write_golden(path: Path, golden: Golden) -> None:
    """Store `golden` at `path`."""
    with path.open("wb") as stream:
        np.savez_compressed(stream, **golden.arrays())  # type: ignore[arg-type]
