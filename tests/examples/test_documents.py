"""Every bash and python block of every Markdown page runs as written, or says why not (tests/document_blocks.py).

The blocks of a page run one after the other in a folder of their own, in which the demo has run (``build/demo``) and
the files lie that a reader would have: ``model.rtgs2``, ``room.ply``, ``cameras.json`` and so on.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from docs.site.command_lines import PROGRAMS, parser_of
from document_blocks import PAGES, ROOT, Block, blocks, problems
from rtgs2_trt import Scene
from rtgs2_trt.console import join_axis

SECONDS = 600  # a block that waits for ever is an error, not a slow one
BLOCKS = [block for page in PAGES for block in blocks(page)]
RUN = [block for block in BLOCKS if block.reason is None]
NOT_RUN = [block for block in BLOCKS if block.reason is not None]


def of_demo(name: str) -> Callable[[Path, Path], object]:
    """A maker of what the demo has written. Hard links: files that are written anew leave the demo's as they are."""

    def make(demo: Path, target: Path) -> object:
        source = demo / name
        return shutil.copytree(source, target) if source.is_dir() else target.hardlink_to(source)

    return make


def saved(demo: Path, target: Path) -> None:
    """Write the demo's room in another format."""
    Scene.load(demo / "room.ply").save(target)


GIVEN: dict[str, Callable[[Path, Path], object]] = {
    "model.rtgs2": of_demo("demo.rtgs2"),
    "ckpt.pt": lambda _, target: target.symlink_to(ROOT / "examples/demo/ckpt.pt"),
    "cameras.json": of_demo("cameras.json"),
    **dict.fromkeys(("room.ply", "capture.ply", "a.ply"), of_demo("room.ply")),
    **dict.fromkeys(("room.compressed.ply", "b.spz"), saved),
    "map.txt": lambda _, target: target.write_text("chair, sofa -> seat\npicture -> unknown\n"),
}
FOLDERS = ("benchmarks", "docs", "examples", "training")


def test_readme_names_the_two_commands() -> None:
    commands = [command for block in RUN if block.page == ROOT / "README.md" for command in block.commands()]
    assert {"make demo", "make test"} <= set(commands)


@pytest.mark.parametrize("block", [block for block in RUN if block.language == "bash"], ids=lambda block: block.place)
def test_block_can_be_run_or_has_a_mark(block: Block) -> None:
    told = problems(block)
    assert not told, "\n".join(told)


@pytest.mark.parametrize("page", sorted({block.page for block in RUN}), ids=lambda page: page.name)
def test_blocks_run_as_written(
    page: Path, workplace: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp(page.stem)
    text = "".join(block.text for block in RUN if block.page == page)
    (folder / "build").mkdir()
    (folder / "build/demo").symlink_to(workplace / "build/demo")
    for name in FOLDERS:
        (folder / name).symlink_to(ROOT / name)
    for name, make in GIVEN.items():
        if re.search(rf"(?<![\w./-]){re.escape(name)}", text):
            make(workplace / "build/demo", folder / name)
    for block in RUN:
        if block.page == page and not problems(block):
            run(block, folder, environment)


def run(block: Block, folder: Path, environment: dict[str, str]) -> None:
    if block.language == "python":
        command = [sys.executable, "-c", block.text]
    else:
        command = ["bash", "-euo", "pipefail", "-c", "\n".join(block.to_run())]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        pytest.fail(f"{block.place}: does not end: mend it or put <!-- not run: REASON --> above it\n{output}")
    assert process.returncode == 0, f"{block.place}: the block fails\n{output}"


OURS = [
    (block, command)
    for block in NOT_RUN
    for command in block.commands()
    if command.split()[0] in PROGRAMS and not re.search(r"[|&;<>$]", command)
]


@pytest.mark.parametrize(("block", "command"), OURS, ids=[f"{block.place}-{command}" for block, command in OURS])
def test_command_that_is_not_run_is_one_that_the_command_line_takes(block: Block, command: str) -> None:
    program, *arguments = shlex.split(command)
    try:
        parser_of(program).parse_args(join_axis(arguments))
    except SystemExit:
        pytest.fail(f"{block.place}: {program} does not take {command!r}")


def test_blocks_and_marks_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```bash\nmake demo \\\n  x  # why\n```\n<!-- not run: needs a GPU -->\n\n```python\nx\n```\n"
        "text\n```text\n```\n````bash\n```\n````\n"
    )
    first, second, third = blocks(page)
    assert (first.line, first.language, first.reason, first.commands()) == (1, "bash", None, ["make demo x"])
    assert (second.line, second.language, second.reason, second.text) == (7, "python", "needs a GPU", "x\n")
    assert third.text == "```\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```sh\nls\n```\n", "page.md:1: write ```bash"),
        ("```bash\nls\n", "page.md:1: the block has no end"),
        ("<!-- not run -->\n```bash\nls\n```\n", "page.md:1: write the mark as"),
        ("<!-- not run: no -->\n```bash\nls\n```\n", "page.md:1: the mark must say why"),
    ],
)
def test_blocks_that_would_escape_are_refused(tmp_path: Path, text: str, message: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(ValueError, match=re.escape(message)):
        blocks(page)


def test_block_without_mark_is_told() -> None:
    text = "sudo reboot\nsudo ls\ndocker ps\nmake tea\npip install '.[milk]'\nrtgs2 doctor\nrtgs2 view a b\n"
    told = problems(Block(ROOT / "docs/tea.md", 3, "bash", text, None))
    assert [line.split(": ", 1)[0] for line in told] == ["docs/tea.md:3"] * 4
    assert "not sudo, docker: put a line <!-- not run: REASON --> above the block" in told[0]
    assert "'rtgs2 view a b' does not end by itself" in told[1]
    assert "no target 'tea'" in told[2]
    assert "no extra 'milk'" in told[3]
