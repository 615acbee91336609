"""From a bundle to engines that have been checked on this machine."""

from __future__ import annotations

import hashlib
import shutil
import threading
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..atomic import atomic_file, atomic_folder
from ..backends.encoder import EncoderOnCpuWarning
from ..backends.graphs import run_encoder
from ..backends.tensorrt import TensorRtBackend
from ..bundle import ENCODER_FP16, ENGINES, FRAME_FP16, FRAME_GOLDEN, Bundle
from ..cuda import cuda_problem
from ..errors import BackendError, InputError
from ..self_check import BOUNDS, SelfCheck, encode_golden, read_golden, relative_difference, run_self_check
from .builder import BuildOptions, Built, build_engine
from .encoder_engine import EncoderEngine
from .engine import Engine
from .engine_store import (
    ENCODER_ENGINE,
    ENCODER_INSPECTOR,
    INSPECTOR,
    EngineKey,
    StoredEncoder,
    StoredEngine,
    check_frame_graph,
    engine_key,
    find_engine,
    is_engine_folder,
    remove_outdated,
    timing_cache_file,
    write_engine,
)
from .library import check_platform, load_tensorrt, plugin_library
from .memory import check_workspace, default_most_gaussians, default_most_voxels, memory_text, workspace_limit
from .profiles import encoder_profile, frame_profile
from .progress import NoPhases, Phases, run_interruptible

Step = Callable[[str], AbstractContextManager[object]]
ShowPhases = Callable[[str], AbstractContextManager[Phases]]


@dataclass(frozen=True)
class BuildRequest:
    """What a caller may choose.

    Attributes:
        most_gaussians: the largest scene to build for; None for what suits the board.
        most_voxels: the same of the encoder; 0 for no engine of it.
        workspace: bytes that layers may work in; None for half of what is free.
        optimization_level: 0 to 5.
        force: build even if an engine that fits is there.
    """

    most_gaussians: int | None = None
    most_voxels: int | None = None
    workspace: int | None = None
    optimization_level: int = 3
    force: bool = False


@dataclass(frozen=True)
class BuildResult:
    """What :func:`build_bundle_engine` did.

    Attributes:
        engine: the engine that is there now.
        built: whether it was built now.
        reason: why it was, or None if it was not.
        self_check: the golden input through it; None if it was there already.
        removed: engines of older graphs or plugins that were removed.
    """

    engine: StoredEngine
    built: bool
    reason: str | None
    self_check: SelfCheck | None
    removed: tuple[str, ...] = ()


def build_bundle_engine(
    bundle: Bundle,
    request: BuildRequest,
    *,
    step: Step = lambda name: nullcontext(),
    phases: ShowPhases = lambda name: nullcontext(NoPhases()),
    note: Callable[[str], None] = lambda text: None,
) -> BuildResult:
    """Build the engines of `bundle` for this machine, unless some that fit are there, and check them.

    The golden input runs through the new engines before they appear under their name; one that is too far from PyTorch
    is refused, and what the inspector tells of its layers is kept. Without the frame's engine nothing is written.
    Without the encoder's, which runs once a scene, ONNX Runtime encodes; the result says why.

    Args:
        bundle: with a frame graph.
        request: what the caller chose.
        step: called with the name of each step; what it returns is entered while the step runs.
        phases: the same for the build, which reports phases.
        note: called with lines to show.

    Raises:
        InputError: the bundle has no frame graph, or an impossible request.
        BackendError: something is missing here, the build failed, or the engine computes something else.
        KeyboardInterrupt: Ctrl-C; nothing half built is left behind.
    """
    check_frame_graph(bundle)
    problem = cuda_problem()
    if problem is not None:
        raise BackendError(problem)
    module = load_tensorrt()
    from .. import _cuda

    device = _cuda.device()
    check_platform(module, device["compute_capability"])
    plugin = plugin_library(module)
    key = engine_key(bundle, device, str(module.__version__), plugin)
    reason = "asked for"
    if not request.force:
        try:
            stored = find_engine(bundle, key)
            stored.read()
            stored.read_encoder()
            return BuildResult(stored, False, None, None)
        except BackendError as error:
            reason = str(error)
    build = _Build(bundle, module, plugin, key, _limits(device, request), step, phases, note)
    width, height = (-(-side // 32) * 32 for side in bundle.manifest.image_size)
    check_workspace(width, height, build.limits.workspace, build.limits.most_gaussians)
    note(memory_text(device, build.limits.workspace, build.limits.most_gaussians))
    check = build.run()
    removed = remove_outdated(bundle, key)
    return BuildResult(find_engine(bundle, key), True, reason, check, tuple(removed))


_UNFINISHED = "its build did not end: rtgs2 build --force, with --most-voxels for less memory, or --frame-only"


@dataclass(frozen=True)
class _Limits:
    """A request with nothing left open."""

    workspace: int
    most_gaussians: int
    most_voxels: int
    optimization_level: int


def _limits(device: Any, request: BuildRequest) -> _Limits:
    most = default_most_gaussians(device) if request.most_gaussians is None else request.most_gaussians
    voxels = default_most_voxels(device) if request.most_voxels is None else request.most_voxels
    workspace = workspace_limit(device) if request.workspace is None else request.workspace
    if not 1 <= most <= 1 << 28:
        raise InputError("impossible number of Gaussians", field="--most-gaussians", found=most, expected="1 to 2^28")
    if not 0 <= voxels <= 1 << 24:
        raise InputError("impossible number of voxels", field="--most-voxels", found=voxels, expected="0 to 2^24")
    if not 1 << 20 <= workspace <= int(device["memory"]):
        raise InputError(
            "impossible workspace",
            field="--workspace",
            found=f"{workspace >> 20} MiB",
            expected=f"1 to {int(device['memory']) >> 20} MiB, the GPU's memory",
        )
    return _Limits(workspace, most, voxels, request.optimization_level)


@dataclass(frozen=True)
class _Build:
    """One build, from nothing to a folder of engines."""

    bundle: Bundle
    module: Any
    plugin: Path
    key: EngineKey
    limits: _Limits
    step: Step
    phases: ShowPhases
    note: Callable[[str], None]

    def run(self) -> SelfCheck:
        """Build and check in a temporary folder, which gets the key's name: with the frame's engine, then with both.

        The encoder's build may take more memory than there is, and end the process: the frame's engine is kept then.
        """
        folder = self.bundle.path / ENGINES
        target = folder / self.key.folder
        folder.mkdir(exist_ok=True)
        try:
            with atomic_folder(target, may_replace=is_engine_folder) as temporary:
                built, check, device_memory = self._frame(temporary)
                write = partial(
                    write_engine,
                    key=self.key,
                    engine=built.engine,
                    most_gaussians=self.limits.most_gaussians,
                    device_memory=device_memory,
                    self_check=check.to_dict(),
                    built_by=f"rtgs2-trt {version('rtgs2-trt')}",
                )
                waits = StoredEncoder(self.limits.most_voxels, problem=_UNFINISHED)
                write(temporary, encoder=waits if self._wants_encoder else None)
            if self._wants_encoder:
                with atomic_folder(target, may_replace=is_engine_folder) as temporary:
                    shutil.copytree(target, temporary, dirs_exist_ok=True)
                    write(temporary, encoder=self._encoder(temporary))
        except FileExistsError:
            raise BackendError(f"{target} is in the way and is no engine: move it away") from None
        finally:
            with suppress(OSError):
                folder.rmdir()  # if nothing came into it
        return check

    @property
    def _wants_encoder(self) -> bool:
        return self.limits.most_voxels > 0 and ENCODER_FP16 in self.bundle.manifest.files

    def _frame(self, folder: Path) -> tuple[Built, SelfCheck, int]:
        limits = self.limits
        options = BuildOptions(limits.workspace, frame_profile(limits.most_gaussians), limits.optimization_level)
        built = self._built("build engine", FRAME_FP16, self.plugin, options)
        with self.step("golden input through the engine"):
            engine = Engine(self.module, built.engine, "new engine", self.plugin)
            layers, device_memory = engine.layers(), engine.device_memory
            del engine  # its weights would lie in the GPU's memory twice
            backend = TensorRtBackend(self.bundle, engine=(built.engine, limits.most_gaussians))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", EncoderOnCpuWarning)  # its engine comes next
                check = run_self_check(self.bundle, backend)
        if not check.passed:
            dump = self._keep_layers("refused", layers)
            raise BackendError(
                f"{self.bundle.path}: the new engine computes something else than PyTorch and is refused: features "
                f"{check.features_difference:.1e}, output {check.logits_difference:.1e} (bound {check.bound:.0e}), "
                f"{check.labels_wrong} labels wrong. Its layers and their precisions stand in {dump}: look for "
                "LayerNorm, softmax and gate layers that are not in FP32"
            )
        (folder / INSPECTOR).write_text(layers, "utf-8")
        return built, check, device_memory

    def _encoder(self, folder: Path) -> StoredEncoder:
        """The encoder's engine, or why there is none."""
        limits = self.limits
        try:
            built, device_memory, difference = self._checked_encoder(folder)
        except BackendError as error:
            self.note(f"the encoder gets no engine, ONNX Runtime encodes: {error}")
            return StoredEncoder(limits.most_voxels, problem=str(error))
        (folder / ENCODER_ENGINE).write_bytes(built.engine)
        sha256 = hashlib.sha256(built.engine).hexdigest()
        return StoredEncoder(limits.most_voxels, sha256, device_memory, difference)

    def _checked_encoder(self, folder: Path) -> tuple[Built, int, float]:
        from .. import _cuda

        bundle, limits = self.bundle, self.limits
        profile = encoder_profile(bundle.manifest.encoder, limits.most_voxels)
        options = BuildOptions(limits.workspace, profile, limits.optimization_level)
        built = self._built("build the encoder's engine", ENCODER_FP16, None, options)
        with self.step("golden input through the encoder's engine"):
            try:
                engine = EncoderEngine(_cuda, self.module, built.engine, "new encoder engine", bundle)
                layers = engine.layers()
                golden = read_golden(bundle, FRAME_GOLDEN)
                features = encode_golden(
                    bundle, golden, lambda plan, inputs: run_encoder(bundle, ENCODER_FP16, engine, plan, inputs)
                )
            except (_cuda.CudaError, _cuda.CudaMemoryError) as error:
                raise BackendError(f"the GPU failed: {error}") from error
        difference = relative_difference(features, golden.features)
        if difference > BOUNDS["fp16"]:
            dump = self._keep_layers("encoder.refused", layers)
            raise BackendError(
                f"{bundle.path}: the encoder's new engine computes something else than PyTorch and is refused: "
                f"features {difference:.1e} (bound {BOUNDS['fp16']:.0e}). Its layers and their "
                f"precisions stand in {dump}"
            )
        (folder / ENCODER_INSPECTOR).write_text(layers, "utf-8")
        return built, engine.device_memory, difference

    def _built(self, title: str, graph: str, plugin: Path | None, options: BuildOptions) -> Built:
        """Build with the timings of earlier builds, and keep the new ones."""
        timings = timing_cache_file(self.bundle, self.key)
        cancelled = threading.Event()
        cache = timings.read_bytes() if timings.is_file() else b""
        with self.phases(title) as shown:
            built = run_interruptible(
                lambda: build_engine(
                    self.module,
                    self.bundle.read(graph),
                    str(self.bundle.file(graph)),
                    plugin,
                    options,
                    timing_cache=cache,
                    phases=shown,
                    cancelled=cancelled,
                ),
                cancelled,
            )
        if built.timing_cache:
            with atomic_file(timings) as file:
                file.write(built.timing_cache)
        return built

    def _keep_layers(self, ending: str, layers: str) -> Path:
        dump = self.bundle.path / ENGINES / f"{self.key.folder}.{ending}.json"
        with atomic_file(dump) as file:
            file.write(layers.encode())
        return dump
