import numpy as np
import pytest

from rtgs2_training.synthrooms import textures
from rtgs2_training.synthrooms.colours import EVERYTHING, FAMILIES, LACQUER, PALE, SUBDUED
from rtgs2_training.synthrooms.textures import Material, random_artwork, random_colour

MAKERS = sorted(set(textures.__all__) & {name for name in dir(textures) if name.startswith("random_")})
MAKERS = [name for name in MAKERS if name not in ("random_colour", "random_artwork")]


def painted(material: Material, seed: int = 0) -> np.ndarray:
    u, v = np.random.default_rng(9).uniform(0, 2, (2, 800))
    return material.colour(u, v, np.random.default_rng(seed))


@pytest.mark.parametrize("name", MAKERS)
def test_materials_are_colours_and_seeded(name):
    maker = getattr(textures, name)
    seen = []
    for seed in range(12):
        material = maker(np.random.default_rng(seed))
        colours = painted(material)
        assert colours.shape == (800, 3)
        assert np.isfinite(colours).all()
        # Grain may reach a little beyond what can be shown; it is clipped when sampled.
        assert colours.min() > -0.3
        assert colours.max() < 1.5
        assert 0 <= material.gloss < 1
        np.testing.assert_array_equal(colours, painted(maker(np.random.default_rng(seed))))
        seen.append(colours.mean(axis=0))
    assert np.ptp(seen, axis=0).max() > 0.05


@pytest.mark.parametrize("seed", range(24))
def test_artwork(seed):
    material = random_artwork(np.random.default_rng(seed), 0.8, 0.6)
    u, v = np.random.default_rng(1).uniform(0, 1, (2, 500)) * np.array([[0.8], [0.6]])
    colours = material.colour(u, v, np.random.default_rng(2))
    assert colours.shape == (500, 3)
    assert np.isfinite(colours).all()
    assert colours.min() > -0.2
    assert colours.max() < 1.4


def test_homes_are_mostly_pale_or_grey_but_not_only():
    rng = np.random.default_rng(0)
    colours = np.array([random_colour(rng) for _ in range(4000)])
    saturation = 1 - colours.min(axis=1) / colours.max(axis=1)
    assert 0.3 < np.mean(saturation < 0.1) < 0.6
    assert 0.05 < np.mean(saturation > 0.55) < 0.25
    assert np.mean(colours.mean(axis=1) > 0.8) > 0.2
    assert np.mean(colours.mean(axis=1) < 0.2) > 0.05


@pytest.mark.parametrize("taste", [EVERYTHING, LACQUER, PALE, SUBDUED])
def test_tastes_share_out_known_families(taste):
    assert set(taste) <= set(FAMILIES)
    assert sum(taste.values()) == pytest.approx(1)


def test_what_is_large_is_less_colourful_than_what_is_small():
    rng = np.random.default_rng(1)

    def bright(taste):
        colours = np.array([random_colour(rng, taste) for _ in range(3000)])
        return np.mean((1 - colours.min(axis=1) / colours.max(axis=1)) > 0.55)

    everything, subdued, lacquer, pale = map(bright, (EVERYTHING, SUBDUED, LACQUER, PALE))
    assert pale == 0
    assert 0.01 < lacquer < subdued < everything
    walls = np.array([random_colour(rng, PALE) for _ in range(500)])
    assert walls.min() > 0.6
