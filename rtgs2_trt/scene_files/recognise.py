"""What kind of scene file something is, by its content; its name does not count."""

from __future__ import annotations

import zipfile
from pathlib import Path

from rtgs2_trt import ply, zip_archives
from rtgs2_trt.errors import SceneError
from rtgs2_trt.file_access import reading
from rtgs2_trt.scene_files import (
    compressed_ply,
    gsplat_checkpoint,
    nerfstudio_checkpoint,
    sog,
    splat,
    spz,
    standard_ply,
    torch_checkpoint,
)
from rtgs2_trt.scene_files.gaussian_arrays import GaussianArrays
from rtgs2_trt.scene_files.read_progress import ReadProgress

_ZIP_MAGIC = b"PK\x03\x04"
_JSON_STARTS = (b"{", b" ", b"\n", b"\r", b"\t", b"\xef")  # white space and a byte order mark are allowed before
_KNOWN = (
    "PLY (standard or compressed), .splat, .spz, SOG (a folder with meta.json or a .sog archive), or a checkpoint of "
    "gsplat or nerfstudio"
)


def read_scene_file(path: str | Path, threads: int = 0, progress: ReadProgress | None = None) -> GaussianArrays:
    """Read a scene file or SOG folder of any known format.

    Args:
        path: the file or folder.
        threads: threads that decode, 0 = all that the machine has. The result does not depend on it.
        progress: what is told how much has been read; checkpoints are read in one step.

    Raises:
        SceneError: it cannot be read, is of no known kind, or is damaged.
    """
    folder = Path(path)
    progress = progress or ReadProgress()
    if _is_folder(folder):
        return _read_folder(folder, threads, progress)
    with reading(path, SceneError) as (file, size):
        start = file.read(16)
        file.seek(0)
        if size == 0:
            raise SceneError(
                "the file is empty", file=path, fix="The file is incomplete: copy, download or export it again."
            )
        if start[:3] == b"ply":
            source = ply.opened_ply(path, file, size)
            reader = compressed_ply.read if compressed_ply.is_compressed(source.header) else standard_ply.read
            return reader(source, threads, progress)
        if start[:2] == spz.GZIP_MAGIC or start[:4] == spz.MAGIC:
            return spz.read(file, size, path, threads, progress)
        if start[:4] == _ZIP_MAGIC and sog.is_archive(file):
            file.seek(0)
            return sog.read_archive(file, path, threads, progress)
        is_archive = start[:4] == _ZIP_MAGIC
        if (is_archive and _is_torch_archive(path)) or start.startswith(torch_checkpoint.LEGACY_MAGIC):
            return _read_checkpoint(path, is_archive)
        if start[:1] in _JSON_STARTS and (folder.name == sog.META or sog.is_meta(folder)):
            return sog.read_folder(folder, threads, progress)
        if is_archive and not zipfile.is_zipfile(path):
            raise SceneError(
                "a damaged archive: its end is missing",
                file=path,
                found=f"{size} bytes",
                fix="The file is incomplete: copy, download or export it again.",
            )
        if splat.is_splat(file, size):
            return splat.read(file, size, path, threads, progress)
    raise SceneError(
        "not a PLY file or another scene file that is known here",
        file=path,
        found=f"{size} bytes that begin with {start[:8]!r}",
        expected=_KNOWN,
        fix="Give the scene as one of these; SplatTransform converts others.",
    )


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # `reading` says what is wrong with it
        return False


def _read_folder(folder: Path, threads: int, progress: ReadProgress) -> GaussianArrays:
    meta = sog.meta_of_folder(folder)
    if meta is not None:
        return sog.read_folder(meta, threads, progress)
    raise SceneError(
        "this is a folder, not a file",
        file=folder,
        expected="a file, or a folder with the meta.json of a SOG scene",
        fix="Name a file in it.",
    )


def _is_torch_archive(path: str | Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("data.pkl") for name in archive.namelist())
    except zip_archives.UNREADABLE:
        return False


def _read_checkpoint(path: str | Path, is_archive: bool) -> GaussianArrays:
    content = torch_checkpoint.load(path, is_archive=is_archive)
    if gsplat_checkpoint.is_gsplat(content):
        return gsplat_checkpoint.read(content, path)
    if nerfstudio_checkpoint.is_nerfstudio(content):
        return nerfstudio_checkpoint.read(content, path)
    raise SceneError(
        "a checkpoint, but not of gsplat or nerfstudio",
        file=path,
        found=", ".join(str(key)[:40] for key in list(content)[:8]),
        expected="'splats' (gsplat) or 'pipeline' (nerfstudio)",
        fix="Export the scene as PLY where it was trained.",
    )
