"""What the roofline counts: against the core's own counters, and against products and bytes worked out by hand."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from rasterizer_scenes import camera_at_origin, one_gaussian, random_scene
from rtgs2_trt import Camera, Scene, rasterize
from rtgs2_trt.errors import BundleError
from rtgs2_trt.roofline import DEVICES, Cost, Device, Network, Stage, count_work, device_of, typical_room


def as_scene(gaussians: object) -> Scene:
    names = ("means", "scales", "rotations", "opacities", "sh", "features")
    return Scene(**{name: getattr(gaussians, name) for name in names})


@pytest.mark.parametrize("seed", [0, 1])
def test_counts_are_those_of_the_core(emulated_gpu: ModuleType, seed: int) -> None:
    scene = as_scene(random_scene(seed, 1500, 4, 8))
    camera = Camera.look_at((0.3, -0.2, 0.1), (2, 1, 0.4), width=96, height=64, fov_degrees=75)
    work = count_work(scene, camera)
    core = emulated_gpu.Scene(
        scene.means, scene.scales, scene.rotations, scene.opacities, scene.sh, scene.features, "half"
    )
    rasterizer = emulated_gpu.Rasterizer(core, 96, 64, 0, 0, 0, 0, "planar", "float32", "best")
    stream = emulated_gpu.Stream()
    pose = camera.world_to_camera
    view = (96, 64, camera.fx, camera.fy, camera.cx, camera.cy, pose, (0.0, 0.0, 0.0), stream.address)
    rasterizer.set_view(*view)
    rasterizer.enqueue(stream.address)
    visible, pairs = rasterizer.needs()
    assert pairs > 1000
    assert abs(work.visible - visible) <= 2  # float32 against float64 where a square just meets a tile
    assert 0 <= pairs - work.pairs <= 0.01 * pairs  # the core's ellipse is a little generous


def test_hits_are_where_there_is_alpha() -> None:
    scene = as_scene(one_gaussian())
    camera = camera_at_origin()
    work = count_work(scene, camera)
    assert work.sampled_tiles == work.tiles
    assert work.hits == np.count_nonzero(rasterize(scene, camera).alpha)
    assert (work.gaussians, work.in_front, work.visible) == (1, 1, 1)
    assert 1 <= work.reached <= work.pairs


def test_full_pixels_reach_no_further() -> None:
    wall = np.array([[0, 0, 2.0 + 0.1 * i] for i in range(40)], np.float32)
    ones = np.ones(40, np.float32)
    scales = np.full((40, 3), 5.0, np.float32)
    rotations = np.tile(np.float32([1, 0, 0, 0]), (40, 1))
    scene = Scene(wall, scales, rotations, 0.91 * ones, np.zeros((40, 1, 3), np.float32))
    work = count_work(scene, camera_at_origin(16, 16))
    assert (work.pairs, work.tiles) == (40, 1)
    assert work.reached == 4  # 0.09^4 is under 1e-4: the fourth finds no pixel that may still take it
    assert work.hits == 3 * 256


def test_sampled_tiles_stand_for_the_rest() -> None:
    scene, (camera,) = typical_room.room(20_000), typical_room.views((320, 240), 1)
    every, some = count_work(scene, camera, sampled_tiles=300), count_work(scene, camera, sampled_tiles=100)
    assert every.sampled_tiles == 300
    assert some.sampled_tiles == 100
    assert some.pairs == every.pairs
    assert some.hits == pytest.approx(every.hits, rel=0.15)


def test_cost_of_a_graph_by_hand() -> None:
    onnx = pytest.importorskip("onnx")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    weights = {"w": np.zeros((8, 3, 4, 4), np.float32), "m": np.zeros((8, 5), np.float32)}
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["c"], strides=[4, 4]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Transpose", ["r"], ["t"], perm=[0, 2, 3, 1]),
        helper.make_node("MatMul", ["t", "m"], ["p"]),
        helper.make_node("Transpose", ["p"], ["logits"], perm=[0, 3, 1, 2]),
    ]
    image = helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, (1, 3, "h", "w"))
    logits = helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, (1, 5, "a", "b"))
    initializers = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "g", [image], [logits], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    network = Network.of(model.SerializeToString(), 64, 32)
    costs, pixels = network.operators, 16 * 8
    assert costs["Conv"].products == 2 * 8 * pixels * 3 * 16
    assert costs["Conv"].bytes == 2 * (3 * 64 * 32 + 8 * 3 * 16 + 8 * pixels)
    assert costs["MatMul"].products == 2 * 5 * pixels * 8
    assert costs["Relu"] == Cost(1, 0, 8 * pixels, 2 * 2 * 8 * pixels)
    assert costs["Transpose"].operators == 2
    assert network.fused.products == costs["Conv"].products + costs["MatMul"].products
    assert network.fused.bytes == 2 * (8 * 3 * 16 + 8 * 5 + 3 * 64 * 32 + 5 * pixels)


def test_a_graph_that_does_not_run_is_named() -> None:
    with pytest.raises(BundleError, match=r"model/fusion\.onnx: graph cannot be run to count .*Export the checkpoint"):
        Network.of(b"nothing", 64, 32, file="model/fusion.onnx")


def test_a_stage_takes_what_its_slowest_part_takes() -> None:
    device = Device("test", bandwidth=10.0, fp32=100.0, fp16_tensor=1000.0, host_link=5.0, source="")
    assert Stage(bytes=20, fp32=100, tensor=1000).floor(device) == 2.0
    assert Stage(bytes=1, fp32=300, tensor=1000).floor(device) == 3.0
    assert Stage(bytes=1, tensor=4000).floor(device) == 4.0
    assert Stage(bytes=1, host_bytes=25).floor(device) == 5.0


def test_public_figures() -> None:
    assert DEVICES["Jetson AGX Orin 64GB"].fp32 == pytest.approx(5.3e12, rel=0.01)  # NVIDIA's own words
    assert DEVICES["Jetson AGX Orin 64GB"].fp16_tensor == pytest.approx(170e12 / 4, rel=0.01)  # of sparse INT8
    assert DEVICES["Jetson Orin Nano 8GB Super"].fp16_tensor == pytest.approx(67e12 / 4, rel=0.01)
    assert all(device.source for device in DEVICES.values())
    assert device_of("NVIDIA H200") is DEVICES["H200 SXM"]
    assert device_of("NVIDIA H100 80GB HBM3") is DEVICES["H100 SXM"]
    for other in (
        "NVIDIA GeForce GTX 1080",
        "NVIDIA GH200 480GB",
        "NVIDIA H200 NVL",
        "NVIDIA H100 80GB HBM3 MIG 1g.10gb",
    ):
        assert device_of(other) is None
