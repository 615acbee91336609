"""Scenes that samples are taken from again and again: read once, but never more of them than memory holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rtgs2_training.encoder import recent_scenes
from rtgs2_training.encoder.recent_scenes import RecentScenes
from rtgs2_training.encoder.view_pairs import overlapping_pairs


@dataclass
class Kept:
    name: str
    nbytes: int


def test_those_asked_for_last_are_kept_up_to_a_number_of_bytes(monkeypatch):
    monkeypatch.setattr(recent_scenes, "_BYTES_IN_MEMORY", 250)
    read = []
    sizes = {"a": 100, "b": 100, "c": 100, "huge": 1000}
    scenes = RecentScenes(list(sizes), lambda name: read.append(name) or Kept(name, sizes[name]))
    for index in (0, 1, 0, 2):  # b was asked for longest ago
        assert scenes[index].name == list(sizes)[index]
    assert read == ["a", "b", "c"]
    assert [scenes[index].name for index in (0, 2, 1)] == ["a", "c", "b"]
    assert read == ["a", "b", "c", "b"]
    read.clear()
    assert (scenes[3].name, scenes[3].name) == ("huge", "huge")  # one stays, however large
    assert (scenes[0].name, scenes[1].name, scenes[0].name) == ("a", "b", "a")
    assert read == ["huge", "a", "b"]


def test_overlap_does_not_depend_on_how_many_gaussians_are_compared_at_once(monkeypatch):
    seen = np.random.default_rng(0).random((7, 1000)) < np.linspace(0.1, 0.9, 7)[:, None]
    both, either = (seen[:, None] & seen).sum(axis=2), (seen[:, None] | seen).sum(axis=2)
    expected = np.argwhere(np.triu((both / either > 0.2) & (both / either < 0.6), k=1))
    assert 3 < len(expected) < 21
    for columns in (1000, 64):
        monkeypatch.setattr("rtgs2_training.encoder.view_pairs._COLUMNS_AT_ONCE", columns)
        np.testing.assert_array_equal(overlapping_pairs(seen, 0.2, 0.6), expected)
