"""The commands of docs/jetson.md and docs/tensorrt.md: few enough, and such as our command lines take."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from rtgs2_trt.cli import main

ROOT = Path(__file__).parents[2]
JETSON = (ROOT / "docs/jetson.md").read_text()
TENSORRT = (ROOT / "docs/tensorrt.md").read_text()


def commands(page: str) -> list[str]:
    lines = [line for block in re.findall(r"```bash\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    return [line.split("  #")[0].strip() for line in lines]


OURS = [line for line in [*commands(JETSON), *commands(TENSORRT)] if line.startswith("rtgs2")]


def test_under_ten_commands_from_a_flashed_board_to_labels() -> None:
    """Counted one by one: a line may not join several. All of the section, the export on another machine included."""
    section = JETSON.split("## From a flashed board to labels")[1].split("\n## ")[0]
    export, on_the_board = (block.splitlines() for block in re.findall(r"```bash\n(.*?)```", section, re.DOTALL))
    assert not [line for line in [*export, *on_the_board] if re.search(r"&&|;|\||\\$", line)]
    assert len(export) + len(on_the_board) == 9
    assert section.lstrip().startswith("Nine commands in all, ")
    assert any(line.startswith("rtgs2 build") for line in on_the_board)
    assert on_the_board[-1].startswith("rtgs2 segment")
    explained = re.findall(r"^(\d)\. ", section, re.MULTILINE)
    assert explained == [str(number + 1) for number in range(len(on_the_board))]


def test_every_program_that_the_board_runs_is_installed_before() -> None:
    """A fresh board has apt, Python and JetPack's own; what else a block calls, a line before it or pip brings."""
    brings = {"python3-venv": {"python"}, "pip install": {"rtgs2", "rtgs2-export"}, "cmake": {"cmake"}}
    have = {"sudo", ".", "/usr/bin/python3", "docker", "pip", "build/cpp/label_frames"}  # pip is the environment's
    for line in commands(JETSON.split("On the board, in the repository:")[-1]):
        for part in line.split("&&"):
            words = [word for word in shlex.split(part) if not re.fullmatch(r"[A-Z_]+=.*", word)]
            assert words[0] in have, f"{words[0]} is not there yet: {line}"
        for what, programs in brings.items():
            if what in line:
                have |= programs


def test_what_is_missing_at_the_install_is_an_error_on_a_board() -> None:
    """With every version of pip: ``-C`` is of pip 23.1, Ubuntu 22.04 makes environments with 22.0."""
    (install,) = (line for line in commands(JETSON) if "pip install ." in line)
    assert "-DRTGS2_CUDA=ON -DRTGS2_TENSORRT=ON" in install
    assert " -C" not in install


@pytest.mark.parametrize("command", sorted(set(OURS)))
def test_command_line_takes_it(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where its files are missing it says so; an option that does not exist would end in argparse's own way."""
    monkeypatch.chdir(tmp_path)
    program, *arguments = shlex.split(command)
    if program == "rtgs2-export":
        from rtgs2_export.cli import main as run
    else:
        run = main
    code = run(arguments)
    if "doctor" in arguments:
        assert code in (0, 1)
    else:
        assert code == 2
        assert re.search(r"(ckpt\.pt|model\.rtgs2|cameras\.json): ", capsys.readouterr().err)


def test_all_files_that_the_pages_name_are_there() -> None:
    for page in (JETSON, TENSORRT):
        for name in re.findall(r"(?:\.\./)?((?:examples|docker|tests|export)/[\w./]+)", page):
            assert (ROOT / name.rstrip(".")).exists(), name


def test_pip_is_brought_up_to_date_before_its_newer_options_are_used() -> None:
    text = (ROOT / "docker/jetson.Dockerfile").read_text()
    upgrade = re.search(r"pip install .*--upgrade pip", text)
    assert upgrade is not None
    option = re.search(r" -C .?cmake", text)
    assert option is not None
    assert upgrade.start() < option.start()


def test_dockerfile_copies_what_is_there() -> None:
    text = (ROOT / "docker/jetson.Dockerfile").read_text()
    for sources in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists(), source
    options = set(re.findall(r"cmake\.define\.(RTGS2_\w+)", text))
    cmake = "".join(path.read_text() for path in [ROOT / "CMakeLists.txt", *(ROOT / "cmake").glob("*.cmake")])
    assert options <= set(re.findall(r"RTGS2_\w+", cmake))


def test_both_pages_say_what_nobody_has_run() -> None:
    assert "Nobody has run this on a board yet" in JETSON
    assert "No TensorRT engine has been built or run by us yet" in TENSORRT
