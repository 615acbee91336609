"""``rtgs2 info``: what a bundle or a scene is."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..backends import PRECISIONS
from ..console import FAILED, Console, add_console_options


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "info",
        help="describe a bundle or a scene",
        description="Describe a bundle (checking its files) or a scene. With --check a bundle also runs its golden "
        "input on this machine.",
    )
    parser.add_argument("path", metavar="BUNDLE|SCENE")
    parser.add_argument("--check", action="store_true", help="run the bundle's golden input here")
    parser.add_argument("--drop-invalid", action="store_true", help="drop a scene's Gaussians with NaN, say how many")
    parser.add_argument(
        "--precision", default="auto", choices=PRECISIONS, help="with --check: the fusion network's arithmetic"
    )
    add_console_options(parser)
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Run the subcommand; a golden input that does not check is a failure."""
    from ..scene_files.sog import meta_of_folder

    path = Path(arguments.path)
    is_bundle = path.is_dir() and meta_of_folder(path) is None  # else a SOG scene
    values = _bundle(path, arguments, console) if is_bundle else _scene(path, arguments.drop_invalid, console)
    width = max(len(name) for name in values)
    console.result(values, "\n".join(f"{name.replace('_', ' '):{width}}  {_text(v)}" for name, v in values.items()))
    return 0 if values.get("self_check", {}).get("passed", True) else FAILED


def _bundle(path: Path, arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    from ..bundle import Bundle

    with console.step("check bundle"):
        bundle = Bundle(path)
    manifest = bundle.manifest
    values: dict[str, Any] = {
        "bundle": str(path),
        "description": manifest.description,
        "task": manifest.task,
        "classes": None if manifest.classes is None else manifest.classes.names,
        "class_table": None if manifest.classes is None else manifest.classes.name,
        "image_size": list(manifest.image_size),
        "precision": list(manifest.precision),
        "trained_on": manifest.trained_on,
        "voxel_size": manifest.encoder.voxel_size,
        "megabytes": {name: round(bundle.file(name).stat().st_size / 1e6, 1) for name in manifest.files},
        "checkpoint_sha256": manifest.checkpoint_sha256,
        "made_by": dict(manifest.tools),
    }
    if arguments.check:
        from ..backends import select_backend
        from ..self_check import run_self_check

        with console.step("run golden input"):
            backend, passed_over = select_backend("auto", bundle, 0, arguments.precision)
            result = run_self_check(bundle, backend)
        values["self_check"] = {"backend": backend.name, "precision": backend.precision, **result.to_dict()}
        values["backends_passed_over"] = dict(passed_over)
    return values


def _scene(path: Path, drop_invalid: bool, console: Console) -> dict[str, Any]:
    from ..scene import Scene

    with console.share("read scene") as progress:
        scene = Scene.load(path, invalid="drop" if drop_invalid else "error", progress=progress)
    low, high = scene.bounds
    return {
        "scene": str(path),
        "gaussians": len(scene),
        "sh_degree": scene.sh_degree,
        "minimum": [round(float(v), 3) for v in low],
        "maximum": [round(float(v), 3) for v in high],
        "median_scale": round(float(_median(scene.scales)), 5),
        "median_opacity": round(float(_median(scene.opacities)), 3),
        "features": None if scene.features is None else int(scene.features.shape[1]),
        "features_encoder": scene.features_encoder,
        **_labels(path, console),
        "warnings": list(console.warnings),
    }


def _labels(path: Path, console: Console) -> dict[str, Any]:
    """Return how many Gaussians of a labelled PLY are of which class; nothing of other scenes."""
    from ..errors import InputError, SceneError
    from ..labels_in_3d import load_labelled
    from ..labels_in_3d.labelled_ply import CLASS_ID
    from ..ply import read_header

    try:
        vertex = read_header(path).element("vertex")
    except SceneError:  # another format
        return {}
    if vertex is None or CLASS_ID not in vertex.names:
        return {}
    try:
        labels = load_labelled(path)
    except InputError as problem:  # another program's class_id, or the class table was left behind
        console.warn(str(problem))
        return {}
    counts = zip([*labels.classes.names, "unknown"], labels.counts.tolist(), strict=True)
    return {"labels": {name: int(count) for name, count in counts if count}}


def _median(values: Any) -> float:
    import numpy as np

    return float(np.median(values))


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(entry)}" for key, entry in value.items())
    if isinstance(value, float):
        return f"{value:.3g}"
    return "-" if value is None else str(value)
