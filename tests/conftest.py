"""What several tests need: a small checkpoint, its bundle, a small scene and a view of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from golden.seeded_weights import seeded_state
from rtgs2_trt import Camera, Scene

CLASSES = ["wall", "floor", "chair", "table", "lamp"]
COLOURS = [(174, 199, 232), (152, 223, 138), (188, 189, 34), (255, 152, 150), (23, 190, 207)]
IDS = [1, 2, 5, 7, 300]


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of preset ``tiny`` with seeded weights and five classes, one id of which needs 16 bits."""
    torch = pytest.importorskip("torch")
    from rtgs2_networks.checkpoint import save_checkpoint
    from rtgs2_networks.config import preset
    from rtgs2_networks.encoder import PointTransformerEncoder
    from rtgs2_networks.fusion import FusionNetwork
    from rtgs2_trt.classes import ClassTable

    config = preset("tiny", len(CLASSES))
    states = []
    for network in (PointTransformerEncoder(config.encoder), FusionNetwork(config.fusion)):
        shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
        states.append({name: torch.from_numpy(np.asarray(v)) for name, v in seeded_state(shapes, 8).items()})
    table = ClassTable.from_list(
        [{"index": i, "id": IDS[i], "name": name, "color": list(COLOURS[i])} for i, name in enumerate(CLASSES)],
        name="test",
    )
    path = tmp_path_factory.mktemp("checkpoint") / "tiny.pt"
    save_checkpoint(path, config=config, classes=table, encoder=states[0], fusion=states[1], description="test weights")
    return path


@pytest.fixture(scope="session")
def depth_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of preset ``tiny`` with seeded weights that predicts depth."""
    torch = pytest.importorskip("torch")
    from rtgs2_networks.checkpoint import save_checkpoint
    from rtgs2_networks.config import preset
    from rtgs2_networks.encoder import PointTransformerEncoder
    from rtgs2_networks.fusion import FusionNetwork

    config = preset("tiny", task="depth")
    states = []
    for network in (PointTransformerEncoder(config.encoder), FusionNetwork(config.fusion)):
        shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
        states.append({name: torch.from_numpy(np.asarray(v)) for name, v in seeded_state(shapes, 8).items()})
    path = tmp_path_factory.mktemp("depth_checkpoint") / "depth.pt"
    save_checkpoint(path, config, None, *states, description="depth weights")
    return path


@pytest.fixture(scope="session")
def depth_bundle(depth_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported bundle of it, shared by all tests: not to be changed."""
    from rtgs2_export.export import export_bundle
    from rtgs2_networks.checkpoint import load_checkpoint

    path = tmp_path_factory.mktemp("depth_bundle") / "depth.rtgs2"
    return export_bundle(load_checkpoint(depth_checkpoint), path).path


@pytest.fixture(scope="session")
def exported_bundle(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported bundle, shared by all tests: not to be changed."""
    from rtgs2_export.export import export_bundle
    from rtgs2_networks.checkpoint import load_checkpoint

    path = tmp_path_factory.mktemp("bundle") / "tiny.rtgs2"
    return export_bundle(load_checkpoint(tiny_checkpoint), path, image_size=(320, 240)).path


@pytest.fixture
def bundle(exported_bundle: Path, tmp_path: Path) -> Path:
    """A copy of the bundle that a test may damage."""
    return Path(shutil.copytree(exported_bundle, tmp_path / "tiny.rtgs2"))


@pytest.fixture(scope="session")
def scene() -> Scene:
    """4000 Gaussians scattered in and on a box of 2 x 1.6 x 1.2 m."""
    rng = np.random.default_rng(7)
    count, size = 4000, np.asarray([2.0, 1.6, 1.2])
    points = rng.random((count, 3)) * size
    axis = rng.integers(0, 3, count)
    points[np.arange(count), axis] = np.where(rng.random(count) < 0.5, 0, size[axis])
    return Scene(
        means=points.astype(np.float32),
        scales=np.exp(rng.uniform(-4.5, -3, (count, 3))).astype(np.float32),
        rotations=rng.standard_normal((count, 4)).astype(np.float32),
        opacities=rng.uniform(0.3, 0.98, count).astype(np.float32),
        sh=rng.standard_normal((count, 4, 3)).astype(np.float32) * 0.5,
    )


@pytest.fixture(scope="session")
def camera() -> Camera:
    """A view of the scene whose size is no multiple of 32."""
    return Camera.look_at((0.2, 0.2, 0.6), (1.8, 1.2, 0.5), width=150, height=100, fov_degrees=80)
