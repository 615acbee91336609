"""A source folder without the compiled core says what to do."""

import shutil
import subprocess
import sys
from pathlib import Path

import rtgs2_trt

PACKAGE = Path(rtgs2_trt.__file__).parent


def imported(folder: Path) -> str:
    """Return what Python complains of when it imports the package from a folder and from nowhere else."""
    program = f"import sys; sys.path.insert(0, {str(folder)!r}); import rtgs2_trt"
    return subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=False).stderr


def test_a_source_folder_without_the_core_says_so(tmp_path: Path) -> None:
    (tmp_path / "rtgs2_trt").mkdir()
    for name in ("__init__.py", "_core.py"):
        shutil.copy(PACKAGE / name, tmp_path / "rtgs2_trt" / name)
    assert (
        f"ImportError: {tmp_path / 'rtgs2_trt'}: this is the source folder, which has no compiled core. Run Python"
        in (imported(tmp_path))
    )


def test_a_core_that_cannot_be_loaded_is_not_taken_for_none(tmp_path: Path) -> None:
    test_a_source_folder_without_the_core_says_so(tmp_path)
    (tmp_path / "rtgs2_trt" / "_native.py").write_text("raise ImportError('wrong ELF class')")
    message = imported(tmp_path)
    assert "wrong ELF class" in message
    assert "no compiled core" not in message
