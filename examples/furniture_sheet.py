"""Draw pieces of the furniture catalogue of the generated rooms, each in three-quarter view, every one from its seed.

python examples/furniture_sheet.py -o furniture.png                   one design of every kind
python examples/furniture_sheet.py -o chairs.png "dining chair" sofa  all designs of these kinds
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from rtgs2_training.synthrooms.catalogue import DESIGNS, Design
from rtgs2_training.synthrooms.gaussians import as_scene, to_sh
from rtgs2_training.synthrooms.piece import Piece, Placement
from rtgs2_training.synthrooms.surfels import Surfels, sample
from rtgs2_trt import Camera, Scene, rasterize

SUN = np.array((0.6, 0.35, 0.75)) / np.linalg.norm((0.6, 0.35, 0.75))  # towards it
AMBIENT, SKY, BRIGHTNESS = 0.6, 0.12, 0.72
BACKGROUND = (0.93, 0.93, 0.92)
AZIMUTH, ELEVATION = 35, {Placement.CEILING: -15, Placement.MOUNTED: 8}  # degrees; others are seen from 24 above
DENSITY = 1.5


def scene_of(piece: Piece, rng: np.random.Generator) -> Scene:
    """The piece in plain daylight as Gaussians."""
    surfaces = [surface for part in piece.parts for surface in part.surfaces]
    cells = sum(np.prod(np.divide(surface.size, surface.spacing)) for surface in surfaces)
    surfels = sample([(0, surfaces)], round(DENSITY * cells), rng)
    count = len(surfels)
    sh = to_sh(lit(surfels), np.zeros((count, 3)))
    return Scene(**as_scene(surfels, np.full(count, 0.002), np.full(count, 0.95), sh, np.zeros(count, np.int64)))


def lit(surfels: Surfels) -> np.ndarray:
    """Colours (N, 3) under a sun and an even sky."""
    facing = surfels.normals @ SUN
    facing = np.where(surfels.thin, 0.8 * np.abs(facing), np.maximum(facing, 0))
    light = AMBIENT + SKY * surfels.normals[:, 2] + BRIGHTNESS * facing
    colour = np.clip(surfels.albedo**2.2 * light[:, None], 0, 1) ** (1 / 2.2)
    return np.where(surfels.glows[:, None], surfels.albedo, colour)


def picture(design: Design, seed: int, size: int) -> Image.Image:
    """One piece, three-quarter view, filling a square of ``size`` pixels."""
    rng = np.random.default_rng(seed)
    piece = design(rng)
    scene = scene_of(piece, rng)
    low, high = (bound.astype(float) for bound in scene.bounds)
    azimuth, elevation = np.radians((AZIMUTH, ELEVATION.get(piece.placement, 24)))
    towards = np.array((np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)))
    middle, distance = (low + high) / 2, max(1.2 * float(np.linalg.norm(high - low)), 0.5)
    camera = Camera.look_at(middle + distance * towards, middle, width=size, height=size, fov_degrees=48)
    rgb = np.moveaxis(rasterize(scene, camera, background=BACKGROUND).rgb, 0, -1)
    return Image.fromarray(np.ascontiguousarray((np.clip(rgb, 0, 1) * 255).round().astype(np.uint8)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="of: " + ", ".join(DESIGNS))
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--size", type=int, default=120, help="pixels a side of every piece")
    parser.add_argument("--seeds", type=int, default=1, help="pieces of each design")
    parser.add_argument("--columns", type=int, default=12)
    options = parser.parse_args()
    if unknown := [kind for kind in options.kinds if kind not in DESIGNS]:
        parser.error(f"no such kind: {', '.join(unknown)}")
    if options.kinds:
        chosen = [design for kind in options.kinds for design in dict.fromkeys(DESIGNS[kind])]
    else:
        chosen = [designs[number % len(designs)] for number, designs in enumerate(DESIGNS.values())]
    size, columns = options.size, options.columns
    drawn = [design for design in chosen for _ in range(options.seeds)]
    rows = -(-len(drawn) // columns)
    red, green, blue = (round(255 * channel) for channel in BACKGROUND)
    sheet = Image.new("RGB", (columns * size, rows * size), (red, green, blue))
    for number, design in enumerate(drawn):
        sheet.paste(picture(design, number, size), (number % columns * size, number // columns * size))
    sheet.quantize(255, dither=Image.Dither.NONE).save(options.output, optimize=True)
    print(f"{options.output}: {len(drawn)} pieces")


if __name__ == "__main__":
    main()
