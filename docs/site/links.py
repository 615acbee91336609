"""The relative links of a Markdown page, and the anchors that GitHub (and the site) give its headings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^()\s]+)\)")
_FENCE = re.compile(r"^(```+|~~~+)")


@dataclass(frozen=True)
class Link:
    """A link of a page that leads to a file of this repository.

    Attributes:
        line: number of the line in the page, from 1.
        target: the file or folder that it leads to, the page itself where it names an anchor only.
        anchor: what stands behind ``#``, or "".
    """

    line: int
    target: Path
    anchor: str


def prose(page: Path) -> list[str]:
    """Return the page's lines, those of fenced blocks (and the fences) empty."""
    fence, lines = "", []
    for line in page.read_text(encoding="utf-8").splitlines():
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
            lines.append("")
        elif fence:
            lines.append("")
            fence = "" if line.startswith(fence) else fence
        else:
            lines.append(line)
    return lines


def relative_links(page: Path) -> list[Link]:
    """Return the page's links to files beside it, in the order of the text; a target may break over lines nowhere."""
    links = []
    text = re.sub(r"`[^`\n]*`", lambda code: " " * len(code[0]), "\n".join(prose(page)))
    for match in _LINK.finditer(text):
        path, _, anchor = match[1].partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        target = (page.parent / path).resolve() if path else page.resolve()
        links.append(Link(text.count("\n", 0, match.start(1)) + 1, target, anchor))
    return links


def anchors(page: Path) -> set[str]:
    """Return the anchors of the page's headings."""
    found: set[str] = set()
    for line in prose(page):
        heading = re.match(r"#{1,6} +(.+?)(?: +#+)? *$", line)
        if heading:
            text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading[1])
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            number, name = 0, slug
            while name in found:
                number += 1
                name = f"{slug}-{number}"
            found.add(name)
    return found
