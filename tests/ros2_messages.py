"""ROS 2 messages without ROS: classes that have the fields, types and defaults of the real definitions, and no others.

The definitions of ROS 2 Humble's common messages are those that the package rosbags carries; vision_msgs' two are given
here as its repository has them (version 4). What was filled is written as CDR, byte by byte as ROS sends it.
"""

from __future__ import annotations

import array
from typing import Any

import numpy as np
import pytest

VISION_CLASS = "uint16 class_id\nstring class_name\n"
LABEL_INFO = "std_msgs/Header header\nvision_msgs/VisionClass[] class_map\nfloat32 threshold\n"


class Messages:
    """Makes message classes by their name, as in ``sensor_msgs/msg/Image``."""

    def __init__(self) -> None:
        typesys = pytest.importorskip("rosbags.typesys", reason="needs rosbags, which has ROS's message definitions")
        self._store = typesys.get_typestore(typesys.Stores.ROS2_HUMBLE)
        for name, text in (("VisionClass", VISION_CLASS), ("LabelInfo", LABEL_INFO)):
            self._store.register(typesys.get_types_from_msg(text, f"vision_msgs/msg/{name}"))
        self._classes: dict[str, type] = {}

    def of(self, name: str) -> type:
        """Return the class of messages of this type."""
        if name not in self._classes:
            self._classes[name] = self._make(name)
        return self._classes[name]

    def sent(self, message: Any) -> Any:
        """Return what a subscriber gets of a message: written as CDR and read again."""
        name = type(message).definition
        return self._store.deserialize_cdr(self._store.serialize_cdr(self._real(message), name), name)

    def _make(self, name: str) -> type:
        fields = dict(self._store.fielddefs[name][1])

        class Message:
            __slots__ = tuple(fields)  # another name is an AttributeError
            definition = name

            def __init__(message) -> None:  # noqa: N805
                for field, kind in fields.items():
                    setattr(message, field, self._default(kind))

        Message.__name__ = name.rsplit("/", 1)[1]
        return Message

    def _default(self, kind: tuple[Any, Any]) -> Any:
        node, detail = kind
        if node.name == "NAME":
            return self.of(detail)()
        if node.name == "BASE":
            return {"string": "", "bool": False}.get(detail[0], 0.0 if detail[0].startswith("float") else 0)
        return [0.0] * detail[1] if node.name == "ARRAY" else []

    def _real(self, message: Any) -> Any:
        fields = self._store.fielddefs[type(message).definition][1]
        values = {field: self._value(getattr(message, field), kind) for field, kind in fields}
        return self._store.types[type(message).definition](**values)

    def _value(self, value: Any, kind: tuple[Any, Any]) -> Any:
        node, detail = kind
        if node.name == "NAME":
            assert type(value).definition == detail
            return self._real(value)
        if node.name == "BASE":
            expected = {"string": str, "bool": bool}.get(detail[0], float if detail[0].startswith("float") else int)
            assert type(value) is expected, (value, detail)  # as rclpy asserts
            if expected is int:
                limits = np.iinfo(detail[0])
                assert limits.min <= value <= limits.max, (value, detail)
            return value
        (element, element_detail), _ = detail
        if element.name == "BASE" and element_detail[0] != "string":
            assert isinstance(value, (array.array, list)), type(value)
            return np.array(value, element_detail[0])
        return [self._value(entry, (element, element_detail)) for entry in value]
