"""Relative links of the Markdown pages lead to files, folders and headings that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.site.links import anchors, relative_links

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_are_alive(page: Path) -> None:
    dead = []
    for link in relative_links(page):
        where = f"{page.relative_to(ROOT)}:{link.line}: {link.target}"
        if not link.target.is_relative_to(ROOT):
            dead.append(f"{where} leaves the repository")
        elif not link.target.exists():
            dead.append(f"{where} is not there")
        elif link.anchor and link.target.suffix == ".md" and link.anchor not in anchors(link.target):
            dead.append(f"{where} has no heading #{link.anchor}")
    assert dead == []


def test_links_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# One `code` & two\n[a](b.md#c) ![p](i.png) [w](https://x.y)\n\n"
        "## One\n```bash\n[no](link)\n# no heading\n```\n## One\n`[no](link)` [here\nthere](#one)\n"
    )
    found = [(link.line, link.target.name, link.anchor) for link in relative_links(page)]
    assert found == [(2, "b.md", "c"), (2, "i.png", ""), (11, "page.md", "one")]
    assert anchors(page) == {"one-code--two", "one", "one-1"}


def test_index_lists_pages_of_all_sections() -> None:
    """What it leaves out is put under "More" by the site (docs/site/navigation.py)."""
    index = (ROOT / "docs/index.md").read_text()
    assert re.findall(r"^## (.+)", index, re.MULTILINE) == ["Begin", "How to", "Design notes", "The project"]
