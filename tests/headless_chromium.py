"""A real Chromium without a window, driven through its DevTools protocol over one websocket."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SECONDS = 120  # for anything: a busy machine draws WebGL on its CPU


def chromium() -> str | None:
    """Return the program, or None where there is none."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Page:
    """One page of a browser of its own; a context manager. `messages` holds what it wrote to its console."""

    def __init__(self, address: str, downloads: Path, size: tuple[int, int] = (900, 600)) -> None:
        program = chromium()
        assert program is not None
        self.messages: list[str] = []
        self.problems: list[str] = []
        self._profile = Path(tempfile.mkdtemp(prefix="chromium-"))
        self._process = subprocess.Popen(
            [
                program,
                "--headless=new",
                "--no-sandbox",  # tests may run as root
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--enable-unsafe-swiftshader",
                "--use-angle=swiftshader",
                "--hide-scrollbars",
                "--remote-debugging-port=0",
                f"--user-data-dir={self._profile}",
                f"--window-size={size[0]},{size[1]}",
                "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._socket = connect(self._browser_address(), max_size=None, open_timeout=SECONDS)
            self._number, self._session = 0, None
            target = self.call("Target.createTarget", url="about:blank")["targetId"]
            self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Runtime", "Log", "Page"):
                self.call(f"{domain}.enable")
            self.call("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1,
                      mobile=False)  # fmt: skip
            self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))
            self.call("Page.navigate", url=address)
        except BaseException:
            self.close()
            raise

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(self._socket.recv(timeout=SECONDS))
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self._note(answer)

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> Any:
        """Return the value of an expression once it is true."""
        end = time.monotonic() + SECONDS
        while not (value := self.evaluate(expression)):
            assert time.monotonic() < end, f"never true: {expression}; console: {self.messages[-5:]}"
            time.sleep(0.1)
        return value

    def click(self, x: float, y: float) -> None:
        """Click at a place of the page."""
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.mouse(kind, x, y)

    def mouse(self, kind: str, x: float, y: float) -> None:
        """Move the mouse there, or press or release its left button."""
        button = {"button": "left", "clickCount": 1, "buttons": 1 if kind != "mouseReleased" else 0}
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **({} if kind == "mouseMoved" else button))

    def drag(self, start: tuple[float, float], end: tuple[float, float], steps: int = 10) -> None:
        """Drag from one place to another."""
        self.mouse("mouseMoved", *start)
        self.mouse("mousePressed", *start)
        for step in range(1, steps + 1):
            place = (a + (b - a) * step / steps for a, b in zip(start, end, strict=True))
            x, y = place
            self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y, button="left", buttons=1)
            time.sleep(0.03)
        self.mouse("mouseReleased", *end)

    def click_button(self, text: str) -> None:
        """Click the button whose text begins so, once it no longer moves."""
        found = f"[...document.querySelectorAll('button')].find(b => b.innerText.trim().startsWith({json.dumps(text)}))"
        self.wait_for(f"!!{found}")
        self.evaluate(f"{found}.scrollIntoView({{block: 'center'}})")
        middle = (
            f"(() => {{ const r = {found}.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] }})()"
        )
        before, place = None, self.evaluate(middle)
        while place != before:
            time.sleep(0.5)
            before, place = place, self.evaluate(middle)
        self.click(*place)

    def text(self) -> str:
        """Return the text of the page."""
        return str(self.evaluate("document.body.innerText"))

    def screenshot(self) -> bytes:
        """Return the page as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def close(self) -> None:
        """End the browser."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._profile, ignore_errors=True)

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _note(self, event: dict[str, Any]) -> None:
        method, values = event.get("method"), event.get("params", {})
        if method == "Runtime.consoleAPICalled":
            text = " ".join(str(a.get("value", a.get("description", ""))) for a in values["args"])
            self.messages.append(f"{values['type']}: {text}")
            if values["type"] in ("error", "assert"):
                self.problems.append(text)
        elif method == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(values["exceptionDetails"])[:500])
        elif method == "Log.entryAdded" and values["entry"]["level"] == "error":
            self.problems.append(f"{values['entry']['text']} {values['entry'].get('url', '')}")

    def _browser_address(self) -> str:
        file, end = self._profile / "DevToolsActivePort", time.monotonic() + SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            lines = file.read_text().split() if file.is_file() else []
            if len(lines) == 2:
                return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            time.sleep(0.05)
        raise AssertionError(f"Chromium did not start (exit code {self._process.poll()})")
