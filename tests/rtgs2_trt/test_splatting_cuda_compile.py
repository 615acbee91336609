"""The splatting headers must compile for GPUs as they are: every one of them is called from a kernel."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "csrc"

KERNEL = """
using namespace rtgs2::splatting;

__global__ void draw(Camera camera, const float* sh, int sh_count, float opacity, float* out) {
  const Vector3 offset{out[0], out[1], out[2]};
  Splat splat;
  if (!project_gaussian(camera, offset, {out[3], out[4], out[5]}, {out[6], out[7], out[8], out[9]}, splat)) return;
  const TileRectangle tiles = tile_rectangle(splat, tile_count(camera.width), tile_count(camera.height));
  if (is_empty(tiles) || !is_sh_count(sh_count)) return;
  const Vector3 colour = sh_colour(sh, sh_count, offset);
  const float q = squared_distance(splat.whitening, out[10], out[11]);
  if (q > squared_reach(opacity)) return;
  const float alpha = splat_alpha(opacity, q);
  if (alpha >= kLeastAlpha && 1.0F - alpha >= kLeastTransmittance) out[0] = alpha * dot(colour, colour);
}

Camera camera_of(const double* pose) { return make_camera(640, 480, 500.0, 500.0, 320.0, 240.0, pose); }
"""


def test_headers_compile_for_gpus(tmp_path: Path) -> None:
    nvcc = shutil.which("nvcc")
    if nvcc is None:
        pytest.skip("no CUDA compiler: nvcc is not on PATH")
    headers = sorted(path.relative_to(SOURCES).as_posix() for path in (SOURCES / "splatting").glob("*.h"))
    assert "splatting/projection.h" in headers
    source = tmp_path / "draw.cu"
    source.write_text("".join(f'#include "{header}"\n' for header in headers) + KERNEL, encoding="utf-8")
    # Jetson Orin and H100.
    targets = [f"--generate-code=arch=compute_{arch},code=sm_{arch}" for arch in (87, 90)]
    command = [nvcc, "-std=c++20", *targets, "-Werror=all-warnings", f"-I{SOURCES}", "-c", str(source), "-o"]
    result = subprocess.run([*command, str(tmp_path / "draw.o")], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_each_header_stands_alone(tmp_path: Path) -> None:
    compiler = shutil.which("c++")
    if compiler is None:
        pytest.skip("no C++ compiler: c++ is not on PATH")
    for header in sorted((SOURCES / "splatting").glob("*.h")):
        source = tmp_path / f"{header.stem}.cpp"
        source.write_text(f'#include "splatting/{header.name}"\n', encoding="utf-8")
        command = [compiler, "-std=c++20", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{SOURCES}", str(source)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
