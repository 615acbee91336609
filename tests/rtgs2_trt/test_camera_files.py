import json
import re
import struct
import warnings

import numpy as np
import pytest

from camera_samples import (
    FX,
    FY,
    HEIGHT,
    NAMES,
    POSES,
    WIDTH,
    check,
    colmap_binary,
    colmap_text,
    gaussian_splatting_json,
    nerfstudio_json,
    write_json,
    write_model,
)
from rtgs2_trt.camera import Camera
from rtgs2_trt.camera_files import CameraWorldWarning, load_cameras, records, save_cameras
from rtgs2_trt.errors import CameraError
from rtgs2_trt.orientation import orientation

# What can be read


def test_gaussian_splatting(tmp_path):
    check(load_cameras(write_json(tmp_path / "cameras.json", gaussian_splatting_json())))


def test_principal_point_is_the_centre_unless_given(tmp_path):
    content = gaussian_splatting_json()
    for camera in content:
        del camera["cx"], camera["cy"]
    for camera in load_cameras(write_json(tmp_path / "cameras.json", content)).values():
        assert (camera.cx, camera.cy) == (WIDTH / 2, HEIGHT / 2)


def test_nerfstudio(tmp_path):
    path = write_json(tmp_path / "transforms.json", nerfstudio_json())
    check(load_cameras(path), ["b", "a", "c d"])
    path.write_text("\ufeff" + path.read_text())
    check(load_cameras(path), ["b", "a", "c d"])


def test_nerfstudio_intrinsics_of_a_frame_go_first(tmp_path):
    content = nerfstudio_json()
    for frame in content["frames"]:
        frame |= {key: content[key] for key in ("fl_x", "fl_y", "cx", "cy", "w", "h", "k1", "camera_model")}
        frame["transform_matrix"] = frame["transform_matrix"][:3]
    content |= {"fl_x": 1, "fl_y": 2, "cx": 3, "cy": 4, "w": 5, "h": 6, "k1": 7, "camera_model": "FISHEYE"}
    check(load_cameras(write_json(tmp_path / "transforms.json", content)), ["b", "a", "c d"])


def test_nerfstudio_field_of_view(tmp_path):
    content = nerfstudio_json() | {"camera_angle_x": 2 * np.arctan(WIDTH / 2 / FX)}
    for key in ("fl_x", "fl_y", "cx", "cy"):
        del content[key]
    camera = load_cameras(write_json(tmp_path / "transforms.json", content))["a"]
    assert (camera.fx, camera.fy) == (pytest.approx(FX), pytest.approx(FX))
    assert (camera.cx, camera.cy) == (WIDTH / 2, HEIGHT / 2)
    content["camera_angle_y"] = 2 * np.arctan(HEIGHT / 2 / FY)
    assert load_cameras(write_json(tmp_path / "transforms.json", content))["a"].fy == pytest.approx(FY)


def test_nerfstudio_with_an_applied_transform_is_warned_of(tmp_path):
    """As ns-process-data writes: COLMAP's axes turned."""
    turned = [[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0]]
    path = write_json(tmp_path / "transforms.json", nerfstudio_json() | {"applied_transform": turned})
    with pytest.warns(
        CameraWorldWarning,
        match=r"transforms\.json: cameras are in transforms\.json's own world.*give the COLMAP model",
    ) as caught:
        check(load_cameras(path), ["b", "a", "c d"])
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize("rows", [3, 4])
def test_nerfstudio_with_an_identity_applied_is_not_warned_of(tmp_path, rows):
    content = nerfstudio_json() | {"applied_transform": np.eye(4)[:rows].tolist()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(load_cameras(write_json(tmp_path / "transforms.json", content)), ["b", "a", "c d"])


def test_nerfstudio_names_that_clash_keep_their_path(tmp_path):
    content = nerfstudio_json()
    for frame, path in zip(content["frames"], ["left/1.png", "right\\1.png", "2.png"], strict=True):
        frame["file_path"] = path
    check(load_cameras(write_json(tmp_path / "transforms.json", content)), ["left/1.png", "right\\1.png", "2"])


@pytest.mark.parametrize("suffix", [".txt", ".bin"])
@pytest.mark.parametrize("place", [".", "sparse/0", "sparse"])
def test_colmap(tmp_path, suffix, place):
    write_model(tmp_path / place, suffix)
    check(load_cameras(tmp_path))
    for name in ("cameras", "images", "points3D"):
        check(load_cameras(tmp_path / place / (name + suffix)))


def test_colmap_reads_the_binary_model_first(tmp_path):
    write_model(tmp_path, ".txt", (b"bad", b"bad"))
    check(load_cameras(write_model(tmp_path, ".bin")))


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        ("SIMPLE_PINHOLE", "500 3 4"),
        ("PINHOLE", "500 500 3 4"),
        ("SIMPLE_RADIAL", "500 3 4 0"),
        ("RADIAL", "500 3 4 0 0"),
        ("OPENCV", "500 500 3 4 0 0 0 0"),
    ],
)
def test_colmap_models_without_distortion(tmp_path, model, parameters):
    number = ["SIMPLE_PINHOLE", "PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV"].index(model)
    values = [float(word) for word in parameters.split()]
    binary = struct.pack(f"<QIiQQ{len(values)}d", 1, 7, number, 8, 6, *values)
    write_model(tmp_path / "text", ".txt", (f"7 {model} 8 6 {parameters}\n".encode(), colmap_text()[1]))
    write_model(tmp_path / "binary", ".bin", (binary, colmap_binary()[1]))
    for folder in ("text", "binary"):
        for camera in load_cameras(tmp_path / folder).values():
            assert (camera.width, camera.height) == (8, 6)
            assert (camera.fx, camera.fy, camera.cx, camera.cy) == (500, 500, 3, 4)


@pytest.mark.parametrize("kind", ["3dgs", "nerfstudio", "text", "binary"])
def test_the_world_changes_as_for_scenes(tmp_path, kind):
    paths = {
        "3dgs": write_json(tmp_path / "cameras.json", gaussian_splatting_json()),
        "nerfstudio": write_json(tmp_path / "transforms.json", nerfstudio_json()),
        "text": write_model(tmp_path / "text", ".txt"),
        "binary": write_model(tmp_path / "binary", ".bin"),
    }
    cameras = load_cameras(paths[kind], scale=2.5, up="-y")
    for camera, expected in zip(cameras.values(), POSES, strict=True):
        point = np.array([0.3, -0.7, 1.9])
        before = expected[:3, :3] @ point + expected[:3, 3]
        moved = orientation("-y") @ (2.5 * point)
        after = camera.world_to_camera[:3, :3] @ moved + camera.world_to_camera[:3, 3]
        np.testing.assert_allclose(after, 2.5 * before, atol=1e-12)


def test_saved_cameras_come_back(tmp_path):
    cameras = load_cameras(write_json(tmp_path / "given.json", gaussian_splatting_json()))
    cameras["middle"] = Camera(64, 48, 50, 50, None, None, np.eye(4))
    save_cameras(tmp_path / "cameras.json", cameras)
    content = json.loads((tmp_path / "cameras.json").read_text())
    assert list(content[3]) == ["id", "img_name", "width", "height", "position", "rotation", "fx", "fy"]
    back = load_cameras(tmp_path / "cameras.json")
    assert list(back) == [*NAMES, "middle"]
    for name, camera in cameras.items():
        for field in ("width", "height", "fx", "fy", "cx", "cy"):
            assert getattr(back[name], field) == getattr(camera, field)
        np.testing.assert_allclose(back[name].world_to_camera, camera.world_to_camera, atol=1e-12)
    assert {p.name for p in tmp_path.iterdir()} == {"given.json", "cameras.json"}


def test_cameras_that_cannot_be_saved(tmp_path):
    with pytest.raises(CameraError, match=r"cameras\.json: there are no cameras to write"):
        save_cameras(tmp_path / "cameras.json", {})
    with pytest.raises(CameraError, match="its folder does not exist"):
        save_cameras(tmp_path / "absent" / "cameras.json", {"a": Camera(64, 48, 50, 50, None, None, np.eye(4))})


# What is refused: JSON

REMOVED = object()


def changed(content, keys, value):
    target = content
    for key in keys[:-1]:
        target = target[key]
    if value is REMOVED:
        del target[keys[-1]]
    else:
        target[keys[-1]] = value
    return content


BAD_GAUSSIAN_SPLATTING = [
    ((1, "fx"), REMOVED, "camera 1 ('a.png'): fx: the key is missing"),
    ((1, "fx"), True, "camera 1 ('a.png'): fx: not a finite number (found True)"),
    ((1, "fx"), "500", "camera 1 ('a.png'): fx: not a finite number (found '500')"),
    ((1, "fx"), 10**400, "camera 1 ('a.png'): fx: not a finite number"),
    ((1, "fx"), float("nan"), "camera 1 ('a.png'): fx: not a finite number (found nan)"),
    ((1, "fx"), -float("inf"), "camera 1 ('a.png'): fx: not a finite number (found -inf)"),
    ((1, "fx"), 0, "camera 1 ('a.png'): fx: a focal length must be positive (found 0.0)"),
    ((1, "fy"), -1, "camera 1 ('a.png'): fy: a focal length must be positive (found -1.0)"),
    ((1, "cy"), float("nan"), "camera 1 ('a.png'): cy: not a finite number (found nan)"),
    ((0, "cx"), None, "camera 0 ('b.png'): cx: not a finite number (found None)"),
    ((1, "width"), 640.5, "camera 1 ('a.png'): width: not a whole number (found 640.5)"),
    ((1, "width"), 0, "camera 1 ('a.png'): width: impossible image size (found 0, expected a whole number of pixels"),
    ((1, "width"), -640, "camera 1 ('a.png'): width: impossible image size (found -640"),
    ((1, "height"), 16385, "camera 1 ('a.png'): height: impossible image size (found 16385"),
    ((1, "height"), 10**30, "camera 1 ('a.png'): height: impossible image size"),
    ((1, "height"), float("nan"), "camera 1 ('a.png'): height: not a finite number (found nan)"),
    ((1, "img_name"), REMOVED, "camera 1: img_name: the key is missing"),
    ((1, "img_name"), 5, "camera 1: img_name: not a name (found 5)"),
    ((1, "img_name"), " ", "camera 1: img_name: not a name"),
    ((1, "img_name"), "b.png", "camera 1 ('b.png'): the name appears twice"),
    ((1, "position"), [1, 2], "camera 1 ('a.png'): position: not an array of finite numbers of this shape"),
    ((1, "position"), {"x": 1}, "camera 1 ('a.png'): position: not an array"),
    ((1, "position"), [1, 2, False], "camera 1 ('a.png'): position: not an array"),
    ((1, "position"), [1, float("nan"), 2], "camera 1 ('a.png'): position: not an array of finite numbers"),
    *(
        ((1, key), 1e-300, f"camera 1 ('a.png'): {key}: beyond the range of float32 (found 1e-3")
        for key in ("fx", "fy")
    ),
    *(((1, key), 1e308, f"camera 1 ('a.png'): {key}: beyond the range of float32 (found 1e+3") for key in ("fx", "cx")),
    ((1, "position"), [0, 1e300, 0], "camera 1 ('a.png'): world_to_camera: beyond the range of float32"),
    ((1, "position"), [1.7e308] * 3, "camera 1 ('a.png'): world_to_camera: holds values that are not finite"),
    (
        (1, "rotation"),
        [[1, 0, 0], [0, 1, 0], [0, 0]],
        "camera 1 ('a.png'): rotation: not an array of finite numbers of this shape "
        "(found [[1, 0, 0], [0, 1, 0], [0, 0]], expected 3 x 3)",
    ),
    ((1, "rotation"), [[1, 0, 0], [0, 1, 0], [0, 0, 1.1]], "camera 1 ('a.png'): world_to_camera: its 3x3 part is not "),
    ((1, "rotation"), [[2, 0, 0], [0, 2, 0], [0, 0, 2]], "its 3x3 part is not a rotation: it scales by 2"),
    ((1, "rotation"), [[0] * 3] * 3, "camera 1 ('a.png'): world_to_camera: its 3x3 part is not a rotation"),
    ((1, "rotation"), [[1e300] * 3] * 3, "camera 1 ('a.png'): world_to_camera: its 3x3 part is not a rotation"),
    ((1, "rotation"), [[1, 0, 0], [0, 1, 0], [0, 0, -1]], "camera 1 ('a.png'): world_to_camera: its 3x3 part is a re"),
    ((1, "rotation"), [[float("nan"), 0, 0], [0, 1, 0], [0, 0, 1]], "camera 1 ('a.png'): rotation: not an array of f"),
    ((1,), "camera", "camera 1: not a JSON object (found 'camera')"),
]

BAD_NERFSTUDIO = [
    (("frames",), {}, "top level: frames: not a list of frames"),
    (("frames",), [], "there are no cameras in it"),
    (("frames", 1), None, "frame 1: not a JSON object (found None)"),
    (("frames", 1, "file_path"), REMOVED, "frame 1: file_path: the key is missing"),
    (("frames", 1, "file_path"), "", "frame 1: file_path: not a name"),
    (("frames", 1, "file_path"), "images/b.png", "frame 1 ('images/b.png'): the name appears twice"),
    (("frames", 1, "transform_matrix"), REMOVED, "frame 1 ('images/a.png'): transform_matrix: the key is missing"),
    (("frames", 1, "transform_matrix"), [[1] * 4] * 5, "expected 4 x 4 or 3 x 4"),
    (("frames", 1, "transform_matrix", 3, 3), 2, "not a pose"),
    (("frames", 1, "transform_matrix", 0, 0), 2, "frame 1 ('images/a.png'): world_to_camera: its 3x3 part is not a "),
    (("frames", 1, "transform_matrix", 0, 3), float("nan"), "transform_matrix: not an array of finite numbers"),
    (
        ("frames", 1, "transform_matrix", 1),
        [0, 0, 0, 0],
        "frame 1 ('images/a.png'): world_to_camera: its 3x3 part is not a rotation: its rows are skewed",
    ),
    (
        ("frames", 1, "transform_matrix"),
        np.diag([1, 1, -1, 1]).tolist(),
        "frame 1 ('images/a.png'): world_to_camera: its 3x3 part is a reflection (determinant -1)",
    ),
    (("w",), REMOVED, "frame 0 ('images/b.png'): w: the key is missing"),
    (("w",), "640", "top level: w: not a finite number"),
    (("w",), -640, "frame 0 ('images/b.png'): width: impossible image size (found -640"),
    (("h",), -1, "frame 0 ('images/b.png'): height: impossible image size (found -1,"),
    (("w",), 0, "frame 0 ('images/b.png'): width: impossible image size (found 0"),
    (("h",), 1e5, "frame 0 ('images/b.png'): height: impossible image size (found 100000"),
    (("h",), 480.5, "top level: h: not a whole number (found 480.5)"),
    (("fl_x",), REMOVED, "frame 0 ('images/b.png'): fl_x: there is no focal length"),
    (("fl_x",), 0, "frame 0 ('images/b.png'): fx: a focal length must be positive (found 0.0)"),
    (("fl_y",), -500, "frame 0 ('images/b.png'): fy: a focal length must be positive (found -500.0)"),
    (("fl_x",), 1e-300, "frame 0 ('images/b.png'): fx: beyond the range of float32 (found 1e-300"),
    (("fl_y",), 1e308, "frame 0 ('images/b.png'): fy: beyond the range of float32 (found 1e+308"),
    (("frames", 2, "camera_angle_x"), 5e-324, "camera_angle_x: not a field of view (found 5e-324"),
    (("frames", 2, "camera_angle_x"), 1e-322, "frame 2 ('images/c d.png'): fx: not a finite number (found inf)"),
    (("frames", 1, "transform_matrix", 0, 3), 1e300, "frame 1 ('images/a.png'): world_to_camera: beyond the range of"),
    (("fl_y",), float("nan"), "top level: fl_y: not a finite number (found nan)"),
    (("cx",), float("inf"), "top level: cx: not a finite number (found inf)"),
    (("frames", 2, "camera_angle_x"), 4, "camera_angle_x: not a field of view (found 4"),
    (("k1",), 0.01, "top level: k1: lens distortion is not supported (found 0.01, expected 0). Undistort"),
    (("k4",), 1e-9, "top level: k4: lens distortion"),
    (("frames", 1, "p1"), -1, "frame 1 ('images/a.png'): p1: lens distortion"),
    (("k2",), "a", "top level: k2: not a finite number"),
    (("k2",), float("nan"), "top level: k2: not a finite number (found nan)"),
    (("camera_model",), "OPENCV_FISHEYE", "this camera model is not supported (found 'OPENCV_FISHEYE'"),
    (("camera_model",), ["PINHOLE"], "top level: camera_model: this camera model"),
    (("is_fisheye",), True, "top level: is_fisheye: lens distortion"),
    (("applied_transform",), "a", "top level: applied_transform: not an array of finite numbers"),
    (("distortion_params",), [0, 0.1], "top level: distortion_params: lens distortion"),
]


@pytest.mark.parametrize(("keys", "value", "message"), BAD_GAUSSIAN_SPLATTING)
def test_bad_gaussian_splatting(tmp_path, keys, value, message):
    path = write_json(tmp_path / "bad.json", changed(gaussian_splatting_json(), keys, value))
    with pytest.raises(CameraError, match=re.escape(f"{path}: ") + ".*" + re.escape(message)):
        load_cameras(path)


@pytest.mark.parametrize(("keys", "value", "message"), BAD_NERFSTUDIO)
def test_bad_nerfstudio(tmp_path, keys, value, message):
    path = write_json(tmp_path / "bad.json", changed(nerfstudio_json(), keys, value))
    with pytest.raises(CameraError, match=re.escape(f"{path}: ") + ".*" + re.escape(message)):
        load_cameras(path)


BAD_JSON = {
    "not a readable JSON file: Expecting value": b"",
    "not a readable JSON file: Extra data": b"[] 1",
    "not a readable JSON file: 'utf-8' codec": b'["\xff"]',
    "nested too deeply": b"[" * 200_000,
    "nested too deeply.": b'{"frames":' * 200_000,
    "not a readable JSON file: a whole number of thousands of digits. Give": b"[" + b"1" * 5000 + b"]",
    "there are no cameras in it": b"[]",
    "no known kind of camera file": b"{}",
    "no known kind of camera file (expected": b"3",
    "camera 0: not a JSON object (found [[[...]]])": b"[[[[[[1]]]]]]",
    "fx: not a finite number (found inf)": b'[{"img_name":"a","fx":1e999,"fy":1,"width":1,"height":1,'
    b'"position":[0,0,0],"rotation":[[1,0,0],[0,1,0],[0,0,1]]}]',
}


@pytest.mark.parametrize("message", BAD_JSON)
def test_bad_json(tmp_path, message):
    path = tmp_path / "bad.json"
    path.write_bytes(BAD_JSON[message])
    with pytest.raises(CameraError, match=re.escape(f"{path}: ") + ".*" + re.escape(message)):
        load_cameras(path)


def test_huge_json(tmp_path, monkeypatch):
    path = write_json(tmp_path / "cameras.json", gaussian_splatting_json())
    monkeypatch.setattr(records, "MAX_JSON_BYTES", 100)
    with pytest.raises(CameraError, match=r"too large for a camera file \(found \d+ bytes, expected at most 100\)"):
        load_cameras(path)


def test_paths_and_arguments(tmp_path):
    with pytest.raises(CameraError, match=r"absent\.json: there is no such file"):
        load_cameras(tmp_path / "absent.json")
    with pytest.raises(CameraError, match="there is no COLMAP model in this folder"):
        load_cameras(tmp_path)
    with pytest.raises(CameraError, match=r"cameras\.bin: there is no such file"):
        load_cameras(tmp_path / "images.bin")
    with pytest.raises(CameraError, match="up: not an axis"):
        load_cameras(tmp_path, up="up")
    with pytest.raises(CameraError, match="scale: not a positive number"):
        load_cameras(tmp_path, scale=-1)
    path = write_json(tmp_path / "cameras.json", gaussian_splatting_json())
    with pytest.raises(CameraError, match=r"cameras\.json: 'b\.png': world_to_camera"):
        load_cameras(path, scale=1.7e308)


def test_truncated_json_is_refused(tmp_path):
    for content in (gaussian_splatting_json(), nerfstudio_json()):
        text = json.dumps(content)
        for size in range(0, len(text), 7):
            (tmp_path / "bad.json").write_text(text[:size])
            with pytest.raises(CameraError, match=r"bad\.json: not a readable JSON file: .* line 1 column \d+"):
                load_cameras(tmp_path / "bad.json")


@pytest.mark.parametrize("kind", ["3dgs", "nerfstudio", "text", "binary"])
def test_damaged_files_load_or_are_refused(tmp_path, kind):
    rng = np.random.default_rng(2)
    if kind in ("text", "binary"):
        files = [bytearray(data) for data in (colmap_text() if kind == "text" else colmap_binary())]
    else:
        files = [bytearray(json.dumps(gaussian_splatting_json() if kind == "3dgs" else nerfstudio_json()).encode())]
    messages = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(300):
            damaged = [bytearray(data) for data in files]
            data = damaged[rng.integers(len(damaged))]
            for position in rng.integers(0, len(data), rng.integers(1, 4)):
                data[position] = rng.integers(256)
            if len(damaged) == 2:
                path = write_model(tmp_path, ".txt" if kind == "text" else ".bin", damaged)
            else:
                path = tmp_path / "bad.json"
                path.write_bytes(damaged[0])
            try:
                for camera in load_cameras(path, scale=2, up="y").values():
                    assert np.isfinite(camera.world_to_camera).all()
            except CameraError as error:
                messages.append(str(error))
    assert len(messages) > 50
    assert all(str(tmp_path) in message for message in messages)
