"""Full-size checkpoints in the research code's format, with seeded weights: export, command line, PyTorch's labels."""

from __future__ import annotations

import json

import numpy as np
import pytest

from golden.seeded_weights import seeded_weight
from golden_values import seeded_state_dict

torch = pytest.importorskip("torch")

from rtgs2_export.cli import main as rtgs2_export  # noqa: E402
from rtgs2_export.golden import encode_with_pytorch, fuse_with_pytorch  # noqa: E402
from rtgs2_networks.checkpoint import load_research_checkpoint  # noqa: E402
from rtgs2_trt import Bundle, Camera, Segmenter, save_cameras  # noqa: E402
from rtgs2_trt.classes import builtin_class_table  # noqa: E402
from rtgs2_trt.cli import main as rtgs2  # noqa: E402

TABLES = {"replica": 46, "scannet": 20, "scannetpp": 19}


@pytest.fixture(scope="module")
def research_files(tmp_path_factory):
    """encoder.pth and fusion_TABLE.pth, as the research code saves them."""
    folder = tmp_path_factory.mktemp("research")
    torch.save(seeded_state_dict("encoder", 1), folder / "encoder.pth")
    fusion = seeded_state_dict("fusion", 1)
    for name, count in TABLES.items():
        for leaf, shape in (("weight", (count, 256, 1, 1)), ("bias", (count,))):
            key = f"Decoder.linear_pred.{leaf}"
            fusion[key] = torch.from_numpy(seeded_weight(key, shape, 1))
        torch.save({"model_state_dict": fusion}, folder / f"fusion_{name}.pth")
    return folder


def arguments(folder, table):
    files = ["--encoder", str(folder / "encoder.pth"), "--fusion", str(folder / f"fusion_{table}.pth")]
    return [*files, "--classes", table]


@pytest.mark.parametrize("table", TABLES)
def test_export_and_segment_give_pytorchs_labels(research_files, tmp_path, scene, table, capsys):
    bundle, out = tmp_path / "model.rtgs2", tmp_path / "out"
    precision = "both" if table == "replica" else "fp32"  # tables differ in the last layer only, and FP16 takes long
    options = ["--image-size", "680x1200", "--precision", precision, "--json", "--quiet"]
    command = [*arguments(research_files, table), "-o", str(bundle), *options]
    assert rtgs2_export(command) == 0
    check = json.loads(capsys.readouterr().out)["self_check"]
    assert check["passed"]
    assert check["labels_wrong"] == 0
    manifest = Bundle(bundle).manifest
    assert manifest.trained_on == "bgr"
    assert manifest.classes == builtin_class_table(table)

    scene.save(tmp_path / "scene.ply")
    camera = Camera.look_at((0.2, 0.2, 0.6), (1.8, 1.2, 0.5), width=150, height=100, fov_degrees=80)
    save_cameras(tmp_path / "cameras.json", {"view": camera})
    paths = [str(bundle), str(tmp_path / "scene.ply"), "--cameras", str(tmp_path / "cameras.json"), "-o", str(out)]
    assert rtgs2(["segment", *paths, "--quiet"]) == 0

    checkpoint = load_research_checkpoint(
        research_files / "encoder.pth", research_files / f"fusion_{table}.pth", builtin_class_table(table)
    )
    segmenter = Segmenter(bundle)
    encoded = segmenter.load(tmp_path / "scene.ply")
    features = encode_with_pytorch(checkpoint, encoded)
    assert np.abs(features - encoded.features).max() < 1e-4 * np.abs(features).max()
    logits = torch.from_numpy(fuse_with_pytorch(checkpoint, encoded.with_features(features), camera))
    full = torch.nn.functional.interpolate(logits[None], scale_factor=4, mode="bilinear")[0, :, :100, :150].numpy()
    expected, labels = full.argmax(0), segmenter(encoded, camera).labels
    rows, columns = np.nonzero(labels != expected)
    lead = full[expected[rows, columns], rows, columns] - full[labels[rows, columns], rows, columns]
    assert (lead < 1e-4 * np.abs(full).max()).all()  # near-ties only
    from PIL import Image

    with Image.open(out / "labels" / "view.png") as image:
        np.testing.assert_array_equal(np.asarray(image), manifest.classes.ids[labels])


def test_wrong_number_of_classes_names_the_fitting_table(research_files, tmp_path, capsys):
    files = arguments(research_files, "scannet")[:4]
    assert rtgs2_export([*files, "--classes", "replica", "-o", str(tmp_path / "x.rtgs2"), "--quiet"]) == 2
    message = capsys.readouterr().err
    assert "fusion_scannet.pth" in message
    assert "found 20 outputs, expected one for each of the 46 classes" in message
    assert "--classes scannet" in message
    assert not (tmp_path / "x.rtgs2").exists()


def test_swapped_files_are_recognised(research_files, tmp_path, capsys):
    swapped = ["--encoder", str(research_files / "fusion_scannet.pth"), "--fusion", str(research_files / "encoder.pth")]
    assert rtgs2_export([*swapped, "--classes", "scannet", "-o", str(tmp_path / "x.rtgs2"), "--quiet"]) == 2
    assert "are encoder and fusion swapped" in capsys.readouterr().err
