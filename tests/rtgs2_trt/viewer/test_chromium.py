"""The page in a real Chromium without a window: it loads, shows frames, answers clicks, and complains of nothing."""

from __future__ import annotations

import io
import time

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("viser", reason="viser is not installed: pip install '.[view]'")

from headless_chromium import SECONDS, Page, chromium

pytestmark = pytest.mark.skipif(chromium() is None, reason="there is no Chromium: apt-get install chromium")

SIZE = (900, 600)
LEFT = (slice(200, 580), slice(20, 560))  # what neither the panel nor the hint about software drawing covers


@pytest.fixture(scope="module")
def page(served, tmp_path_factory):
    with Page(served.ready["address"], tmp_path_factory.mktemp("downloads"), SIZE) as page:
        page.wait_for("document.querySelector('canvas') && /\\d+ x \\d+ · \\d+ ms/.test(document.body.innerText)")
        yield page


def picture(page):
    with Image.open(io.BytesIO(page.screenshot())) as image:
        return np.asarray(image.convert("RGB"))[LEFT].astype(int)


def wait_for_picture(page, condition):
    end = time.monotonic() + SECONDS
    while not condition(shown := picture(page)):
        assert time.monotonic() < end
        time.sleep(0.2)
    return shown


def colors_of(shown):
    return {tuple(color) for color in shown.reshape(-1, 3)}


def test_it_shows_the_labelled_scene(page):
    shown = wait_for_picture(page, lambda picture: picture.std() > 10)
    assert len(colors_of(shown)) > 100
    assert "rtgs2 view" in page.text()


def test_another_mode_changes_the_picture(page):
    pictures = []
    for mode in ("labels", "colour", "confidence", "depth", "overlay"):
        page.click_button(mode)
        page.wait_for(f"document.body.innerText.includes('{mode} · ')")
        pictures.append(wait_for_picture(page, lambda p: all(abs(p - other).mean() > 3 for other in pictures)))
    assert len(pictures) == 5


def test_labels_are_shown_in_the_colours_of_the_legend(page):
    page.click_button("labels")
    page.wait_for("document.body.innerText.includes('labels · ')")
    legend = page.evaluate(
        "[...document.querySelectorAll('button')].filter(b => b.innerText.includes(' px · '))"
        ".map(b => [getComputedStyle(b).backgroundColor, b.innerText])"
    )
    colors = [np.array([int(v) for v in css[4:-1].split(",")]) for css, _ in legend]
    assert colors

    def nearest(shown):
        return np.min([np.abs(shown - color).max(axis=-1) for color in colors], axis=0)

    shown = wait_for_picture(page, lambda p: (nearest(p) <= 3).mean() > 0.7)  # the rest is blended at borders
    assert shown.size


def test_a_click_into_the_picture_tells_the_class_and_the_place(page):
    page.click(300, 420)
    page.wait_for("/\\(id \\d+\\)/.test(document.body.innerText)")
    text = page.text()
    assert "% sure" in text
    assert "depth " in text
    assert " z " in text


def test_a_class_is_hidden_and_shown_again(page):
    page.click_button("labels")
    before = wait_for_picture(page, lambda p: True)
    first = page.evaluate(
        "[...document.querySelectorAll('button')].find(b => b.innerText.includes(' px · ')).innerText.split(' · ')[0]"
    )
    page.click_button(first)
    wait_for_picture(page, lambda p: abs(p - before).mean() > 1 and (p == 24).all(axis=-1).any())
    page.click_button(first)
    wait_for_picture(page, lambda p: not (p == 24).all(axis=-1).any())


def test_dragging_flies_and_the_picture_follows(page):
    before = picture(page)
    page.drag((400, 400), (250, 380))
    wait_for_picture(page, lambda p: abs(p - before).mean() > 3)
    page.click_button("Return")
    wait_for_picture(page, lambda p: abs(p - before).mean() < 3)


def test_it_complained_of_nothing(page):
    page.evaluate("1")  # takes in what was said until now
    assert page.problems == []
