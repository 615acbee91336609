"""What was measured and what was not, written down as it comes: whoever ends the program early keeps what there is."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rtgs2_trt.atomic import atomic_file

from . import figures, roofline
from .peers import NotMeasuredError

Found = dict[str, "dict[str, Any] | NotMeasuredError"]


class Report:
    """results.json and results.md of a run, written anew after every step; "partial" until :meth:`finish`.

    Args:
        out: the folder; made with the first step.
        header: what stands above the entries in results.json: date, command, GPU, versions, size.
        seconds: after which nothing more is begun.
        dry: measure nothing.

    Attributes:
        entries: one for everything that was to be measured.
        counts: the work of each scene, or why it was not counted.
        reference: name of the scene whose frame stands for the GPU.
        reference_frame: seconds of its stages, by what, and on which GPU.
        floors: of it on all devices, or why they are not there.
    """

    def __init__(self, out: Path, header: Mapping[str, Any], seconds: float, dry: bool) -> None:
        self.out, self.header, self.dry = out, header, dry
        self.entries: list[dict[str, Any]] = []
        self.counts: dict[str, Any] = {}
        self.reference = ""
        self.reference_frame: dict[str, Any] | None = None
        self.floors: dict[str, Any] | str = "not reached"
        self._partial = True
        self._steps: list[dict[str, Any]] = []
        self._begin = time.monotonic()
        self._end = self._begin + seconds

    def left(self) -> float:
        """Seconds."""
        return self._end - time.monotonic()

    def skip(self, scene: str, names: Sequence[str], reason: str) -> None:
        """Write down why `names` are not measured."""
        self.entries += [{"scene": scene, "name": name, "status": "not measured", "reason": reason} for name in names]

    def try_to(self, scene: str, names: Sequence[str], work: Callable[[], Found], needs: float = 0.0) -> None:
        """Measure `names`; a failure of one group is written down and the others go on.

        Args:
            scene: its name.
            names: what `work` returns.
            work: measures. Of what it returns besides, measured again, the newer takes the older's place.
            needs: seconds that must be left.
        """
        begin = time.monotonic()
        if self.dry:
            self.skip(scene, names, "dry run")
        elif self.left() < needs:
            self.skip(scene, names, "out of time")
        else:
            self._measure(scene, names, work)
        self.note(scene, ", ".join(names), time.monotonic() - begin)
        self.save()

    def note(self, scene: str, what: str, seconds: float) -> None:
        """Write down how long a step took, whatever came of it."""
        self._steps.append({"scene": scene, "what": what, "seconds": round(seconds, 2)})

    def _measure(self, scene: str, names: Sequence[str], work: Callable[[], Found]) -> None:
        try:
            found = work()
        except NotMeasuredError as error:
            return self.skip(scene, names, str(error))
        except Exception as error:  # whatever a driver, a library or a peer raises
            return self.skip(scene, names, f"failed: {type(error).__name__}: {error}")
        for name, entry in found.items():
            if isinstance(entry, NotMeasuredError):
                self.skip(scene, [name] if name in names else [], str(entry))
                continue
            if name not in names:
                self.entries = [old for old in self.entries if (old["scene"], old["name"]) != (scene, name)]
            self.entries.append({"scene": scene, "name": name, "status": "measured", **entry})
        return None

    def value(self) -> dict[str, Any]:
        """What results.json holds."""
        return {
            "partial": self._partial,
            **self.header,
            "dry_run": self.dry,
            "seconds": round(time.monotonic() - self._begin, 1),
            "counts": self.counts,
            "entries": self.entries,
            "reference": self.reference,
            "figures": figures.judge(self.entries, self.reference),
            "reference_frame": self.reference_frame,
            "floors": self.floors if isinstance(self.floors, dict) else None,
            "floors_missing": None if isinstance(self.floors, dict) else self.floors,
            "steps": self._steps,
        }

    def save(self) -> None:
        """Write both files, each whole at any moment."""
        self.out.mkdir(parents=True, exist_ok=True)
        value = self.value()
        for file, text in (("results.json", json.dumps(value, indent=1) + "\n"), ("results.md", table(value))):
            with atomic_file(self.out / file) as stream:
                stream.write(text.encode())

    def finish(self) -> str:
        """Write both files as whole ones; return the table."""
        self._partial = False
        self.save()
        return table(self.value())


def table(result: Mapping[str, Any]) -> str:
    """The result in Markdown."""
    device = result["gpu"]
    lines = [
        f"# {'No GPU' if device is None else device['name']}, {result['date']}",
        "",
        f"Made by `{result['command']}` in {result['seconds']:.0f} s. "
        f"{', '.join(f'{k} {v}' for k, v in result['versions'].items())}.",
        "",
        f"{result['size'][0]}x{result['size'][1]}, milliseconds on the GPU; the ways of a scene take turns.",
        "",
        "| scene | what | median | p90 | |",
        "|---|---|---:|---:|---|",
    ]
    if result["partial"]:
        lines[2:2] = ["**Partial: the run had not come to its end when this was written.**", ""]
    lines += [_row(entry) for entry in result["entries"]]
    lines += ["", "## Figures aimed at", "", figures.table(result["figures"]), "", "## Floors", ""]
    if result["floors"] is None:
        lines += [f"Not counted: {result['floors_missing']}."]
    else:
        lines += [roofline.table(result["floors"], result["reference_frame"])]
    return "\n".join(lines) + "\n"


def _row(entry: Mapping[str, Any]) -> str:
    times = entry.get("milliseconds")
    cells = ("-", "-") if times is None else (f"{times['median']:.3f}", f"{times['p90']:.3f}")
    if times is None and "seconds" in entry:
        cells = (f"{1000 * sum(entry['seconds'].values()):.3f}", "-")
    if entry["status"] != "measured":
        notes = [f"not measured: {entry['reason']}"]
    else:
        notes = [] if times is None else [f"{times['runs']} runs"]
        if "seconds" in entry:
            notes += [f"{stage} {1000 * seconds:.2f}" for stage, seconds in entry["seconds"].items()]
        if "frames_per_second" in entry:
            notes += [f"batch {entry['frames_per_second']:.0f} frames a second", entry["precision"]]
        if "frame_memory" in entry:
            notes += [f"{entry['frame_memory'] / 1e6:.0f} MB over scene, weights and context"]
        for group in ("calls", "differences"):
            notes += [_pair(name, value) for name, value in entry.get(group, {}).items()]
    return f"| {entry['scene']} | {entry['name']} | {cells[0]} | {cells[1]} | {', '.join(notes)} |"


def _pair(name: str, value: float | str) -> str:
    return f"{name} {value}" if isinstance(value, str) else f"{name} {value:.3g}"
