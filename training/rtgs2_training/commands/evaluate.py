"""``rtgs2-train evaluate``: measure a checkpoint, a bundle or the colour baseline on labelled views."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtgs2_trt.backends import BACKENDS
from rtgs2_trt.console import Console, add_console_options, check_folder
from rtgs2_trt.errors import InputError

if TYPE_CHECKING:
    from ..datasets import Dataset
    from ..predictors import Predictor

BASELINE = "colour-baseline"
_BASELINE_VIEWS = 400
_EXAMPLES = 6


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    from ..dataset_options import add_dataset_options
    from ..runs.run_options import at_least

    parser = commands.add_parser(
        "evaluate",
        help="measure a checkpoint or a bundle on labelled views",
        description="Measure a checkpoint (PyTorch), a bundle (any backend) or a classifier of single pixels' colours "
        "on the labelled views of a data set: mIoU over the classes present, IoU of each class, accuracies, view "
        "consistency; for depth models RMSE.",
    )
    parser.add_argument("model", metavar="CKPT|BUNDLE", help=f"checkpoint, bundle folder, or '{BASELINE}'")
    parser.add_argument("dataset", metavar="DATASET", help="folder of a data set, or of one scene")
    parser.add_argument("--split", help="split of the data set (default: test, or all without dataset.json)")
    add_dataset_options(parser, default=" (default: the model's table)")
    parser.add_argument("--backend", default="auto", choices=["auto", *BACKENDS], help="of a bundle")
    parser.add_argument("--precision", default="fp32", choices=["fp32", "fp16", "bf16"], help="of a bundle")
    parser.add_argument(
        "--inputs",
        default="fusion",
        choices=["fusion", "colour", "features"],
        help="what a checkpoint gets to see of what it was trained with",
    )
    parser.add_argument("--balanced", action="store_true", help=f"{BASELINE}: rare classes count like frequent ones")
    parser.add_argument("--max-views", type=at_least(1), default=0, metavar="N", help="views a scene, evenly spaced")
    parser.add_argument("--threads", type=at_least(0), default=0, help="CPU threads, 0 for all (default)")
    parser.add_argument("-o", "--output", metavar="DIR", help="also write JSON, CSV and pictures into this folder")
    add_console_options(parser)
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace, console: Console) -> None:
    """Run the subcommand."""
    from ..datasets import tell_left_out
    from ..evaluation import evaluate
    from ..evaluation_report import text_report, write_report

    if arguments.output:
        import matplotlib  # noqa: F401 - for the pictures: missed now, not after all is measured

        check_folder(Path(arguments.output), "--output")
    with console.step("open model and data set"):
        predictor, dataset = _open(arguments, console)
        split = arguments.split or ("test" if dataset.splits else "all")
        scenes = dataset.scenes(split)
    left_out = tell_left_out(scenes, console)
    result = evaluate(predictor, scenes, max_views=arguments.max_views, examples=_EXAMPLES, track=console.track)
    values: dict[str, Any] = {
        "model": dict(predictor.description),
        "task": predictor.task,
        "dataset": {"name": dataset.name, "origin": dataset.origin, "path": str(dataset.path), "split": split},
        "views_left_out": left_out,
        **result.to_dict(),
    }
    if arguments.output:
        name = Path(str(predictor.description.get("path", predictor.description["kind"]))).name
        write_report(Path(arguments.output), result, values, f"{name} on {dataset.name}, {split}")
    console.result(values, text_report(values))


def _open(arguments: argparse.Namespace, console: Console) -> tuple[Predictor, Dataset]:
    from ..dataset_options import given_class_table
    from ..datasets import DESCRIPTION, ForeignIds, open_dataset
    from ..evaluation import check_classes
    from ..predictors import open_predictor

    described = (Path(arguments.dataset) / DESCRIPTION).exists()
    given = given_class_table(arguments.dataset, arguments.classes)
    foreign: ForeignIds = "ignore" if arguments.ignore_foreign else "error"
    _refuse_idle_options(arguments)
    if arguments.model == BASELINE:
        dataset = open_dataset(arguments.dataset, given, foreign_ids=foreign)
        return _baseline(dataset, arguments.balanced, console), dataset
    predictor = open_predictor(
        arguments.model,
        backend=arguments.backend,
        precision=arguments.precision,
        inputs=arguments.inputs,
        threads=arguments.threads,
    )
    if predictor.classes is None:  # labels only say which views there are
        return predictor, open_dataset(arguments.dataset, given, foreign_ids=foreign)
    table = given or predictor.classes
    if described:
        table = open_dataset(arguments.dataset).classes
    check_classes(predictor.classes, table, ignore_missing=arguments.ignore_foreign)
    return predictor, open_dataset(arguments.dataset, predictor.classes, foreign_ids=foreign)


def _refuse_idle_options(arguments: argparse.Namespace) -> None:
    """Refuse options that would change nothing: a figure would be taken for something that it is not."""
    baseline, bundle = arguments.model == BASELINE, Path(arguments.model).is_dir()
    if not bundle and (arguments.backend, arguments.precision) != ("auto", "fp32"):
        raise InputError(
            "only bundles run on several backends",
            file=arguments.model,
            field="--backend, --precision",
            expected="a bundle; a checkpoint runs in PyTorch in float32",
            fix="Give a bundle (rtgs2-export CKPT), or leave them out",
        )
    if (baseline or bundle) and arguments.inputs != "fusion":
        raise InputError(
            f"{BASELINE} sees nothing but colours" if baseline else "a bundle sees everything",
            file=arguments.model,
            field="--inputs",
            fix="Give a checkpoint, or leave it out",
        )
    if baseline and arguments.threads:
        raise InputError(f"{BASELINE} runs on one thread", file=arguments.model, field="--threads", fix="Leave it out")
    if arguments.balanced and not baseline:
        raise InputError("not for trained models", file=arguments.model, field="--balanced", fix="Leave it out")


def _baseline(dataset: Dataset, balanced: bool, console: Console) -> Predictor:
    from rtgs2_trt.rasterize import rasterize

    from ..colour_baseline import ColourBaseline
    from ..evaluation import evenly_spaced

    if not dataset.splits.get("train"):
        raise InputError(
            f"{BASELINE} counts colours in the split 'train', which the data set lacks",
            file=dataset.path,
            field="splits",
            found=", ".join(dataset.splits) or "no dataset.json",
            fix="Say in dataset.json which scenes are for training: docs/conventions.md#data-sets",
        )
    scenes = evenly_spaced(dataset.scenes("train"), _BASELINE_VIEWS)

    def views() -> Iterator[tuple[Any, Any]]:
        for folder in console.track(scenes, "count colours"):
            scene = folder.load_scene()
            for view in evenly_spaced(list(folder.cameras), max(1, _BASELINE_VIEWS // len(scenes))):
                yield rasterize(scene, folder.cameras[view]).rgb, folder.labels(view)

    return ColourBaseline(dataset.classes, views(), balanced=balanced)
