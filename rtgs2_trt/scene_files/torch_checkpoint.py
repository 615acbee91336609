"""Opening what ``torch.save`` wrote, without running any code that it holds; torch itself is optional."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.errors import SceneError, shown
from rtgs2_trt.scene_files.gaussian_arrays import GaussianArrays, blocks
from rtgs2_trt.torch_archives import refuse_compressed

LEGACY_MAGIC = bytes.fromhex("80028a0a6cfc9c46f9206aa85019")
"""How files begin that torch wrote before it wrote ZIP archives."""


def load(path: str | Path, *, is_archive: bool) -> Mapping[str, Any]:
    """Return the dictionary in a checkpoint, its tensors mapped from the file where its format allows it.

    Raises:
        SceneError: torch is not installed, the file is damaged, compressed or holds Python objects, or no dictionary.
    """
    try:
        import torch
    except ImportError as problem:
        raise SceneError(
            "a checkpoint of PyTorch, which is needed to read it",
            file=path,
            fix="Install PyTorch (pip install torch), or export the scene as PLY where it was trained.",
        ) from problem
    if is_archive:
        refuse_compressed(path, SceneError)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=is_archive)
    except Exception as problem:  # a damaged pickle raises whatever its bytes happen to spell
        python_object = re.search(r"GLOBAL ([\w.]+)", str(problem))
        raise SceneError(
            "holds a Python object, which is never loaded" if python_object else "not a readable checkpoint",
            file=path,
            found=python_object[1] if python_object else f"{type(problem).__name__}: {str(problem)[:200]}",
            fix="Give a checkpoint of tensors only, or export the scene as PLY where it was trained."
            if python_object
            else "Copy or save it again.",
        ) from problem
    if not isinstance(content, Mapping):
        raise SceneError(
            "not a checkpoint of Gaussians",
            file=path,
            found=type(content).__name__,
            expected="a dictionary, as gsplat and nerfstudio save",
            fix="Export the scene as PLY where it was trained.",
        )
    return content


class Tensors:
    """The tensors of a checkpoint's Gaussians by name, each checked as it is taken.

    Args:
        values: names -> tensors.
        path: for messages.
        prefix: what stands before the names in the file, for messages.
    """

    def __init__(self, values: Mapping[str, Any], path: str | Path, prefix: str) -> None:
        self._values, self.path, self.prefix = values, path, prefix
        means = self.take("means", (None, 3))
        self.count = len(means)
        if self.count == 0:
            raise SceneError("there are no Gaussians in it", file=path, field=f"{prefix}means", found=0)

    def take(self, name: str, shape: Iterable[int | None]) -> NDArray[np.float32]:
        """Return a tensor as float32, C-contiguous and writable.

        Args:
            name: its name, without the prefix.
            shape: its shape; None for any length.

        Raises:
            SceneError: there is none, or of another shape or type.
        """
        import torch

        wanted = tuple(shape)
        value = self._values.get(name)
        fits = (
            isinstance(value, torch.Tensor)
            and value.layout == torch.strided
            and value.dtype.is_floating_point
            and value.ndim == len(wanted)
            and all(w is None or w == n for w, n in zip(wanted, value.shape, strict=True))
            # Sizes are claims: a tensor may also be one number seen a billion times.
            and value.numel() * value.element_size() <= value.untyped_storage().nbytes()
        )
        if not fits:
            self._refuse(
                name, value, "a float tensor (" + ", ".join("N" if n is None else str(n) for n in wanted) + ")"
            )
        assert isinstance(value, torch.Tensor)
        result: NDArray[np.float32] = np.array(value.detach().to(torch.float32).numpy(), np.float32, order="C")
        return result

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def width(self, name: str) -> int:
        """Return the length of a tensor's second axis.

        Raises:
            SceneError: there is none.
        """
        value = self._values.get(name)
        shape: tuple[int, ...] = tuple(getattr(value, "shape", ()))
        if len(shape) < 2:
            self._refuse(name, value, "a float tensor of two or more axes")
        return shape[1]

    def _refuse(self, name: str, value: object, expected: str) -> NoReturn:
        shape = getattr(value, "shape", None)
        found = (
            "none"
            if value is None
            else f"{tuple(shape)} {getattr(value, 'dtype', '')}"
            if shape is not None
            else shown(value)
        )
        raise SceneError(
            "not the tensor of Gaussians",
            file=self.path,
            field=f"{self.prefix}{name}",
            found=found,
            expected=expected,
            fix="Export the scene as PLY where it was trained.",
        )


def activated(
    means: NDArray[np.float32],
    log_scales: NDArray[np.float32],
    rotations: NDArray[np.float32],
    logits: NDArray[np.float32],
    sh: NDArray[np.float32],
) -> GaussianArrays:
    """Return Gaussians from what optimisers train: logarithms of scales and logits of opacities; in place."""
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is told of later
        for rows in blocks(len(means)):
            log_scales[rows][np.isinf(log_scales[rows])] = np.nan  # no size, and not the largest that there is
            np.exp(np.clip(log_scales[rows], -87, 88), out=log_scales[rows])
            logits[rows] = 1 / (1 + np.exp(-np.clip(logits[rows], -87, 87)))
    return GaussianArrays(means, log_scales, rotations, logits, sh)
