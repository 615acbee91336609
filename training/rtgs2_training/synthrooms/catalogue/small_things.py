"""Small things on tables, shelves and floors. Each stands on z = 0 around the origin, its front along +x."""

from __future__ import annotations

import math

import numpy as np

from ..shapes import OPEN_BELOW, Section, disc, loft, rounded_box, tube, turned
from ..surfaces import Surface, blob, box, cylinder, lathe, moved, rectangle
from ..textures import (
    Material,
    chance,
    one_of,
    paint,
    random_artwork,
    random_ceramic,
    random_colour,
    random_fabric,
    random_leather,
    random_metal,
    random_paint,
    random_wood,
)
from .books import book_pile
from .fittings import glazed as glazed_box


def glazed(rng: np.random.Generator) -> Material:
    """Pottery of any colour."""
    return random_ceramic(rng) if chance(rng, 0.4) else paint(random_colour(rng), gloss=0.12)


def mug(rng: np.random.Generator) -> list[Surface]:
    """A mug or a glass with its handle."""
    glaze, r, h = glazed(rng), float(rng.uniform(0.032, 0.045)), float(rng.uniform(0.08, 0.12))
    surfaces = [lathe([(0.9 * r, 0), (r, h), (0.9 * r, h), (0.85 * r, 0.8 * h), (0, 0.8 * h)], glaze, 0.016)]
    handle = [(0, r, 0.8 * h), (0, r + 0.03, 0.65 * h), (0, r + 0.025, 0.3 * h), (0, r, 0.2 * h)]
    return [*surfaces, tube(handle, 0.006, glaze, 0.018)]


def plate(rng: np.random.Generator) -> list[Surface]:
    """A plate, now and then with a cup or a napkin on it."""
    glaze, r = glazed(rng), float(rng.uniform(0.09, 0.14))
    surfaces = [lathe([(0.6 * r, 0), (r, 0.02), (0.7 * r, 0.009), (0, 0.009)], glaze, 0.02)]
    if chance(rng, 0.3):
        surfaces += moved(bowl(rng, 0.6 * r), (0, 0, 0.01))
    return surfaces


def bowl(rng: np.random.Generator, radius: float | None = None) -> list[Surface]:
    """An open bowl, empty or with fruit."""
    r, glaze = radius or float(rng.uniform(0.07, 0.17)), glazed(rng)
    profile = [(0.4, 0.0), (0.8, 0.25), (1.0, 0.6), (0.95, 0.58), (0.75, 0.28), (0.4, 0.1), (0.0, 0.1)]
    surfaces = [lathe([(r * a, r * b) for a, b in profile], glaze, 0.018)]
    if r > 0.11 and chance(rng, 0.6):
        skin = paint(
            one_of(rng, ((0.92, 0.55, 0.12), (0.55, 0.66, 0.2), (0.75, 0.16, 0.12), (0.9, 0.8, 0.25))), gloss=0.06
        )
        for number in range(5):
            angle, reach = 1.3 * number, 0.0 if number == 4 else 0.5 * r
            where = (reach * math.cos(angle), reach * math.sin(angle), 0.5 * r + (0.03 if number == 4 else 0.0))
            surfaces += [blob(where, (0.04, 0.04, 0.038), skin, 0.018)]
    return surfaces


def vase(rng: np.random.Generator) -> list[Surface]:
    """A vase of any outline, empty or with twigs or flowers."""
    size, glaze = float(rng.uniform(0.7, 1.5)), glazed(rng)
    outlines = (
        [(0.045, 0), (0.08, 0.07), (0.085, 0.12), (0.05, 0.19), (0.032, 0.21), (0.042, 0.24), (0.03, 0.22)],
        [(0.04, 0), (0.05, 0.25), (0.042, 0.25), (0.036, 0.2)],
        [(0.05, 0), (0.1, 0.06), (0.1, 0.09), (0.03, 0.13), (0.03, 0.17), (0.022, 0.15)],
        [(0.03, 0), (0.035, 0.1), (0.07, 0.24), (0.06, 0.24), (0.03, 0.12)],
    )
    profile = one_of(rng, outlines)
    surfaces = [lathe([(r * size, z * size) for r, z in profile], glaze, 0.02)]
    if chance(rng, 0.5):
        rim = max(z for _, z in profile) * size
        petals, stalk = paint(random_colour(rng), grain=0.15, thin=True), paint((0.32, 0.4, 0.2), grain=0.1)
        for angle in np.arange(int(rng.integers(4, 9))) * 2.4:
            reach, rise = float(rng.uniform(0.03, 0.16)), float(rng.uniform(0.12, 0.3))
            tip = (reach * math.cos(angle), reach * math.sin(angle), rim + rise)
            surfaces += [
                tube([(0, 0, 0.7 * rim), tip], 0.004, stalk, 0.025),
                blob(tip, (0.035, 0.035, 0.028), petals, 0.022),
            ]
    return surfaces


def bottle(rng: np.random.Generator) -> list[Surface]:
    """A bottle or a carton of washing-up liquid, shampoo, wine."""
    size = float(rng.uniform(0.6, 1.1))
    profile = [(0.038, 0), (0.038, 0.18), (0.014, 0.23), (0.014, 0.29), (0.0, 0.29)]
    return [lathe([(r * size, z * size) for r, z in profile], paint(random_colour(rng), gloss=0.15), 0.02)]


def pile(rng: np.random.Generator) -> list[Surface]:
    """One to five books."""
    return book_pile(rng, int(rng.integers(1, 6)))


def carton(rng: np.random.Generator) -> list[Surface]:
    """A box: cardboard, cloth-covered or of tin, with a lid that overhangs."""
    x, y, h = (float(v) for v in rng.uniform((0.06, 0.08, 0.06), (0.16, 0.22, 0.24)))
    shell = one_of(rng, (random_fabric, random_paint, random_wood))(rng)
    surfaces = box((-x, -y, 0), (x, y, h), shell, 0.03, OPEN_BELOW)
    if chance(rng, 0.6):
        surfaces += box((-x - 0.006, -y - 0.006, 0.75 * h), (x + 0.006, y + 0.006, h + 0.006), shell, 0.03, OPEN_BELOW)
    return surfaces


def photograph(rng: np.random.Generator) -> list[Surface]:
    """A framed photograph that leans back."""
    y, h = float(rng.uniform(0.06, 0.12)), float(rng.uniform(0.14, 0.3))
    frame = box((-0.012, -y, 0), (0.0, y, h), one_of(rng, (random_wood, random_metal, random_paint))(rng), 0.022)
    edge = 0.2 * y
    picture = random_artwork(rng, 2 * (y - edge), h - 2 * edge)
    glass = rectangle((0.003, -y + edge, edge), (0, 2 * (y - edge), 0), (0, 0, h - 2 * edge), picture, 0.016)
    return turned([*frame, glass], "y", -10)


def basket(rng: np.random.Generator) -> list[Surface]:
    """A basket or bin, round or square, now and then with something in it."""
    r, h = float(rng.uniform(0.11, 0.22)), float(rng.uniform(0.2, 0.5))
    shell = one_of(rng, (random_fabric, random_paint, random_metal, random_wood))(rng)
    power, lower = (float(rng.choice([2.0, 6.0])), 0.8 * r)
    rim = [
        Section(0, lower, lower, lower, 0, power),
        Section(h, r, r, r, 0, power),
        Section(h, 0.93 * r, 0.93 * r, 0.93 * r, 0, power),
    ]
    inside = [Section(0.5 * h, 0.8 * r, 0.8 * r, 0.8 * r, 0, power), Section(0.5 * h, 0, 0, 0, 0, power)]
    surfaces = [loft([*rim, *inside], shell, 0.028)]
    if chance(rng, 0.4):
        surfaces += [blob((0, 0, 0.8 * h), (0.8 * r, 0.8 * r, 0.3 * h), random_fabric(rng), 0.03, 3.0)]
    return surfaces


def pedal_bin(rng: np.random.Generator) -> list[Surface]:
    """A bin with a domed lid."""
    r, h = float(rng.uniform(0.1, 0.17)), float(rng.uniform(0.25, 0.65))
    shell, lid = random_metal(rng), random_paint(rng)
    return [
        lathe([(r, 0), (r, 0.86 * h)], shell, 0.028),
        lathe([(1.03 * r, 0.86 * h), (1.03 * r, 0.9 * h), (0.6 * r, h), (0, h)], lid, 0.026),
    ]


def shoes(rng: np.random.Generator) -> list[Surface]:
    """A pair of shoes or boots."""
    skin, sole = one_of(rng, (random_leather, random_fabric))(rng), random_paint(rng)
    high = float(rng.choice([0.1, 0.13, 0.3]))
    one = [
        *rounded_box((-0.13, -0.045, 0), (0.14, 0.045, 0.025), 0.02, sole, 0.026, ("-x", "+x", "-y", "+y")),
        loft(
            [
                Section(0.02, 0.13, 0.12, 0.045, 0, 3),
                Section(0.06, 0.1, 0.12, 0.044, 0, 2.5),
                Section(0.09, 0.02, 0.1, 0.038, -0.02),
                Section(high, 0.02, 0.1, 0.036, -0.02),
                Section(high - 0.03, 0, 0, 0, -0.05),
            ],
            skin,
            0.026,
        ),
    ]
    yaw = rng.uniform(-20, 20, 2)
    return [*moved(one, (0, -0.07, 0), float(yaw[0])), *moved(one, (0.03, 0.08, 0), float(yaw[1]))]


def bag(rng: np.random.Generator) -> list[Surface]:
    """A handbag, a tote or a rucksack with its handle up."""
    cloth = one_of(rng, (random_leather, random_fabric))(rng)
    x, y, h = (float(v) for v in rng.uniform((0.06, 0.13, 0.2), (0.13, 0.22, 0.4)))
    body = [
        Section(0, x, x, y, 0, 5),
        Section(0.6 * h, 0.9 * x, 0.9 * x, 0.95 * y, 0, 4),
        Section(h, 0.25 * x, 0.25 * x, 0.8 * y, 0, 3),
        Section(h, 0, 0, 0),
    ]
    handle = [(0, -0.4 * y, 0.95 * h), (0, -0.3 * y, h + 0.1), (0, 0.3 * y, h + 0.1), (0, 0.4 * y, 0.95 * h)]
    return [loft(body, cloth, 0.03), tube(handle, 0.009, cloth, 0.022)]


def suitcase(rng: np.random.Generator) -> list[Surface]:
    """A trolley case standing up, its handle out or in."""
    y, h, shell = float(rng.uniform(0.19, 0.26)), float(rng.uniform(0.5, 0.72)), random_paint(rng)
    surfaces = rounded_box((-0.12, -y, 0.04), (0.12, y, h), 0.05, shell, 0.034)
    surfaces += [
        cylinder((sx * 0.08, sy * (y - 0.04), 0), 0.022, 0.05, random_paint(rng)) for sx in (-1, 1) for sy in (-1, 1)
    ]
    rise = h + float(rng.choice([0.03, 0.4]))
    return [
        *surfaces,
        tube(
            [(-0.08, -0.09, h - 0.02), (-0.08, -0.09, rise), (-0.08, 0.09, rise), (-0.08, 0.09, h - 0.02)],
            0.009,
            random_metal(rng),
            0.022,
        ),
    ]


def toaster(rng: np.random.Generator) -> list[Surface]:
    """A toaster."""
    y, h = float(rng.uniform(0.12, 0.17)), float(rng.uniform(0.16, 0.21))
    surfaces = rounded_box((-0.08, -y, 0.01), (0.08, y, h), 0.045, random_metal(rng), 0.024, OPEN_BELOW)
    slot = paint((0.08, 0.08, 0.08))
    slots = (rectangle((x, -0.7 * y, h + 0.002), (0.025, 0, 0), (0, 1.4 * y, 0), slot, 0.02) for x in (-0.045, 0.02))
    return [*surfaces, *slots]


def kettle(rng: np.random.Generator) -> list[Surface]:
    """A kettle with spout and handle."""
    metal, k = one_of(rng, (random_metal, random_paint))(rng), float(rng.uniform(0.85, 1.15))
    belly = [(0.09, 0.0), (0.085, 0.1), (0.055, 0.19), (0.02, 0.2), (0.0, 0.22)]
    grip = [(0.05, 0.0, 0.19), (0.0, 0.0, 0.27), (-0.1, 0.0, 0.24), (-0.09, 0.0, 0.08)]
    return [
        lathe([(k * r, k * z) for r, z in belly], metal, 0.022),
        tube([(0.07 * k, 0, 0.1 * k), (0.13 * k, 0, 0.18 * k)], [0.02, 0.012], metal, 0.02),
        tube([k * np.array(point) for point in grip], 0.011, random_paint(rng), 0.022),
    ]


def microwave(rng: np.random.Generator) -> list[Surface]:
    """A microwave oven: a box with a dark window and a strip of buttons."""
    shell, dark = one_of(rng, (random_metal, random_paint))(rng), paint((0.06, 0.06, 0.07), gloss=0.25)
    y, d, h = float(rng.uniform(0.22, 0.28)), float(rng.uniform(0.3, 0.38)), float(rng.uniform(0.26, 0.32))
    pane = (-y + 0.03, 0.04), (0.35 * y, h - 0.03)
    surfaces = glazed_box((-d / 2, -y, 0.01), (d / 2, y, h), *pane, shell, dark, 0.034, ("-x", "-y", "+y", "+z"))
    return [*surfaces, *box((d / 2, 0.42 * y, 0.05), (d / 2 + 0.03, 0.47 * y, h - 0.04), shell, 0.02)]


def clock(rng: np.random.Generator) -> list[Surface]:
    """A round wall clock, centred, looking along +x."""
    r, rim = float(rng.uniform(0.1, 0.2)), one_of(rng, (random_metal, random_wood, random_paint))(rng)
    face = paint(one_of(rng, ((0.92, 0.91, 0.88), (0.1, 0.1, 0.1), random_colour(rng))))
    hands = paint(one_of(rng, ((0.08, 0.08, 0.08), (0.85, 0.2, 0.15), (0.9, 0.88, 0.85))))
    lying = [lathe([(r, 0.0), (r, 0.035), (0.88 * r, 0.035)], rim, 0.022), disc((0, 0, 0.03), 0.88 * r, face, 0.022)]
    for angle, reach in ((rng.uniform(0, 6.3), 0.75 * r), (rng.uniform(0, 6.3), 0.5 * r)):
        lying += [tube([(0, 0, 0.037), (reach * math.cos(angle), reach * math.sin(angle), 0.037)], 0.006, hands, 0.018)]
    return moved(turned(lying, "y", 90), (0, 0, r))
