"""The commands and the Python of docs/labels-in-3d.md run as written."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs/labels-in-3d.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("command", [line for block in blocks("bash") for line in block.splitlines()])
def test_command(workplace, environment, command):
    assert command.startswith("rtgs2 ")
    if "--video" in command:
        pytest.importorskip("cv2", reason="needs rtgs2-trt[video]")
    assert run(shlex.split(command), workplace, environment).strip()
    (written,) = re.findall(r"(?:--video|-o) (\S+)", command)
    assert (workplace / written).stat().st_size > 1000


@pytest.mark.parametrize("code", blocks("python"))
def test_python(workplace, environment, code):
    assert "'wall'" in run([sys.executable, "-c", code], workplace, environment)
    assert (workplace / "build/furniture.classes.json").is_file()
