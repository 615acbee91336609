"""Three cameras as each format that is read writes them."""

import json
import struct

import numpy as np

from rtgs2_trt.camera import Camera
from rtgs2_trt.quaternions import matrix_from_quaternion, quaternion_from_matrix

WIDTH, HEIGHT, FX, FY, CX, CY = 640, 480, 500.5, 510.25, 310.0, 250.0
NAMES = ["b.png", "a.png", "c d.png"]


def pose(seed=0):
    """A world-to-camera matrix."""
    rng = np.random.default_rng(seed)
    quaternion = rng.normal(size=4)
    matrix = np.eye(4)
    matrix[:3, :3] = matrix_from_quaternion(quaternion / np.linalg.norm(quaternion))
    matrix[:3, 3] = rng.normal(size=3)
    return matrix


POSES = [pose(seed) for seed in range(3)]


def gaussian_splatting_json():
    cameras = []
    for index, (name, matrix) in enumerate(zip(NAMES, POSES, strict=True)):
        inverse = np.linalg.inv(matrix)
        camera = {"id": index, "img_name": name, "width": WIDTH, "height": HEIGHT}
        camera |= {"position": inverse[:3, 3].tolist(), "rotation": inverse[:3, :3].tolist()}
        cameras.append(camera | {"fx": FX, "fy": FY, "cx": CX, "cy": CY})
    return cameras


def nerfstudio_json():
    frames = []
    for name, matrix in zip(NAMES, POSES, strict=True):
        inverse = np.linalg.inv(matrix) @ np.diag([1, -1, -1, 1])
        frames.append({"file_path": f"images/{name}", "transform_matrix": inverse.tolist()})
    shared = {"fl_x": FX, "fl_y": FY, "cx": CX, "cy": CY, "w": WIDTH, "h": float(HEIGHT), "k1": 0.0, "p2": 0}
    return shared | {"camera_model": "OPENCV", "frames": frames}


def colmap_text():
    cameras = f"# Camera list\n\n1 SIMPLE_PINHOLE 3 4 5 1 2\n7 PINHOLE {WIDTH} {HEIGHT} {FX} {FY} {CX} {CY}\n"
    images = "# Image list\n"
    for index, (name, matrix) in enumerate(zip(NAMES, POSES, strict=True)):
        values = [*quaternion_from_matrix(matrix[:3, :3]).tolist(), *matrix[:3, 3].tolist()]
        images += f"{index + 1} {' '.join(map(repr, values))} 7 {name}\n"
        images += ["\n", "1.5 2.5 -1 3.5 4.5 12\n", "# 7 1\n"][index]
    return cameras.encode(), images.encode()


def colmap_binary():
    cameras = struct.pack("<Q", 2) + struct.pack("<IiQQ3d", 1, 0, 3, 4, 5, 1, 2)
    cameras += struct.pack("<IiQQ4d", 7, 1, WIDTH, HEIGHT, FX, FY, CX, CY)
    images = struct.pack("<Q", 3)
    for index, (name, matrix) in enumerate(zip(NAMES, POSES, strict=True)):
        values = [*quaternion_from_matrix(matrix[:3, :3]), *matrix[:3, 3]]
        images += struct.pack("<I7dI", index + 1, *values, 7) + name.encode() + b"\0"
        images += struct.pack("<Q", index) + struct.pack("<ddq", 1.5, 2.5, -1) * index
    return cameras, images


def write_json(path, content):
    path.write_text(json.dumps(content))
    return path


def write_model(folder, suffix, files=None):
    folder.mkdir(parents=True, exist_ok=True)
    cameras, images = files or (colmap_binary() if suffix == ".bin" else colmap_text())
    (folder / f"cameras{suffix}").write_bytes(cameras)
    (folder / f"images{suffix}").write_bytes(images)
    return folder


def check(cameras, names=NAMES):
    assert list(cameras) == list(names)
    for camera, expected in zip(cameras.values(), POSES, strict=True):
        assert isinstance(camera, Camera)
        assert (camera.width, camera.height, camera.fx, camera.fy) == (WIDTH, HEIGHT, FX, FY)
        assert (camera.cx, camera.cy) == (CX, CY)
        np.testing.assert_allclose(camera.world_to_camera, expected, atol=1e-12)
