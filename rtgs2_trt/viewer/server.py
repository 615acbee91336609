"""The web server of ``rtgs2 view``: browsers come and go, whatever they send."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

import numpy as np
import viser

from rtgs2_trt.camera import Camera
from rtgs2_trt.errors import CameraError
from rtgs2_trt.scene import Scene
from rtgs2_trt.segmenter import Segmentation, Segmenter
from rtgs2_trt.viewer.address import LOCAL, check_address
from rtgs2_trt.viewer.browser_camera import browser_pose, camera_of_window
from rtgs2_trt.viewer.drawing import DrawingThread, Observer
from rtgs2_trt.viewer.guarded_server import GuardedServer
from rtgs2_trt.viewer.panel import Offer, Panel
from rtgs2_trt.viewer.reports import Reports
from rtgs2_trt.viewer.turns import Turns

PORT = 8080
MOST_PIXELS = 640 * 480
_LOOK_SECONDS = 0.5


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
        self._reports = Reports(report)
        self._turns = Turns()
        self._offer = Offer(segmenter.classes, start, dict(views or {}), into_file)
        confidence = segmenter.task == "semantic"

        def draw(camera: Camera) -> Segmentation:
            return segmenter(scene, camera, confidence=confidence, rgb=True, depth=True, unknown_below=unknown_below)

        self.drawing = DrawingThread(draw, self._turns, most_pixels, only_size=segmenter.only_size, observe=observe)
        self.drawing.warm_up(start)
        logging.getLogger("websockets.server").addFilter(self._reports)
        self._server = GuardedServer(host, port, verbose=False)
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
        while not self._closed.wait(_LOOK_SECONDS):  # Ctrl-C may reach another thread, which wakes nobody
            pass

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
