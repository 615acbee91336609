"""A ROS 2 node: the labels of a Gaussian scene from wherever a camera is, the newest pose first.

    python examples/ros2/label_node.py --ros-args -p bundle:=model.rtgs2 -p scene:=room.ply \\
        -r camera_info:=/camera/camera_info

    subscribes  camera_info   sensor_msgs/CameraInfo      intrinsics (of the rectified image), frame and moment
                POSE_TOPIC    geometry_msgs/PoseStamped   with -p pose_topic:=POSE_TOPIC: the optical frame in the world
    publishes   labels        sensor_msgs/Image           mono8 (mono16 where the table has ids over 254): class ids
                label_info    vision_msgs/LabelInfo       id -> name, once, kept for whoever comes later
    parameters  bundle, scene, scale (1.0), up ("z"), backend ("auto"), pose_topic (""), world_frame ("map")

Without pose_topic every CameraInfo is labelled, at the pose that tf knows of its frame in world_frame. The world is the
scene's, in metres with z up. Labels carry the stamp and frame of what they were asked for by.
"""

from __future__ import annotations

import sys
from typing import Any

import rclpy
from geometry_msgs.msg import PoseStamped
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.time import Time
from ros_messages import LabelMessages, camera_of_info, pose_matrix, world_to_camera_of_pose
from sensor_msgs.msg import CameraInfo, Image
from tf2_ros import Buffer, TransformException, TransformListener
from vision_msgs.msg import LabelInfo, VisionClass

from rtgs2_trt import InputError, Rtgs2Error, Segmenter, StreamedLabels

PATIENCE = Duration(seconds=0.1)  # for a transform that is still on its way


class LabelNode(Node):
    """Labels the newest pose; see above."""

    def __init__(self) -> None:
        super().__init__("rtgs2_labels")
        given = {
            name: self.declare_parameter(name, default).value
            for name, default in (
                ("bundle", ""),
                ("scene", ""),
                ("scale", 1.0),
                ("up", "z"),
                ("backend", "auto"),
                ("pose_topic", ""),
                ("world_frame", "map"),
            )
        }
        segmenter = Segmenter(given["bundle"], given["backend"])
        if segmenter.task != "semantic":
            raise InputError("a bundle that predicts depth has no labels", file=given["bundle"], field="bundle")
        scene = segmenter.load(given["scene"], scale=given["scale"], up=given["up"])
        self._messages = LabelMessages(segmenter.classes)
        self._world_frame = given["world_frame"]
        self._info: CameraInfo | None = None
        self._listener: TransformListener | None = None
        # The newest message is all that counts; drop what the network cannot carry.
        newest = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        kept = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        heard = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)  # which every subscriber can hear
        self._labels = self.create_publisher(Image, "labels", heard)
        self._label_info = self.create_publisher(LabelInfo, "label_info", kept)
        self._publish_info()
        self._stream = segmenter.label_stream(scene, self._publish)
        if given["pose_topic"]:
            self.create_subscription(CameraInfo, "camera_info", self._keep_info, newest)
            self.create_subscription(PoseStamped, given["pose_topic"], self._label_pose, newest)
        else:
            self._transforms = Buffer()
            # A node is in one executor only: on this one, spin() would take the listener from its thread, and a lookup
            # would keep the transform that it waits for from coming in.
            self._transform_node = rclpy.create_node("rtgs2_labels_tf")
            self._listener = TransformListener(self._transforms, self._transform_node, spin_thread=True)
            self.create_subscription(CameraInfo, "camera_info", self._label_info_pose, newest)

    def close(self) -> None:
        """End the stream and the listening, and say how it kept up."""
        self._stream.close()
        if self._listener is not None:
            self._listener.executor.shutdown()
            self._listener.dedicated_listener_thread.join()
            self._transform_node.destroy_node()
            self._listener = None
        told = self._stream.statistics()
        self.get_logger().info(
            f"{told.labelled} of {told.submitted} poses labelled, latency {1000 * told.latency_median:.0f} ms "
            f"(95 %: {1000 * told.latency_95:.0f} ms), jitter {1000 * told.jitter:.0f} ms"
        )

    def _keep_info(self, info: CameraInfo) -> None:
        self._info = info

    def _label_pose(self, message: PoseStamped) -> None:
        if self._info is None:
            self.get_logger().warning("no camera_info yet", throttle_duration_sec=5.0)
            return
        if message.header.frame_id != self._world_frame:
            self.get_logger().warning(
                f"a pose in {message.header.frame_id!r}, not in {self._world_frame!r}", throttle_duration_sec=5.0
            )
            return
        self._submit(self._info, lambda: world_to_camera_of_pose(message.pose), message.header.stamp)

    def _label_info_pose(self, info: CameraInfo) -> None:
        stamp = info.header.stamp
        try:
            found = self._transforms.lookup_transform(
                info.header.frame_id, self._world_frame, Time.from_msg(stamp), timeout=PATIENCE
            )
        except TransformException as problem:
            self.get_logger().warning(f"no pose: {problem}", throttle_duration_sec=5.0)
            return
        transform = found.transform  # takes points of the world to the camera
        self._submit(info, lambda: pose_matrix(transform.translation, transform.rotation), stamp)

    def _submit(self, info: CameraInfo, world_to_camera: Any, stamp: Any) -> None:
        try:
            camera = camera_of_info(info, world_to_camera())
        except InputError as problem:  # of this message; the next may be better
            self.get_logger().warning(str(problem), throttle_duration_sec=5.0)
            return
        self._stream.submit(camera, (stamp, info.header.frame_id))  # raises what went wrong with an earlier pose

    def _publish(self, labels: StreamedLabels) -> None:
        image = Image()
        image.header.stamp, image.header.frame_id = labels.stamp
        self._messages.fill_image(image, labels.result.labels)
        self._labels.publish(image)

    def _publish_info(self) -> None:
        info = LabelInfo()
        info.header.stamp = self.get_clock().now().to_msg()
        self._messages.fill_info(info, VisionClass)
        self._label_info.publish(info)


def main() -> int:
    """Spin until Ctrl-C, or until a frame fails."""
    rclpy.init()
    try:
        node = LabelNode()
        try:
            rclpy.spin(node)
        finally:
            node.close()
            node.destroy_node()
    except KeyboardInterrupt:
        return 0
    except Rtgs2Error as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    finally:
        rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
