"""What stands in for a browser where none is needed: a websocket that speaks viser's protocol."""

from __future__ import annotations

import io
import time
from typing import Any

import msgspec
import numpy as np
import viser
import zstandard
from PIL import Image
from websockets.sync.client import connect

SECONDS = 60


class Browser:
    """One client of a viewer; a context manager. Keeps the picture and the texts that the page would show."""

    def __init__(self, port: int, version: str = viser.__version__, origin: str | None = None) -> None:
        self.socket = connect(
            f"ws://127.0.0.1:{port}",
            subprotocols=[f"viser-v{version}"],
            origin=origin,
            max_size=None,
            compression=None,
            max_queue=None,
        )
        self.picture: np.ndarray | None = None
        self.pictures = 0
        self.messages: list[dict[str, Any]] = []
        self.elements: dict[str, dict[str, Any]] = {}

    def send(self, kind: str, **values: Any) -> None:
        """Send a message of viser's."""
        self.socket.send(msgspec.msgpack.encode({"type": kind, **values}))

    def look(self, x: float = 0.0, *, width: int = 320, height: int = 240, **changes: Any) -> None:
        """Send a camera at (x, 0, 1) that looks along +y."""
        camera = {
            "wxyz": [0.5**0.5, -(0.5**0.5), 0.0, 0.0],
            "position": [x, 0.0, 1.0],
            "fov": 1.0,
            "near": 0.01,
            "far": 100.0,
            "image_height": height,
            "image_width": width,
            "look_at": [x, 2.0, 1.0],
            "up_direction": [0.0, 0.0, 1.0],
        }
        self.send("ViewerCameraMessage", **{**camera, **changes})

    def press(self, element: dict[str, Any], value: Any = True) -> None:
        """Use a button, a slider or another input of the panel."""
        self.send("GuiUpdateMessage", uuid=element["uuid"], updates={"value": value})

    def click(self, x: float, y: float) -> None:
        """Click into the picture, 0 to 1 from left and top."""
        self.send(
            "ScenePointerMessage",
            event_type="click",
            ray_origin=[0, 0, 0],
            ray_direction=[0, 0, 1],
            screen_pos=[[x, y]],
            modifier=None,
        )

    def receive(self, timeout: float = SECONDS) -> None:
        """Take in what the server sends next."""
        data = self.socket.recv(timeout=timeout)
        size = int.from_bytes(data[8:16], "little")
        content = msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(data[16 : 16 + size]))
        for message in content["messages"]:
            self.messages.append(message)
            kind = message["type"]
            if kind == "BackgroundImageMessage" and message["rgb_data"] is not None:
                self.pictures += 1
                with Image.open(io.BytesIO(message["rgb_data"])) as image:
                    self.picture = np.asarray(image.convert("RGB"))
            elif kind == "GuiUpdateMessage" and message["uuid"] in self.elements:
                self.elements[message["uuid"]]["props"].update(message["updates"])
            elif kind.startswith("Gui") and "props" in message:
                self.elements[message["uuid"]] = message

    def wait_for(self, condition: Any, seconds: float = SECONDS) -> Any:
        """Take in messages until a condition of this browser is true; return it."""
        end = time.monotonic() + seconds
        while not (value := condition(self)):
            assert time.monotonic() < end, f"never true; last messages: {[m['type'] for m in self.messages[-8:]]}"
            self.receive(max(0.01, end - time.monotonic()))
        return value

    def element(self, kind: str, label: str = "") -> dict[str, Any] | None:
        """Return the panel's element of a kind whose label begins so."""
        for message in self.elements.values():
            if message["type"] == kind and (message["props"].get("label") or "").startswith(label):
                return message
        return None

    def texts(self) -> str:
        """Return the HTML that the panel shows."""
        return "\n".join(m["props"]["content"] for m in self.elements.values() if m["type"] == "GuiHtmlMessage")

    def files(self) -> dict[str, bytes]:
        """Return the files that were downloaded whole."""
        starts = [m for m in self.messages if m["type"] == "FileTransferStartDownload"]
        parts = [m for m in self.messages if m["type"] == "FileTransferPart"]
        whole = {}
        for start in starts:
            mine = {p["part_index"]: p["content"] for p in parts if p["transfer_uuid"] == start["transfer_uuid"]}
            if len(mine) == start["part_count"]:
                whole[start["filename"]] = b"".join(mine[i] for i in sorted(mine))
        return whole

    def close(self) -> None:
        """Leave."""
        self.socket.close()

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
