"""Label, instance and depth images: single-channel PNGs of 8 or 16 bits whose pixels are numbers, not colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rtgs2_trt.errors import DatasetError
from rtgs2_trt.file_access import reading

_EIGHT_BITS = ("L", "P")  # of a palette image the indices count, not the colours
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I")
_BIT_DEPTH_AT = 24  # of a PNG file: the header always comes first


def read_number_image(path: Path, size: tuple[int, int], *, sixteen_bits: bool = False) -> NDArray[np.uint16]:
    """Read a PNG whose pixels are whole numbers; nothing is decoded before its size is known to be the expected one.

    Args:
        path: the file: greyscale of 8 or 16 bits, or a palette image, whose indices are the numbers.
        size: (width, height) that it must have, pixels.
        sixteen_bits: refuse images of 8 bits, which cannot hold what is expected (millimetres for example).

    Returns:
        (height, width) uint16.

    Raises:
        DatasetError: no such file, not a PNG, damaged, of another size, in colour, greyscale of less than 8 bits, or of
            8 bits where 16 are needed.
    """
    with reading(path, DatasetError) as (file, _):
        try:
            with Image.open(file, formats=["PNG"]) as image:
                _check_form(path, image, _bits(file), size, sixteen_bits)
                values: NDArray[Any] = np.asarray(image)
        except DatasetError:
            raise
        # Pillow raises SyntaxError, EOFError and struct.error too for damaged chunks, and its own for huge sizes
        except Exception as problem:
            raise DatasetError(
                f"not a readable PNG: {problem}", file=path, fix="Write it again, or copy it again from its source"
            ) from problem
    return values.astype(np.uint16)


def _bits(file: BinaryIO) -> int:
    """Bits of a pixel's number in a PNG file that is open at any place."""
    place = file.tell()
    file.seek(_BIT_DEPTH_AT)
    bits = file.read(1)[0]
    file.seek(place)
    return bits


def _check_form(path: Path, image: Image.Image, bits: int, size: tuple[int, int], sixteen_bits: bool) -> None:
    if image.size != size:
        raise DatasetError(
            "the image's size is not that of its camera",
            file=path,
            field="size",
            found="{}x{}".format(*image.size),
            expected="{}x{} of cameras.json".format(*size),
            fix="Resize it without interpolation, or correct cameras.json",
        )
    allowed = _SIXTEEN_BITS if sixteen_bits else (*_EIGHT_BITS, *_SIXTEEN_BITS)
    if image.mode == "L" and bits < 8:  # Pillow would stretch the numbers to 0..255
        raise DatasetError(
            "not an image of numbers of 8 or 16 bits",
            file=path,
            field="bits",
            found=bits,
            expected="greyscale of 16 bits" if sixteen_bits else "greyscale of 8 or 16 bits, or a palette",
            fix="Store the same numbers in 8 or 16 bits",
        )
    if image.mode not in allowed:
        raise DatasetError(
            "not an image of numbers",
            file=path,
            field="mode",
            found=image.mode,
            expected="greyscale of 16 bits" if sixteen_bits else "greyscale of 8 or 16 bits, or a palette",
            fix="Store the numbers themselves, not colours that stand for them",
        )
