"""What one browser shows: the picture behind everything, and the panel with modes, legend, picked pixel and views."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import viser

from rtgs2_trt.camera import Camera
from rtgs2_trt.classes import ClassTable
from rtgs2_trt.errors import InputError
from rtgs2_trt.page_layout import Picture
from rtgs2_trt.pictures import UNKNOWN_COLOR
from rtgs2_trt.viewer.browser_camera import browser_pose
from rtgs2_trt.viewer.painting import (
    DEPTH,
    LABELS,
    PREDICTED,
    LabelledFrame,
    Look,
    class_counts,
    depth_limits,
    legend_order,
    modes,
)
from rtgs2_trt.viewer.picking import PickedPixel, pick
from rtgs2_trt.viewer.saved_view import saved_view
from rtgs2_trt.viewer.turns import Turn

_LEGEND_SECONDS = 0.25  # between counts while the camera moves
_HIDDEN = (90, 90, 90)
_MOVING_QUALITY, _RESTING_QUALITY = 75, 92  # of JPEG
_START = "start"


@dataclass(frozen=True, eq=False)
class Offer:
    """What all clients are offered.

    Attributes:
        classes: the bundle's; None where it predicts depth.
        start: the first view.
        views: captured views by name.
        into_file: takes a camera into the units and axes of the scene's file.
    """

    classes: ClassTable | None
    start: Camera
    views: Mapping[str, Camera]
    into_file: Callable[[Camera], Camera]


class Panel:
    """One client's panel and picture; a :class:`rtgs2_trt.viewer.drawing.Client`.

    Buttons are answered in the server's event loop, pictures shown by the drawing thread.

    Args:
        client: viser's handle of the browser.
        offer: what it is offered.
        repaint: asks for the last frame in the mode that is in `look` by then.
    """

    def __init__(self, client: viser.ClientHandle, offer: Offer, repaint: Callable[[], None]) -> None:
        self._client = client
        self._offer = offer
        self._repaint = repaint
        self._modes = modes("depth" if offer.classes is None else "semantic")
        self.look = Look(self._modes[0])
        self._shown: tuple[LabelledFrame, Picture] | None = None
        self._mark: viser.SceneNodeHandle | None = None
        self._legend: dict[int, viser.GuiButtonHandle] = {}
        self._counted = float("-inf")
        self._saved = 0
        self._save_next = False
        self._build()

    def _build(self) -> None:
        gui = self._client.gui
        self._status = gui.add_html(_text("The first view is on its way."))
        mode = gui.add_button_group("Show", self._modes)

        @mode.on_click
        async def _(event: viser.GuiEvent[viser.GuiButtonGroupHandle]) -> None:
            if event.target.value in self._modes:  # a browser may send anything
                self._change(replace(self.look, mode=event.target.value))

        if self._offer.classes is not None:
            self._build_opacity()
        with gui.add_folder("Pixel"):
            self._pixel = gui.add_html(_text("Click into the picture."))

        @self._client.scene.on_click()
        def _(event: viser.SceneClickEvent) -> None:
            self._click(event.screen_pos)

        with gui.add_folder("View"):
            self._build_views()
        if self._offer.classes is not None:
            self._build_classes()  # last: it may be long

    def _build_opacity(self) -> None:
        gui = self._client.gui
        opacity = gui.add_slider("Overlay", min=0.0, max=1.0, step=0.05, initial_value=self.look.opacity)

        @opacity.on_update
        async def _(event: viser.GuiEvent[viser.GuiSliderHandle[float]]) -> None:
            try:
                self._change(replace(self.look, opacity=float(event.target.value)))
            except (InputError, TypeError, ValueError):
                return

    def _build_classes(self) -> None:
        gui = self._client.gui
        self._classes = gui.add_folder("Classes")
        with self._classes:
            every = gui.add_button_group("All", ("show", "hide"), order=0.0)

        @every.on_click
        async def _(event: viser.GuiEvent[viser.GuiButtonGroupHandle]) -> None:
            every_class = frozenset(range(len(self._offer.classes or ())))
            self._change(replace(self.look, hidden=every_class if event.target.value == "hide" else frozenset()))

    def _build_views(self) -> None:
        gui, views = self._client.gui, {_START: self._offer.start, **self._offer.views}
        chosen = gui.add_dropdown("Go to", tuple(views), visible=len(views) > 1)
        back = gui.add_button("Return", icon=viser.Icon.HOME)

        async def go(_: object) -> None:
            self._fly_to(views.get(chosen.value, self._offer.start))  # a browser may send anything

        chosen.on_update(go)
        back.on_click(go)

        save = gui.add_button("Save view", icon=viser.Icon.CAMERA)

        @save.on_click
        async def _(_: viser.GuiEvent[viser.GuiButtonHandle]) -> None:
            self._save_next = True
            self._repaint()  # the drawing thread saves what it shows

    def show(self, frame: LabelledFrame, picture: Picture, turn: Turn) -> None:
        """See :class:`rtgs2_trt.viewer.drawing.Client`."""
        rests = frame.share == 1.0
        self._shown = frame, picture
        flat = self.look.mode == LABELS  # few colours: small, and exact
        self._client.scene.set_background_image(
            picture,
            format="png" if flat else "jpeg",
            jpeg_quality=_RESTING_QUALITY if rests else _MOVING_QUALITY,
        )
        self._client.flush()
        self._status.content = _text(self._description(frame))
        now = time.perf_counter()
        if frame.result.labels is not None and (rests or now - self._counted > _LEGEND_SECONDS):
            self._counted = now
            self._count(frame, in_order=rests)
        if self._save_next and rests:
            self._save_next = False
            self._save(frame, picture)

    def tell(self, problem: Exception) -> None:
        """See :class:`rtgs2_trt.viewer.drawing.Client`."""
        self._save_next = False
        self._status.content = _text(f"This view cannot be drawn: {problem}")

    def _change(self, look: Look) -> None:
        if look != self.look:
            self.look = look
            self._dress_legend()
            self._repaint()

    def _description(self, frame: LabelledFrame) -> str:
        camera, seconds = frame.camera, frame.seconds
        parts = [self.look.mode, f"{camera.width} x {camera.height}", f"{1000 * seconds:.0f} ms"]
        depth = {DEPTH: frame.result.depth, PREDICTED: frame.result.depth_prediction}.get(self.look.mode)
        if depth is not None:
            near, far = depth_limits(depth)
            parts.append(f"bright {near:.1f} m, dark {far:.1f} m")
        return " · ".join(parts)

    def _count(self, frame: LabelledFrame, *, in_order: bool) -> None:
        """Write each class's pixels on its button; buttons change places only while nothing moves."""
        classes = self._offer.classes
        assert classes is not None
        counts = class_counts(frame.result.labels, len(classes))
        order = legend_order(counts, self.look.hidden & self._legend.keys())
        for rank, index in enumerate(order):
            name = classes.names[index] if index < len(classes) else "unknown"
            share = counts[index] / counts.sum()
            text = f"{name} · {counts[index]:,} px · " + (f"{share:.1%}" if share >= 0.0005 else "< 0.1%")
            if index not in self._legend:
                self._add_to_legend(index, text)
            button = self._legend[index]
            button.label, button.visible = text, True
            if in_order:
                button.order = float(rank + 1)
        for index in self._legend.keys() - set(order):
            self._legend[index].visible = False

    def _add_to_legend(self, index: int, text: str) -> None:
        classes = self._offer.classes
        assert classes is not None
        known = index < len(classes)
        with self._classes:
            button = self._client.gui.add_button(text, disabled=not known)
        self._legend[index] = button
        self._dress(index)

        @button.on_click
        async def _(_: viser.GuiEvent[viser.GuiButtonHandle]) -> None:
            self._change(replace(self.look, hidden=self.look.hidden ^ {index}))

    def _dress_legend(self) -> None:
        for index in list(self._legend):
            self._dress(index)

    def _dress(self, index: int) -> None:
        button, hidden = self._legend[index], index in self.look.hidden
        button.color = _HIDDEN if hidden else self._color(index)
        button.icon = viser.Icon.EYE_OFF if hidden else None

    def _color(self, index: int) -> tuple[int, int, int]:
        classes = self._offer.classes
        assert classes is not None
        return classes.classes[index].color if index < len(classes) else UNKNOWN_COLOR

    def _click(self, position: Sequence[float]) -> None:
        if self._shown is None:
            return
        try:
            x, y = position
            picked = pick(self._shown[0], x, y)
        except (InputError, TypeError, ValueError):  # a browser may send anything
            return
        self._pixel.content = _text(*_lines(picked))
        if self._mark is not None:
            self._mark.remove()
            self._mark = None
        if picked.point is not None and picked.depth is not None:
            scene, place = self._client.scene, picked.point
            size = 0.006 * picked.depth
            self._mark = scene.add_icosphere("/picked", size, (255, 60, 60), position=place, cast_shadow=False)
            scene.add_label("/picked/name", picked.name or f"{picked.depth:.2f} m")

    def _fly_to(self, camera: Camera) -> None:
        window = self._client.camera
        pose = browser_pose(camera, window=(window.image_width, window.image_height))
        with self._client.atomic():
            window.position = pose.position
            window.look_at = pose.look_at
            window.up_direction = pose.up
            window.fov = pose.vertical_fov

    def _save(self, frame: LabelledFrame, picture: Picture) -> None:
        self._saved += 1
        files = saved_view(f"view_{self._saved:03}", picture, self._offer.into_file(frame.camera))
        for name, content in files.items():
            self._client.send_file_download(name, content, save_immediately=True)


def _lines(picked: PickedPixel) -> list[str]:
    """Return what the panel says of a pixel: what it is, how far away, where."""
    what = []
    if picked.name is not None:
        what.append(picked.name if picked.class_id is None else f"{picked.name} (id {picked.class_id})")
    if picked.confidence is not None:
        what.append(f"{picked.confidence:.0%} sure")
    if picked.predicted_depth is not None:
        what.append(f"predicted depth {picked.predicted_depth:.2f} m")
    if picked.point is None or picked.depth is None:
        where = ["nothing is there"]
    else:
        x, y, z = picked.point
        where = [f"x {x:.2f}, y {y:.2f}, z {z:.2f} m · depth {picked.depth:.2f} m"]
    return [" · ".join(what), *where]


def _text(*lines: str) -> str:
    """Return lines as HTML; nothing in them is taken for markup."""
    return '<div style="font-size:0.8em;padding:0.2em 0.8em">' + "<br>".join(map(html.escape, lines)) + "</div>"
