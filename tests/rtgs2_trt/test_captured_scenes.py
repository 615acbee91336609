"""Captured figures open, are labelled and are viewed; small ones in the same formats stand in where they are absent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from captured_scenes import CAPTURED, MADE, captured_scene, made_scene
from rtgs2_trt import Camera, Scene, Segmenter, rasterize
from rtgs2_trt.cli import main
from rtgs2_trt.labels_in_3d import load_labelled
from rtgs2_trt.viewer.start_view import start_camera

NAMES = {**MADE, **CAPTURED}


@pytest.fixture(scope="module", params=NAMES)
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One after the other."""
    return (
        captured_scene(request.param)
        if request.param in CAPTURED
        else made_scene(request.param, tmp_path_factory.mktemp("made"))
    )


@pytest.fixture(scope="module")
def figure(file: Path) -> Scene:
    """The scene with z up."""
    return Scene.load(file, up="-y")


def test_it_opens_and_shows_a_figure_before_nothing(file: Path, figure: Scene) -> None:
    assert (len(figure), figure.sh_degree) == NAMES[file.name]
    low, high = np.percentile(figure.means, (1, 99), axis=0)
    centre, size = (low + high) / 2, float((high - low).max())
    camera = Camera.look_at(centre + np.array([1.6 * size, 0, 0]), centre, width=96, height=96, fov_degrees=50)
    picture = rasterize(figure, camera)
    covered = picture.alpha > 0.5
    assert 0.05 < covered.mean() < 0.9
    assert picture.rgb[:, covered].std() > 0.05


def test_it_is_labelled(file: Path, figure: Scene, exported_bundle: Path, tmp_path: Path) -> None:
    output = tmp_path / "labelled.ply"
    options = ["--orbit", "4", "--size", "96x96", "--up", "-y", "--quiet"]
    assert main(["label", str(exported_bundle), str(file), "-o", str(output), *options]) == 0
    labels = load_labelled(output)
    seen = labels.labels != labels.unknown
    assert (len(labels), seen.mean() > 0.4) == (len(figure), True)
    assert (labels.confidence[seen] > 0).all()
    again = Scene.load(output, up="-y")
    np.testing.assert_allclose(again.means, figure.means, atol=1e-6)
    drawn = labels.drawn(again, start_camera(again, 96, 96))
    covered = rasterize(again, start_camera(again, 96, 96)).alpha > 0.5
    assert (drawn[covered] != labels.unknown).mean() > 0.99


def test_it_is_viewed(figure: Scene, exported_bundle: Path) -> None:
    pytest.importorskip("viser", reason="viser is not installed: pip install '.[view]'")
    from rtgs2_trt.quaternions import quaternion_from_matrix
    from rtgs2_trt.viewer.server import Viewer
    from viewer_browser import Browser

    segmenter = Segmenter(exported_bundle)
    scene = segmenter.encode(figure)
    start = start_camera(scene, 160, 120)
    assert (rasterize(scene, start).alpha > 0.5).mean() > 0.02
    with Viewer(segmenter, scene, start, port=0, most_pixels=160 * 120) as viewer, Browser(viewer.port) as browser:
        browser.look(
            width=160,
            height=120,
            wxyz=quaternion_from_matrix(start.world_to_camera[:3, :3].T).tolist(),
            position=start.position.tolist(),
            fov=2 * float(np.arctan(start.height / 2 / start.fy)),
        )
        browser.wait_for(lambda b: b.picture is not None and b.picture.shape == (120, 160, 3))
        browser.press(browser.element("GuiButtonGroupMessage", "Show"), "colour")
        expected = rasterize(scene, start).rgb.clip(0, 1).transpose(1, 2, 0) * 255
        browser.wait_for(
            lambda b: b.picture.shape == expected.shape and np.abs(b.picture - expected).mean() < 4
        )  # JPEG
