"""The web server of ``rtgs2 view``: browsers come and go, whatever they send."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import viser

from rtgs2_trt.camera import Camera
from rtgs2_trt.errors import CameraError, InputError
from rtgs2_trt.scene import Scene
from rtgs2_trt.segmenter import Segmentation, Segmenter
from rtgs2_trt.viewer.browser_camera import browser_pose, camera_of_window
from rtgs2_trt.viewer.drawing import DrawingThread, Observer
from rtgs2_trt.viewer.panel import Offer, Panel
from rtgs2_trt.viewer.turns import Turns

LOCAL = "127.0.0.1"
_LOCAL_NAMES = (LOCAL, "localhost", "::1")
PORT = 8080
MOST_PIXELS = 640 * 480
_MOST_REPORTS = 20


class Viewer:
    """Serves a scene until it is closed; a context manager.

    Args:
        segmenter: labels the frames.
        scene: encoded, in metres with z up.
        start: the first view.
        views: captured views that are offered by name.
        host: address to listen at; the default cannot be reached from other machines. There is no password.
        port: 0 takes any that is free.
        most_pixels: of a frame of a resting camera.
        unknown_below: see :meth:`Segmenter.__call__`.
        into_file: takes a camera into the units and axes of the scene's file; saved views are in these.
        report: is told in one line when a browser sends nonsense; nothing is printed without.
        observe: see :data:`rtgs2_trt.viewer.drawing.Observer`.

    Raises:
        InputError: nothing can listen at this address.
        SceneError: the scene is not encoded, or by another encoder.
        BackendError: the first frames failed.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        scene: Scene,
        start: Camera,
        *,
        views: Mapping[str, Camera] | None = None,
        host: str = LOCAL,
        port: int = PORT,
        most_pixels: int = MOST_PIXELS,
        unknown_below: float | None = None,
        into_file: Callable[[Camera], Camera] = lambda camera: camera,
        report: Callable[[str], None] = lambda _: None,
        observe: Observer = lambda *_: None,
    ) -> None:
        check_address(host, port)
        self._reports = _Reports(report)
        self._turns = Turns()
        self._offer = Offer(segmenter.classes, start, dict(views or {}), into_file)
        confidence = segmenter.task == "semantic"

        def draw(camera: Camera) -> Segmentation:
            return segmenter(scene, camera, confidence=confidence, rgb=True, depth=True, unknown_below=unknown_below)

        self.drawing = DrawingThread(draw, self._turns, most_pixels, only_size=segmenter.only_size, observe=observe)
        self.drawing.warm_up(start)
        logging.getLogger("websockets.server").addFilter(self._reports)
        self._server = _Server(host, port, verbose=False)
        self._server.get_event_loop().set_exception_handler(self._reports.of_event_loop)
        self._closed = threading.Event()
        self._set_up(start)
        self.drawing.start()
        self._server.on_client_connect(self._connect)
        self._server.on_client_disconnect(self._disconnect)

    @property
    def address(self) -> str:
        """What to open in a browser."""
        host = self._server.get_host()
        name = {"0.0.0.0": "localhost", "::": "localhost", LOCAL: "localhost"}.get(host, host)
        return f"http://{f'[{name}]' if ':' in name else name}:{self._server.get_port()}"

    @property
    def port(self) -> int:
        """The port that is listened at."""
        return self._server.get_port()

    def wait(self) -> None:
        """Return when the viewer is closed, or raise KeyboardInterrupt."""
        self._closed.wait()

    def close(self) -> None:
        """End the connections and the threads."""
        self._server.stop()
        self.drawing.close()
        logging.getLogger("websockets.server").removeFilter(self._reports)
        self._closed.set()

    def __enter__(self) -> Viewer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _set_up(self, start: Camera) -> None:
        gui, scene, camera = self._server.gui, self._server.scene, self._server.initial_camera
        gui.configure_theme(show_logo=False, show_share_button=False, dark_mode=True)
        gui.set_panel_label("rtgs2 view")
        scene.set_up_direction("+z")
        scene.set_background_image(np.zeros((2, 2, 3), np.uint8), format="jpeg")  # loads the encoder: no picture waits
        pose = browser_pose(start)
        camera.position, camera.look_at, camera.up, camera.fov = pose.position, pose.look_at, pose.up, pose.vertical_fov

    async def _connect(self, client: viser.ClientHandle) -> None:
        name = client.client_id
        if self._server.is_foreign(name):
            self._reports.add("a page of another site wanted to connect: it is shown nothing")
            return
        self.drawing.add(name, Panel(client, self._offer, lambda: self._turns.repaint(name)))

        @client.camera.on_update
        async def _(camera: viser.CameraHandle) -> None:
            try:
                seen = camera_of_window(
                    camera.wxyz, camera.position, camera.fov, camera.image_width, camera.image_height
                )
            except CameraError as problem:
                self._reports.add(f"a browser's camera is left out: {problem}")
            else:
                self._turns.look(name, seen)

    async def _disconnect(self, client: viser.ClientHandle) -> None:
        self.drawing.remove(client.client_id)


class _Server(viser.ViserServer):
    """Never opens a tunnel to the outside, whatever a browser asks for, and knows where its clients come from."""

    def request_share_url(self, verbose: bool = True) -> str | None:
        return None

    def is_foreign(self, client: int) -> bool:
        """Whether a client is a page of another site, which any browser lets connect to any server."""
        connection = self._websock_server._live_connections.get(client)
        if connection is None or connection.request is None:
            return True  # gone already
        headers = connection.request.headers
        host = headers.get("Host") or ""
        if self.get_host() in _LOCAL_NAMES and urlsplit(f"//{host}").hostname not in _LOCAL_NAMES:
            return True  # a foreign name that was made to lead here
        origin = headers.get("Origin")
        return origin is not None and urlsplit(origin).netloc != host


class _Reports(logging.Filter):
    """Turns what goes wrong with single browsers into a line each, the first of them; the server goes on."""

    def __init__(self, report: Callable[[str], None]) -> None:
        super().__init__()
        self._report = report
        self._count = 0

    def add(self, text: str) -> None:
        self._count += 1
        if self._count < _MOST_REPORTS:
            self._report(text)
        elif self._count == _MOST_REPORTS:
            self._report(f"{text}; more of these are not told")

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        problem = record.exc_info[1] if record.exc_info else None
        self.add(f"a connection was ended: {record.getMessage()}" + (f" ({problem!r:.200})" if problem else ""))
        return False

    def of_event_loop(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        problem = context.get("exception")
        if not isinstance(problem, asyncio.CancelledError):
            self.add(f"a message was left out: {problem or context.get('message')!r:.200}")


def check_address(host: str, port: int) -> None:
    """Refuse an address that nothing can listen at.

    Raises:
        InputError: names what is wrong.
    """
    if not 0 <= port <= 65535:
        raise InputError("not a port", field="--port", found=port, expected="0 to 65535")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as problem:
        raise InputError(
            f"no such address: {problem}", field="--host", found=host, fix=f"Leave it out for {LOCAL}"
        ) from problem
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as problem:
            raise InputError(
                f"cannot listen there: {problem.strerror}",
                field="--host, --port",
                found=f"{host}, port {port}",
                fix="Give another port; 0 takes any that is free",
            ) from problem
