"""The fenced bash and python blocks of the Markdown pages, and what stands over them.

A block that is not to be run as a test carries a mark with the reason, which neither GitHub nor the site shows::

    <!-- not run: needs a Jetson -->
    ```bash
    sudo jetson_clocks
    ```
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]

_FENCE = re.compile(r"^ *(```+|~~~+) *([\w+-]*)")
_MARK = re.compile(r"<!-- *not run: *(.*?) *-->")
_OTHER_NAMES = {"sh": "bash", "shell": "bash", "zsh": "bash", "console": "bash", "py": "python", "python3": "python"}
# Looked up rather than run: what they build is what the tests already stand on.
_LOOKED_UP = ("make ", "pip install ", ". .venv/bin/activate")
_ENDLESS = ("rtgs2 view ",)
_CURE = "put a line <!-- not run: REASON --> above the block, or leave them out"
_RUN = ("rtgs2 ", "rtgs2-export ", "rtgs2-train ", "python ")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: the file.
        line: number of the fence's line, from 1.
        language: ``bash`` or ``python``.
        text: what stands in it.
        reason: why it is not run; None if it is.
    """

    page: Path
    line: int
    language: str
    text: str
    reason: str | None

    @property
    def place(self) -> str:
        """Page and line, for messages."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def commands(self) -> list[str]:
        """The block's commands, continued lines joined, comments left out."""
        lines = re.sub(r"\\\n\s*", "", self.text).splitlines()
        return [command for line in lines if (command := re.sub(r"(^|\s)#.*", "", line).strip())]

    def to_run(self) -> list[str]:
        """The commands that a test runs."""
        return [command for command in self.commands() if not command.startswith(_LOOKED_UP)]


def blocks(page: Path) -> list[Block]:
    """Return the bash and python blocks of a page.

    Raises:
        ValueError: a fence has no end, a block goes by another name of its language, or a mark gives no reason.
    """
    found, lines = [], page.read_text(encoding="utf-8").splitlines()
    start, fence, language = 0, "", ""
    for number, line in enumerate(lines, 1):
        opened = _FENCE.match(line)
        if fence:
            if line.strip() == fence:
                if language in ("bash", "python"):
                    text = "\n".join(lines[start : number - 1]) + "\n"
                    found.append(Block(page, start, language, text, _reason(lines[: start - 1], page)))
                fence = ""
        elif opened:
            start, fence, language = number, opened[1], opened[2].lower()
            if language in _OTHER_NAMES:
                raise ValueError(f"{page.name}:{number}: write ```{_OTHER_NAMES[language]}, so that the block is run")
    if fence:
        raise ValueError(f"{page.name}:{start}: the block has no end")
    return found


def _reason(before: list[str], page: Path) -> str | None:
    above = next((line for line in reversed(before) if line.strip()), "")
    mark = _MARK.fullmatch(above.strip())
    if mark is None:
        if "not run" in above and "<!--" in above:
            raise ValueError(f"{page.name}:{len(before)}: write the mark as <!-- not run: REASON -->")
        return None
    if len(mark[1]) < 8:
        raise ValueError(f"{page.name}:{len(before)}: the mark must say why the block is not run")
    return mark[1]


def problems(block: Block) -> list[str]:
    """Return what keeps a block without a mark from being run, each with the place and the cure."""
    if block.language == "python":
        return []
    told = []
    commands = block.to_run()
    if foreign := list(dict.fromkeys(command.split()[0] for command in commands if not command.startswith(_RUN))):
        told.append(f"tests run only {', '.join(map(str.strip, _RUN))}, not {', '.join(foreign)}: {_CURE}")
    told += [f"{command!r} does not end by itself: {_CURE}" for command in commands if command.startswith(_ENDLESS)]
    makefile = (ROOT / "Makefile").read_text()
    extras = set(re.findall(r"^([\w-]+) = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE))
    for command in block.commands():
        if command.startswith("make "):
            targets = [word for word in shlex.split(command)[1:] if "=" not in word]
            missing = [target for target in targets if not re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE)]
            told += [f"the Makefile has no target {target!r}" for target in missing]
        if command.startswith("pip install "):
            named = [
                extra for group in re.findall(r"(?:\.|rtgs2-trt)\[([\w,-]+)\]", command) for extra in group.split(",")
            ]
            told += [f"pyproject.toml has no extra {extra!r}" for extra in named if extra not in extras]
    return [f"{block.place}: {text}" for text in told]
