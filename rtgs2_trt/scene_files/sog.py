"""SOG (PlayCanvas): quantised attributes in lossless images, a folder with ``meta.json`` or the same in a ZIP archive.

Version 2 looks values up in codebooks of 256 entries, version 1 (SOGS, without a version number) interpolates between
limits. Pixel i, row by row, belongs to Gaussian i. Higher spherical harmonics are palette entries: 64 to a row of the
image of centroids, a pixel a coefficient.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt import _native, zip_archives
from rtgs2_trt.errors import SceneError, shown
from rtgs2_trt.file_access import reading
from rtgs2_trt.scene_files.block_pool import BlockPool
from rtgs2_trt.scene_files.gaussian_arrays import ANTIALIASED, SURFELS, GaussianArrays, allocated, blocks, checked
from rtgs2_trt.scene_files.packed_streams import check_expansion
from rtgs2_trt.scene_files.read_progress import ReadProgress
from rtgs2_trt.scene_files.smallest_three import rotations_of_smallest

META = "meta.json"
_META_BYTES = 1 << 20
_SPARE_PIXELS = 1 << 20  # that an image may have beyond two for each Gaussian
_COEFFICIENTS = (0, 3, 8, 15)
_PALETTE_ROW = 64
_MOST_IMAGES = 7
_POSITION_BYTES = 12  # of a Gaussian once it is loaded
_MOST_NUMBER = 3e38  # within float32; NaN is not less
_FIRST_TAG = 252  # of the alpha of quats: 252 + index of the largest component
_EXPORT_AGAIN = "Export it again, for example with SplatTransform: splat-transform scene.ply scene.sog"

_Open = Callable[[str, int], bytes]
"""Returns a member's bytes, given its name and the most there may be."""


def meta_of_folder(folder: Path) -> Path | None:
    """Return the file that says what a folder's SOG images hold: ``meta.json``, or the only one of another name."""
    if (folder / META).is_file():
        return folder / META
    try:
        found = [file for file in folder.glob("*.[jJ][sS][oO][nN]") if is_meta(file)]
    except OSError:
        return None
    return found[0] if len(found) == 1 else None


def is_meta(path: Path) -> bool:
    """Whether a file is what ``meta.json`` is, by its content."""
    try:
        with reading(path, SceneError) as (file, size):
            values = _json(file.read(size), path) if size <= _META_BYTES else {}
    except SceneError:
        return False
    return all(isinstance(values.get(part), dict) for part in ("means", "scales", "quats", "sh0"))


def read_folder(meta: Path, threads: int, progress: ReadProgress) -> GaussianArrays:
    """Read the Gaussians of a file like ``meta.json`` and the images beside it.

    Raises:
        SceneError: a member is missing or damaged, names a place outside the folder, does not fit the count, or is
            far larger than its Gaussians need.
    """

    def member(name: str, most: int) -> bytes:
        path = meta if name == META else meta.parent / name
        with reading(path, SceneError) as (file, size):
            _check_size(size, most, path)
            return file.read(most)

    return _read(member, meta.parent if meta.name == META else meta, threads, progress)


def read_archive(file: BinaryIO, path: str | Path, threads: int, progress: ReadProgress) -> GaussianArrays:
    """Read the Gaussians of an open ``.sog`` archive; raises as :func:`read_folder`."""
    with _damaged_archives(path), zipfile.ZipFile(file) as archive:

        def member(name: str, most: int) -> bytes:
            try:
                information = archive.getinfo(name)
            except KeyError as problem:
                raise SceneError(
                    "there is no such file in the archive", file=path, field=name, fix=_EXPORT_AGAIN
                ) from problem
            _check_size(information.file_size, most, path, name)
            if information.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise SceneError(
                    "an unusual compression", file=path, field=name, expected="stored or deflated", fix=_EXPORT_AGAIN
                )
            check_expansion(information.file_size, information.compress_size, path, name)
            with archive.open(information) as packed:
                return packed.read(most)

        return _read(member, path, threads, progress)


def is_archive(file: BinaryIO) -> bool:
    """Whether an open ZIP archive holds a ``meta.json`` at its top."""
    try:
        with zipfile.ZipFile(file) as archive:
            return META in archive.namelist()
    except zip_archives.UNREADABLE:
        return False


@dataclass(frozen=True)
class _Meta:
    """A JSON object of ``meta.json`` whose values are checked as they are taken."""

    values: Mapping[str, Any]
    path: str | Path
    field: str = META

    def error(self, key: str, problem: str, expected: object) -> SceneError:
        """Return the error that names this key and what is there."""
        return SceneError(
            problem,
            file=self.path,
            field=f"{self.field}: {key}",
            found=shown(self.values.get(key)),
            expected=expected,
            fix=_EXPORT_AGAIN,
        )

    def part(self, key: str) -> _Meta:
        """Return an object in it."""
        value = self.values.get(key)
        if not isinstance(value, dict):
            raise self.error(key, "not an object", "an object")
        return _Meta(value, self.path, f"{self.field}: {key}")

    def whole(self, key: str, least: int, most: int) -> int:
        """Return a whole number within limits."""
        value = self.values.get(key)
        if type(value) is not int or not least <= value <= most:
            raise self.error(key, "not a number that can be", f"a whole number, {least} to {most}")
        return value

    def numbers(self, key: str, count: int) -> NDArray[np.float32]:
        """Return a list of `count` finite numbers; a single one stands for a list of one."""
        value = self.values.get(key)
        values = value if isinstance(value, list) else [value]
        if len(values) != count or not all(_is_number(v) for v in values):
            raise self.error(key, "not a list of finite numbers", f"{count} numbers")
        return np.array(values, np.float32)

    def codebook(self) -> NDArray[np.float32]:
        """Return the 256 values of a codebook."""
        values = self.values.get("codebook")
        if isinstance(values, list) and len(values) == 256 and values[0] is None and _is_number(values[1]):
            # Old exporters lost the first value; PlayCanvas continues the others, and so does this.
            last = values[255] if _is_number(values[255]) else values[1]
            values = [values[1] + (values[1] - last) / 255, *values[1:]]
            return _Meta({"codebook": values}, self.path, self.field).numbers("codebook", 256)
        return self.numbers("codebook", 256)

    def files(self, count: int) -> list[str]:
        """Return `count` names of files beside ``meta.json``, never of places elsewhere."""
        value = self.values.get("files")
        if not isinstance(value, list) or len(value) != count or not all(isinstance(v, str) for v in value):
            raise self.error("files", "not a list of file names", f"{count} names")
        for name in value:
            if not name or len(name) > 200 or name in (".", "..") or any(c in name for c in "/\\:\0"):
                raise self.error("files", "a file elsewhere: only files beside meta.json are read", "plain names")
        return value


def _read(member: _Open, path: str | Path, threads: int, progress: ReadProgress) -> GaussianArrays:
    meta = _Meta(_json(member(META, _META_BYTES), path), path)
    if "version" in meta.values:
        meta.whole("version", 2, 2)
        count = meta.whole("count", 1, 1 << 31)
    else:
        shape = meta.part("means").values.get("shape")
        if not isinstance(shape, list) or not shape:
            raise meta.error("means", "neither a version nor a shape of means", "SOG version 1 or 2")
        count = _Meta({"shape": shape[0]}, path, f"{META}: means").whole("shape", 1, 1 << 31)
    images = _Images(member, count, path, progress)
    # The first image tells whether the count can be true, before anything of its size is made: images of one colour
    # shrink to almost nothing, but the low bytes of real positions are noise.
    means = meta.part("means")
    low_name, high_name = means.files(2)
    check_expansion(_POSITION_BYTES * count, len(images.read(low_name, images.most_pixels)), path, low_name)
    low, high = images.open(low_name, 3), images.open(high_name, 3)
    harmonics = _Harmonics.of(meta, images) if isinstance(meta.values.get("shN"), dict) else None
    arrays = allocated(count, 1 if harmonics is None else 1 + harmonics.coefficients, path)
    scales, colours = _values(meta.part("scales"), 3), meta.part("sh0")
    by_codebook = "codebook" in colours.values
    table = _values(colours, 3 if by_codebook else 4)
    with np.errstate(over="ignore"):
        exponentials = np.exp(np.clip(scales, -87, 88))
        logits = np.clip(table[:, -1].astype(np.float64), -104, 104)
    opacities = np.arange(256) / 255 if by_codebook else 1 / (1 + np.exp(-logits))
    least, greatest = means.numbers("mins", 3), means.numbers("maxs", 3)
    with BlockPool(threads) as pool:  # blocks are decoded while the next image is unpacked
        for rows in blocks(count):
            pool.submit(_means, low[rows], high[rows], least, greatest, arrays.means[rows])
        del low, high
        pixels = images.open(meta.part("quats").files(1)[0], 4)
        for rows in blocks(count):
            pool.submit(_quaternions, pixels[rows], arrays.rotations[rows])
        pixels = images.open(meta.part("scales").files(1)[0], 3)
        for rows in blocks(count):
            pool.submit(_look_up, exponentials, pixels[rows], arrays.scales[rows])
        pixels = images.open(colours.files(1)[0], 4)
        for rows in blocks(count):
            pool.submit(_look_up, table[:, :3], pixels[rows], arrays.sh[rows, 0])
            pool.submit(_look_up, opacities[:, None], pixels[rows, 3:], arrays.opacities[rows, None])
        if harmonics is not None:
            values = harmonics.values[harmonics.palette]
            for rows in blocks(count):
                pool.submit(_harmonics, values, harmonics.labels[rows], arrays.sh[rows, 1:])
    return checked(replace(arrays, unfaithful=_unfaithful(meta.values)), threads)


def _unfaithful(meta: Mapping[str, Any]) -> tuple[str, ...]:
    antialiased = meta.get("antialias") is True or meta.get("model") == "antialiased"
    return (ANTIALIASED,) * antialiased + (SURFELS,) * (meta.get("model") == "2dgs")


class _Images:
    """The images of a scene, opened only if their size fits the scene."""

    def __init__(self, member: _Open, count: int, path: str | Path, progress: ReadProgress) -> None:
        self._member, self.count, self.path = member, count, path
        self._progress, self._opened = progress, 0
        self.most_pixels = 2 * count + _SPARE_PIXELS
        """Of an image that holds a pixel for each Gaussian."""

    def open(self, name: str, channels: int, *, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
        """Return an image as (pixels, channels) bytes: those of the Gaussians, or all of one of `size` at most.

        Args:
            name: its name.
            channels: how many of red, green, blue and alpha are wanted.
            size: width, and the greatest height, of an image that does not hold a pixel for each Gaussian.
        """
        most = self.most_pixels if size is None else size[0] * size[1]
        data = self.read(name, most)
        width, height = _image_size(data) or self._refuse(name)
        if size is None:
            fits, expected = self.count <= width * height <= most, f"{self.count} to {most} pixels"
        else:
            fits, expected = width == size[0] and 1 <= height <= size[1], f"{size[0]}x1 to {size[0]}x{size[1]}"
        if not fits:
            raise SceneError(
                "an image of another size than its Gaussians need",
                file=self.path,
                field=name,
                found=f"{width}x{height}",
                expected=expected,
                fix=_EXPORT_AGAIN,
            )
        from PIL import Image  # not with the package: `import rtgs2_trt` stays light

        try:
            with Image.open(io.BytesIO(data), formats=("WEBP", "PNG")) as image:
                if image.size != (width, height) or image.mode not in ("RGB", "RGBA"):
                    self._refuse(name, f"{image.mode} of {image.width}x{image.height}")
                pixels = np.asarray(image if len(image.mode) >= channels else image.convert("RGBA"))
        except SceneError:
            raise
        # Damaged files make Pillow raise almost anything.
        except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as problem:
            self._refuse(name, problem)
        self._opened += 1
        self._progress.tell(self._opened, _MOST_IMAGES)
        flat: NDArray[np.uint8] = pixels.reshape(-1, pixels.shape[2])
        return flat[: self.count] if size is None else flat

    def read(self, name: str, pixels: int) -> bytes:
        """Return the bytes of an image that has at most so many pixels; lossless ones are hardly larger than these."""
        return self._member(name, 5 * pixels + (1 << 16))

    def _refuse(self, name: str, found: object = None) -> NoReturn:
        raise SceneError(
            "not a readable image",
            file=self.path,
            field=name,
            found=found,
            expected="WebP or PNG, 8 bits, RGB or RGBA",
            fix=_EXPORT_AGAIN,
        )


@dataclass(frozen=True)
class _Harmonics:
    """The palette of higher coefficients and which entry each Gaussian has."""

    palette: NDArray[np.uint8]
    values: NDArray[np.float32]
    labels: NDArray[np.uint8]
    coefficients: int

    @classmethod
    def of(cls, meta: _Meta, images: _Images) -> _Harmonics:
        part = meta.part("shN")
        centroids, labels = part.files(2)
        if "bands" in part.values:
            coefficients = _COEFFICIENTS[part.whole("bands", 1, 3)]
            entries = part.whole("count", 1, 1 << 16) if "count" in part.values else 1 << 16
            pixels = images.open(centroids, 3, size=(_PALETTE_ROW * coefficients, -(-entries // _PALETTE_ROW)))
        else:  # version 1 does not say how many there are: the width does
            width, _ = _image_size(images.read(centroids, _PALETTE_ROW * 15 * 1024)) or (0, 0)
            coefficients = next((k for k in _COEFFICIENTS[1:] if width == _PALETTE_ROW * k), 0)
            if not coefficients:
                raise SceneError(
                    "not a palette of spherical harmonics",
                    file=images.path,
                    field=centroids,
                    found=f"{width} pixels wide",
                    expected="192, 512 or 960",
                    fix=_EXPORT_AGAIN,
                )
            pixels = images.open(centroids, 3, size=(width, (1 << 16) // _PALETTE_ROW))
        palette = pixels[:, :3].reshape(-1, coefficients, 3)
        return cls(palette, _values(part, 1)[:, 0], images.open(labels, 3), coefficients)


def _means(
    low: NDArray[np.uint8],
    high: NDArray[np.uint8],
    least: NDArray[np.float32],
    greatest: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    packed = low[:, :3] + (high[:, :3].astype(np.uint16) << 8)
    with np.errstate(over="ignore", invalid="ignore"):  # `checked` tells of what is not finite
        logarithms = packed * ((greatest - least) / np.float32(65535)) + least
        np.copysign(np.expm1(np.abs(logarithms)), logarithms, out=out)


def _quaternions(pixels: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
    tags = pixels[:, 3].astype(np.int16) - _FIRST_TAG
    smallest = [pixels[:, column] / np.float32(127.5) - np.float32(1) for column in range(3)]
    rotations_of_smallest(smallest, tags, out=out)
    out[tags < 0] = 0  # no rotation at all: `checked` tells of them


def _look_up(table: NDArray[Any], pixels: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
    tables = np.ascontiguousarray(table.T, np.float32)
    _native.look_up(np.ascontiguousarray(pixels), tables, out)


def _harmonics(values: NDArray[np.float32], labels: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
    entries = labels[:, 0] + (labels[:, 1].astype(np.intp) << 8)
    known = entries < len(values)
    out[...] = values[np.where(known, entries, 0)]
    if not known.all():  # left without them, as PlayCanvas does
        out[~known] = 0


def _values(part: _Meta, channels: int) -> NDArray[np.float32]:
    """Return (256, channels): what each byte of each channel stands for."""
    if "codebook" in part.values:
        return np.repeat(part.codebook()[:, None], channels, axis=1)
    least, greatest = part.numbers("mins", channels), part.numbers("maxs", channels)
    return np.linspace(least, greatest, 256, dtype=np.float32)


def _json(data: bytes, path: str | Path) -> dict[str, Any]:
    try:
        values = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as problem:
        reason = "nested too deeply" if isinstance(problem, RecursionError) else problem
        raise SceneError(f"not readable JSON: {reason}", file=path, field=META, fix=_EXPORT_AGAIN) from problem
    if not isinstance(values, dict):
        raise SceneError("not a JSON object", file=path, field=META, found=shown(values), fix=_EXPORT_AGAIN)
    return values


def _image_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height by the header alone: Pillow takes memory for WebP images as it opens them."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR" and len(data) >= 24:
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP" and len(data) >= 30:
        if data[12:16] == b"VP8L":
            bits = int.from_bytes(data[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        if data[12:16] == b"VP8X":
            return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
        if data[12:16] == b"VP8 ":
            return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _MOST_NUMBER


def _check_size(size: int, most: int, path: str | Path, field: str | None = None) -> None:
    if size > most:
        raise SceneError(
            "far larger than its Gaussians need",
            file=path,
            field=field,
            found=f"{size} bytes",
            expected=f"at most {most}",
            fix=_EXPORT_AGAIN,
        )


@contextmanager
def _damaged_archives(path: str | Path) -> Iterator[None]:
    try:
        yield
    except SceneError:
        raise
    except zip_archives.DAMAGED as problem:
        raise SceneError(
            f"a damaged archive: {problem}", file=path, fix="Copy, download or export it again."
        ) from problem
