"""The numbered examples run, with the arguments that their first lines name."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "examples").glob("[0-9]*.py"))


def test_numbers_are_not_given_twice() -> None:
    numbers = [path.name[:2] for path in SCRIPTS]
    assert len(set(numbers)) == len(numbers) > 0


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_numbered_example(
    script: Path, workplace: Path, environment: dict[str, str], request: pytest.FixtureRequest
) -> None:
    usage = re.search(rf"^python examples/{script.name}(.*)$", script.read_text(), re.MULTILINE)
    assert usage, "the docstring does not say how it is called"
    given = {
        "BUNDLE": "build/demo/demo.rtgs2",
        "SCENE": "build/demo/room.ply",
        "CAMERAS": "build/demo/cameras.json",
        "ENCODED.ply": "build/encoded.ply",
        "PICTURE.png": f"build/{script.stem}.png",
    }
    arguments = [
        str(request.getfixturevalue("depth_bundle")) if word == "DEPTH_BUNDLE" else given[word]
        for word in usage[1].split()
    ]
    command = [sys.executable, str(script), *arguments]
    done = subprocess.run(command, cwd=workplace, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    if "PICTURE.png" in usage[1]:
        assert (workplace / given["PICTURE.png"]).is_file()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_example_without_arguments_tells_its_use(script: Path, environment: dict[str, str]) -> None:
    if not re.search(rf"^python examples/{script.name} \S", script.read_text(), re.MULTILINE):
        pytest.skip("it takes no arguments")
    done = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"python examples/{script.name}" in done.stderr
