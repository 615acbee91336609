"""How the site is laid out. That it builds without a warning is for `make docs`, in `make lint`, to show."""

from __future__ import annotations

from pathlib import Path

import rtgs2_trt
from docs.site import command_lines, example_scripts, interface, navigation


def test_navigation_takes_pages_that_appear_and_misses_none_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "README.md").touch()
    folder = tmp_path / "docs"
    folder.mkdir()
    for name in ("index", "gpu", "new"):
        (folder / f"{name}.md").touch()
    (folder / "index.md").write_text(
        "# Site\n\n## How to\n\n- [GPU](gpu.md): what\n- [Gone](gone.md)\n\n## Project\n\n- [README](../README.md)\n"
    )
    text = navigation.toctrees(folder / "index.md", ["commands.md"])
    blocks = [block.split("```")[0].split("\n") for block in text.split("```{toctree}")[1:]]
    assert [(block[2].removeprefix(":caption: "), block[4]) for block in blocks] == [
        ("How to", "GPU <gpu>"),
        ("More", "new"),
        ("Reference", "commands"),
        ("Project", "README </README>"),
    ]


def test_reference_has_everything_public_once() -> None:
    pages = interface.pages()
    assert {"rtgs2_trt", "rtgs2_trt.scene_tools", "rtgs2_trt.errors", "rtgs2_trt.tensorrt"} <= set(pages)
    for name in rtgs2_trt.__all__:
        assert f":: rtgs2_trt.{name}\n" in pages["rtgs2_trt"], name
    described = [line for page in pages.values() for line in page.splitlines() if line.startswith(".. auto")]
    assert len(set(described)) == len(described)
    assert not any("::" in line and "._" in line for line in described)
    assert "autofunction:: rtgs2_trt.camera_paths.orbit" in pages["rtgs2_trt.camera_paths"]


def test_page_of_commands_is_what_help_says() -> None:
    page = command_lines.page()
    for heading in ("## rtgs2\n", "### rtgs2 segment\n", "## rtgs2-export\n", "### rtgs2-train fusion\n"):
        assert heading in page
    assert "--min-confidence P" in page


def test_page_of_examples_has_all_numbered_ones() -> None:
    page = example_scripts.page()
    scripts = [path.stem for path in example_scripts.EXAMPLES.glob("[0-9]*.py")]
    assert page.count("\n## ") == len(scripts) > 8
    assert "## 01 Label one view\n\nLabel one view of a scene" in page
