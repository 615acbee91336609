"""The bundle: a folder ``NAME.rtgs2/`` with everything that a machine needs to run a trained model.

::

    manifest.json      what the model is, and the SHA-256 of every other file
    encoder.onnx       Point Transformer V3: voxels -> features
    encoder.fp16.onnx  the same for GPUs, FP16 inside; may be there if the manifest's precision names fp16
    fusion.onnx        VDVI fusion: colour and features -> logits (or depth) at a quarter of the size
    fusion.fp16.onnx   the same for GPUs, FP16 in, inside and out; if and only if the manifest's precision names fp16
    golden.npz         a small input and the PyTorch networks' answer to it
    frame.fp16.onnx    for TensorRT, if asked for: rasteriser plugin and FP16 fusion in one graph of one image size
    golden.frame.npz   with it: the golden scene seen at that size
    engines/           TensorRT engines of this machine, see rtgs2_trt.tensorrt.engine_store; not in the manifest

Nothing in a bundle is trusted: the manifest is checked field by field, files against their hashes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from .classes import ClassTable
from .errors import BundleError, ClassTableError, shown
from .file_access import reading, sha256_of
from .geometry_plan import GeometryPlan, build_geometry_plan
from .scene import Scene
from .task import TASKS, Task

FORMAT = "rtgs2-bundle/1"
MANIFEST = "manifest.json"
ENCODER = "encoder.onnx"
ENCODER_FP16 = "encoder.fp16.onnx"
FUSION = "fusion.onnx"
FUSION_FP16 = "fusion.fp16.onnx"
GOLDEN = "golden.npz"
FRAME_FP16 = "frame.fp16.onnx"
FRAME_GOLDEN = "golden.frame.npz"
ENGINES = "engines"
"""Folder of engines that :mod:`rtgs2_trt.tensorrt` builds from the bundle; they belong to a machine, not to it."""

ENCODER_HASH = "rtgs2_encoder"
"""Key of the encoder graph's metadata that holds :attr:`EncoderSpec.hash`: it ties the graph to the manifest."""

OUTPUT_NAMES: Mapping[Task, str] = {"semantic": "logits", "depth": "depth"}
"""Name of the fusion graph's output."""

REQUIRED_FILES = (ENCODER, FUSION, GOLDEN)

_MANIFEST_LIMIT = 8 << 20
_SHA256 = "a SHA-256 of 64 hexadecimal digits"
_EXPORT_AGAIN = "Export the checkpoint again with rtgs2-export"


@dataclass(frozen=True)
class EncoderSpec:
    """What the geometry plan of this encoder needs.

    Attributes:
        voxel_size: side of a voxel in metres.
        stages: number of resolutions.
        patch_size: voxels that attend to each other.
        stem_kernel: side of the first convolution, in voxels.
        cpe_kernel: side of the other convolutions, in voxels.
        feature_channels: features a Gaussian.
        weights_sha256: of the encoder's configuration and weights, whatever tools exported them.
    """

    voxel_size: float
    stages: int
    patch_size: int
    stem_kernel: int
    cpe_kernel: int
    feature_channels: int
    weights_sha256: str

    @property
    def hash(self) -> str:
        """SHA-256 of the weights and of everything here: what two encoders share if and only if they are the same."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def build_plan(self, scene: Scene, threads: int = 0) -> GeometryPlan:
        """Return the geometry plan that this encoder takes for `scene`.

        Raises:
            SceneError: the scene cannot be cut into voxels.
        """
        return build_geometry_plan(
            scene.means,
            scene.opacities,
            voxel_size=self.voxel_size,
            stages=self.stages,
            patch_size=self.patch_size,
            stem_kernel=self.stem_kernel,
            cpe_kernel=self.cpe_kernel,
            threads=threads,
        )


@dataclass(frozen=True)
class Manifest:
    """What ``manifest.json`` says.

    Attributes:
        description: one line about the weights, in the words of whoever made the checkpoint.
        image_size: (width, height) in pixels that the model is meant for; any other size runs as well.
        trained_on: channel order of the training images. The graphs take RGB either way.
        precision: floating-point formats of the graphs in the bundle: fp32 always, fp16 with :data:`FUSION_FP16`, and
            then :data:`ENCODER_FP16` may be there too, which older versions did not write.
        encoder: what the geometry plan needs.
        classes: the labels; None in a bundle that predicts depth.
        checkpoint_sha256: of the checkpoint file; of both research files, the encoder's first.
        files: SHA-256 of every file, by name.
        tools: versions of what made the bundle.
        task: what the fusion network predicts.
    """

    description: str
    image_size: tuple[int, int]
    trained_on: Literal["rgb", "bgr"]
    precision: tuple[str, ...]
    encoder: EncoderSpec
    classes: ClassTable | None
    checkpoint_sha256: str
    files: Mapping[str, str]
    tools: Mapping[str, str]
    task: Task = "semantic"

    @property
    def output_channels(self) -> int:
        """Channels of the fusion network's output: one a class, or one for depth."""
        return 1 if self.classes is None else len(self.classes)

    def to_json(self) -> str:
        """Return the text of ``manifest.json``."""
        values: dict[str, Any] = {
            "format": FORMAT,
            "task": self.task,
            "description": self.description,
            "image_size": list(self.image_size),
            "trained_on": self.trained_on,
            "precision": list(self.precision),
            "encoder": asdict(self.encoder),
            "checkpoint_sha256": self.checkpoint_sha256,
            "files": dict(self.files),
            "tools": dict(self.tools),
        }
        if self.classes is not None:
            values["classes"] = {"name": self.classes.name, "table": self.classes.to_list()}
        return json.dumps(values, indent=1) + "\n"


class Bundle:
    """An opened bundle, its files checked against the manifest.

    Attributes:
        path: the folder.
        manifest: what ``manifest.json`` says.
    """

    def __init__(self, path: str | Path) -> None:
        """Open and check the bundle at `path`.

        Raises:
            BundleError: not a bundle, a newer format, a damaged manifest, or a missing or altered file.
        """
        self.path = Path(path)
        self.manifest = read_manifest(self.path)
        for name, expected in self.manifest.files.items():
            self._check_file(name, expected)

    @property
    def classes(self) -> ClassTable | None:
        """The class table; None in a bundle that predicts depth."""
        return self.manifest.classes

    @property
    def encoder_hash(self) -> str:
        """SHA-256 that names the encoder, and so the features that it computes."""
        return self.manifest.encoder.hash

    def file(self, name: str) -> Path:
        """Path of a file of the bundle, for messages; what is loaded comes from :meth:`read`."""
        return self.path / name

    def read(self, name: str) -> bytes:
        """Return the content of a file of the bundle: the bytes that were checked, whatever the file is by now.

        Raises:
            BundleError: the file is missing, or was exchanged since the bundle was opened.
        """
        with reading(self.path / name, BundleError) as (file, _):
            content = file.read()
        self._check_hash(name, hashlib.sha256(content).hexdigest(), self.manifest.files[name])
        return content

    def _check_file(self, name: str, expected: str) -> None:
        path = self.path / name
        if not path.is_file():
            raise BundleError("file of the bundle is missing", file=path, fix=_EXPORT_AGAIN)
        try:
            found = sha256_of(path)
        except OSError as error:
            raise BundleError(f"cannot be read: {error.strerror}", file=path, fix="Check its permissions") from error
        self._check_hash(name, found, expected)

    def _check_hash(self, name: str, found: str, expected: str) -> None:
        if found != expected:
            raise BundleError(
                "file does not match its SHA-256 in the manifest: altered or half written",
                file=self.path / name,
                found=found[:16] + "...",
                expected=expected[:16] + "...",
                fix=f"Copy the bundle again, or {_EXPORT_AGAIN[0].lower()}{_EXPORT_AGAIN[1:]}",
            )


def read_manifest(folder: Path) -> Manifest:
    """Read and check the manifest of the bundle in `folder`; the other files are not looked at.

    Raises:
        BundleError: as for :class:`Bundle`.
    """
    path = folder / MANIFEST
    if not folder.is_dir():
        raise BundleError(
            "no such bundle folder", file=folder, fix="Give the NAME.rtgs2 folder that rtgs2-export wrote"
        )
    if not path.is_file():
        raise BundleError("not a bundle: it has no manifest.json", file=folder, fix=_EXPORT_AGAIN)
    if path.stat().st_size > _MANIFEST_LIMIT:
        raise BundleError("manifest is too large", file=path, expected=f"at most {_MANIFEST_LIMIT} bytes")
    try:
        with reading(path, BundleError) as (file, _):
            values = json.loads(file.read(_MANIFEST_LIMIT).decode("utf-8"))
    except BundleError:
        raise
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(f"manifest is not JSON: {error}", file=path, fix=_EXPORT_AGAIN) from None
    except ValueError:  # Python's own words advise to lift its limit
        raise BundleError(
            "manifest holds a whole number of thousands of digits", file=path, fix=_EXPORT_AGAIN
        ) from None
    return _ManifestReader(path).read(values)


def _is_sha256(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


class _ManifestReader:
    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, values: Any) -> Manifest:
        if not isinstance(values, dict):
            raise self.error("manifest", values, "a JSON object")
        self._check_format(values.get("format"))
        size = self._get(values, "image_size", list)
        if len(size) != 2 or not all(type(side) is int and 0 < side <= 16384 for side in size):
            raise self.error("image_size", size, "[width, height] in pixels")
        trained_on = self._get(values, "trained_on", str)
        if trained_on not in ("rgb", "bgr"):
            raise self.error("trained_on", trained_on, "'rgb' or 'bgr'")
        precision = self._get(values, "precision", list)
        if not precision or not all(entry in ("fp32", "fp16") for entry in precision):
            raise self.error("precision", precision, "a list of 'fp32' and 'fp16'")
        files = self._files(self._get(values, "files", dict))
        if ("fp16" in precision) != (FUSION_FP16 in files):
            raise self.error("precision", precision, f"'fp16' if and only if files has {FUSION_FP16}")
        if (FRAME_FP16 in files) != (FRAME_GOLDEN in files):
            raise self.error("files", sorted(files), f"both or neither of {FRAME_FP16} and {FRAME_GOLDEN}")
        if ENCODER_FP16 in files and "fp16" not in precision:
            raise self.error("precision", precision, f"'fp16', since files has {ENCODER_FP16}")
        task = values.get("task", "semantic")  # older bundles do not say
        if task not in TASKS:
            raise self.error("task", task, " or ".join(map(repr, TASKS)))
        if task == "depth" and "classes" in values:
            raise self.error("classes", values["classes"], "none in a bundle that predicts depth")
        return Manifest(
            description=self._get(values, "description", str),
            image_size=(size[0], size[1]),
            trained_on="rgb" if trained_on == "rgb" else "bgr",
            precision=tuple(precision),
            encoder=self._encoder(self._get(values, "encoder", dict)),
            classes=None if task == "depth" else self._classes(self._get(values, "classes", dict)),
            checkpoint_sha256=self._get(values, "checkpoint_sha256", str),
            files=files,
            tools=self._strings(values, "tools"),
            task=task,
        )

    def _check_format(self, found: object) -> None:
        if found == FORMAT:
            return
        if isinstance(found, str) and re.fullmatch(r"rtgs2-bundle/[1-9][0-9]{0,8}", found):
            raise BundleError(
                "bundle was written by a newer version of rtgs2-trt",
                file=self.path,
                field="format",
                found=repr(found),
                expected=repr(FORMAT),
                fix="Update rtgs2-trt here, or export the checkpoint with this version",
            )
        raise self.error("format", found, repr(FORMAT))

    def _encoder(self, values: dict[str, Any]) -> EncoderSpec:
        bounds = {"stages": 16, "patch_size": 65536, "stem_kernel": 9, "cpe_kernel": 9, "feature_channels": 4096}
        numbers: dict[str, int] = {}
        for name, limit in bounds.items():
            value = values.get(name)
            if type(value) is not int or not 1 <= value <= limit:
                raise self.error(f"encoder.{name}", value, f"a whole number from 1 to {limit}")
            numbers[name] = value
        voxel_size = values.get("voxel_size")
        if type(voxel_size) is not float or not 1e-6 <= voxel_size <= 1e6:
            raise self.error("encoder.voxel_size", voxel_size, "a number of metres, 1e-6 to 1e6, with a decimal point")
        weights = values.get("weights_sha256")
        if not isinstance(weights, str) or not _is_sha256(weights):
            raise self.error("encoder.weights_sha256", weights, _SHA256)
        return EncoderSpec(voxel_size=voxel_size, weights_sha256=weights, **numbers)

    def _classes(self, values: dict[str, Any]) -> ClassTable:
        try:
            return ClassTable.from_list(self._get(values, "table", list), name=self._get(values, "name", str))
        except ClassTableError as error:
            raise BundleError(f"class table is damaged: {error}", file=self.path, fix=_EXPORT_AGAIN) from None

    def _files(self, values: dict[str, Any]) -> dict[str, str]:
        for name, digest in values.items():
            if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", name) or name == MANIFEST:
                raise self.error("files", name, "plain file names")
            if not _is_sha256(digest):
                raise self.error(f"files.{name}", digest, _SHA256)
        missing = [name for name in REQUIRED_FILES if name not in values]
        if missing:
            raise self.error("files", sorted(values), f"also {', '.join(missing)}")
        return values

    def _strings(self, values: dict[str, Any], name: str) -> dict[str, str]:
        entries: dict[str, str] = self._get(values, name, dict)
        if not all(isinstance(value, str) for value in entries.values()):
            raise self.error(name, entries, "strings")
        return entries

    def _get(self, values: dict[str, Any], name: str, kind: type) -> Any:
        value = values.get(name)
        if not isinstance(value, kind):
            raise self.error(name, value if name in values else "nothing", f"a {kind.__name__}")
        return value

    def error(self, field: str, found: object, expected: str) -> BundleError:
        return BundleError(
            "manifest is damaged", file=self.path, field=field, found=shown(found), expected=expected, fix=_EXPORT_AGAIN
        )
