"""The page of the numbered examples: what each shows, and its source."""

from __future__ import annotations

import ast
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def page() -> str:
    """Return the page, Markdown."""
    parts = ["# Examples\n\nThe numbered files of `examples/`, which run as tests.\n"]
    for path in sorted(EXAMPLES.glob("[0-9]*.py")):
        source = path.read_text(encoding="utf-8")
        docstring = ast.get_docstring(ast.parse(source)) or ""
        title = path.stem[3:].replace("_", " ").capitalize()
        parts.append(f"\n## {path.stem[:2]} {title}\n\n{docstring.splitlines()[0]}\n\n```python\n{source}```\n")
    return "".join(parts)
