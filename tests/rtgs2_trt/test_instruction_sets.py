"""Instruction sets: listed, inspected, forced; the files compiled for one lend no code to the others."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rtgs2_trt.errors import InputError
from rtgs2_trt.instruction_sets import forced_instruction_set, instruction_set, instruction_sets

SOURCES = Path(__file__).parents[2] / "csrc"


def run_with_variable(value: str, code: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"RTGS2_INSTRUCTION_SET": value}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_least_is_always_there() -> None:
    least = "neon" if platform.machine() == "aarch64" else "baseline"
    assert instruction_sets()[0] == least
    assert len(set(instruction_sets())) == len(instruction_sets())


def test_forced_for_a_block_and_nested() -> None:
    before, (least, best) = instruction_set(), (instruction_sets()[0], instruction_sets()[-1])
    with forced_instruction_set(least):
        assert instruction_set() == least
        with forced_instruction_set(best):
            assert instruction_set() == best
        assert instruction_set() == least
    assert instruction_set() == before


def test_an_error_in_the_block_ends_the_forcing() -> None:
    before = instruction_set()
    with pytest.raises(ZeroDivisionError), forced_instruction_set(instruction_sets()[0]):
        _ = 1 / 0
    assert instruction_set() == before


@pytest.mark.parametrize("name", ["sse9", "", "AVX2"])
def test_unknown_names_are_refused(name: str) -> None:
    message = rf"name: unknown instruction set \(found '{name}', expected one of {', '.join(instruction_sets())}\)"
    with pytest.raises(InputError, match=message), forced_instruction_set(name):
        pass


@pytest.mark.parametrize("name", instruction_sets())
def test_environment_chooses(name: str) -> None:
    result = run_with_variable(name, "import rtgs2_trt; print(rtgs2_trt.instruction_set())")
    assert (result.returncode, result.stdout) == (0, f"{name}\n"), result.stderr


def test_unknown_environment_is_refused_when_something_is_drawn() -> None:
    code = """
import numpy as np
from types import SimpleNamespace
from rtgs2_trt import Camera, rasterize
empty = SimpleNamespace(means=np.zeros((0, 3)), scales=np.zeros((0, 3)), rotations=np.zeros((0, 4)),
                        opacities=np.zeros(0), sh=np.zeros((0, 1, 3)), features=None)
rasterize(empty, Camera(8, 8, 8.0, 8.0, world_to_camera=np.eye(4)))
"""
    result = run_with_variable("avx1024", code)
    assert "RTGS2_INSTRUCTION_SET: unknown instruction set (found 'avx1024', expected one of " in result.stderr
    assert run_with_variable(instruction_sets()[0], code).returncode == 0


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the flags are those of x86-64")
@pytest.mark.parametrize("optimisation", ["-O0", "-O2"])
@pytest.mark.parametrize("name", ["avx2", "avx512"])
def test_files_of_an_instruction_set_share_no_code(name: str, optimisation: str, tmp_path: Path) -> None:
    # The linker keeps one copy of a weak symbol: if it were this one, a lesser machine would run it and crash.
    compiler, nm = shutil.which("c++"), shutil.which("nm")
    if compiler is None or nm is None:
        pytest.skip("no C++ compiler or nm on PATH")
    flags = ["-mavx2"] + ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl"] * (name == "avx512")
    command = [compiler, "-std=c++20", optimisation, *flags, f"-I{SOURCES}", "-c"]
    for source in SOURCES.glob(f"*/*_{name}.cpp"):
        target = tmp_path / f"{source.stem}.o"
        subprocess.run([*command, str(source), "-o", str(target)], check=True)
        listing = subprocess.run([nm, "-C", str(target)], capture_output=True, text=True, check=True).stdout
        symbols = [line.split(maxsplit=2)[-2:] for line in listing.splitlines()]
        # Templates over vectors of this width have a name that no other instruction set's files use.
        lanes = {"avx2": 8, "avx512": 16}[name]
        own = (f"{name}_", f"vector({lanes})", "DW.ref.__gxx_personality_v0")
        shared = [symbol for kind, symbol in symbols if kind not in "tdrbU" and not any(part in symbol for part in own)]
        assert shared == []
