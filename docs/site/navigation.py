"""The site's navigation: the lists of links under the headings of docs/index.md, and the pages that they leave out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_ITEM = re.compile(r"[-*] \[([^\]]+)\]\(([^()\s#]+)\.md\)")


def toctrees(index: Path, reference: Sequence[str]) -> str:
    """Return hidden tables of contents, to be appended to the index.

    A section is a heading of the second level; its pages are the links that its list items begin with, under these
    links' texts. Pages that lie beside the index and that no item names follow under "More", then the reference, then
    the index's last section.

    Args:
        index: docs/index.md.
        reference: file names of generated pages, relative to the index.
    """
    sections: dict[str, list[str]] = {}
    listed = {index.stem}
    caption = ""
    for line in index.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            caption = line[3:].strip()
        item = _ITEM.match(line)
        if item and (index.parent / f"{item[2]}.md").is_file():
            listed.add(item[2])
            document = item[2].replace("../", "/", 1)  # "/" is the repository
            sections.setdefault(caption, []).append(f"{item[1]} <{document}>")
    last = sections.popitem()
    sections["More"] = sorted({page.stem for page in index.parent.glob("*.md")} - listed)
    sections["Reference"] = [name.rpartition(".")[0] for name in reference]
    return "".join(_toctree(caption, entries) for caption, entries in [*sections.items(), last] if entries)


def _toctree(caption: str, entries: list[str]) -> str:
    lines = "\n".join(entries)
    return f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{lines}\n```\n"
