"""Engines on disk: ``BUNDLE/engines/<gpu>-sm<NN>-trt<version>-<hash>/``, one folder a build.

A folder holds the engine of the frame graph and, where there is one, that of the encoder. They fit one TensorRT
version, one GPU, the graphs of one bundle and one plugin library. What they were built for stands in ``engine.json``;
what does not fit is not used, and the message says what differs.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..bundle import ENCODER_FP16, ENGINES, FRAME_FP16, Bundle
from ..errors import BackendError, InputError, shown
from ..file_access import sha256_of

FORMAT = "rtgs2-engine/2"
MANIFEST = "engine.json"
ENGINE = "frame.engine"
ENCODER_ENGINE = "encoder.engine"
INSPECTOR = "layers.json"
ENCODER_INSPECTOR = "encoder.layers.json"

_MANIFEST_LIMIT = 1 << 20
_HASH_SHOWN = 12


@dataclass(frozen=True)
class EngineKey:
    """What an engine fits.

    Attributes:
        gpu: the GPU's name.
        sm: its compute capability, as in sm_87.
        tensorrt: the exact version of TensorRT.
        graph_sha256: of the frame graph's ONNX file.
        encoder_sha256: of the encoder's; empty if the bundle has none for GPUs.
        plugin_sha256: of the plugin library.
    """

    gpu: str
    sm: int
    tensorrt: str
    graph_sha256: str
    encoder_sha256: str
    plugin_sha256: str

    @property
    def folder(self) -> str:
        """Name of the engine's folder."""
        return f"{self.device}-{self.hash}"

    @property
    def device(self) -> str:
        """The part of it that names GPU and TensorRT: what timings belong to."""
        return f"{_plain(self.gpu)}-sm{self.sm}-trt{_plain(self.tensorrt)}"

    @property
    def hash(self) -> str:
        """Of graphs and plugin."""
        parts = (self.graph_sha256, self.encoder_sha256, self.plugin_sha256)
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:_HASH_SHOWN]


_DIFFERENCES = {
    "gpu": "was built on another GPU or in another power mode",
    "sm": "was built for another GPU architecture",
    "tensorrt": "was built with another TensorRT",
    "graph_sha256": f"was built from another {FRAME_FP16}",
    "encoder_sha256": f"was built from another {ENCODER_FP16}",
    "plugin_sha256": "was built with another plugin library",
}


def engine_key(bundle: Bundle, device: Mapping[str, Any], tensorrt: str, plugin: Path) -> EngineKey:
    """Return the key of this machine's engine of `bundle`; `device` is what the CUDA core says of the GPU."""
    major, minor = device["compute_capability"]
    return EngineKey(
        gpu=f"{device['name']} {device['multiprocessors']} SMs",  # every Orin calls itself Orin
        sm=10 * major + minor,
        tensorrt=tensorrt,
        graph_sha256=bundle.manifest.files[FRAME_FP16],
        encoder_sha256=bundle.manifest.files.get(ENCODER_FP16, ""),
        plugin_sha256=sha256_of(plugin),
    )


@dataclass(frozen=True)
class StoredEncoder:
    """The encoder's part of a build.

    Attributes:
        most_voxels: the largest scene that its engine takes.
        engine_sha256: of the serialised engine; empty if there is none.
        device_memory: bytes of GPU memory that the largest scene takes.
        features_difference: from PyTorch, on the golden input, when it was built.
        problem: why there is no engine; empty if there is one.
    """

    most_voxels: int
    engine_sha256: str = ""
    device_memory: int = 0
    features_difference: float = 0.0
    problem: str = ""


@dataclass(frozen=True)
class StoredEngine:
    """A build that fits.

    Attributes:
        path: its folder.
        most_gaussians: the largest scene that the frame's engine takes.
        engine_sha256: of the serialised engine.
        device_memory: bytes of GPU memory a context.
        self_check: how far it was from PyTorch on the golden input when it was built.
        encoder: of the encoder; None if it was not asked for.
    """

    path: Path
    most_gaussians: int
    engine_sha256: str
    device_memory: int
    self_check: Mapping[str, Any]
    encoder: StoredEncoder | None

    def read(self) -> bytes:
        """Return the frame's serialised engine.

        Raises:
            BackendError: the file is missing, or not what was written: truncated or altered.
        """
        return self._checked(ENGINE, self.engine_sha256)

    def read_encoder(self) -> bytes | None:
        """Return the encoder's serialised engine; None if there is none.

        Raises:
            BackendError: as :meth:`read`.
        """
        if self.encoder is None or not self.encoder.engine_sha256:
            return None
        return self._checked(ENCODER_ENGINE, self.encoder.engine_sha256)

    def _checked(self, name: str, sha256: str) -> bytes:
        path = self.path / name
        try:
            content = path.read_bytes()
        except OSError as error:
            raise BackendError(
                f"{path}: engine cannot be read ({error.strerror}): {_build_again(self.path)}"
            ) from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise BackendError(
                f"{path}: engine does not match its SHA-256, it is truncated or altered ({len(content)} bytes): "
                f"{_build_again(self.path)}"
            )
        return content


def find_engine(bundle: Bundle, key: EngineKey) -> StoredEngine:
    """Return the engine of `bundle` that fits `key`.

    Raises:
        BackendError: there is none, or it is damaged; says what differs in those that are there, and what to do.
    """
    folder = bundle.path / ENGINES
    wanted = folder / key.folder
    if wanted.is_dir():
        values = _manifest(wanted)
        different = _differences(values, key)
        if different:
            raise BackendError(f"{wanted}: engine {different[0]}: {_build_again(wanted)}")
        return StoredEngine(
            path=wanted,
            most_gaussians=int(values["most_gaussians"]),
            engine_sha256=str(values["engine_sha256"]),
            device_memory=int(values["device_memory"]),
            self_check=values["self_check"],
            encoder=None if values["encoder"] is None else StoredEncoder(**values["encoder"]),
        )
    others = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if (path / MANIFEST).is_file() and not path.name.startswith("."):
            others.append(f"{path.name} {', '.join(_differences(_manifest(path), key)) or 'has another name'}")
    found = f" ({'; '.join(others)})" if others else ""
    raise BackendError(f"{bundle.path} has no TensorRT engine for this machine{found}: rtgs2 build {bundle.path}")


def write_engine(
    folder: Path,
    key: EngineKey,
    engine: bytes,
    *,
    most_gaussians: int,
    device_memory: int,
    self_check: Mapping[str, Any],
    encoder: StoredEncoder | None,
    built_by: str,
) -> None:
    """Write the frame's engine, and the manifest of all that is there, into a build's folder."""
    (folder / ENGINE).write_bytes(engine)
    values = {
        "format": FORMAT,
        **asdict(key),
        "most_gaussians": most_gaussians,
        "engine_sha256": hashlib.sha256(engine).hexdigest(),
        "engine_bytes": len(engine),
        "device_memory": device_memory,
        "self_check": dict(self_check),
        "encoder": None if encoder is None else asdict(encoder),
        "built_by": built_by,
    }
    (folder / MANIFEST).write_text(json.dumps(values, indent=1) + "\n", "utf-8")


def is_engine_folder(path: Path) -> bool:
    """Whether a build may replace what is at `path`: an engine's folder, whole or not."""
    return path.is_dir() and not path.is_symlink() and ((path / MANIFEST).is_file() or not any(path.iterdir()))


def remove_outdated(bundle: Bundle, key: EngineKey) -> list[str]:
    """Remove this GPU's and TensorRT's engines of other graphs or plugins, and return their names."""
    removed = []
    folder = bundle.path / ENGINES
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        same_device = re.fullmatch(re.escape(key.device) + f"-[0-9a-f]{{{_HASH_SHOWN}}}", path.name)
        if same_device and path.name != key.folder and is_engine_folder(path):
            shutil.rmtree(path, ignore_errors=True)
            removed.append(path.name)
    return removed


def timing_cache_file(bundle: Bundle, key: EngineKey) -> Path:
    """Where the timings of builds with this GPU and TensorRT lie."""
    return bundle.path / ENGINES / f"{key.device}.timings"


def _differences(values: Mapping[str, Any], key: EngineKey) -> list[str]:
    return [
        f"{text} ({_short(values[name])}, here {_short(getattr(key, name))})"
        for name, text in _DIFFERENCES.items()
        if values[name] != getattr(key, name)
    ]


def _manifest(path: Path) -> dict[str, Any]:
    file = path / MANIFEST
    try:
        if file.stat().st_size > _MANIFEST_LIMIT:
            raise ValueError("it is too large")
        values = json.loads(file.read_text("utf-8"))
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise ValueError(f"its format is not {FORMAT!r}")
        for name, kind in {**_KINDS, "engine_sha256": str, "self_check": dict}.items():
            if type(values.get(name)) is not kind:
                raise ValueError(f"{name} is {shown(values.get(name))}")
        _check_encoder(values.get("encoder", "missing"))
    except (OSError, ValueError, RecursionError) as error:
        raise BackendError(f"{file}: engine's manifest cannot be used ({error}): {_build_again(path)}") from error
    return values


def _check_encoder(values: object) -> None:
    if values is None:
        return
    if not isinstance(values, dict) or set(values) != set(_ENCODER_KINDS):
        raise ValueError(f"encoder is {shown(values)}")
    for name, kind in _ENCODER_KINDS.items():
        if type(values[name]) is not kind:
            raise ValueError(f"encoder.{name} is {shown(values[name])}")


_ENCODER_KINDS = {
    "most_voxels": int,
    "engine_sha256": str,
    "device_memory": int,
    "features_difference": float,
    "problem": str,
}

_KINDS = {
    "gpu": str,
    "sm": int,
    "tensorrt": str,
    "graph_sha256": str,
    "encoder_sha256": str,
    "plugin_sha256": str,
    "most_gaussians": int,
    "device_memory": int,
}


def _build_again(path: Path) -> str:
    return f"rtgs2 build {path.parent.parent} builds it anew"


def _short(value: object) -> str:
    text = str(value)
    return text[:_HASH_SHOWN] if re.fullmatch("[0-9a-f]{64}", text) else shown(value).strip("'")


def _plain(text: str) -> str:
    return re.sub("[^a-z0-9.]+", "-", text.lower()).strip("-") or "unknown"


def check_frame_graph(bundle: Bundle) -> None:
    """Refuse a bundle that no engine can be built from.

    Raises:
        InputError: it has no frame graph.
    """
    if FRAME_FP16 not in bundle.manifest.files:
        raise InputError(
            "bundle has no graph for TensorRT",
            file=bundle.path,
            field=FRAME_FP16,
            fix="Export the checkpoint again with rtgs2-export --tensorrt --image-size WxH",
        )
