"""Reading and writing checkpoints: this project's format and the research code's.

Checkpoints are data from elsewhere: they are read without running any code that they hold, and names, shapes, types and
values of all their tensors are checked before a network is built from them.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn

from rtgs2_networks import config as configuration
from rtgs2_networks.config import ColourOrder, EncoderConfig, FusionConfig, ModelConfig
from rtgs2_networks.encoder import PointTransformerEncoder
from rtgs2_networks.fusion import FusionNetwork
from rtgs2_trt.atomic import atomic_file
from rtgs2_trt.classes import BUILTIN_CLASS_TABLES, ClassTable, builtin_class_table
from rtgs2_trt.errors import CheckpointError, InputError
from rtgs2_trt.file_access import sha256_of
from rtgs2_trt.torch_archives import refuse_compressed

FORMAT = "rtgs2-checkpoint/1"

StateDict = Mapping[str, Tensor]
_Part = Literal["encoder", "fusion"]
_Network = TypeVar("_Network", bound=nn.Module)

_FLOAT_TYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
_COUNTER = "num_batches_tracked"  # the only whole number of a state dict
_STEM_WEIGHT = "embedding.stem.conv.weight"
_CLASSIFIER_WEIGHT = "Decoder.linear_pred.weight"
_NAMES_SHOWN = 5
_DESCRIPTION_LIMIT = 1000
_NAME_LIMIT = 100
_SAVE_AGAIN = "Save it with as many classes as its configuration says."


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Both trained networks: configuration, classes and float32 weights on the CPU.

    ``classes`` is None where the fusion network predicts depth. ``description`` is one line about the weights in the
    words of whoever saved them; bundles carry it on.
    ``sha256`` is the hash of the file; for research checkpoints, of the encoder's file followed by the fusion
    network's.
    """

    config: ModelConfig
    classes: ClassTable | None
    encoder: StateDict
    fusion: StateDict
    sha256: str
    description: str = ""

    def build_encoder(self) -> PointTransformerEncoder:
        """Return a new encoder with these weights, in eval mode; it shares no memory with the checkpoint."""
        with torch.device("meta"):
            network = PointTransformerEncoder(self.config.encoder)
        return _filled(network, self.encoder)

    def build_fusion(self) -> FusionNetwork:
        """Return a new fusion network with these weights, in eval mode; it shares no memory with the checkpoint."""
        with torch.device("meta"):
            network = FusionNetwork(self.config.fusion)
        return _filled(network, self.fusion)


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint of this project's format.

    Weights stored as float16, bfloat16 or float64 become float32.

    Raises:
        CheckpointError: no such file, not that format, or contents that do not fit together; names file and tensor.
    """
    path = Path(path)
    content = _of_our_format(_read(path), path)
    try:
        if not isinstance(content["config"], Mapping):
            raise CheckpointError("not a dictionary", field="config", found=type(content["config"]).__name__)
        values = dict(content["config"])
        description = values.pop("description", "")
        if not isinstance(description, str) or len(description) > _DESCRIPTION_LIMIT:
            expected = f"a text of at most {_DESCRIPTION_LIMIT} characters"
            raise CheckpointError("not a description", field="config.description", expected=expected)
        table_name, table = values.pop("class_table", "unnamed"), values.pop("classes", None)
        config = configuration.from_dict(values)
        no_classes = config.task == "depth" and table is None
        classes = None if no_classes else ClassTable.from_list(table, str(table_name)[:_NAME_LIMIT])
    except InputError as error:
        raise CheckpointError(
            error.problem, file=path, field=error.field, found=error.found, expected=error.expected, fix=error.fix
        ) from None
    _check_task(config, classes, path)
    return Checkpoint(
        config=config,
        classes=classes,
        encoder=_checked(content["encoder"], config, "encoder", path),
        fusion=_checked(content["fusion"], config, "fusion", path),
        sha256=sha256_of(path),
        description=description,
    )


def load_research_checkpoint(
    encoder_path: str | Path, fusion_path: str | Path, classes: ClassTable, trained_on: ColourOrder = "bgr"
) -> Checkpoint:
    """Read the two files that the RT-GS2 research code saves.

    Each is a state dict or a dictionary with one under "model_state_dict". Names may carry DataParallel's ``module.``
    and sparse convolutions may be stored in any of spconv's three layouts.

    Args:
        encoder_path: weights of the Point Transformer V3 encoder.
        fusion_path: weights of the fusion network.
        classes: what the fusion network's outputs mean.
        trained_on: channel order of the training images; the research code reads them with OpenCV, as BGR.

    Raises:
        CheckpointError: an unreadable file, another network's weights, or as many outputs as the table has not.
    """
    encoder_path, fusion_path = Path(encoder_path), Path(fusion_path)
    if trained_on not in ("rgb", "bgr"):
        raise CheckpointError("no such order", field="trained_on", found=repr(trained_on), expected="'rgb' or 'bgr'")
    encoder_config = configuration.research_encoder_config()
    encoder = _research_state(_read(encoder_path), encoder_path)
    fusion = _research_state(_read(fusion_path), fusion_path)
    classifier = fusion.get(_CLASSIFIER_WEIGHT)
    if isinstance(classifier, Tensor) and classifier.ndim == 4:
        _check_classes(classifier.shape[0], classes, fusion_path, _CLASSIFIER_WEIGHT)
    config = ModelConfig(encoder_config, FusionConfig(num_classes=len(classes)), trained_on)
    return Checkpoint(
        config=config,
        classes=classes,
        encoder=_checked(_with_kernel_in_the_middle(encoder, encoder_config), config, "encoder", encoder_path),
        fusion=_checked(fusion, config, "fusion", fusion_path),
        sha256=sha256_of(encoder_path, fusion_path),
        description=f"research weights {encoder_path.name} and {fusion_path.name}",
    )


def save_checkpoint(
    path: str | Path,
    config: ModelConfig,
    classes: ClassTable | None,
    encoder: StateDict,
    fusion: StateDict,
    *,
    half: bool = False,
    description: str = "",
) -> None:
    """Write a checkpoint that :func:`load_checkpoint` reads, in one step: a killed save leaves the old file.

    Args:
        path: the file to write; an existing one is replaced.
        config: configuration of both networks.
        classes: as many classes as ``config.fusion.num_classes``; None for ``config.task == "depth"``.
        encoder: state dict of the encoder, on any device.
        fusion: state dict of the fusion network, on any device.
        half: store float16 instead of float32, half the size.
        description: one line about the weights, of which the first 1000 characters are stored.

    Raises:
        CheckpointError: weights that do not fit the configuration, are not finite or, with `half`, exceed float16;
            or a file that cannot be written.
    """
    path = Path(path)
    _check_task(config, classes, path)
    table = {} if classes is None else {"classes": classes.to_list(), "class_table": classes.name}
    content: dict[str, Any] = {
        "format": FORMAT,
        "config": {**configuration.to_dict(config), **table, "description": description[:_DESCRIPTION_LIMIT]},
        "encoder": _checked(encoder, config, "encoder", path),
        "fusion": _checked(fusion, config, "fusion", path),
    }
    if half:
        for part in ("encoder", "fusion"):
            content[part] = {k: v.half() if v.is_floating_point() else v for k, v in content[part].items()}
            _check_finite(content[part], path, part, "Save in float32: these exceed float16's largest, 65504.")
    buffer = io.BytesIO()  # torch's own writer turns a full disk into an error that says nothing
    torch.save(content, buffer)
    with atomic_file(path, CheckpointError) as file:
        file.write(buffer.getbuffer())


def _read(path: Path) -> object:
    """Return what torch.save wrote, its tensors mapped from the file where its format allows it."""
    try:
        with path.open("rb") as file:
            is_archive = file.read(4) == b"PK\x03\x04"
    except OSError as error:
        fix = "Give the path of a checkpoint file."
        raise CheckpointError(f"cannot be read: {error.strerror}", file=path, fix=fix) from error
    if is_archive:
        refuse_compressed(path, CheckpointError)
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=is_archive)
    except Exception as error:  # a damaged pickle raises whatever its bytes happen to spell
        python_object = re.search(r"GLOBAL ([\w.]+)", str(error))
        if python_object:
            raise CheckpointError(
                "refused, because loading it could run code",
                file=path,
                found=f"the Python object {python_object[1]}",
                expected="tensors, numbers, texts, lists and dictionaries alone",
                fix="Save the weights alone, where you trust the file: torch.save(model.state_dict(), path).",
            ) from error
        problem = "a damaged or incomplete file" if is_archive else "not a file that torch.save has written"
        raise CheckpointError(problem, file=path, fix="Copy it again, or give the path of a checkpoint.") from error


def _of_our_format(content: object, path: Path) -> Mapping[Any, Any]:
    found = content.get("format") if isinstance(content, Mapping) else None
    if isinstance(found, str) and found != FORMAT and re.fullmatch(r"rtgs2-checkpoint/\d+", found):
        fix = "Update rtgs2-trt, or save the checkpoint again with this version."
        raise CheckpointError(
            "another version's format", file=path, field="format", found=found, expected=FORMAT, fix=fix
        )
    if found != FORMAT:
        fix = "For the research code's files use rtgs2-export --encoder E.pth --fusion F.pth --classes TABLE."
        raise CheckpointError(
            "not a checkpoint of this project",
            file=path,
            field="format",
            found=repr(found)[:80],
            expected=repr(FORMAT),
            fix=fix,
        )
    assert isinstance(content, Mapping)  # nothing else has a format
    missing = [key for key in ("config", "encoder", "fusion") if key not in content]
    if missing:
        raise CheckpointError("incomplete checkpoint", file=path, field=missing[0], fix="Save it again.")
    return content


def _check_task(config: ModelConfig, classes: ClassTable | None, path: Path) -> None:
    if (classes is None) != (config.task == "depth"):
        raise CheckpointError(
            "what the network predicts and its class table do not go together",
            file=path,
            field="classes",
            found="no class table" if classes is None else f"class table {classes.name!r}",
            expected="none with task 'depth'" if config.task == "depth" else "one with task 'semantic'",
        )
    if classes is not None:
        _check_classes(config.fusion.num_classes, classes, path, "config.fusion.num_classes", fix=_SAVE_AGAIN)


def _check_classes(outputs: int, classes: ClassTable, path: Path, field: str, *, fix: str | None = None) -> None:
    if outputs == len(classes):
        return
    if fix is None:
        fitting = [name for name in BUILTIN_CLASS_TABLES if len(builtin_class_table(name)) == outputs]
        fix = f"Give the table that it was trained with: --classes {' or '.join(fitting) or 'FILE.yaml'}."
    raise CheckpointError(
        "the network's outputs and the classes differ in number",
        file=path,
        field=field,
        found=f"{outputs} outputs",
        expected=f"one for each of the {len(classes)} classes of table '{classes.name}'",
        fix=fix,
    )


def _research_state(content: object, path: Path) -> dict[Any, Any]:
    """Return the state dict inside `content` without DataParallel's prefixes; its entries are still unchecked."""
    if isinstance(content, Mapping) and isinstance(content.get("format"), str):
        fix = "Give it alone: rtgs2-export CKPT."
        raise CheckpointError("not a research checkpoint but one of this project", file=path, field="format", fix=fix)
    if isinstance(content, Mapping) and "model_state_dict" in content:
        content = content["model_state_dict"]
    if not isinstance(content, Mapping):
        found = type(content).__name__
        raise CheckpointError("no state dict", file=path, found=found, expected="a dictionary of tensors by name")
    return {name.removeprefix("module.") if isinstance(name, str) else name: value for name, value in content.items()}


def _with_kernel_in_the_middle(state: dict[Any, Any], config: EncoderConfig) -> dict[Any, Any]:
    """Return `state` with its sparse convolutions laid out [out, k0, k1, k2, in].

    spconv has also written [k0, k1, k2, out, in] and [k0, k1, k2, in, out]. Where a convolution keeps the number of
    channels these look alike, so the stem, which does not, tells for all of them.
    """
    stem = state.get(_STEM_WEIGHT)
    if not isinstance(stem, Tensor):
        return state
    orders: dict[tuple[int, ...], tuple[int, ...]]
    kernel, out_channels, in_channels = (config.stem_kernel,) * 3, config.encoder_channels[0], config.in_channels
    orders = {
        (*kernel, out_channels, in_channels): (3, 0, 1, 2, 4),
        (*kernel, in_channels, out_channels): (4, 0, 1, 2, 3),
    }
    order = orders.get(tuple(stem.shape))
    if order is None:
        return state
    return {
        name: value.permute(order) if isinstance(value, Tensor) and value.ndim == len(order) else value
        for name, value in state.items()
    }


def _checked(state: object, config: ModelConfig, part: _Part, path: Path) -> dict[str, Tensor]:
    """Return `state` as contiguous float32 copies on the CPU, in the network's order, after all checks."""
    if not isinstance(state, Mapping):
        found = type(state).__name__
        raise CheckpointError("no state dict", file=path, field=part, found=found, expected="a dictionary of tensors")
    with torch.device("meta"):  # names and shapes, no memory
        network = PointTransformerEncoder(config.encoder) if part == "encoder" else FusionNetwork(config.fusion)
        shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    _check_entries(state, shapes, part, path)
    for name in shapes:
        tensor = state[name]
        is_counter = name.endswith(_COUNTER)
        fits = tensor.dtype in ((torch.int64, torch.int32) if is_counter else _FLOAT_TYPES)
        if not fits or tensor.layout != torch.strided or tensor.is_meta:
            raise CheckpointError(
                "a tensor of another type",
                file=path,
                field=f"{part}.{name}",
                found=f"{tensor.dtype}, {tensor.layout} on {tensor.device}",
                expected="an int64 counter" if is_counter else "float32, float16, bfloat16 or float64 weights",
                fix="Save the weights of the plain, unquantised network.",
            )
    stored = sum(state[name].numel() * state[name].element_size() for name in shapes)
    storages = [state[name].untyped_storage() for name in shapes]
    held = sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())
    if stored > held:  # a few numbers repeated by strides or shared storage: small in the file, huge once copied
        raise CheckpointError(
            "tensors that share or repeat their numbers",
            file=path,
            field=part,
            found=f"{held} bytes",
            expected=f"{stored} bytes",
            fix="Save plain tensors: {name: tensor.clone() for name, tensor in state_dict.items()}.",
        )
    checked = {}  # copies: the file that the tensors are mapped from may be replaced later
    for name in shapes:
        dtype = torch.int64 if name.endswith(_COUNTER) else torch.float32
        tensor = state[name].detach()
        checked[name] = tensor.to("cpu", dtype, copy=True, memory_format=torch.contiguous_format)
    _check_finite(checked, path, part, "The training diverged: give an earlier checkpoint.")
    return checked


def _check_entries(state: Mapping[Any, Any], shapes: Mapping[str, tuple[int, ...]], part: _Part, path: Path) -> None:
    wrong = [
        f"{name} {tuple(state[name].shape)} instead of {shape}"
        for name, shape in shapes.items()
        if isinstance(state.get(name), Tensor) and tuple(state[name].shape) != shape
    ]
    problems = {
        "missing": [name for name in shapes if name not in state],
        "unexpected": [str(name)[:120] for name in state if name not in shapes],
        "not a tensor": [name for name in shapes if name in state and not isinstance(state[name], Tensor)],
        "of another shape": wrong,
    }
    if not any(problems.values()):
        return
    other: _Part = "fusion" if part == "encoder" else "encoder"
    marker = {"encoder": _STEM_WEIGHT, "fusion": _CLASSIFIER_WEIGHT}
    if marker[other] in state and marker[part] not in state:
        fix = "These are the other network's weights: are encoder and fusion swapped?"
    else:
        fix = "Is it the checkpoint of another network, or of another size of it?"
    found = "; ".join(f"{kind}: {_few(names)}" for kind, names in problems.items() if names)
    raise CheckpointError(f"the weights do not fit the {part} network", file=path, field=part, found=found, fix=fix)


def _check_finite(state: StateDict, path: Path, part: str, fix: str) -> None:
    bad = [name for name, tensor in state.items() if not bool(tensor.isfinite().all())]
    if bad:
        raise CheckpointError("weights that are NaN or infinite", file=path, field=part, found=_few(bad), fix=fix)


def _few(names: Sequence[str]) -> str:
    rest = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _filled(network: _Network, state: StateDict) -> _Network:
    network.load_state_dict({name: tensor.clone() for name, tensor in state.items()}, assign=True)
    network.eval()
    return network
