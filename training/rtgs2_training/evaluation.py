"""Running a predictor over the labelled views of scenes and adding up what it is worth."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.classes import ClassTable
from rtgs2_trt.errors import DatasetError, InputError

from .datasets import SceneFolder
from .metrics import ConfusionMatrix, DepthError, Scores
from .predictors import Predictor, ViewPrediction
from .view_consistency import MAX_VIEWS, ComparedView, Consistency, view_consistency


@dataclass(frozen=True, eq=False)
class ExampleView:
    """One view of the evaluation, for pictures.

    Attributes:
        title: scene and view.
        prediction: what was predicted.
        labels: (H, W) int16 true classes, -1 where ignored; None of the depth task.
        depth: (H, W) float32 true metres, NaN where unknown; None where the data set has none.
    """

    title: str
    prediction: ViewPrediction
    labels: NDArray[np.int16] | None
    depth: NDArray[np.float32] | None


@dataclass(eq=False)
class Evaluation:
    """What a predictor reached.

    Attributes:
        classes: what labels mean; None of the depth task.
        confusion: pixels by true and predicted class; None of the depth task.
        depth: errors of predicted depth; None of the semantic task.
        consistency: labels kept between views; None of the depth task and without depth in the data set.
        by_scene: mIoU or RMSE of each scene.
        views: views evaluated.
        seconds: time spent to encode and to predict.
        examples: a few views.
    """

    classes: ClassTable | None
    confusion: ConfusionMatrix | None = None
    depth: DepthError | None = None
    consistency: Consistency | None = None
    by_scene: dict[str, float] = field(default_factory=dict)
    views: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: {"encode": 0.0, "predict": 0.0})
    examples: list[ExampleView] = field(default_factory=list)

    @property
    def scores(self) -> Scores | None:
        """The metrics of the semantic task."""
        return None if self.confusion is None else self.confusion.scores()

    def to_dict(self) -> dict[str, Any]:
        """Return the metrics of the task as JSON has them; what is not defined is None."""
        values: dict[str, Any] = {"scenes": len(self.by_scene), "views": self.views}
        if self.classes is not None and self.confusion is not None:
            scores = self.confusion.scores()
            shares = scores.pixels / max(1, int(scores.pixels.sum()))
            values |= {
                "miou": _defined(scores.miou),
                "pixel_accuracy": _defined(scores.pixel_accuracy),
                "class_accuracy": _defined(scores.class_accuracy),
                "view_consistency": None if self.consistency is None else _defined(self.consistency.share),
                "consistency_points": 0 if self.consistency is None else self.consistency.points,
                "iou": {c.name: _defined(float(scores.iou[c.index])) for c in self.classes},
                "recall": {c.name: _defined(float(scores.recall[c.index])) for c in self.classes},
                "precision": {c.name: _defined(float(scores.precision[c.index])) for c in self.classes},
                "pixel_share": {c.name: round(float(shares[c.index]), 6) for c in self.classes},
                "pixels": int(scores.pixels.sum()),
                "miou_by_scene": {name: _defined(value) for name, value in self.by_scene.items()},
            }
        if self.depth is not None:
            values |= {
                "depth_rmse": _defined(self.depth.rmse),
                "depth_absolute_relative": _defined(self.depth.absolute_relative),
                "pixels": self.depth.pixels,
                "depth_rmse_by_scene": {name: _defined(value) for name, value in self.by_scene.items()},
            }
        values["seconds"] = {name: round(seconds, 3) for name, seconds in self.seconds.items()}
        return values


def evaluate(
    predictor: Predictor,
    scenes: Sequence[SceneFolder],
    *,
    max_views: int = 0,
    examples: int = 0,
    track: Callable[[Sequence[SceneFolder], str], Iterable[SceneFolder]] = lambda scenes, name: scenes,
) -> Evaluation:
    """Predict the labelled views of `scenes` and compare them with the truth.

    Args:
        predictor: what is evaluated.
        scenes: of a data set opened with the predictor's class table (:func:`check_classes`).
        max_views: views a scene, evenly spaced; 0 for all.
        examples: views to keep for pictures, evenly spaced over the scenes.
        track: wraps the loop over the scenes, to show progress.

    Raises:
        DatasetError: labels or depth are missing or cannot be used.
        SceneError: a scene cannot be used.
        CameraError: cameras cannot be used.
    """
    result = Evaluation(predictor.classes)
    if predictor.task == "depth":
        result.depth = DepthError()
    elif predictor.classes is not None:
        result.confusion = ConfusionMatrix(len(predictor.classes))
    wanted = set(evenly_spaced(range(len(scenes)), examples))
    for number, scene in enumerate(track(scenes, "evaluate scenes")):
        _evaluate_scene(predictor, scene, max_views, result, keep_example=number in wanted)
    return result


def check_classes(model: ClassTable, labels: ClassTable, *, ignore_missing: bool = False) -> None:
    """Refuse a data set whose label ids mean something else to the model.

    Args:
        model: the predictor's class table.
        labels: the data set's.
        ignore_missing: classes that the model does not know are ignored instead of refused.

    Raises:
        DatasetError: an id has another name in both tables, or the model lacks a class.
    """
    names = {entry.id: entry.name for entry in model}
    other = [entry for entry in labels if names.get(entry.id, entry.name) != entry.name]
    if other:
        raise DatasetError(
            "the model and the data set give one label id two names",
            field=f"class id {other[0].id}",
            found=f"{names[other[0].id]!r} in the model's table {model.name!r}",
            expected=f"{other[0].name!r} as in the data set's table {labels.name!r}",
            fix="Evaluate a model on data sets with the class table that it was trained with",
        )
    missing = [entry.name for entry in labels if entry.id not in names]
    if missing and not ignore_missing:
        raise DatasetError(
            "the data set has classes that the model does not know",
            field="classes",
            found=", ".join(missing[:10]),
            expected=f"classes of the model's table {model.name!r}",
            fix="Ignore their pixels with --ignore-foreign, or take a model trained with these classes",
        )


def evenly_spaced(items: Sequence[Any], count: int) -> list[Any]:
    """Return `count` of `items` (all if there are fewer), evenly spaced, in order."""
    if count >= len(items):
        return list(items)
    return [items[i * len(items) // count] for i in range(count)]


def _evaluate_scene(
    predictor: Predictor, folder: SceneFolder, max_views: int, result: Evaluation, *, keep_example: bool
) -> None:
    views = evenly_spaced(list(folder.cameras), max_views) if max_views else list(folder.cameras)
    gaussians = folder.load_scene()
    start = time.perf_counter()
    scene = predictor.encode(gaussians)
    result.seconds["encode"] += time.perf_counter() - start
    confusion = None if result.confusion is None else ConfusionMatrix(len(result.confusion.counts))
    depth = None if result.depth is None else DepthError()
    with_depth = [view for view in views if predictor.task == "semantic" and folder.has_depth(view)]
    to_compare, compared = set(evenly_spaced(with_depth, MAX_VIEWS)), []
    for number, view in enumerate(views):
        camera = folder.cameras[view]
        labels = None if confusion is None else folder.labels(view)
        distances = folder.depth(view) if depth is not None or view in to_compare else None
        start = time.perf_counter()
        prediction = predictor.predict(scene, camera)
        result.seconds["predict"] += time.perf_counter() - start
        if confusion is not None and labels is not None:
            if prediction.labels is None:
                raise InputError("the predictor gave no labels", field="task", found=predictor.task)
            confusion.add(labels, prediction.labels)
            if view in to_compare and distances is not None:
                compared.append(ComparedView(camera, distances, labels, prediction.labels))
        if depth is not None and distances is not None and prediction.depth is not None:
            depth.add(distances, prediction.depth)
        if keep_example and number == len(views) // 2:
            result.examples.append(ExampleView(f"{folder.name} / {view}", prediction, labels, distances))
    if confusion is not None and result.confusion is not None:
        result.confusion.merge(confusion)
        result.by_scene[folder.name] = confusion.scores().miou
    if depth is not None and result.depth is not None:
        result.depth.merge(depth)
        result.by_scene[folder.name] = depth.rmse
    if to_compare:
        result.consistency = (result.consistency or Consistency()) + view_consistency(compared)
    result.views += len(views)


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value
