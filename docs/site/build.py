"""Build the documentation site, without a warning: `make docs`.

    python docs/site/build.py [-o build/site]

The site shows the Markdown pages as they lie in the repository, so their relative links work here and there. The
pages of examples, commands and the Python interface are made from their sources. Needs `pip install '.[docs]'`.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import build_main

sys.path.insert(0, str(Path(__file__).resolve().parent))
import command_lines
import example_scripts
import interface
import links
import navigation

ROOT = Path(__file__).resolve().parents[2]
INDEX = ROOT / "docs/index.md"
START = '<!doctype html><meta http-equiv="refresh" content="0; url=docs/index.html"><title>rtgs2-trt</title>\n'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "build/site", help="default: build/site")
    output = parser.parse_args().output.resolve()
    source, pages = output / "source", output / "pages"
    lay_out(source)
    settings = ["-c", str(Path(__file__).parent), "-d", str(output / "cache"), "--fail-on-warning"]
    code = build_main(["--builder", "html", "--quiet", *settings, str(source), str(pages)])
    if code != 0:
        shutil.rmtree(output / "cache", ignore_errors=True)  # the next build would not read these pages again
        return code
    (pages / "index.html").write_text(START, encoding="utf-8")
    print(f"built: {pages / 'index.html'}")
    return 0


def lay_out(source: Path) -> None:
    """Write what Sphinx reads: the pages, what they link to, the generated pages. Files that did not change stay."""
    files: dict[Path, bytes] = {}
    for page in written_by_hand():
        for path in (page, *(link.target for link in links.relative_links(page))):
            if path.is_file():
                files[source / path.relative_to(ROOT)] = path.read_bytes()
    generated = {"docs/examples.md": example_scripts.page(), "docs/commands.md": command_lines.page()}
    generated |= {f"docs/reference/{name}.rst": text for name, text in interface.pages().items()}
    reference = ["examples.md", "commands.md", f"reference/{interface.PACKAGE}.rst"]
    generated["docs/index.md"] = INDEX.read_text(encoding="utf-8") + navigation.toctrees(INDEX, reference)
    files |= {source / name: text.encode() for name, text in generated.items()}
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_bytes() != content:
            path.write_bytes(content)
    for path in source.rglob("*"):
        if path.is_file() and path not in files:
            path.unlink()


def written_by_hand() -> list[Path]:
    """Return the site's pages that lie in the repository."""
    return [*sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("*.md"))]


if __name__ == "__main__":
    sys.exit(main())
