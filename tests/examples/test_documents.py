"""The commands and the Python of the README and the numbered examples run as written."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[str]:
    lines = [line for block in blocks("bash") for line in block.replace("\\\n", " ").splitlines()]
    return [line.split("  #")[0].strip() for line in lines if line.strip() and not line.startswith("#")]


def run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_readme_names_the_two_commands():
    assert {"make demo", "make test"} <= set(commands())


def test_make_targets_of_the_readme_exist():
    makefile = (ROOT / "Makefile").read_text()
    targets = [command.split()[1] for command in commands() if command.startswith("make ")]
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("command", [c for c in commands() if c.startswith("rtgs2")])
def test_readme_command(workplace, environment, command):
    run(shlex.split(command.replace("examples/", f"{ROOT}/examples/")), workplace, environment)


def test_every_other_readme_command_is_known():
    known = ("make ", "rtgs2", "pip install", "python benchmarks/", "python examples/")
    assert [command for command in commands() if not command.startswith(known)] == []


@pytest.mark.parametrize("code", blocks("python"))
def test_readme_python(workplace, environment, code):
    run([sys.executable, "-c", code], workplace, environment)


@pytest.mark.parametrize("script", sorted(path.name for path in (ROOT / "examples").glob("[0-9]*.py")))
def test_numbered_example(workplace, environment, script):
    arguments = ["build/demo/demo.rtgs2", "build/demo/room.ply"]
    if "ENCODED" in (ROOT / "examples" / script).read_text():
        arguments.append("build/encoded.ply")
    output = run([sys.executable, str(ROOT / "examples" / script), *arguments], workplace, environment)
    assert output.strip()
