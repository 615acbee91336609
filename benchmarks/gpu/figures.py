"""Holds what was measured against what was aimed at: reached, not reached, or not measured and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .names import (
    BUT_FLIPPED,
    CALLS,
    DIFFERENCES,
    FRAMES,
    GSPLAT_COLOUR,
    GSPLAT_FEATURES,
    LABELS,
    OURS,
    RESEARCH_PIPELINE,
)

Entry = Mapping[str, Any]


class _MissingError(Exception):
    """An entry that was not measured; the message says why."""


@dataclass(frozen=True)
class Figure:
    """A figure that was aimed at.

    Attributes:
        text: what it is.
        bound: the value to reach.
        at_least: whether more is better.
        value: computes it from the entries of the reference scene, by name; raises KeyError or :class:`_MissingError`.
    """

    text: str
    bound: float
    at_least: bool
    value: Callable[[Mapping[str, Entry]], float]

    def judged(self, entries: Mapping[str, Entry]) -> dict[str, Any]:
        """The figure as JSON has it."""
        wanted = f"{'at least' if self.at_least else 'at most'} {self.bound:g}"
        try:
            value = self.value(entries)
        except _MissingError as error:
            return {"figure": self.text, "wanted": wanted, "found": None, "verdict": f"not measured: {error}"}
        reached = value >= self.bound if self.at_least else value <= self.bound
        verdict = "reached" if reached else "not reached"
        return {"figure": self.text, "wanted": wanted, "found": value, "verdict": verdict}


def judge(entries: Sequence[Entry], scene: str) -> list[dict[str, Any]]:
    """Return all figures, judged by the entries of `scene`."""
    by_name = {entry["name"]: entry for entry in entries if entry["scene"] == scene}
    return [figure.judged(by_name) for figure in FIGURES]


def table(figures: Sequence[Mapping[str, Any]]) -> str:
    """The same in Markdown."""
    lines = ["| figure | wanted | found | |", "|---|---|---:|---|"]
    for figure in figures:
        found = "-" if figure["found"] is None else f"{figure['found']:.3g}"
        lines.append(f"| {figure['figure']} | {figure['wanted']} | {found} | {figure['verdict']} |")
    return "\n".join(lines)


def _entry(entries: Mapping[str, Entry], name: str) -> Entry:
    entry = entries.get(name)
    if entry is None:
        raise _MissingError(f"{name}: this run did not come to it")
    if entry["status"] != "measured":
        raise _MissingError(f"{name}: {entry['reason']}")
    return entry


def _milliseconds(entries: Mapping[str, Entry], name: str) -> float:
    return float(_entry(entries, name)["milliseconds"]["median"])


def _ratio(above: str, below: str) -> Callable[[Mapping[str, Entry]], float]:
    return lambda entries: _milliseconds(entries, above) / _milliseconds(entries, below)


def _of_frames(
    entries: Mapping[str, Entry], names: Sequence[str], value: Callable[[Entry], float], best: Callable[..., float]
) -> float:
    """A value of our frame, with whatever engine it was measured."""
    found: list[float] = []
    reasons = []
    for name in names:
        try:
            found.append(value(_entry(entries, name)))
        except _MissingError as error:
            reasons.append(str(error))
    if not found:
        raise _MissingError("; ".join(reasons))
    return best(found)


def _frame(entries: Mapping[str, Entry]) -> float:
    """Milliseconds of our frame, of the fastest engine for the network."""

    def milliseconds(entry: Entry) -> float:
        times = entry.get("milliseconds")
        return float(1000 * sum(entry["seconds"].values()) if times is None else times["median"])

    return _of_frames(entries, FRAMES, milliseconds, min)


def _memory(entries: Mapping[str, Entry]) -> float:
    return _of_frames(entries, FRAMES[:2], lambda entry: float(entry["frame_memory"]) / 1e6, min)


def _calls(entries: Mapping[str, Entry]) -> float:
    names = [CALLS[frame] for frame in FRAMES]
    return _of_frames(entries, names, lambda entry: float(entry["allocations"] + entry["waits_inside"]), max)


def _difference(of: str, *names: str) -> Callable[[Mapping[str, Entry]], float]:
    return lambda entries: max(float(_entry(entries, of)["differences"][name]) for name in names)


def _images_against_the_cpu(storage: str, precision: str, bound: float) -> list[Figure]:
    of = DIFFERENCES[storage]
    text = f"colour and features against the CPU, {precision}, relative"
    return [
        Figure(f"{text}, worst pixel", bound, False, _difference(of, "rgb", "features")),
        Figure(f"{text}{BUT_FLIPPED}", bound, False, _difference(of, f"rgb{BUT_FLIPPED}", f"features{BUT_FLIPPED}")),
    ]


FIGURES = (
    Figure("gsplat in two passes / ours, 35 channels", 2.0, True, _ratio(GSPLAT_FEATURES, OURS[1])),
    Figure("ours, 35 channels / ours, 3 channels", 1.5, False, _ratio(OURS[1], OURS[0])),
    Figure("gsplat, 3 channels / ours, 35 channels", 1.0, True, _ratio(GSPLAT_COLOUR, OURS[1])),
    Figure(
        "frames a second: ours / the research pipeline",
        4.0,
        True,
        lambda entries: _milliseconds(entries, RESEARCH_PIPELINE) / _frame(entries),
    ),
    Figure("frames a second (wanted on an H200)", 200.0, True, lambda entries: 1000 / _frame(entries)),
    Figure("MB of a frame over scene, weights and CUDA context", 300.0, False, _memory),
    Figure("allocations and waits inside a frame, traced", 0.0, False, _calls),
    *_images_against_the_cpu("half", "FP16", 2e-3),
    *_images_against_the_cpu("float", "FP32", 1e-4),
    Figure(
        "share of labels that differ from the CPU's, FP16, near-ties apart",
        1e-3,
        False,
        _difference(LABELS, "labels, near-ties apart (fp16)"),
    ),
    Figure(
        "share of labels that differ from the CPU's, FP32, near-ties apart",
        1e-3,
        False,
        _difference(LABELS, "labels, near-ties apart (fp32)"),
    ),
)
