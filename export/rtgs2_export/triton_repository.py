"""The fusion network of a bundle as models of a Triton Inference Server.

A model a graph: ``NAME_fusion`` in FP32 and, where the bundle has it, ``NAME_fusion_fp16``, whose inputs and logits are
FP16. The configuration says what the graph says of itself, and carries the class table as a parameter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import onnx

from rtgs2_trt.atomic import atomic_folder
from rtgs2_trt.bundle import FUSION, FUSION_FP16, Bundle
from rtgs2_trt.errors import BundleError

CONFIG = "config.pbtxt"
TENSORRT_CONFIG = "configs/tensorrt.pbtxt"  # taken by: tritonserver --model-config-name tensorrt
MARK = "# written by rtgs2-export --triton"
_TYPES: dict[int, str] = {onnx.TensorProto.FLOAT: "TYPE_FP32", onnx.TensorProto.FLOAT16: "TYPE_FP16"}


def write_triton_repository(bundle: Bundle, repository: str | Path, name: str | None = None) -> list[Path]:
    """Write the models of a bundle into a model repository, which may hold others; each model whole or not at all.

    Args:
        bundle: the bundle.
        repository: the folder that ``tritonserver --model-repository`` is given; made if it is missing.
        name: what the models' names begin with; the bundle's name without its ending.

    Returns:
        the models' folders. Older ones that this function wrote are replaced.

    Raises:
        BundleError: a graph is damaged, or another model is in the way.
    """
    repository = Path(repository)
    repository.mkdir(parents=True, exist_ok=True)
    stem = re.sub(r"[^A-Za-z0-9_.-]", "_", name or bundle.path.name.removesuffix(".rtgs2"))
    folders = []
    for file, ending in ((FUSION, "_fusion"), (FUSION_FP16, "_fusion_fp16")):
        if file not in bundle.manifest.files:
            continue
        graph = bundle.read(file)
        model = onnx.load_model_from_string(graph)
        folder = repository / f"{stem}{ending}"
        try:
            with atomic_folder(folder, may_replace=_is_ours) as temporary:
                (temporary / "1").mkdir()
                (temporary / "1" / "model.onnx").write_bytes(graph)
                (temporary / CONFIG).write_text(model_config(folder.name, "onnxruntime", model, bundle), "utf-8")
                if file == FUSION_FP16:
                    (temporary / TENSORRT_CONFIG).parent.mkdir()
                    text = model_config(folder.name, "tensorrt", model, bundle)
                    (temporary / TENSORRT_CONFIG).write_text(text, "utf-8")
        except FileExistsError as problem:
            fix = "Move it away, or give another folder"
            raise BundleError("another model is in the way", file=folder, field="--triton", fix=fix) from problem
        folders.append(folder)
    return folders


def model_config(name: str, backend: str, model: onnx.ModelProto, bundle: Bundle) -> str:
    """Return the text of a ``config.pbtxt`` (inference.ModelConfig): inputs and outputs as the graph has them."""
    manifest = bundle.manifest
    classes = None if manifest.classes is None else manifest.classes.to_list()
    parameters = {
        "rtgs2_task": manifest.task,
        "rtgs2_classes": json.dumps(classes),
        "rtgs2_checkpoint_sha256": manifest.checkpoint_sha256,
    }
    return "\n".join(
        [
            MARK,
            f"name: {_quoted(name)}",
            f"backend: {_quoted(backend)}",
            "max_batch_size: 0  # the first dimension is the graph's own",
            *_tensors("input", model.graph.input),
            *_tensors("output", model.graph.output),
            *(
                f"parameters {{ key: {_quoted(key)} value {{ string_value: {_quoted(value)} }} }}"
                for key, value in parameters.items()
            ),
            "",
        ]
    )


def _tensors(field: str, entries: Sequence[onnx.ValueInfoProto]) -> list[str]:
    lines = []
    for entry in entries:
        tensor = entry.type.tensor_type
        dims = ", ".join(str(d.dim_value if d.HasField("dim_value") else -1) for d in tensor.shape.dim)
        lines.append(
            f"{field} {{ name: {_quoted(entry.name)} data_type: {_TYPES[tensor.elem_type]} dims: [ {dims} ] }}"
        )
    return lines


def _quoted(text: str) -> str:
    """Return `text` as a string of protobuf's text format: bytes beyond ASCII and what ends a string as octal."""
    safe = (chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\{b:03o}" for b in text.encode("utf-8"))
    return '"' + "".join(safe) + '"'


def _is_ours(folder: Path) -> bool:
    """Whether a folder is a model that was written here, or empty."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    try:
        return not any(folder.iterdir()) or (folder / CONFIG).read_text("utf-8").startswith(MARK)
    except (OSError, UnicodeDecodeError):
        return False
