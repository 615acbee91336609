"""Evaluation of checkpoints, bundles and the colour baseline on box rooms with exact labels and depth."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from box_room import CEILING, DOOR, FLOOR, WALL, box_scene, box_views, write_box_dataset, write_box_scene  # noqa: E402
from golden.seeded_weights import seeded_state  # noqa: E402
from rtgs2_export.export import export_bundle  # noqa: E402
from rtgs2_networks.checkpoint import load_checkpoint, save_checkpoint  # noqa: E402
from rtgs2_networks.config import preset  # noqa: E402
from rtgs2_networks.encoder import PointTransformerEncoder  # noqa: E402
from rtgs2_networks.fusion import FusionNetwork  # noqa: E402
from rtgs2_training.cli import main  # noqa: E402
from rtgs2_training.colour_baseline import ColourBaseline  # noqa: E402
from rtgs2_training.datasets import open_dataset  # noqa: E402
from rtgs2_training.evaluation import check_classes, evaluate, evenly_spaced  # noqa: E402
from rtgs2_training.predictors import ViewPrediction, open_predictor  # noqa: E402
from rtgs2_trt.classes import ClassTable, builtin_class_table  # noqa: E402
from rtgs2_trt.errors import DatasetError, InputError  # noqa: E402

SYNTHROOMS = builtin_class_table("synthrooms")
KEPT = [entry for entry in SYNTHROOMS if entry.name in ("wall", "floor", "sofa", "door", "ceiling")]
TABLE = ClassTable(tuple(dataclasses.replace(entry, index=i) for i, entry in enumerate(KEPT)), "five")


@pytest.fixture(scope="module")
def boxes(tmp_path_factory):
    return write_box_dataset(
        tmp_path_factory.mktemp("data") / "boxes", {"train": ["a", "b"], "test": ["c", "d"]}, TABLE
    )


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A checkpoint with five classes, whose seeded weights give several of them, and its bundle."""
    folder = tmp_path_factory.mktemp("models")
    config = preset("tiny", len(TABLE))
    states = []
    for network in (PointTransformerEncoder(config.encoder), FusionNetwork(config.fusion)):
        shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
        states.append({name: torch.from_numpy(np.asarray(v)) for name, v in seeded_state(shapes, 15).items()})
    save_checkpoint(folder / "rooms.pt", config, TABLE, *states, description="seeded")
    export_bundle(load_checkpoint(folder / "rooms.pt"), folder / "rooms.rtgs2")
    return folder / "rooms.pt", folder / "rooms.rtgs2"


class Oracle:
    """Predicts what the data set says, except what `wrong` changes."""

    task = "semantic"
    classes = TABLE

    def __init__(self, dataset, wrong=lambda labels: labels):
        self.description = {"kind": "oracle"}
        self.truth = {
            camera: scene.labels(view) for scene in dataset.scenes("all") for view, camera in scene.cameras.items()
        }
        self.wrong = wrong
        self.seen = []

    def encode(self, scene):
        return scene

    def predict(self, scene, camera):
        self.seen.append(camera)
        labels = self.wrong(self.truth[camera]).astype(np.uint16)
        return ViewPrediction(labels, None, np.zeros((3, *labels.shape), np.float32))


def test_the_truth_is_worth_1(boxes):
    dataset = open_dataset(boxes)
    values = evaluate(Oracle(dataset), dataset.scenes("test")).to_dict()
    assert values["miou"] == values["pixel_accuracy"] == values["class_accuracy"] == values["view_consistency"] == 1
    assert {name for name, iou in values["iou"].items() if iou is not None} == {"wall", "floor", "door", "ceiling"}
    assert sum(values["pixel_share"].values()) == pytest.approx(1, abs=1e-4)
    assert (values["scenes"], values["views"], values["pixels"]) == (2, 6, 6 * 60 * 80)
    assert values["consistency_points"] > 1000
    assert values["miou_by_scene"] == {"c": 1, "d": 1}


def test_a_known_mistake_has_its_value(boxes):
    dataset = open_dataset(boxes)
    wall, door = (list(TABLE.ids).index(i) for i in (WALL, DOOR))
    values = evaluate(
        Oracle(dataset, lambda labels: np.where(labels == door, wall, labels)), dataset.scenes("test")
    ).to_dict()
    truth = np.concatenate([s.labels(v).ravel() for s in dataset.scenes("test") for v in s.cameras])
    walls, doors = np.count_nonzero(truth == wall), np.count_nonzero(truth == door)
    assert values["iou"]["door"] == 0
    assert values["iou"]["wall"] == pytest.approx(walls / (walls + doors))
    assert values["miou"] == pytest.approx((2 + walls / (walls + doors)) / 4)
    assert values["pixel_accuracy"] == pytest.approx(1 - doors / truth.size)
    assert values["class_accuracy"] == pytest.approx(3 / 4)
    assert values["view_consistency"] == 1  # wrong in every view alike


def test_max_views_are_evenly_spaced(boxes):
    dataset = open_dataset(boxes)
    oracle = Oracle(dataset)
    result = evaluate(oracle, dataset.scenes("test")[:1], max_views=2, examples=4)
    assert oracle.seen == list(dataset.scenes("test")[0].cameras.values())[:2]
    assert (result.views, len(result.examples)) == (2, 1)
    assert evenly_spaced(range(10), 3) == [0, 3, 6]
    assert evenly_spaced([1, 2], 5) == [1, 2]


def test_without_depth_there_is_no_consistency(tmp_path):
    write_box_scene(tmp_path / "scene")
    for name in ("depth", "instance"):
        for path in (tmp_path / "scene" / name).iterdir():
            path.unlink()
        (tmp_path / "scene" / name).rmdir()
    dataset = open_dataset(tmp_path / "scene", TABLE)
    values = evaluate(Oracle(dataset), dataset.scenes("all")).to_dict()
    assert (values["view_consistency"], values["consistency_points"], values["miou"]) == (None, 0, 1)


def test_views_without_depth_are_measured_and_not_compared(tmp_path):
    write_box_scene(tmp_path / "scene", views=box_views(4))
    dataset = open_dataset(tmp_path / "scene", TABLE)
    every = evaluate(Oracle(dataset), dataset.scenes("all")).to_dict()
    (tmp_path / "scene" / "depth" / "0002.png").unlink()
    some = evaluate(Oracle(dataset), dataset.scenes("all")).to_dict()
    assert (some["views"], some["miou"], some["view_consistency"]) == (4, 1, 1)
    assert 0 < some["consistency_points"] < every["consistency_points"]


def test_checkpoint_and_bundle_agree(boxes, models):
    dataset = open_dataset(boxes)
    values, labels = [], []
    for path in models:
        predictor = open_predictor(path)
        values.append(evaluate(predictor, dataset.scenes("test")).to_dict())
        scene = dataset.scenes("test")[0]
        encoded = predictor.encode(scene.load_scene())
        labels.append([predictor.predict(encoded, camera).labels for camera in scene.cameras.values()])
    assert values[0]["miou"] > 0.05
    for key in ("miou", "pixel_accuracy", "class_accuracy", "view_consistency"):
        assert values[0][key] == pytest.approx(values[1][key], abs=0.002)
    assert len(np.unique(labels[0])) > 1
    assert np.mean(np.asarray(labels[0]) != np.asarray(labels[1])) < 1e-3  # near-ties


def test_depth_checkpoint_and_bundle_agree(boxes, depth_checkpoint, depth_bundle):
    dataset = open_dataset(boxes)
    values = [evaluate(open_predictor(p), dataset.scenes("test")).to_dict() for p in (depth_checkpoint, depth_bundle)]
    assert values[0]["depth_rmse"] > 0.1
    assert values[0]["depth_rmse"] == pytest.approx(values[1]["depth_rmse"], rel=1e-4)
    assert values[0]["pixels"] == 6 * 60 * 80
    assert set(values[0]["depth_rmse_by_scene"]) == {"c", "d"}
    assert "miou" not in values[0]


def test_inputs_that_a_checkpoint_does_not_see_change_nothing(boxes, models):
    scene, camera = box_scene(), box_views()["0000"]
    grey = box_scene(seed=0).with_features(None)
    grey = type(grey)(grey.means, grey.scales, grey.rotations, grey.opacities, grey.sh * 0)
    features, colour = (open_predictor(models[0], inputs=inputs) for inputs in ("features", "colour"))
    encoded = features.encode(scene)
    same = features.predict(type(scene)(**{**vars(grey), "features": encoded.features}), camera).labels
    np.testing.assert_array_equal(features.predict(encoded, camera).labels, same)
    assert not colour.encode(scene).features.any()
    assert (colour.predict(colour.encode(scene), camera).labels != features.predict(encoded, camera).labels).any()
    assert colour.description["inputs"] == "colour"


def test_network_of_one_input_is_measured_with_it(boxes, models, tmp_path):
    whole = load_checkpoint(models[0])
    fusion = dataclasses.replace(whole.config.fusion, inputs="features")
    config, path = dataclasses.replace(whole.config, fusion=fusion), tmp_path / "features.pt"
    save_checkpoint(path, config, whole.classes, whole.encoder, whole.fusion)
    scene, camera = box_scene(), box_views()["0000"]
    one, zeroed = open_predictor(path), open_predictor(models[0], inputs="features")
    assert one.description["inputs"] == "features"
    labels = [predictor.predict(predictor.encode(scene), camera).labels for predictor in (one, zeroed)]
    np.testing.assert_array_equal(*labels)
    with pytest.raises(InputError, match=r"features\.pt: inputs: .*features alone.*found colour"):
        open_predictor(path, inputs="colour")


def train(*arguments):
    return main(["evaluate", *map(str, arguments)])


def test_command_writes_and_prints(boxes, models, tmp_path, capsys):
    assert train(models[0], boxes, "--json", "--quiet", "-o", tmp_path / "out", "--max-views", 2) == 0
    captured = capsys.readouterr()
    values = json.loads(captured.out)
    assert captured.err == ""
    assert 0 <= values["miou"] <= 1
    assert values["dataset"] == {"name": "boxes", "origin": "", "path": str(boxes), "split": "test"}
    assert (values["model"]["kind"], values["model"]["weights"], values["views"]) == ("checkpoint", "seeded", 4)
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text()) == values
    with (tmp_path / "out" / "classes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["class"] for row in rows] == TABLE.names
    for column in ("iou", "recall", "precision", "pixel_share"):
        assert float(rows[0][column]) == pytest.approx(values[column]["wall"], abs=1e-6)
    assert rows[TABLE.names.index("sofa")]["iou"] == ""
    with (tmp_path / "out" / "confusion.csv").open() as file:
        confusion = list(csv.DictReader(file))
    for name, row, scores in zip(TABLE.names, confusion, rows, strict=True):
        assert [row.pop("class"), *row] == [name, *TABLE.names]
        of_class, predicted = sum(map(int, row.values())), sum(int(other[name]) for other in confusion)
        assert of_class / values["pixels"] == pytest.approx(float(scores["pixel_share"]), abs=1e-6)
        if scores["iou"] != "":
            right = int(row[name])
            assert right / (of_class + predicted - right) == pytest.approx(float(scores["iou"]), abs=1e-6)
            assert right / of_class == pytest.approx(float(scores["recall"]), abs=1e-6)
    for name in ("classes.png", "contact_sheet.png"):
        with Image.open(tmp_path / "out" / name) as image:
            assert min(image.size) > 100
    assert train(models[1], boxes, "--quiet", "--split", "train") == 0
    text = capsys.readouterr().out
    assert "over the 4 classes present" in text
    assert "2 scenes, 6 views" in text


def test_command_for_depth(boxes, depth_checkpoint, tmp_path, capsys):
    assert train(depth_checkpoint, boxes, "--quiet", "-o", tmp_path / "out") == 0
    assert "depth RMSE" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["contact_sheet.png", "evaluation.json"]


def test_command_for_the_baseline(boxes, capsys):
    assert train("colour-baseline", boxes, "--json", "--quiet") == 0
    values = json.loads(capsys.readouterr().out)
    assert values["model"]["kind"] == "colour baseline"
    assert values["miou"] < 0.9  # each box has colours of its own


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--inputs", "features"], "colour-baseline: --inputs: colour-baseline sees nothing but colours"),
        (["--threads", "1"], "colour-baseline: --threads: colour-baseline runs on one thread"),
        (["--backend", "cpu"], "colour-baseline: --backend, --precision: only bundles run on several backends"),
    ],
)
def test_the_baseline_refuses_what_it_does_not_use(boxes, capsys, options, message):
    assert train("colour-baseline", boxes, *options, "--quiet") == 2
    assert message in capsys.readouterr().err


def test_the_baseline_says_which_split_it_needs(boxes, tmp_path, capsys):
    shutil.copytree(boxes, tmp_path / "boxes")
    (tmp_path / "boxes" / "dataset.json").unlink()
    assert train("colour-baseline", tmp_path / "boxes", "--classes", "synthrooms") == 2
    message = capsys.readouterr().err
    assert "counts colours in the split 'train', which the data set lacks (found no dataset.json)" in message
    assert "docs/conventions.md" in message


def test_views_left_out_are_told(boxes, models, tmp_path, capsys):
    """Without dataset.json a view may lack its labels, or its camera; a figure of the others is no figure of all."""
    shutil.copytree(boxes, tmp_path / "boxes")
    (tmp_path / "boxes" / "dataset.json").unlink()
    (tmp_path / "boxes" / "a" / "semantic" / "0001.png").unlink()
    cameras = tmp_path / "boxes" / "b" / "cameras.json"
    cameras.write_text(json.dumps(json.loads(cameras.read_text())[:2]))
    assert train(models[1], tmp_path / "boxes", "--json") == 0
    printed = capsys.readouterr()
    values = json.loads(printed.out)
    assert (values["views_left_out"], values["views"]) == (2, 10)
    assert "views without a label image or without a camera, left out: 2" in printed.err
    assert train(models[1], boxes, "--json", "--quiet") == 0
    assert json.loads(capsys.readouterr().out)["views_left_out"] == 0


def test_baseline_learns_what_colours_tell():
    """Red is class 0, green class 1, and half of the blue pixels are each: the more frequent one wins."""
    rgb = np.zeros((3, 2, 6), np.float32)
    rgb[0, :, :2], rgb[1, :, 2:4], rgb[2, :, 4:] = 0.95, 0.95, 0.95
    labels = np.array([[0, 0, 1, 1, 0, 1], [0, 0, 1, 1, 1, -1]], np.int16)
    classes = ClassTable(TABLE.classes[:2], "two")
    baseline = ColourBaseline(classes, [(rgb, labels)])
    np.testing.assert_array_equal(baseline.label(rgb), [[0, 0, 1, 1, 1, 1]] * 2)
    darker = rgb * np.float32(0.9 / 0.95)  # cells that were never seen: their surroundings decide
    np.testing.assert_array_equal(baseline.label(darker)[:, :4], [[0, 0, 1, 1]] * 2)
    green = (rgb[:, :, 2:4], labels[:, 2:4])
    balanced = ColourBaseline(classes, [(rgb, labels), green, green], balanced=True)
    assert balanced.label(rgb)[0, 4] == 0  # 1 of the 5 pixels of class 0, 2 of the 14 of class 1
    with pytest.raises(InputError, match="no labelled pixel"):
        ColourBaseline(classes, [(rgb, np.full((2, 6), -1, np.int16))])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--split", "validation"], "split: no such split .found 'validation', expected all, train, test"),
        (["--classes", "scannet"], r"dataset\.json: --classes: the data set says itself"),
        (["--precision", "bf16"], "rooms.pt: --backend, --precision: .*a checkpoint runs in PyTorch"),
        (["--balanced"], "rooms.pt: --balanced: not for trained models"),
    ],
)
def test_wrong_options(boxes, models, capsys, options, message):
    assert train(models[0], boxes, *options, "--quiet") == 2
    assert re.search(message, capsys.readouterr().err)


def test_more_bad_input(boxes, models, tmp_path, capsys):
    assert train(models[1], boxes, "--inputs", "colour") == 2
    assert "rooms.rtgs2: --inputs: a bundle sees everything" in capsys.readouterr().err
    assert train(tmp_path / "nothing.pt", boxes) == 2
    assert "nothing.pt: cannot be read" in capsys.readouterr().err
    assert train(models[0], tmp_path / "nothing") == 2
    assert "nothing: there is no such folder" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert train(models[0], boxes, "-o", tmp_path / "file") == 2
    assert "file: --output: is a file, not a folder" in capsys.readouterr().err


def test_other_class_tables(boxes, models, tiny_checkpoint, tmp_path, capsys):
    assert train(tiny_checkpoint, boxes, "--quiet") == 2  # its id 5 is a chair too, but it has no ceiling
    assert "classes: the data set has classes that the model does not know" in capsys.readouterr().err
    write_box_scene(tmp_path / "scene")
    assert train(models[0], tmp_path / "scene", "--quiet", "--classes", "scannet") == 2
    assert "does not know (found cabinet, bed, chair" in capsys.readouterr().err
    for options in ([], ["--classes", "scannet", "--ignore-foreign"]):
        assert train(models[0], tmp_path / "scene", "--quiet", "--json", *options) == 0
        values = json.loads(capsys.readouterr().out)
        assert (values["dataset"]["split"], values["pixels"]) == ("all", 3 * 60 * 80)


def test_tables_are_compared_by_id_and_name():
    scannet = builtin_class_table("scannet")
    check_classes(SYNTHROOMS, scannet)
    with pytest.raises(DatasetError, match=r"classes: .*does not know .found ceiling, other object.*--ignore-foreign"):
        check_classes(scannet, SYNTHROOMS)
    check_classes(scannet, SYNTHROOMS, ignore_missing=True)
    with pytest.raises(DatasetError, match=r"class id 3: the model and the data set give one label id two names"):
        check_classes(SYNTHROOMS, builtin_class_table("replica"), ignore_missing=True)
    assert (WALL, FLOOR, DOOR, CEILING) == (1, 2, 8, 22)


def test_generated_rooms(models, tmp_path):
    """What the generator writes is what the reader reads, and checkpoint and bundle agree on it."""
    from rtgs2_training.synthrooms import RoomSettings, write_dataset

    settings = RoomSettings(gaussians=6000, views=4, image_size=(96, 64))
    write_dataset(tmp_path / "rooms", scenes=1, seed=5, validation=0, test=1, settings=settings, workers=1)
    dataset = open_dataset(tmp_path / "rooms")
    assert dataset.classes.names == SYNTHROOMS.names
    values = evaluate(RoomOracle(dataset), dataset.scenes("test")).to_dict()
    assert (values["miou"], values["view_consistency"], values["views"]) == (1, 1, 4)
    assert values["consistency_points"] > 100
    (scene,) = dataset.scenes("test")
    for view in scene.cameras:
        # what has an instance has a label; depth is unknown only behind glass and where nothing is
        np.testing.assert_array_equal(scene.instances(view) > 0, scene.labels(view) >= 0)
        assert np.isfinite(scene.depth(view)).mean() > 0.5
    few = open_dataset(tmp_path / "rooms", TABLE, foreign_ids="ignore").scenes("test")
    one, other = (evaluate(open_predictor(path), few).to_dict() for path in models)
    for key in ("miou", "pixel_accuracy", "class_accuracy", "view_consistency"):
        assert one[key] == pytest.approx(other[key], abs=0.002)


class RoomOracle(Oracle):
    classes = SYNTHROOMS
