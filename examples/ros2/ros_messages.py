"""Between ROS 2 messages and rtgs2_trt; needs no ROS itself, the node hands the messages in."""

from __future__ import annotations

import array
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt import Camera, CameraError, ClassTable
from rtgs2_trt.quaternions import matrix_from_quaternion


def pose_matrix(translation: Any, rotation: Any) -> NDArray[np.float64]:
    """Return (4, 4) of a Point or Vector3 and a Quaternion; it takes points of the child frame to the parent's."""
    quaternion = np.array([rotation.w, rotation.x, rotation.y, rotation.z], dtype=np.float64)
    norm = np.linalg.norm(quaternion)
    if not norm > 0:  # also of NaN
        raise CameraError("no rotation", field="orientation", found=quaternion.tolist(), expected="a unit quaternion")
    matrix = np.eye(4)
    matrix[:3, :3] = matrix_from_quaternion(quaternion / norm)
    matrix[:3, 3] = translation.x, translation.y, translation.z
    return matrix


def world_to_camera_of_pose(pose: Any) -> NDArray[np.float64]:
    """Return (4, 4) of a geometry_msgs/Pose, which says where the camera's optical frame is in the world."""
    camera_to_world = pose_matrix(pose.position, pose.orientation)
    world_to_camera = np.eye(4)
    world_to_camera[:3, :3] = camera_to_world[:3, :3].T
    world_to_camera[:3, 3] = -camera_to_world[:3, :3].T @ camera_to_world[:3, 3]
    return world_to_camera


def camera_of_info(info: Any, world_to_camera: NDArray[np.float64]) -> Camera:
    """Return the camera of the rectified image that a sensor_msgs/CameraInfo describes by its projection matrix.

    Raises:
        CameraError: the camera is not calibrated or the second of a stereo pair, or its image is binned or cut out.
    """
    p = [float(value) for value in info.p]
    if not p[0] > 0:
        raise CameraError("the camera is not calibrated", field="CameraInfo.p", found=p[:6])
    if any(p[3::4]):
        raise CameraError(
            "the second camera of a stereo pair, which sees from beside its frame",
            field="CameraInfo.p",
            found=p[3::4],
            expected="a fourth column of zeros",
            fix="Give the first camera's CameraInfo and image",
        )
    if info.binning_x > 1 or info.binning_y > 1 or info.roi.width or info.roi.height:
        raise CameraError(
            "binned or cut-out images are not supported",
            field="CameraInfo",
            found=f"binning {info.binning_x}x{info.binning_y}, roi {info.roi.width}x{info.roi.height}",
            fix="Give the CameraInfo of the whole rectified image",
        )
    # ROS counts from the centre of the first pixel, here positions count from its corner.
    return Camera(int(info.width), int(info.height), p[0], p[5], p[2] + 0.5, p[6] + 0.5, world_to_camera)


class LabelMessages:
    """Fills messages with labels of one class table: pixels hold the table's ids."""

    def __init__(self, classes: ClassTable) -> None:
        self._names = dict(zip(classes.ids.tolist(), classes.names, strict=True))
        wide = max(self._names) >= 255
        self.encoding, self.unknown = ("mono16", 65535) if wide else ("mono8", 255)
        self._ids = np.full(1 << 16 if len(classes) > 255 else 256, self.unknown, np.uint16 if wide else np.uint8)
        self._ids[: len(classes)] = classes.ids

    def fill_image(self, image: Any, labels: NDArray[Any]) -> None:
        """Put labels (H, W), indices of the table, into a sensor_msgs/Image; its header is the caller's."""
        pixels = self._ids[labels].astype(self._ids.dtype.newbyteorder("<"), copy=False)
        image.height, image.width = labels.shape
        image.encoding, image.is_bigendian = self.encoding, 0
        image.step = pixels.itemsize * image.width
        image.data = array.array("B", pixels.tobytes())  # what rclpy takes without looking at each byte

    def fill_info(self, info: Any, make_class: Any) -> None:
        """Put the table into a vision_msgs/LabelInfo; `make_class` makes a vision_msgs/VisionClass."""
        info.class_map = []
        for class_id, name in {**self._names, self.unknown: "unknown"}.items():
            entry = make_class()
            entry.class_id, entry.class_name = class_id, name
            info.class_map.append(entry)
        info.threshold = 0.0  # every pixel has the class that is the most probable
