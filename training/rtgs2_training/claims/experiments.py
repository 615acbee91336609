"""Which variants of the method are trained, and which two of them each claim compares."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Literal

from rtgs2_networks.config import Inputs
from rtgs2_trt.errors import InputError, shown
from rtgs2_trt.task import Task

from ..runs.config import EncoderRunConfig, FusionRunConfig, TuningRunConfig

EncoderTrainingName = Literal["contrast", "none", "contrast and labels"]


@dataclass(frozen=True)
class ClaimsConfig:
    """The configuration of all runs together.

    Attributes:
        seeds: of the runs; every variant is trained once with each.
        encoder: self-supervised training of the encoder, its seed aside.
        tuning: training of that encoder with labels, its seed aside.
        fusion: training of the full method; the variants change what their names say, and the seed.
        split: on which scenes of the data set all are measured.
        max_views: views a scene that are measured; 0 for all.
    """

    seeds: tuple[int, ...] = (0, 1, 2)
    encoder: EncoderRunConfig = field(default_factory=EncoderRunConfig)
    tuning: TuningRunConfig = field(default_factory=TuningRunConfig)
    fusion: FusionRunConfig = field(default_factory=FusionRunConfig)
    split: str = "test"
    max_views: int = 0

    def __post_init__(self) -> None:
        _require(len(self.seeds) > 0, "seeds", self.seeds, "at least one")
        _require(len(set(self.seeds)) == len(self.seeds), "seeds", self.seeds, "every seed once")
        _require(min(self.seeds, default=0) >= 0, "seeds", self.seeds, "0 or more")
        _require(self.max_views >= 0, "max_views", self.max_views, "0 or more")
        for name in ("encoder", "tuning", "fusion"):
            data = getattr(self, name).data
            _require(not data.scenes, f"{name}.data.scenes", data.scenes, "none: splits say what is trained on")
            _require(data.train_split != "all", f"{name}.data.train_split", "all", "a split without what is measured")
            _require(self.split not in (data.train_split, "all"), "split", self.split, "one that is not trained on")
        for name in ("tuning", "fusion"):
            preset = getattr(self, name).preset
            _require(preset == self.encoder.preset, f"{name}.preset", preset, self.encoder.preset)
        full = (
            self.fusion.inputs == "fusion" and self.fusion.task == "semantic" and self.fusion.loss.centre_collapse > 0
        )
        _require(full, "fusion", "a variant", "the full method: inputs fusion, task semantic, loss.centre_collapse > 0")


@dataclass(frozen=True)
class Experiment:
    """One variant of the method.

    Attributes:
        name: of its folders and in ``claims.json``.
        title: for people.
        inputs: what the fusion network sees.
        task: what it predicts.
        encoder: which training the encoder went through.
        regularised: whether the centre-collapse regulariser is on.
    """

    name: str
    title: str
    inputs: Inputs = "fusion"
    task: Task = "semantic"
    encoder: EncoderTrainingName = "contrast"
    regularised: bool = True

    def config(self, claims: ClaimsConfig, seed: int) -> FusionRunConfig:
        """Return the configuration of this variant's run with `seed`."""
        loss, augmentation = claims.fusion.loss, claims.fusion.augmentation
        if not self.regularised or self.task == "depth":
            loss = dataclasses.replace(loss, centre_collapse=0.0)
        if self.task == "depth":  # an enlarged view does not show the depths of its labels
            augmentation = dataclasses.replace(augmentation, zoom=(1.0, 1.0), perspective=0.0)
        return dataclasses.replace(
            claims.fusion, inputs=self.inputs, task=self.task, seed=seed, loss=loss, augmentation=augmentation
        )


@dataclass(frozen=True)
class Claim:
    """Two variants of which the first should be better: so says the paper, and of the tuned encoder this project."""

    text: str
    better: str
    worse: str


EXPERIMENTS = (
    Experiment("colour", "colour only", inputs="colour"),
    Experiment("features", "features only", inputs="features"),
    Experiment("fusion", "colour and features"),
    Experiment("features-untrained-encoder", "features only, encoder not trained", inputs="features", encoder="none"),
    Experiment("fusion-untrained-encoder", "colour and features, encoder not trained", encoder="none"),
    Experiment(
        "features-tuned-encoder",
        "features only, encoder tuned with labels",
        inputs="features",
        encoder="contrast and labels",
    ),
    Experiment("fusion-tuned-encoder", "colour and features, encoder tuned with labels", encoder="contrast and labels"),
    Experiment("fusion-unregularised", "colour and features, no regulariser", regularised=False),
    Experiment("depth-colour", "depth from colour only", inputs="colour", task="depth"),
    Experiment("depth-fusion", "depth from colour and features", task="depth"),
)

CLAIMS = (
    Claim("Fusion beats colour alone", "fusion", "colour"),
    Claim("Fusion beats features alone", "fusion", "features"),
    Claim("Self-supervised training of the encoder helps features alone", "features", "features-untrained-encoder"),
    Claim("Self-supervised training of the encoder helps fusion", "fusion", "fusion-untrained-encoder"),
    Claim("Labels, after it, help the encoder (not of the paper)", "fusion-tuned-encoder", "fusion"),
    Claim("Fusion beats features alone after labels, too", "fusion-tuned-encoder", "features-tuned-encoder"),
    Claim("The centre-collapse regulariser helps", "fusion", "fusion-unregularised"),
    Claim("Features help depth", "depth-fusion", "depth-colour"),
)


def _require(condition: bool, name: str, found: object, expected: str) -> None:
    if not condition:
        raise InputError("impossible configuration of the claims", field=name, found=shown(found), expected=expected)
