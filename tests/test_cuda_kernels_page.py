"""The page of the CUDA kernels is of these sources, names every kernel for both GPUs, and none of them spills."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.cuda_kernels import sources_digest

ROOT = Path(__file__).parents[1]


def test_page_was_made_from_these_sources() -> None:
    page = (ROOT / "docs" / "cuda-kernels.md").read_text(encoding="utf-8")
    assert f"from sources {sources_digest()};" in page, "make the page anew: make cuda-report"


def test_page_names_every_kernel_and_none_spills() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "csrc").rglob("*.cu")))
    kernels = set(re.findall(r"\b(\w+_kernel)\(", sources))
    assert "blend_mma_kernel" in kernels
    page = (ROOT / "docs" / "cuda-kernels.md").read_text(encoding="utf-8")
    _, *sections = re.split(r"^## ", page, flags=re.MULTILINE)
    assert [section.split(":")[0] for section in sections] == ["sm_87", "sm_90"]
    for section in sections:
        rows = re.findall(r"^\| `(\w+)[^`]*` \| \d+ \| (\d+) \| (\d+) \|", section, flags=re.MULTILINE)
        assert {name for name, _, _ in rows} == kernels
        assert all(int(spilled) == 0 and 0 < int(registers) <= 255 for _, registers, spilled in rows)
