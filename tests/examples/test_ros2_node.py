"""The ROS 2 node without ROS: its messages as ROS defines them, its rclpy a stand-in. It was not run under ROS."""

import importlib
import math
import sys
import threading
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from ros2_messages import Messages
from rtgs2_trt import Camera, CameraError, Scene, Segmenter
from rtgs2_trt.classes import ClassTable

FOLDER = Path(__file__).parents[2] / "examples" / "ros2"
PATIENCE = 30


class TransformError(Exception):
    pass


class Ros:
    """What stands for rclpy and tf2_ros, and what the node did with them."""

    def __init__(self, messages, parameters):
        self.messages, self.parameters = messages, parameters
        self.published, self.subscriptions, self.logged, self.qualities = {}, {}, [], {}
        self.came = threading.Semaphore(0)
        self.transforms = {}

    def publisher(self, kind, topic, quality):
        assert topic not in self.published
        self.published[topic] = []
        self.qualities[topic] = quality

        def publish(message):
            assert isinstance(message, kind)
            self.published[topic].append(self.messages.sent(message))
            self.came.release()

        return SimpleNamespace(publish=publish)

    def send(self, topic, message):
        kind, callback, _ = self.subscriptions[topic]
        assert isinstance(message, kind)
        callback(message)

    def modules(self):
        ros = self

        class Node:
            def __init__(self, name):
                assert name == "rtgs2_labels"

            def declare_parameter(self, name, value):
                given = ros.parameters.get(name, value)
                assert type(given) is type(value)
                return SimpleNamespace(value=given)

            def create_publisher(self, kind, topic, quality):
                return ros.publisher(kind, topic, quality)

            def create_subscription(self, kind, topic, callback, quality):
                ros.subscriptions[topic] = (kind, callback, quality)

            def get_clock(self):
                return SimpleNamespace(
                    now=lambda: SimpleNamespace(to_msg=ros.messages.of("builtin_interfaces/msg/Time"))
                )

            def get_logger(self):
                log = lambda text, throttle_duration_sec=0.0: ros.logged.append(text)  # noqa: E731
                return SimpleNamespace(info=log, warning=log)

            def destroy_node(self):
                ros.logged.append("destroyed")

        class Buffer:
            def lookup_transform(self, target_frame, source_frame, time, timeout):
                try:
                    return ros.transforms[target_frame, source_frame, time.stamp.sec, time.stamp.nanosec]
                except KeyError as problem:
                    raise TransformError(f"no transform {problem}") from problem

        def listener(buffer, node, *, spin_thread):
            assert spin_thread  # else a lookup with a timeout would wait for itself
            assert not isinstance(node, Node), "rclpy.spin takes its node from the listener's executor"
            log = ros.logged.append
            return SimpleNamespace(
                executor=SimpleNamespace(shutdown=lambda: log("listener ends")),
                dedicated_listener_thread=SimpleNamespace(join=lambda: log("listener ended")),
            )

        def create_node(name):
            assert name == "rtgs2_labels_tf"
            return SimpleNamespace(destroy_node=lambda: ros.logged.append(f"{name} destroyed"))

        quality = lambda depth, reliability=None, durability=None: (depth, reliability, durability)  # noqa: E731
        time = SimpleNamespace(from_msg=lambda stamp: SimpleNamespace(stamp=stamp))
        names = {
            "rclpy": {
                "init": lambda: None,
                "try_shutdown": lambda: None,
                "spin": lambda node: ros.spin(node),
                "create_node": create_node,
            },
            "rclpy.duration": {"Duration": lambda seconds: seconds},
            "rclpy.node": {"Node": Node},
            "rclpy.qos": {
                "QoSProfile": quality,
                "DurabilityPolicy": SimpleNamespace(TRANSIENT_LOCAL="kept"),
                "ReliabilityPolicy": SimpleNamespace(BEST_EFFORT="best effort", RELIABLE="reliable"),
            },
            "rclpy.time": {"Time": time},
            "tf2_ros": {"Buffer": Buffer, "TransformListener": listener, "TransformException": TransformError},
        }
        for package, kinds in {
            "geometry_msgs": ["PoseStamped"],
            "sensor_msgs": ["CameraInfo", "Image"],
            "vision_msgs": ["LabelInfo", "VisionClass"],
        }.items():
            names[package] = {}
            names[f"{package}.msg"] = {kind: self.messages.of(f"{package}/msg/{kind}") for kind in kinds}
        for name, values in names.items():
            module = ModuleType(name)
            vars(module).update(values)
            yield name, module


@pytest.fixture(scope="module")
def messages():
    return Messages()


@pytest.fixture(scope="module")
def encoded(exported_bundle, scene, tmp_path_factory):
    path = tmp_path_factory.mktemp("ros") / "room.ply"
    segmenter = Segmenter(exported_bundle)
    segmenter.encode(scene).save(path)
    return segmenter, Scene.load(path), path


@pytest.fixture
def ros(messages, encoded, exported_bundle, monkeypatch):
    """ROS's stand-in, and the node's module as ``ros.module``."""
    ros = Ros(messages, {"bundle": str(exported_bundle), "scene": str(encoded[2])})
    for name, module in ros.modules():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.delitem(sys.modules, "label_node", raising=False)
    ros.module = importlib.import_module("label_node")
    yield ros
    sys.modules.pop("label_node", None)
    sys.modules.pop("ros_messages", None)


def camera_info(messages, camera, *, frame="camera_optical", sec=17, nanosec=250):
    info = messages.of("sensor_msgs/msg/CameraInfo")()
    info.header.frame_id, info.header.stamp.sec, info.header.stamp.nanosec = frame, sec, nanosec
    info.width, info.height = camera.width, camera.height
    info.d = [0.1, 0, 0, 0, 0]  # of the raw image; the projection is that of the rectified one
    info.k = [1.0, 0, 1, 0, 1, 1, 0, 0, 1]
    info.p = [camera.fx, 0, camera.cx - 0.5, 0, 0, camera.fy, camera.cy - 0.5, 0, 0, 0, 1, 0]
    return info


def fill_pose(point, quaternion, matrix):
    """Fill position and orientation with a rigid (4, 4); the trace is far from -1 here."""
    point.x, point.y, point.z = matrix[:3, 3].tolist()
    w = math.sqrt(1 + np.trace(matrix[:3, :3])) / 2
    r = matrix[:3, :3]
    quaternion.w = w
    quaternion.x, quaternion.y, quaternion.z = (
        float((r[i, j] - r[j, i]) / (4 * w)) for i, j in ((2, 1), (0, 2), (1, 0))
    )


def pose_message(messages, camera, *, frame="map", sec=40):
    message = messages.of("geometry_msgs/msg/PoseStamped")()
    message.header.frame_id, message.header.stamp.sec = frame, sec
    fill_pose(message.pose.position, message.pose.orientation, np.linalg.inv(camera.world_to_camera))
    return message


def decoded(image):
    kind = {"mono8": np.uint8, "mono16": np.dtype("<u2")}[image.encoding]
    pixels = np.frombuffer(image.data.tobytes(), kind).reshape(image.height, -1)
    assert image.step == pixels.itemsize * image.width
    assert image.is_bigendian == 0
    return pixels


def assert_labels(ros, encoded, camera):
    assert ros.came.acquire(timeout=PATIENCE)  # label_info
    assert ros.came.acquire(timeout=PATIENCE), ros.logged
    (image,) = ros.published["labels"]
    segmenter, scene, _ = encoded
    expected = segmenter.classes.ids[segmenter(scene, camera).labels]
    different = (decoded(image) != expected).mean()  # the pose went through a quaternion: single pixels may flip
    assert different < 0.002
    assert len(np.unique(expected)) > 1
    return image


def test_poses_of_a_topic_are_labelled(ros, encoded, camera):
    ros.parameters["pose_topic"] = "pose"
    node = ros.module.LabelNode()
    ros.send("pose", pose_message(ros.messages, camera))
    assert ros.logged == ["no camera_info yet"]
    ros.send("camera_info", camera_info(ros.messages, camera))
    ros.send("pose", pose_message(ros.messages, camera, frame="odom"))
    assert ros.logged[1:] == ["a pose in 'odom', not in 'map'"]
    ros.send("pose", pose_message(ros.messages, camera))
    image = assert_labels(ros, encoded, camera)
    assert (image.header.stamp.sec, image.header.frame_id) == (40, "camera_optical")
    node.close()
    assert ros.logged[-1].startswith("1 of 1 poses labelled, latency ")
    assert ros.qualities == {"labels": (1, "reliable", None), "label_info": (1, "reliable", "kept")}
    assert {topic: quality for topic, (_, _, quality) in ros.subscriptions.items()} == {
        "camera_info": (1, "best effort", None),
        "pose": (1, "best effort", None),
    }


def test_camera_infos_are_labelled_at_the_pose_of_tf(ros, encoded, camera):
    node = ros.module.LabelNode()
    ros.send("camera_info", camera_info(ros.messages, camera))
    assert ros.logged[0].startswith("no pose: no transform ('camera_optical', 'map', 17, 250)")
    found = ros.messages.of("geometry_msgs/msg/TransformStamped")()
    fill_pose(found.transform.translation, found.transform.rotation, camera.world_to_camera)
    ros.transforms["camera_optical", "map", 17, 250] = found
    ros.send("camera_info", camera_info(ros.messages, camera))
    image = assert_labels(ros, encoded, camera)
    assert (image.header.stamp.sec, image.header.stamp.nanosec) == (17, 250)
    node.close()
    assert ros.logged[1:-1] == ["listener ends", "listener ended", "rtgs2_labels_tf destroyed"]


def test_the_class_table_is_told(ros, encoded):
    ros.module.LabelNode().close()
    (info,) = ros.published["label_info"]
    classes = encoded[0].classes
    named = {entry.class_id: entry.class_name for entry in info.class_map}
    assert named == {**dict(zip(classes.ids.tolist(), classes.names, strict=True)), 65535: "unknown"}


def test_tables_of_small_ids_are_mono8(ros):
    table = ClassTable.from_list(
        [{"index": i, "id": 10 * i + 1, "name": n, "color": [0, 0, 0]} for i, n in enumerate("abc")], name="t"
    )
    from ros_messages import LabelMessages

    image = ros.messages.of("sensor_msgs/msg/Image")()
    LabelMessages(table).fill_image(image, np.array([[0, 1, 2], [2, 255, 0]], np.uint8))
    image = ros.messages.sent(image)
    assert (image.encoding, image.height, image.width, image.step) == ("mono8", 2, 3, 3)
    assert decoded(image).tolist() == [[1, 11, 21], [21, 255, 1]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda info: setattr(info, "p", [0.0] * 12), "CameraInfo.p: the camera is not calibrated"),
        (lambda info: info.p.__setitem__(3, -32.5), r"CameraInfo.p: the second camera of a stereo .*found \[-32.5, 0"),
        (lambda info: info.p.__setitem__(7, 1.0), r"CameraInfo.p: .*Give the first camera's CameraInfo"),
        (lambda info: setattr(info, "binning_x", 2), "binned or cut-out images are not supported .found binning 2x0"),
        (lambda info: setattr(info.roi, "width", 10), "roi 10x0"),
        (lambda info: setattr(info, "width", 0), "width: impossible image size"),
    ],
)
def test_camera_infos_that_cannot_be_labelled(ros, camera, change, message):
    from ros_messages import camera_of_info

    info = camera_info(ros.messages, camera)
    change(info)
    with pytest.raises(CameraError, match=message):
        camera_of_info(info, camera.world_to_camera)
    ros.parameters["pose_topic"] = "pose"
    node = ros.module.LabelNode()
    ros.send("camera_info", info)
    ros.send("pose", pose_message(ros.messages, camera))  # a warning, and the node lives
    assert len(ros.logged) == 1
    node.close()


def test_a_pose_without_rotation_is_refused(ros):
    from ros_messages import world_to_camera_of_pose

    pose = ros.messages.of("geometry_msgs/msg/Pose")()
    pose.orientation.w = 0.0  # ROS's own default is 1
    with pytest.raises(CameraError, match="orientation: no rotation"):
        world_to_camera_of_pose(pose)


def test_half_a_pixel_is_added(ros):
    from ros_messages import camera_of_info

    camera = Camera.look_at((0, 0, 1), (1, 0, 1), width=64, height=48)
    assert camera_of_info(camera_info(ros.messages, camera), camera.world_to_camera) == camera


def test_a_frame_that_fails_ends_the_node(ros, camera, capsys):
    ros.parameters["pose_topic"] = "pose"

    def spin(node):
        node._stream._segmenter = None  # whatever goes wrong in the stream's thread
        ros.send("camera_info", camera_info(ros.messages, camera))
        ros.send("pose", pose_message(ros.messages, camera))
        node._stream._thread.join(PATIENCE)
        ros.send("pose", pose_message(ros.messages, camera))

    ros.spin = spin
    with pytest.raises(TypeError):
        ros.module.main()
    assert ros.logged[-1] == "destroyed"


def test_the_program_says_what_is_wrong_with_its_parameters(ros, capsys):
    ros.parameters["bundle"] = "nowhere.rtgs2"
    assert ros.module.main() == 1
    assert "error: nowhere.rtgs2" in capsys.readouterr().err
