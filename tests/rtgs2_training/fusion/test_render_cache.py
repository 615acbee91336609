"""Rendered views on disk: what they hold, and when they are made again."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from box_room import box_scene, write_box_dataset
from rtgs2_networks.config import preset
from rtgs2_networks.encoder import PointTransformerEncoder
from rtgs2_training.datasets import open_dataset
from rtgs2_training.fusion import render_cache
from rtgs2_training.fusion.render_cache import RenderCache, encoder_hash
from rtgs2_training.fusion.view_batches import read_views
from rtgs2_training.scene_features import scene_features
from rtgs2_trt import rasterize
from rtgs2_trt.console import Console
from rtgs2_trt.errors import InputError

QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return PointTransformerEncoder(preset("tiny", 22).encoder).eval()


@pytest.fixture
def scenes(tmp_path):
    return open_dataset(write_box_dataset(tmp_path / "boxes", {"train": ["a"]})).scenes("train")


def cache(tmp_path, encoder, storage="int8"):
    return RenderCache(tmp_path / "cache", encoder, encoder_hash(encoder), storage)


@pytest.mark.parametrize(("storage", "tolerance"), [("int8", 1 / 250), ("float16", 1 / 1000)])
def test_holds_what_the_rasteriser_draws(storage, tolerance, scenes, encoder, tmp_path):
    views = cache(tmp_path, encoder, storage).views(scenes)
    cache(tmp_path, encoder, storage).render_missing(views, QUIET)
    scene = scenes[0].load_scene()
    scene = scene.with_features(scene_features(encoder, scene))
    for view in views:
        assert (view.camera.height % 32, view.camera.width % 32) == (0, 0)
        expected = rasterize(scene, view.camera)
        image, features, scale = view.read()
        assert np.abs(image / 255 - np.clip(expected.rgb, 0, 1).transpose(1, 2, 0)).max() <= 0.5 / 255 + 1e-6
        error = np.abs(features.astype(np.float32) * scale - expected.features.transpose(1, 2, 0))
        assert (error.max(axis=(0, 1)) <= tolerance * np.abs(expected.features).max(axis=(1, 2)) + 1e-7).all()


@pytest.mark.parametrize("storage", ["int8", "float16"])
def test_an_empty_channel_has_nothing_to_vary(storage, scenes, encoder, tmp_path, monkeypatch):
    """Its largest value is 0, so the augmentation, which moves channels by a share of that, leaves it empty."""
    real = rasterize

    def without_channel_3(scene, camera, threads):
        drawn = real(scene, camera)
        drawn.features[3] = 0
        return drawn

    monkeypatch.setattr(render_cache, "rasterize", without_channel_3)
    views = cache(tmp_path, encoder, storage).views(scenes)
    cache(tmp_path, encoder, storage).render_missing(views, QUIET)
    batch = read_views(views[:1], "semantic")
    assert (batch.features[0, ..., 3] == 0).all()
    assert batch.largest[0, 3] == 0
    assert (np.delete(batch.largest[0], 3) > 0).all()


def test_only_what_is_missing_or_partial_is_rendered(scenes, encoder, tmp_path, monkeypatch):
    views = cache(tmp_path, encoder).views(scenes)
    cache(tmp_path, encoder).render_missing(views, QUIET)
    before = [view.file.read_bytes() for view in views]
    views[0].file.unlink()
    views[1].file.write_bytes(before[1][:1000])
    drawn = []
    monkeypatch.setattr(
        render_cache,
        "rasterize",
        lambda scene, camera, threads: drawn.append(camera) or rasterize(scene, camera, threads=threads),
    )
    cache(tmp_path, encoder).render_missing(cache(tmp_path, encoder).views(scenes), QUIET)
    assert drawn == [views[0].camera, views[1].camera]
    assert [view.file.read_bytes() for view in views] == before


def test_another_encoder_scene_camera_or_storage_is_another_file(scenes, encoder, tmp_path):
    def files(encoder, storage="int8"):
        return {view.file.name for view in cache(tmp_path, encoder, storage).views(scenes)}

    first = files(encoder)
    assert len(first) == len(scenes[0].cameras)
    other = PointTransformerEncoder(encoder.config).eval()
    assert not first & files(other)
    assert not first & files(encoder, "float16")
    box_scene(seed=9).save(scenes[0].ply)
    assert not first & files(encoder)


def test_damaged_file_is_named(scenes, encoder, tmp_path):
    view = cache(tmp_path, encoder).views(scenes)[0]
    view.file.write_bytes(b"\x93NUMPY nonsense")
    with pytest.raises(InputError, match="damaged render cache") as caught:
        view.read()
    assert str(view.file) in str(caught.value)
    np.save(view.file, np.zeros(3, dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="damaged render cache"):
        view.read()


def test_hash_names_weights_and_configuration(encoder):
    twin = PointTransformerEncoder(encoder.config)
    twin.load_state_dict(encoder.state_dict())
    assert encoder_hash(twin) == encoder_hash(encoder)
    with torch.no_grad():
        next(twin.parameters()).view(-1)[0] += 1e-3
    assert encoder_hash(twin) != encoder_hash(encoder)
    wider = PointTransformerEncoder(dataclasses.replace(encoder.config, voxel_size=0.08))
    wider.load_state_dict(encoder.state_dict())
    assert encoder_hash(wider) != encoder_hash(encoder)
