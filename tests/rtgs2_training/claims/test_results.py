"""What finished runs say together, and how it is kept and shown."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image

pytest.importorskip("torch")

from rtgs2_training.claims.experiments import CLAIMS, EXPERIMENTS, ClaimsConfig
from rtgs2_training.claims.report import markdown, plot
from rtgs2_training.claims.results import read_result, summary, write_result
from rtgs2_trt.errors import InputError

RUNS = {
    "colour": [{"miou": 0.30}, {"miou": 0.32}, {"miou": 0.40}],
    "fusion": [{"miou": 0.50}, {"miou": 0.56}, {"miou": 0.38}],
    "depth-colour": [{"depth_rmse": 0.9, "depth_absolute_relative": 0.2}] * 3,
    "depth-fusion": [{"depth_rmse": 0.7, "depth_absolute_relative": 0.1}] * 3,
}
SETTING = {
    "seeds": [0, 1, 2],
    "steps": 500,
    "batch_size": 8,
    "crop": [96, 128],
    "encoder_steps": 300,
    "tuning_steps": 200,
    "longest_minutes": 3.21,
    "train_scenes": 10,
    "dataset": "boxes",
    "views": 40,
    "scenes": 4,
    "split": "test",
}


def test_means_spreads_and_paired_differences():
    values = summary(RUNS)
    fusion = values["experiments"]["fusion"]["miou"]
    assert fusion["mean"] == pytest.approx(0.48)
    assert fusion["spread"] == pytest.approx(((0.02**2 + 0.08**2 + 0.1**2) / 2) ** 0.5, abs=1e-6)
    assert fusion["values"] == [0.5, 0.56, 0.38]
    claims = {claim["claim"]: claim for claim in values["claims"]}
    assert len(claims) == 2  # the others have no runs
    colour = claims["Fusion beats colour alone"]
    assert colour["difference"]["values"] == pytest.approx([0.2, 0.24, -0.02])
    assert (colour["seeds_that_agree"], colour["seeds"]) == (2, 3)
    depth = claims["Features help depth"]
    assert depth["metric"] == "depth_rmse"
    assert depth["difference"]["mean"] == pytest.approx(0.2)  # less error counts as better
    assert depth["difference"]["spread"] == 0
    assert "depth_rmse" not in values["experiments"]["fusion"]


def test_one_seed_has_no_spread():
    assert summary({"colour": [{"miou": 0.3}]})["experiments"]["colour"]["miou"]["spread"] == 0


def test_tables():
    text = markdown({"setting": SETTING, **summary(RUNS)})
    assert "The longest run, of a fusion network or an encoder, trained for 3.2 minutes." in text
    assert "500 steps of 8 views cut to 128x96; encoders 300 steps of contrast, where tuned 200 more" in text
    assert "| colour only | 34.0 ± 5.3 | - | - | - |" in text
    assert "| depth from colour and features | 0.700 ± 0.000 | 10.0 ± 0.0 |" in text
    assert "| Fusion beats colour alone | +14.0 ± 14.0 points of mIoU | 2 of 3 |" in text
    assert "| Features help depth | +0.200 ± 0.000 m less RMSE | 3 of 3 |" in text
    assert text.startswith("Seeds 0, 1, 2: every fusion run")


def test_table_of_one_seed_claims_no_spread():
    one = {name: runs[:1] for name, runs in RUNS.items()}
    text = markdown({"setting": {**SETTING, "seeds": [0]}, **summary(one)})
    assert "±" not in text
    assert "| colour only | 30.0 | - | - | - |" in text
    assert "| Fusion beats colour alone | +20.0 points of mIoU | 1 of 1 |" in text


def test_plot_is_a_picture():
    for runs in (RUNS, {"colour": RUNS["colour"]}):
        with Image.open(io.BytesIO(plot(summary(runs)))) as image:
            assert min(image.size) > 100


def test_results_are_kept_and_belong_to_one_configuration(tmp_path):
    assert read_result(tmp_path, "a" * 64) is None
    write_result(tmp_path, {"identity": "a" * 64, "metrics": {"miou": 0.5}})
    assert read_result(tmp_path, "a" * 64)["metrics"] == {"miou": 0.5}
    with pytest.raises(
        InputError, match=r"result\.json: identity: the result of another configuration.*Give another -o"
    ):
        read_result(tmp_path, "b" * 64)
    for content in (b"", b"[]", b"[" * 100_000, b'{"identity": 1}', json.dumps({"metrics": 5}).encode()):
        (tmp_path / "result.json").write_bytes(content)
        with pytest.raises(InputError, match=r"result\.json: not a result of a run.*Delete it"):
            read_result(tmp_path, "a" * 64)


def test_variants_change_what_their_names_say():
    claims = ClaimsConfig()
    configs = {experiment.name: experiment.config(claims, 7) for experiment in EXPERIMENTS}
    assert {config.seed for config in configs.values()} == {7}
    assert len({config.steps for config in configs.values()}) == 1  # the same budget
    assert [configs[name].inputs for name in ("colour", "features", "fusion")] == ["colour", "features", "fusion"]
    assert configs["fusion"].loss.centre_collapse > 0 == configs["fusion-unregularised"].loss.centre_collapse
    assert configs["depth-colour"].task == configs["depth-fusion"].task == "depth"
    names = set(configs)
    assert all({claim.better, claim.worse} <= names for claim in CLAIMS)
    encoders = {experiment.name: experiment.encoder for experiment in EXPERIMENTS if experiment.encoder != "contrast"}
    assert encoders == {
        "features-untrained-encoder": "none",
        "fusion-untrained-encoder": "none",
        "features-tuned-encoder": "contrast and labels",
        "fusion-tuned-encoder": "contrast and labels",
    }


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"seeds": ()}, "seeds: .*at least one"),
        ({"seeds": (1, 1)}, "seeds: .*every seed once"),
        ({"seeds": (-1,)}, "seeds: .*0 or more"),
        ({"max_views": -1}, "max_views"),
    ],
)
def test_impossible_configurations(fields, message):
    with pytest.raises(InputError, match=message):
        ClaimsConfig(**fields)
