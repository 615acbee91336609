"""From a bundle to an engine that has been checked on this machine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..atomic import atomic_file, atomic_folder
from ..backends.tensorrt import TensorRtBackend
from ..bundle import ENGINES, FRAME_FP16, Bundle
from ..cuda import cuda_problem
from ..errors import BackendError, InputError
from ..self_check import SelfCheck, run_self_check
from .builder import BuildOptions, build_engine
from .engine import FrameEngine
from .engine_store import (
    INSPECTOR,
    EngineKey,
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
from .memory import check_workspace, default_most_gaussians, memory_text, workspace_limit
from .progress import NoPhases, Phases, run_interruptible

Step = Callable[[str], AbstractContextManager[object]]


@dataclass(frozen=True)
class BuildRequest:
    """What a caller may choose.

    Attributes:
        most_gaussians: the largest scene to build for; None for what suits the board.
        workspace: bytes that layers may work in; None for half of what is free.
        optimization_level: 0 to 5.
        force: build even if an engine that fits is there.
    """

    most_gaussians: int | None = None
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
    phases: Callable[[str], AbstractContextManager[Phases]] = lambda name: nullcontext(NoPhases()),
    note: Callable[[str], None] = lambda text: None,
) -> BuildResult:
    """Build the engine of `bundle` for this machine, unless one that fits is there, and check it.

    The golden input runs through the new engine before it appears under its name; one that is too far from PyTorch is
    refused, and what the inspector tells of its layers is kept.

    Args:
        bundle: with a frame graph.
        request: what the caller chose.
        step: called with the name of each step; what it returns is entered while the step runs.
        phases: the same for the build, which reports phases.
        note: called with lines to show.

    Raises:
        InputError: the bundle has no frame graph, or an impossible request.
        BackendError: something is missing here, the build failed, or the engine computes something else.
        KeyboardInterrupt: Ctrl-C; nothing is left behind.
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
            return BuildResult(stored, False, None, None)
        except BackendError as error:
            reason = str(error)
    options = _options(device, request)
    width, height = (-(-side // 32) * 32 for side in bundle.manifest.image_size)
    check_workspace(width, height, options.workspace, options.most_gaussians)
    note(memory_text(device, options.workspace, options.most_gaussians))
    check = _build(bundle, module, plugin, key, options, step, phases)
    removed = remove_outdated(bundle, key)
    return BuildResult(find_engine(bundle, key), True, reason, check, tuple(removed))


def _options(device: Any, request: BuildRequest) -> BuildOptions:
    most = default_most_gaussians(device) if request.most_gaussians is None else request.most_gaussians
    workspace = workspace_limit(device) if request.workspace is None else request.workspace
    if not 1 <= most <= 1 << 28:
        raise InputError("impossible number of Gaussians", field="--most-gaussians", found=most, expected="1 to 2^28")
    if not 1 << 20 <= workspace <= int(device["memory"]):
        raise InputError(
            "impossible workspace",
            field="--workspace",
            found=f"{workspace >> 20} MiB",
            expected=f"1 to {int(device['memory']) >> 20} MiB, the GPU's memory",
        )
    return BuildOptions(workspace, most_gaussians=most, optimization_level=request.optimization_level)


def _build(
    bundle: Bundle,
    module: Any,
    plugin: Path,
    key: EngineKey,
    options: BuildOptions,
    step: Step,
    phases: Callable[[str], AbstractContextManager[Phases]],
) -> SelfCheck:
    folder = bundle.path / ENGINES
    target, timings = folder / key.folder, timing_cache_file(bundle, key)
    folder.mkdir(exist_ok=True)
    try:
        with atomic_folder(target, may_replace=is_engine_folder) as temporary:
            cancelled = threading.Event()
            cache = timings.read_bytes() if timings.is_file() else b""
            with phases("build engine") as shown:
                built = run_interruptible(
                    lambda: build_engine(
                        module,
                        bundle.read(FRAME_FP16),
                        str(bundle.file(FRAME_FP16)),
                        plugin,
                        options,
                        timing_cache=cache,
                        phases=shown,
                        cancelled=cancelled,
                    ),
                    cancelled,
                )
            with atomic_file(timings) as file:
                file.write(built.timing_cache)
            with step("golden input through the engine"):
                engine = FrameEngine(module, built.engine, "new engine", plugin)
                layers, device_memory = engine.layers(), engine.device_memory
                del engine  # its weights would lie in the GPU's memory twice
                backend = TensorRtBackend(bundle, engine=(built.engine, options.most_gaussians))
                check = run_self_check(bundle, backend)
            if not check.passed:
                raise _refusal(bundle, key, layers, check)
            (temporary / INSPECTOR).write_text(layers, "utf-8")
            write_engine(
                temporary,
                key,
                built.engine,
                most_gaussians=options.most_gaussians,
                device_memory=device_memory,
                self_check=check.to_dict(),
                built_by=f"rtgs2-trt {version('rtgs2-trt')}",
            )
    except FileExistsError:
        raise BackendError(f"{target} is in the way and is no engine: move it away") from None
    finally:
        with suppress(OSError):
            folder.rmdir()  # if nothing came into it
    return check


def _refusal(bundle: Bundle, key: EngineKey, layers: str, check: SelfCheck) -> BackendError:
    dump = bundle.path / ENGINES / f"{key.folder}.refused.json"
    with atomic_file(dump) as file:
        file.write(layers.encode())
    return BackendError(
        f"{bundle.path}: the new engine computes something else than PyTorch and is refused: features "
        f"{check.features_difference:.1e}, output {check.logits_difference:.1e} (bound {check.bound:.0e}), "
        f"{check.labels_wrong} labels wrong. Its layers and their precisions stand in {dump}: look for LayerNorm, "
        "softmax and gate layers that are not in FP32"
    )
