"""The messages that docs/troubleshooting.md quotes are those of the code; it names all of our exceptions."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from rtgs2_trt import errors

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/troubleshooting.md").read_text()
SOURCES = ("rtgs2_trt", "networks", "export", "training")
FIRST_CELLS = re.findall(r"^\| (.+?) \|", PAGE, re.MULTILINE)
# Rows that begin with other words tell what is seen, not what is said.
MESSAGES = [cell[1:-1] for cell in FIRST_CELLS if re.fullmatch(r"`[^`]+`", cell)]


@cache
def texts() -> str:
    """Every text of the sources, a line each; what an f-string fills in is \\0."""
    found = []
    for folder in SOURCES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(node.value)
                elif isinstance(node, ast.JoinedStr):
                    found.append(
                        "".join(
                            str(getattr(part, "value", "\0")) if isinstance(part, ast.Constant) else "\0"
                            for part in node.values
                        )
                    )
    return "\n".join(text.replace("\n", " ") for text in found)


def test_page_quotes_messages() -> None:
    assert len(MESSAGES) > 60
    assert len(set(MESSAGES)) == len(MESSAGES), "a message stands there twice"


@pytest.mark.parametrize("message", MESSAGES)
def test_message_is_still_said(message: str) -> None:
    pattern = r"[^\n]*\0[^\n]*".join(re.escape(part) for part in re.split(r"\.\.\.", message))
    assert re.search(pattern, texts()), f"no source says {message!r} any more: correct docs/troubleshooting.md"


def test_every_row_says_what_to_do() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert [row for row in rows if row.count(" |") != 3 or not row.rsplit("|", 2)[1].strip()] == []


def test_page_names_every_exception() -> None:
    ours = [
        name for name, value in vars(errors).items() if isinstance(value, type) and value.__module__ == errors.__name__
    ]
    assert [name for name in ours if f"`{name}`" not in PAGE] == []
