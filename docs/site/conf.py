"""Settings of Sphinx for the documentation site; build.py lays its sources out and calls it."""

import re
from importlib.metadata import version as installed_version
from typing import Any

project = "rtgs2-trt"
author = "the rtgs2-trt developers"
release = version = installed_version("rtgs2-trt")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/index"
html_theme = "furo"
html_title = "rtgs2-trt"
html_show_sphinx = html_show_copyright = html_copy_source = False

# Headings get the anchors that GitHub gives them, so that one link works in both places.
myst_heading_anchors = 4

highlight_language = "text"  # of blocks that name no language

# Docstrings: Google style; `single` backticks are code; types come from the annotations.
default_role = "code"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_format = "short"
autodoc_type_aliases = {"ArrayLike": "ArrayLike"}  # rather than all that it stands for
autodoc_default_options = {"members": True}
python_use_unqualified_type_names = True
suppress_warnings = ["ref.python"]  # a type that two modules have, named in an annotation without its module


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", _as_google_style_means_it, priority=400)  # before Napoleon


def _as_google_style_means_it(app: Any, kind: str, name: str, value: object, options: object, lines: list[str]) -> None:
    """Escape bars outside of code, which are norms here, and keep texts of "Returns" from being taken for types."""
    for number, line in enumerate(lines):
        parts = re.split(r"(``.*?``)", line)
        lines[number] = "".join(part if part.startswith("``") else part.replace("|", r"\|") for part in parts)
        if number > 0 and lines[number - 1].strip() in ("Returns:", "Yields:"):
            lines[number] = re.sub(r"(?=\S)", ": ", lines[number], count=1)
