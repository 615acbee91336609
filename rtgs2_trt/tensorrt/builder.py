"""A graph becomes an engine: one way for TensorRT 10.3 to 11.

All precision stands in the graph and the network is strongly typed, so TensorRT chooses kernels and nothing else: no
precision flag is ever set. (TF32, which would shorten FP32 products, is taken away.)
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import BackendError
from .library import load_plugin, log_of, said, start
from .profiles import Profile, frame_profile
from .progress import NoPhases, Phases, make_monitor


@dataclass(frozen=True)
class BuildOptions:
    """What an engine is built for.

    Attributes:
        workspace: most bytes of GPU memory that layers may work in.
        profile: for which sizes; kernels are chosen for the typical ones.
        optimization_level: 0 to 5; how long TensorRT looks for faster kernels.
    """

    workspace: int
    profile: Profile = field(default_factory=frame_profile)
    optimization_level: int = 3


@dataclass(frozen=True)
class Built:
    """A serialised engine, and the timings that were taken for it; empty if TensorRT kept none."""

    engine: bytes
    timing_cache: bytes


def build_engine(
    module: Any,
    graph: bytes,
    name: str,
    plugin: Path | None,
    options: BuildOptions,
    *,
    timing_cache: bytes = b"",
    phases: Phases | None = None,
    cancelled: threading.Event | None = None,
) -> Built:
    """Build an engine of a graph for the current GPU; takes minutes.

    Args:
        module: TensorRT.
        graph: the ONNX file's bytes.
        name: what messages call it.
        plugin: the plugin library, which goes into the engine; None for a graph without a node of ours.
        options: what for.
        timing_cache: of an earlier build on this device, or nothing; one of another device is not used.
        phases: where progress is shown.
        cancelled: set it to end the build.

    Raises:
        BackendError: TensorRT refuses the graph or finds no way to run it; names the node and says what TensorRT said.
        KeyboardInterrupt: `cancelled` was set.
    """
    cancelled = cancelled or threading.Event()
    log = log_of(module)
    with log.collecting() as errors:
        builder = start(module, "Builder", log)
        if plugin is not None:
            load_plugin(module, builder.get_plugin_registry(), plugin)
        network = builder.create_network(_network_flags(module))
        parser = start(module, "OnnxParser", network, log)
        if not parser.parse(graph):
            raise BackendError(f"{name}: TensorRT {module.__version__} refuses the graph: {_parser_errors(parser)}")
        config = builder.create_builder_config()
        config.set_memory_pool_limit(module.MemoryPoolType.WORKSPACE, options.workspace)
        config.builder_optimization_level = options.optimization_level
        config.profiling_verbosity = module.ProfilingVerbosity.DETAILED  # the inspector names layers and precisions
        config.clear_flag(module.BuilderFlag.TF32)
        if plugin is not None:
            config.plugins_to_serialize = [str(plugin)]
        monitor = make_monitor(module, phases or NoPhases(), cancelled)
        config.progress_monitor = monitor
        cache = _set_timings(config, timing_cache)  # must live until the engine is built
        _add_profile(builder, config, network, options)
        engine = builder.build_serialized_network(network, config)
    if cancelled.is_set():
        raise KeyboardInterrupt
    if engine is None:
        raise BackendError(
            f"{name}: TensorRT {module.__version__} could not build an engine within {options.workspace >> 20} MiB of "
            f"workspace for {options.profile.described}{said(errors)}. If memory was short, end other programs, give "
            f"more with --workspace, or build for fewer with {options.profile.option}"
        )
    return Built(bytes(engine), b"" if cache is None else _timings(config))


def _set_timings(config: Any, earlier: bytes) -> Any:
    """Let the build take earlier timings if they are this device's, else begin anew.

    Returns the cache; None if TensorRT makes none, which only makes this build and the next longer.
    """
    for content in (earlier, b"") if earlier else (b"",):
        cache = config.create_timing_cache(content)  # None if the bytes are no cache, or memory is short
        if cache is not None and config.set_timing_cache(cache, False):  # not if of another device or version
            return cache
    return None


def _timings(config: Any) -> bytes:
    cache = config.get_timing_cache()
    content = None if cache is None else cache.serialize()
    return b"" if content is None else bytes(content)


def _network_flags(module: Any) -> int:
    """Strongly typed; where that is no longer a choice, nothing."""
    flag = getattr(module.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    return 0 if flag is None else 1 << int(flag)


def _parser_errors(parser: Any) -> str:
    errors = [parser.get_error(place) for place in range(parser.num_errors)]
    texts = [f"{error.node_name() or 'graph'} ({error.node_operator()}): {error.desc()}" for error in errors]
    return "; ".join(texts) or "no reason given"


def _add_profile(builder: Any, config: Any, network: Any, options: BuildOptions) -> None:
    profile = builder.create_optimization_profile()
    for place in range(network.num_inputs):
        tensor = network.get_input(place)
        shape = tuple(int(size) for size in tensor.shape)
        if -1 in shape:
            profile.set_shape(tensor.name, *options.profile.shapes(tensor.name, shape))
    if config.add_optimization_profile(profile) < 0:
        raise BackendError(f"TensorRT takes no profile of {options.profile.described}")
