"""The table of the claims for people: Markdown and a plot."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any


def markdown(values: Mapping[str, Any]) -> str:
    """Return the tables as Markdown.

    Args:
        values: of ``claims.json``: ``setting`` and what :func:`rtgs2_training.claims.results.summary` returns.
    """
    setting = values["setting"]
    lines = [
        f"{'Seeds' if len(setting['seeds']) > 1 else 'Seed'} {', '.join(map(str, setting['seeds']))}: every fusion run "
        f"{setting['steps']} steps of {setting['batch_size']} views cut to {setting['crop'][1]}x{setting['crop'][0]}; "
        f"encoders {setting['encoder_steps']} steps of contrast, where tuned {setting['tuning_steps']} more with "
        "labels, where not trained none. "
        f"Trained on {setting['train_scenes']} scenes of {setting['dataset']}, measured on {setting['views']} views of "
        f"the {setting['scenes']} scenes of its split {setting['split']}, never seen in training. "
        f"The longest run, of a fusion network or an encoder, trained for {setting['longest_minutes']:.1f} minutes. "
        + ("Mean ± standard deviation between seeds." if len(setting["seeds"]) > 1 else "One seed tells no spread."),
        "",
        "| variant | mIoU, % | pixel accuracy, % | class accuracy, % | view consistency, % |",
        "|---|---|---|---|---|",
    ]
    shares = ("miou", "pixel_accuracy", "class_accuracy", "view_consistency")
    for entry in values["experiments"].values():
        if "miou" in entry:
            lines.append(f"| {entry['title']} | " + " | ".join(_cell(entry, name, 100, 1) for name in shares) + " |")
    depth = [entry for entry in values["experiments"].values() if "depth_rmse" in entry]
    if depth:
        lines += ["", "| variant | depth RMSE, m | absolute relative, % |", "|---|---|---|"]
        lines += [
            f"| {e['title']} | {_cell(e, 'depth_rmse', 1, 3)} | {_cell(e, 'depth_absolute_relative', 100, 1)} |"
            for e in depth
        ]
    if values["claims"]:
        lines += ["", "| claim | difference, same seed | seeds that agree |", "|---|---|---|"]
    for claim in values["claims"]:
        scale, digits, unit = (100, 1, "points of mIoU") if claim["metric"] == "miou" else (1, 3, "m less RMSE")
        difference = _spread(claim["difference"], scale, digits, "+")
        agree = f"{claim['seeds_that_agree']} of {claim['seeds']}"
        lines.append(f"| {claim['claim']} | {difference} {unit} | {agree} |")
    return "\n".join(lines) + "\n"


def plot(values: Mapping[str, Any]) -> bytes:
    """Return a PNG: every seed's value as a dot, the mean as a bar, mIoU and depth apart."""
    from matplotlib.figure import Figure

    panels = [
        ("miou", "mIoU on unseen rooms, %", 100.0),
        ("depth_rmse", "depth RMSE on unseen rooms, m", 1.0),
    ]
    entries = {
        metric: [entry for entry in values["experiments"].values() if metric in entry] for metric, _, _ in panels
    }
    shown = [panel for panel in panels if entries[panel[0]]]
    heights = [len(entries[metric]) for metric, _, _ in shown]
    figure = Figure(figsize=(8, 0.9 * len(shown) + 0.45 * sum(heights)), layout="constrained")
    all_axes = figure.subplots(len(shown), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (metric, title, scale) in zip(all_axes, shown, strict=True):
        rows = entries[metric][::-1]
        for y, entry in enumerate(rows):
            axes.barh(y, scale * entry[metric]["mean"], color="#7fa8d1", height=0.6)
            points = [scale * value for value in entry[metric]["values"]]
            axes.plot(points, [y] * len(points), "o", color="#1d3557", markersize=4, clip_on=False)
        axes.set_yticks(range(len(rows)), [entry["title"] for entry in rows])
        axes.set_title(title, loc="left")
        axes.set_xlim(left=0)
        axes.spines[["top", "right"]].set_visible(False)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=110)
    return image.getvalue()


def _cell(entry: Mapping[str, Any], metric: str, scale: float, digits: int) -> str:
    if metric not in entry:
        return "-"
    return _spread(entry[metric], scale, digits)


def _spread(measured: Mapping[str, Any], scale: float, digits: int, sign: str = "") -> str:
    """Mean and spread; one value has none."""
    mean = f"{scale * measured['mean']:{sign}.{digits}f}"
    return f"{mean} ± {scale * measured['spread']:.{digits}f}" if len(measured["values"]) > 1 else mean
