"""Label and colour PNGs hold what was given; overlays and sheets show it."""

import numpy as np
import pytest
from PIL import Image

from rtgs2_trt import page_layout, pictures
from rtgs2_trt.errors import InputError

COLORS = np.array([(200, 40, 40), (40, 160, 60), (50, 70, 190), (230, 200, 60)], np.uint8)
NAMES = ["wall", "floor", "chair", "lamp"]
UNKNOWN = tuple(pictures.UNKNOWN_COLOR)


def pixels_of(picture, color):
    return int(np.all(picture == np.array(color, np.uint8), axis=-1).sum())


def files(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("ids", "mode", "dtype", "unknown"),
    [
        ([3, 7, 40, 254], "L", np.uint8, 255),
        ([3, 7, 40, 255], "I;16", np.uint16, 65535),
        ([3, 7, 40, 256], "I;16", np.uint16, 65535),
        ([1, 300, 1191, 65534], "I;16", np.uint16, 65535),
    ],
)
@pytest.mark.parametrize("label_dtype", [np.uint8, np.uint16])
def test_label_png_holds_the_ids_of_the_table(tmp_path, ids, mode, dtype, unknown, label_dtype):
    labels = np.random.default_rng(0).integers(0, 4, (17, 23)).astype(label_dtype)
    labels[0, :5] = np.iinfo(label_dtype).max
    pictures.save_label_image(tmp_path / "view.png", labels, ids)
    with Image.open(tmp_path / "view.png") as image:
        assert (image.mode, image.size) == (mode, (23, 17))
        found = np.asarray(image)
    expected = np.array([*ids, unknown])[np.where(labels == np.iinfo(label_dtype).max, 4, labels)]
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, expected)
    assert files(tmp_path) == ["view.png"]


def test_depth_of_label_pngs_follows_the_table_not_the_view(tmp_path):
    pictures.save_label_image(tmp_path / "view.png", np.zeros((2, 2), np.uint8), [1, 300])
    with Image.open(tmp_path / "view.png") as image:
        assert image.mode == "I;16"


def test_color_png_is_rounded_and_clipped(tmp_path):
    rgb = np.array([[[0.0, 0.5, 1.7]], [[-0.3, 0.2, 1.0]], [[np.nan, 0.999, 0.1]]], np.float32)
    pictures.save_color_image(tmp_path / "view.png", rgb)
    with Image.open(tmp_path / "view.png") as image:
        assert image.mode == "RGB"
        found = np.asarray(image)
    np.testing.assert_array_equal(found, [[(0, 0, 0), (128, 51, 255), (255, 255, 26)]])


def test_failed_write_leaves_no_file_behind_and_the_old_one_alone(tmp_path, monkeypatch):
    target = tmp_path / "view.png"
    pictures.save_label_image(target, np.zeros((4, 4), np.uint8), [9])
    before = target.read_bytes()

    def dies(self, file, **options):
        file.write(b"half a picture")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", dies)
    with pytest.raises(InputError, match=r"view\.png: cannot be written: disk full"):
        pictures.save_label_image(target, np.zeros((4, 4), np.uint8), [8])
    assert files(tmp_path) == ["view.png"]
    assert target.read_bytes() == before


def test_refusals_name_what_was_found(tmp_path):
    labels = np.zeros((4, 4), np.uint8)
    with pytest.raises(InputError, match=r"found 4.*index in 0\.\.3"):
        pictures.color_labels(labels + np.uint8(4), COLORS)
    with pytest.raises(InputError, match="found -1"):
        pictures.color_labels(labels.astype(np.int64) - 1, COLORS)
    with pytest.raises(InputError, match=r"labels: .*float32.*\(H, W\) integers"):
        pictures.color_labels(labels.astype(np.float32), COLORS)
    with pytest.raises(InputError, match="ids: "):
        pictures.save_label_image(tmp_path / "x.png", labels, [70000])
    with pytest.raises(InputError, match=r"missing.*Create"):
        pictures.save_label_image(tmp_path / "missing" / "x.png", labels, [1])
    with pytest.raises(InputError, match=r"rgb: .*\(4, 4, 3\)"):
        pictures.to_picture(np.zeros((4, 4, 3), np.float32))
    with pytest.raises(InputError, match="differ in size"):
        pictures.blend(np.zeros((3, 4, 5), np.float32), labels, COLORS)
    with pytest.raises(InputError, match="differ in number"):
        pictures.legend_entries([labels], COLORS, NAMES[:2])
    with pytest.raises(InputError, match=r"opacity.*1\.5"):
        pictures.blend(np.zeros((3, 4, 4), np.float32), labels, COLORS, 1.5)
    with pytest.raises(InputError, match="no views"):
        pictures.contact_sheet([], COLORS, NAMES)
    assert files(tmp_path) == []


def test_blend_mixes_by_opacity():
    rgb = np.full((3, 1, 1), 100 / 255, np.float32)
    labels = np.array([[2]], np.uint8)
    assert pictures.blend(rgb, labels, COLORS, 0.0)[0, 0].tolist() == [100, 100, 100]
    assert pictures.blend(rgb, labels, COLORS, 0.5)[0, 0].tolist() == [75, 85, 145]
    assert pictures.blend(rgb, labels, COLORS, 1.0)[0, 0].tolist() == COLORS[2].tolist()


def test_legend_lists_the_classes_present_largest_first():
    labels = np.array([[1, 1, 1, 1, 1, 3, 3, 255, 255, 0]], np.uint8)
    entries = pictures.legend_entries([labels], COLORS, NAMES)
    assert [(entry.name, entry.color) for entry in entries] == [
        ("floor", (40, 160, 60)),
        ("lamp", (230, 200, 60)),
        ("unknown", UNKNOWN),
        ("wall", (200, 40, 40)),
    ]
    np.testing.assert_allclose([entry.share for entry in entries], [0.5, 0.2, 0.2, 0.1])


def test_legend_counts_over_all_views():
    views = [np.array([[0, 0, 0, 2]], np.uint8), np.array([[2, 2, 2, 2]], np.uint8)]
    entries = pictures.legend_entries(views, COLORS, NAMES)
    assert [(entry.name, entry.share) for entry in entries] == [("chair", 5 / 8), ("wall", 3 / 8)]


def test_legend_sums_up_the_smallest_classes():
    labels = np.repeat(np.arange(30), np.arange(60, 30, -1))[None].astype(np.uint8)
    names = [f"class {index}" for index in range(30)]
    entries = pictures.legend_entries([labels], np.zeros((30, 3), np.uint8), names, limit=20)
    assert [entry.name for entry in entries] == [*names[:20], "+ 10 more"]
    assert entries[-1].color is None
    assert sum(entry.share for entry in entries) == pytest.approx(1.0)
    assert len(pictures.legend_entries([labels], np.zeros((30, 3), np.uint8), names, limit=30)) == 30


@pytest.mark.parametrize(("width", "height"), [(320, 240), (641, 479), (24, 16), (3840, 2160)])
def test_overlay_is_the_blend_above_a_legend_with_the_right_colours(width, height):
    rgb = np.random.default_rng(1).random((3, height, width), dtype=np.float32)
    labels = np.zeros((height, width), np.uint8)
    labels[: height // 2] = 3
    picture = pictures.overlay(rgb, labels, COLORS, NAMES)
    assert picture.dtype == np.uint8
    assert picture.shape[1] == width or width == 24  # the legend of a tiny view is wider than the view
    np.testing.assert_array_equal(picture[:height, :width], pictures.blend(rgb, labels, COLORS))
    legend = picture[height:]
    swatches = [pixels_of(legend, color) for color in COLORS]
    assert swatches[0] == swatches[3] > 80
    assert swatches[1] == swatches[2] == 0
    assert 0.01 < pixels_of(legend, page_layout.PAPER) / legend[..., 0].size < 1.0
    assert pixels_of(legend, page_layout.INK) > 0


@pytest.fixture
def drawn(monkeypatch):
    """Every text that is drawn, in order."""
    texts = []
    draw_text = pictures.ImageDraw.ImageDraw.text

    def remember(self, position, text, **options):
        texts.append(text)
        return draw_text(self, position, text, **options)

    monkeypatch.setattr(pictures.ImageDraw.ImageDraw, "text", remember)
    return texts


def test_legend_shows_names_and_shares(drawn):
    labels = np.zeros((100, 100), np.uint8)
    labels[0] = 1
    labels[1, :3] = 2
    labels[40:52] = 3
    names = ["wall", "floor", "chair", "a class with a name longer than any legend would take"]
    pictures.overlay(np.zeros((3, 100, 100), np.float32), labels, COLORS, names)
    shown, shares = drawn[0::2], drawn[1::2]
    assert [shown[0], *shown[2:]] == ["wall", "floor", "chair"]
    assert shown[1].startswith("a class with")
    assert shown[1].endswith("...")
    assert shares == ["87.0 %", "12.0 %", "1.0 %", "< 0.1 %"]


def views(count, height=30, width=40):
    rng = np.random.default_rng(3)
    return [
        (f"view {i}", np.full((3, height, width), 0.1 + 0.1 * i, np.float32), rng.integers(0, 3, (height, width)))
        for i in range(count)
    ]


def test_contact_sheet_shows_every_view_and_is_deterministic(drawn):
    rows = views(3)
    sheet = pictures.contact_sheet(rows, COLORS, NAMES, heading="A room", note="untrained")
    assert drawn[:6] == ["A room", "untrained", "colour", "labels", "overlay", "view 0"]
    assert {"view 1", "view 2", *NAMES[:3]} < set(drawn)
    assert NAMES[3] not in drawn
    for _, rgb, labels in rows:
        assert pixels_of(sheet, pictures.to_picture(rgb)[0, 0]) >= labels.size
    in_labels = sum(int((labels == 1).sum()) for _, _, labels in rows)
    assert in_labels + 80 < pixels_of(sheet, COLORS[1]) < in_labels + 400  # the labels and one swatch
    assert pixels_of(sheet, page_layout.NOTE_INK) > 0
    assert pixels_of(pictures.contact_sheet(rows, COLORS, NAMES), page_layout.NOTE_INK) == 0
    again = pictures.contact_sheet(rows, COLORS, NAMES, heading="A room", note="untrained")
    np.testing.assert_array_equal(sheet, again)


def test_contact_sheet_shrinks_wide_views():
    rows = [("wide", np.full((3, 300, 600), 77 / 255, np.float32), np.zeros((300, 600), np.uint8))]
    sheet = pictures.contact_sheet(rows, COLORS, NAMES, tile_width=200)
    assert pixels_of(sheet, (77, 77, 77)) == 200 * 100
    assert 3 * 200 < sheet.shape[1] < 3 * 200 + 150


def test_contact_sheet_wraps_notes_and_never_cuts_text(drawn):
    note = "Untrained weights, seeded: the labels show that everything runs, not what a trained network would say."
    sheet = pictures.contact_sheet(views(1), COLORS, NAMES, heading="A heading wider than the views", note=note)
    lines = [text for text in drawn if set(text.split()) <= set(note.split()) and text != "labels"]
    assert len(lines) > 1
    assert " ".join(lines) == note
    for margin in (sheet[:, :12], sheet[:, -12:], sheet[:12], sheet[-12:]):
        assert pixels_of(margin, page_layout.PAPER) == margin[..., 0].size


def test_comparison_sheet_shows_truth_beside_prediction(drawn):
    rows = [(title, rgb, np.full(labels.shape, 3) - 4 * (labels == 0), labels) for title, rgb, labels in views(2)]
    sheet = pictures.comparison_sheet(rows, COLORS, NAMES, heading="A room")
    assert drawn[:5] == ["A room", "colour", "truth", "prediction", "view 0"]
    assert {"wall", "floor", "chair", "lamp", "unknown"} < set(drawn)  # what is only true and what is only predicted
    true_lamps = sum(int((truth == 3).sum()) for _, _, truth, _ in rows)
    assert true_lamps + 80 < pixels_of(sheet, COLORS[3]) < true_lamps + 400  # the labels and one swatch
    with pytest.raises(InputError, match="no views"):
        pictures.comparison_sheet([], COLORS, NAMES)
