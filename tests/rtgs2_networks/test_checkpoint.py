from __future__ import annotations

import hashlib
import os
import pickle
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
import torch
from torch import Tensor

from golden_values import state_entries
from rtgs2_networks import checkpoint as checkpoint_module
from rtgs2_networks.checkpoint import load_checkpoint, load_research_checkpoint, save_checkpoint
from rtgs2_networks.config import FusionConfig, ModelConfig, preset, research_encoder_config
from rtgs2_networks.encoder import PointTransformerEncoder
from rtgs2_networks.fusion import FusionNetwork
from rtgs2_trt.classes import ClassTable, SemanticClass, builtin_class_table
from rtgs2_trt.errors import CheckpointError, InputError

CONFIG = preset("tiny", 3)
CLASSES = ClassTable(
    tuple(SemanticClass(i, i + 1, name, (i, 0, 9)) for i, name in enumerate(("wall", "floor", "lamp"))), "t"
)
STEM = "embedding.stem.conv.weight"
CLASSIFIER = "Decoder.linear_pred.weight"


class RunsCode:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


@pytest.fixture(scope="module")
def states() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    torch.manual_seed(2)
    return PointTransformerEncoder(CONFIG.encoder).state_dict(), FusionNetwork(CONFIG.fusion).state_dict()


@pytest.fixture
def saved(tmp_path: Path, states: tuple[dict[str, Tensor], dict[str, Tensor]]) -> Path:
    path = tmp_path / "ckpt.pt"
    save_checkpoint(path, CONFIG, CLASSES, *states)
    return path


def test_save_and_load(saved: Path, states: tuple[dict[str, Tensor], dict[str, Tensor]]) -> None:
    loaded = load_checkpoint(saved)
    assert loaded.config == CONFIG
    assert loaded.classes.classes == CLASSES.classes
    assert loaded.sha256 == hashlib.sha256(saved.read_bytes()).hexdigest()
    for state, network in zip(states, (loaded.build_encoder(), loaded.build_fusion()), strict=True):
        assert not network.training
        built = network.state_dict()
        assert list(built) == list(state)
        assert all(torch.equal(built[name], state[name]) for name in state)
        assert all(parameter.requires_grad for parameter in network.parameters())


def test_built_networks_share_nothing(saved: Path) -> None:
    loaded = load_checkpoint(saved)
    for build, state in ((loaded.build_encoder, loaded.encoder), (loaded.build_fusion, loaded.fusion)):
        owners = [state, build().state_dict(), build().state_dict()]
        addresses = [tensor.untyped_storage().data_ptr() for owner in owners for tensor in owner.values()]
        assert len(set(addresses)) == len(addresses)


def test_saving_is_reproducible_and_leaves_no_other_file(saved: Path, states: Any) -> None:
    first = saved.read_bytes()
    save_checkpoint(saved, CONFIG, CLASSES, *states)
    assert saved.read_bytes() == first
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_a_failed_save_keeps_the_old_file(saved: Path, states: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first, real = saved.read_bytes(), checkpoint_module.atomic_file

    class Full:
        """A disk that takes the first bytes alone. PyTorch's own writer would raise an error that says nothing."""

        def __init__(self, file: BinaryIO) -> None:
            self.file = file

        def write(self, content: bytes) -> int:
            self.file.write(content[:9])
            raise OSError(28, "No space left on device")

    @contextmanager
    def filling(path: Path, error: type[InputError]) -> Iterator[Full]:
        with real(path, error) as file:
            yield Full(file)

    monkeypatch.setattr(checkpoint_module, "atomic_file", filling)
    with pytest.raises(CheckpointError, match=r"ckpt\.pt: cannot be written: No space left"):
        save_checkpoint(saved, CONFIG, CLASSES, *states)
    assert saved.read_bytes() == first
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_half_precision(tmp_path: Path, saved: Path, states: Any) -> None:
    path = tmp_path / "half.pt"
    save_checkpoint(path, CONFIG, CLASSES, *states, half=True)
    assert path.stat().st_size < 0.6 * saved.stat().st_size
    for name, tensor in load_checkpoint(path).encoder.items():
        expected = states[0][name]
        assert torch.equal(tensor, expected.half().float() if expected.is_floating_point() else expected)
    large = {**states[0], STEM: states[0][STEM] + 1e6}
    with pytest.raises(CheckpointError, match=f"{STEM}.*Save in float32"):
        save_checkpoint(path, CONFIG, CLASSES, large, states[1], half=True)


def test_saving_what_could_not_be_loaded_is_refused(tmp_path: Path, states: Any) -> None:
    two = ClassTable(CLASSES.classes[:2], "two")
    with pytest.raises(CheckpointError, match=r"3 outputs, expected one for each of the 2 classes"):
        save_checkpoint(tmp_path / "a.pt", CONFIG, two, *states)
    with pytest.raises(CheckpointError, match="swapped"):
        save_checkpoint(tmp_path / "a.pt", CONFIG, CLASSES, states[1], states[0])
    with pytest.raises(CheckpointError, match=r"a\.pt: its folder does not exist"):
        save_checkpoint(tmp_path / "nowhere" / "a.pt", CONFIG, CLASSES, *states)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_float_types_become_float32(saved: Path, dtype: torch.dtype) -> None:
    content = torch.load(saved, weights_only=True)
    content["fusion"] = {k: v.to(dtype) if v.is_floating_point() else v for k, v in content["fusion"].items()}
    torch.save(content, saved)
    loaded = load_checkpoint(saved)
    assert {v.dtype for k, v in loaded.fusion.items()} == {torch.float32, torch.int64}
    assert torch.equal(loaded.fusion[CLASSIFIER], content["fusion"][CLASSIFIER].float())


def put(part: str, name: str, value: Callable[[Tensor], object]) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        content[part][name] = value(content[part].get(name))

    return change


def remove(*keys: str) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        for key in keys[:-1]:
            content = content[key]
        del content[keys[-1]]

    return change


def nan_at_the_end(tensor: Tensor) -> Tensor:
    tensor = tensor.clone()
    tensor.view(-1)[-1] = torch.nan
    return tensor


def test_compressed_archives_are_refused_before_they_are_loaded(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = saved.with_name("packed.pt")
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was loaded"))
    for load in (load_checkpoint, lambda path: load_research_checkpoint(path, path, CLASSES)):
        with pytest.raises(
            CheckpointError, match=r"packed\.pt: .*: a compressed archive.*Save it again with torch\.save"
        ):
            load(packed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(format="rtgs2-checkpoint/2"), "format: another version's format.*/2.*Update rtgs2-trt"),
        (lambda c: c.update(format="something"), "not a checkpoint of this project.*found 'something'"),
        (remove("format"), "not a checkpoint of this project.*found None.*--encoder"),
        (remove("fusion"), "fusion: incomplete checkpoint"),
        (lambda c: c.update(config=[1]), "config: not a dictionary .found list"),
        (lambda c: c["config"].pop("encoder"), "config: missing fields .*found encoder"),
        (lambda c: c["config"]["fusion"].update(num_classes=4), "4 outputs, expected one for each of the 3 classes"),
        (remove("config", "classes"), "classes: not a list .found NoneType"),
        (lambda c: c["config"]["classes"][1].update(id=1), r"classes\[1\].id"),
        (lambda c: c.update(encoder=3), "encoder: no state dict .found int"),
        (remove("encoder", STEM), f"encoder: .* do not fit the encoder network .found missing: {STEM}"),
        (put("fusion", "extra", lambda _: torch.zeros(1)), "unexpected: extra.*another network, or of another size"),
        (put("encoder", STEM, lambda t: t[:5]), rf"of another shape: {STEM} \(5, 5, 5, 5, 10\) instead of \(16, 5"),
        (put("encoder", STEM, lambda _: 3.0), f"not a tensor: {STEM}"),
        (put("encoder", STEM, lambda t: t.int()), rf"encoder.{STEM}: a tensor of another type .found torch.int32"),
        (put("encoder", STEM, lambda t: t.to(torch.complex64)), "found torch.complex64"),
        (put("encoder", STEM, lambda t: t.to_sparse()), "torch.sparse_coo"),
        (put("fusion", "Decoder.linear_fuse.1.num_batches_tracked", lambda t: t.float()), "expected an int64 counter"),
        (put("fusion", CLASSIFIER, nan_at_the_end), f"fusion: weights that are NaN or infinite .found {CLASSIFIER}"),
        (put("encoder", STEM, lambda t: t.double() * 1e300), f"NaN or infinite .found {STEM}"),
        (lambda c: c.update(encoder=c["fusion"]), "encoder and fusion swapped"),
        (
            lambda c: c.update(encoder={f"a{i}": torch.zeros(1) for i in range(9)}),
            "unexpected: a0, a1, a2, a3, a4 and 4 more",
        ),
    ],
)
def test_contents_that_do_not_fit(saved: Path, change: Callable[[dict[str, Any]], None], message: str) -> None:
    content = torch.load(saved, weights_only=True)
    change(content)
    torch.save(content, saved)
    with pytest.raises(CheckpointError, match=message) as raised:
        load_checkpoint(saved)
    assert str(saved) in str(raised.value)


def test_files_that_cannot_be_read(saved: Path, tmp_path: Path) -> None:
    whole = saved.read_bytes()
    files = {
        "truncated.pt": (whole[: len(whole) // 2], "a damaged or incomplete"),
        "text.pt": (b"hello: world\n", "not a file that torch.save has written"),
        "empty.pt": (b"", "not a file that torch.save has written"),
        "noise.pt": (np.random.default_rng(1).bytes(5000), "not a file that torch.save has written"),
    }
    for name, (data, message) in files.items():
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(CheckpointError, match=rf"{name}: {message}"):
            load_checkpoint(path)
    with pytest.raises(CheckpointError, match=r"missing\.pt: cannot be read: No such file"):
        load_checkpoint(tmp_path / "missing.pt")
    with pytest.raises(CheckpointError, match="cannot be read: Is a directory"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("archive", [True, False])
def test_code_in_a_file_never_runs(tmp_path: Path, archive: bool) -> None:
    path, marker = tmp_path / "evil.pt", tmp_path / "it-ran"
    content = {"format": checkpoint_module.FORMAT, "encoder": RunsCode(marker)}
    if archive:
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(CheckpointError, match=r"evil\.pt: refused, because .*mkdir"):
        load_checkpoint(path)
    assert not marker.exists()


def random_state(network: str) -> dict[str, Tensor]:
    """Weights of the full size, as float16 to keep the files small."""
    generator = torch.Generator().manual_seed(4)
    return {
        name: torch.zeros((), dtype=torch.int64)
        if name.endswith("num_batches_tracked")
        else torch.rand(shape, generator=generator).half()
        for name, shape in state_entries(network).items()
    }


@pytest.fixture(scope="module")
def research_encoder() -> dict[str, Tensor]:
    return random_state("encoder")


@pytest.fixture(scope="module")
def fusion_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("research") / "fusion.pth"
    torch.save({"model_state_dict": random_state("fusion")}, path)
    return path


@pytest.mark.parametrize(
    ("to_layout", "wrapped"),
    [
        ((0, 1, 2, 3, 4), False),  # [out, k0, k1, k2, in]
        ((1, 2, 3, 0, 4), True),  # [k0, k1, k2, out, in]
        ((1, 2, 3, 4, 0), False),  # [k0, k1, k2, in, out]
    ],
)
def test_research_layouts_and_wrappings_give_one_state(
    research_encoder: dict[str, Tensor], fusion_file: Path, tmp_path: Path, to_layout: tuple[int, ...], wrapped: bool
) -> None:
    stored: dict[str, Any] = {
        k: v.permute(to_layout).contiguous() if v.ndim == 5 else v for k, v in research_encoder.items()
    }
    if wrapped:
        stored = {"model_state_dict": {f"module.{k}": v for k, v in stored.items()}, "optimizer_state_dict": {}}
    path = tmp_path / "encoder.pth"
    torch.save(stored, path)
    loaded = load_research_checkpoint(path, fusion_file, builtin_class_table("replica"))
    assert loaded.config == ModelConfig(research_encoder_config(), FusionConfig(num_classes=46), "bgr")
    assert list(loaded.encoder) == list(research_encoder)
    assert all(
        torch.equal(loaded.encoder[name], research_encoder[name].to(loaded.encoder[name].dtype))
        for name in research_encoder
    )
    assert all(tensor.is_contiguous() for tensor in loaded.encoder.values())
    assert loaded.sha256 == hashlib.sha256(path.read_bytes() + fusion_file.read_bytes()).hexdigest()
    path.unlink()


@pytest.mark.parametrize(
    ("table", "outputs", "fix"),
    [
        ("scannetpp", 18, "--classes scannetpp-merged"),
        ("scannetpp-merged", 19, "--classes scannetpp"),
        ("replica", 20, "--classes scannet"),
        ("replica", 7, "--classes FILE.yaml"),
    ],
)
def test_research_number_of_classes(tmp_path: Path, table: str, outputs: int, fix: str) -> None:
    encoder, fusion = tmp_path / "encoder.pth", tmp_path / "fusion.pth"
    torch.save({}, encoder)
    torch.save({"model_state_dict": {CLASSIFIER: torch.zeros(outputs, 256, 1, 1)}}, fusion)
    classes = builtin_class_table(table)
    message = rf"fusion\.pth: {CLASSIFIER}: .*{outputs} outputs, expected one for each of the {len(classes)} .*{fix}\.$"
    with pytest.raises(CheckpointError, match=message):
        load_research_checkpoint(encoder, fusion, classes)


def test_wrong_research_files(fusion_file: Path, saved: Path, tmp_path: Path) -> None:
    classes = builtin_class_table("replica")
    with pytest.raises(CheckpointError, match=r"fusion\.pth: encoder: .*encoder and fusion swapped"):
        load_research_checkpoint(fusion_file, fusion_file, classes)
    with pytest.raises(CheckpointError, match=r"ckpt\.pt: format: not a research checkpoint.*rtgs2-export CKPT"):
        load_research_checkpoint(saved, fusion_file, classes)
    with pytest.raises(CheckpointError, match="trained_on: no such order"):
        load_research_checkpoint(fusion_file, fusion_file, classes, trained_on="gbr")  # type: ignore[arg-type]
    path = tmp_path / "list.pth"
    torch.save([torch.zeros(1)], path)
    with pytest.raises(CheckpointError, match=r"list\.pth: no state dict .found list"):
        load_research_checkpoint(path, fusion_file, classes)
    torch.save({STEM: torch.zeros(3, 3), "layer1.weight": torch.zeros(2)}, path)
    with pytest.raises(CheckpointError, match=r"unexpected: layer1.weight; of another shape: .*another network"):
        load_research_checkpoint(path, fusion_file, classes)


def test_numbers_repeated_by_strides_are_refused(saved: Path) -> None:
    """A file of a few kilobytes must not become gigabytes."""
    content = torch.load(saved, weights_only=True)
    for name, value in content["fusion"].items():
        if value.is_floating_point():
            content["fusion"][name] = torch.zeros(1).expand(value.shape)
    torch.save(content, saved)
    with pytest.raises(CheckpointError, match=r"ckpt\.pt: fusion: tensors that share or repeat their numbers"):
        load_checkpoint(saved)


def test_description_and_table_name_are_kept(tmp_path: Path, states: Any) -> None:
    save_checkpoint(tmp_path / "a.pt", CONFIG, CLASSES, *states, description="a line")
    loaded = load_checkpoint(tmp_path / "a.pt")
    assert (loaded.description, loaded.classes.name) == ("a line", CLASSES.name)
    save_checkpoint(tmp_path / "a.pt", CONFIG, CLASSES, *states, description="a" * 2000)
    assert load_checkpoint(tmp_path / "a.pt").description == "a" * 1000  # more would not be read
