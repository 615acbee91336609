"""ROS's CameraInfo as YAML."""

import re

import numpy as np
import pytest

from rtgs2_trt import Camera, CameraError
from rtgs2_trt.camera_files import load_camera_info

pytest.importorskip("yaml")

CALIBRATION = """image_width: 640
image_height: 480
camera_name: head
camera_matrix:
  rows: 3
  cols: 3
  data: [525.5, 0, 319.5, 0, 524.5, 239.5, 0, 0, 1]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [0, 0, 0, 0, 0]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1, 0, 0, 0, 1, 0, 0, 0, 1]
projection_matrix:
  rows: 3
  cols: 4
  data: [510, 0, 315.5, 0, 0, 511, 241.5, 0, 0, 0, 1, 0]
"""
MESSAGE = """header:
  stamp: {sec: 1, nanosec: 2}
  frame_id: head
height: 480
width: 640
distortion_model: plumb_bob
d: [0.1, -0.2, 0.001, 0.0, 0.0]
k: [525.5, 0, 319.5, 0, 524.5, 239.5, 0, 0, 1]
r: [1, 0, 0, 0, 1, 0, 0, 0, 1]
p: [510, 0, 315.5, 0, 0, 511, 241.5, 0, 0, 0, 1, 0]
---
height: 2
"""


def load(tmp_path, text, **options):
    (tmp_path / "info.yaml").write_text(text)
    return load_camera_info(tmp_path / "info.yaml", **options)


def test_calibration_files(tmp_path):
    """A point that OpenCV puts on the centre of pixel 319.5 lies half a pixel farther from the image's corner."""
    assert load(tmp_path, CALIBRATION) == Camera(640, 480, 525.5, 524.5, 320, 240, np.eye(4))


def test_messages_of_ros_2_and_ros_1(tmp_path):
    undistorted = MESSAGE.replace("[0.1, -0.2, 0.001, 0.0, 0.0]", "[0, 0, 0, 0, 0]")
    expected = Camera(640, 480, 525.5, 524.5, 320, 240, np.eye(4))
    assert load(tmp_path, undistorted) == expected
    capitals = re.sub(r"^([dkrp]):", lambda match: match[1].upper() + ":", undistorted, flags=re.MULTILINE)
    assert load(tmp_path, capitals) == expected


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("binning_x: 2\nbinning_y: 2", r"binning_x: binned images are not supported \(found 2"),
        ("binning_y: 4", "binning_y: binned images"),
        ("roi: {x_offset: 100, y_offset: 0, width: 320, height: 240, do_rectify: false}", "roi: images that are cut"),
        ("roi: {height: 480}", "roi: images that are cut"),
    ],
)
@pytest.mark.parametrize("rectified", [True, False])
def test_parts_of_an_image_are_refused(tmp_path, part, message, rectified):
    text = MESSAGE.replace("[0.1, -0.2, 0.001, 0.0, 0.0]", "[]")
    with pytest.raises(CameraError, match=message):
        load(tmp_path, text.replace("\n---", f"\n{part}\n---"), rectified=rectified)


@pytest.mark.parametrize(("width", "height"), [(0, 0), (640, 480)])
def test_the_whole_image_may_be_called_a_part(tmp_path, width, height):
    roi = f"binning_x: 0\nbinning_y: 1\nroi: {{x_offset: 0, y_offset: 0, width: {width}, height: {height}}}"
    assert load(tmp_path, MESSAGE.replace("\n---", f"\n{roi}\n---"), rectified=True).width == 640


def test_a_pose_can_be_given(tmp_path):
    pose = Camera.look_at((1, 2, 3), (0, 0, 0), width=8, height=8).world_to_camera
    np.testing.assert_array_equal(load(tmp_path, CALIBRATION, world_to_camera=pose).world_to_camera, pose)


def test_distortion_is_refused_and_the_rectified_camera_taken(tmp_path):
    with pytest.raises(
        CameraError,
        match=r"info\.yaml: d: lens distortion is not supported \(found \[0\.1.*\)\. Label the rectified image",
    ):
        load(tmp_path, MESSAGE)
    assert load(tmp_path, MESSAGE, rectified=True) == Camera(640, 480, 510, 511, 316, 242, np.eye(4))


@pytest.mark.parametrize("model", ["rational_polynomial", "''", ""])
def test_pinholes_of_other_names(tmp_path, model):
    assert load(tmp_path, CALIBRATION.replace("plumb_bob", model)).fx == 525.5


@pytest.mark.parametrize("model", ["equidistant", "[plumb_bob]"])
def test_a_fisheye_is_no_pinhole_even_with_coefficients_of_zero(tmp_path, model):
    fisheye = CALIBRATION.replace("plumb_bob", model)
    with pytest.raises(
        CameraError,
        match=r"info\.yaml: CameraInfo: distortion_model: this lens is no pinhole, .*Label the rectified image",
    ):
        load(tmp_path, fisheye)
    assert load(tmp_path, fisheye, rectified=True).fx == 510


@pytest.mark.parametrize(("old", "new"), [("315.5, 0,", "315.5, -51,"), ("241.5, 0,", "241.5, 2,")])
def test_the_second_camera_of_a_stereo_pair_is_refused(tmp_path, old, new):
    """Its fourth column moves it away from the frame that the message names."""
    message = r"p: the second camera of a stereo pair, .*, expected a fourth .*\)\. Give the first camera's CameraInfo"
    with pytest.raises(CameraError, match=message):
        load(tmp_path, MESSAGE.replace(old, new), rectified=True)
    undistorted = MESSAGE.replace("[0.1, -0.2, 0.001, 0.0, 0.0]", "[]")
    assert load(tmp_path, undistorted.replace(old, new)).fx == 525.5  # its own image, in its own frame


BAD = {
    "CameraInfo: not a JSON object (found 'text')": "text",
    "CameraInfo: camera_matrix: the key is missing": CALIBRATION.replace("camera_matrix", "matrix"),
    "CameraInfo: image_width: the key is missing": CALIBRATION.replace("image_width", "wide"),
    "CameraInfo: camera_matrix: not a list of numbers (found {'cols': 3": CALIBRATION.replace(", 0, 0, 1]", "]", 1),
    "CameraInfo: camera_matrix: 0: not a finite number (found 'a')": CALIBRATION.replace("525.5", "a"),
    "CameraInfo: fx: a focal length must be positive (found 0.0)": CALIBRATION.replace("525.5", "0"),
    "CameraInfo: width: impossible image size (found 0": CALIBRATION.replace("640", "0"),
    "camera matrix: not the matrix of a pinhole camera": CALIBRATION.replace("[525.5, 0,", "[525.5, 3,"),
    "not a YAML file: ": "a: [",
    "nested too deeply, or with aliases": "a: &x [1]\nb: *x\n",
}


@pytest.mark.parametrize("message", BAD)
def test_bad_files(tmp_path, message):
    with pytest.raises(CameraError, match=re.escape(f"info.yaml: {message}")):
        load(tmp_path, BAD[message])


def test_files_that_are_far_too_large(tmp_path):
    with pytest.raises(CameraError, match=r"too large \(found 2"):
        load(tmp_path, "#" * (2 << 20))
