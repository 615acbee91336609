"""Takes the pictures of docs/viewer.md: python tests/viewer_pictures.py (after make demo; needs Chromium)."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from headless_chromium import Page
from rtgs2_trt.pictures import save_image

DEMO, IMAGES = Path("build/demo"), Path("docs/images")
MODES = ("labels", "depth", "confidence")


def main() -> int:
    command = [sys.executable, "-m", "rtgs2_trt.cli", "view", str(DEMO / "demo.rtgs2"), str(DEMO / "room.ply")]
    options = ["--cameras", str(DEMO / "cameras.json"), "--port", "0", "--json", "--quiet"]
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    text = ""
    while not text.endswith("}\n"):
        text += process.stdout.readline()
    try:
        with Page(json.loads(text)["address"], Path("/nonexistent"), (960, 640)) as page:
            page.wait_for("document.querySelector('canvas') && /\\d+ x \\d+ · \\d+ ms/.test(document.body.innerText)")
            page.evaluate("document.querySelector('.mantine-Notification-closeButton')?.click()")  # software drawing
            page.wait_for("[...document.querySelectorAll('button')].some(b => b.innerText.includes(' px · '))")
            time.sleep(5)
            page.click(370, 300)
            page.wait_for("document.body.innerText.includes('% sure')")
            save_image(IMAGES / "viewer.png", still(page))
            modes = []
            for mode in MODES:
                page.click_button(mode)
                page.wait_for(f"document.body.innerText.includes('{mode} · ')")
                picture = Image.fromarray(still(page)[:, :620])  # without the panel
                modes.append(np.asarray(picture.resize((310, 320), Image.Resampling.LANCZOS)))
            save_image(IMAGES / "viewer_modes.png", np.concatenate(modes, axis=1))
            assert not page.problems, page.problems
    finally:
        process.terminate()
        process.wait()
    return 0


def still(page: Page) -> NDArray[np.uint8]:
    """The page, (H, W, 3), once it no longer changes."""
    before = b""
    while (now := page.screenshot()) != before:
        before = now
        time.sleep(3)
    with Image.open(io.BytesIO(now)) as picture:
        return np.asarray(picture.convert("RGB"))


if __name__ == "__main__":
    sys.exit(main())
