"""The library of TensorRT plugins: what CMake makes of a machine, and the library, built with TensorRT's headers.

The headers are no part of this project. ``TENSORRT_ROOT`` names the folders that have them, separated by ``:``, one a
version (``include/NvInferRuntime.h``); without, JetPack's and Debian's place is looked at. ``RTGS2_TENSORRT_LIBRARY``
names a library that was built for a GPU, to be checked like those that are built here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rtgs2_trt.tensorrt.memory import pair_capacity

ROOT = Path(__file__).parents[1]
CROSS_COMPILER = "aarch64-linux-gnu-g++"
CXX_LIBRARIES = {"libstdc++", "libm", "libgcc_s", "libc", "ld-linux-x86-64", "ld-linux-aarch64"}


def tool(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip(f"{name} is not on PATH")
    return found


def configure(build: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [tool("cmake"), "-S", str(ROOT), "-B", str(build), "-G", "Ninja"]
    command += [f"-DCMAKE_MAKE_PROGRAM={tool('ninja')}", "-DRTGS2_PYTHON=OFF", "-DRTGS2_CUDA=OFF", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def write_headers(root: Path, version: str) -> None:
    """Headers as far as CMake reads them."""
    (root / "include").mkdir(parents=True)
    (root / "include" / "NvInferRuntime.h").touch()
    (root / "include" / "NvInferVersion.h").write_text(version, encoding="utf-8")


OLD = "#define NV_TENSORRT_MAJOR 8 //!< major\n#define NV_TENSORRT_MINOR 6 //!< minor\n"
NEW = (
    "#define TRT_MAJOR_ENTERPRISE 11\n#define TRT_MINOR_ENTERPRISE 1\n"
    "#define NV_TENSORRT_MAJOR TRT_MAJOR_ENTERPRISE //!< major\n#define NV_TENSORRT_MINOR TRT_MINOR_ENTERPRISE\n"
)


def test_cmake_says_what_is_missing_and_on_fails(tmp_path: Path) -> None:
    write_headers(tmp_path / "old", OLD)
    write_headers(tmp_path / "new", NEW)
    for wanted, root, words in (
        ("AUTO", "none", "left out: NvInferRuntime.h and NvInferVersion.h are not in any of"),
        ("ON", "none", "RTGS2_TENSORRT is ON, but NvInferRuntime.h and NvInferVersion.h are not in any of"),
        ("AUTO", "old", "is TensorRT 8.6: use 10.3"),
        ("ON", "old", "is TensorRT 8.6: use 10.3"),
        ("AUTO", "new", "left out: there is no CUDA core to put into them"),
        ("ON", "new", "RTGS2_TENSORRT is ON, but there is no CUDA core"),
        ("MAYBE", "new", "RTGS2_TENSORRT is 'MAYBE': use AUTO, ON or OFF"),
        ("OFF", "none", "Configuring done"),
    ):
        done = configure(tmp_path / "build", f"-DRTGS2_TENSORRT={wanted}", f"-DTENSORRT_ROOT={tmp_path / root}")
        said = re.sub(r"\s+", " ", done.stdout + done.stderr)
        assert words in said, said
        assert (done.returncode == 0) == (wanted in ("AUTO", "OFF")), said


def header_roots() -> list[Path]:
    given = [Path(root) for root in os.environ.get("TENSORRT_ROOT", "").split(":") if root]
    for root in given:
        if not (root / "include" / "NvInferRuntime.h").is_file():
            raise FileNotFoundError(f"TENSORRT_ROOT: {root} has no include/NvInferRuntime.h")
    packaged = [Path(f"/usr/include/{machine}-linux-gnu/NvInferRuntime.h") for machine in ("aarch64", "x86_64")]
    return given or [Path("/usr") for header in packaged if header.is_file()][:1]


def name_of(root: Path) -> str:
    return re.sub(r"\W+", "-", str(root)).strip("-")


ROOTS = header_roots()
NO_HEADERS = "no TensorRT headers: set TENSORRT_ROOT to folders with include/NvInferRuntime.h, separated by ':'"
with_headers = pytest.mark.parametrize(
    "root",
    [pytest.param(root, id=name_of(root)) for root in ROOTS]
    or [pytest.param(None, marks=pytest.mark.skip(reason=NO_HEADERS))],
)


def built(root: Path, *options: str, folder: str, targets: tuple[str, ...]) -> Path:
    """Build folder of the tests with the headers; kept, so that a second run builds what has changed."""
    build = ROOT / "build" / folder / name_of(root)
    place = [] if root == Path("/usr") else [f"-DTENSORRT_ROOT={root}"]
    done = configure(build, "-DRTGS2_TESTS=ON", "-DRTGS2_TENSORRT=AUTO", *place, *options)
    assert done.returncode == 0, done.stderr
    command = [tool("cmake"), "--build", str(build), "--target", *targets]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return build / "tests" / "cpp" / "tensorrt"


def library_in(folder: Path) -> Path:
    (library,) = folder.glob("librtgs2_tensorrt*_on_host.so")
    return library


def read_elf(*arguments: str) -> str:
    return subprocess.run([tool("readelf"), "-W", *arguments], capture_output=True, text=True, check=True).stdout


def check_binary_interface(library: Path) -> None:
    """Two functions out, none of TensorRT in, and no library but the C++ runtime's."""
    rows = [line.split() for line in read_elf("--dyn-syms", str(library)).splitlines()]
    # Number, value, size, type, binding, visibility, section, name.
    names = [(row[6], row[7].partition("@")[0]) for row in rows if len(row) > 7 and row[4] in ("GLOBAL", "WEAK")]
    assert {name for section, name in names if section != "UND"} == {"getCreators", "setLoggerFinder"}
    undefined = {name for section, name in names if section == "UND"}
    assert undefined
    assert not [name for name in undefined if re.search(r"nvinfer|nvonnx|Infer|Plugin|TRT", name)]
    needed = re.findall(r"\(NEEDED\)\s+Shared library: \[(\S+?)\.so", read_elf("--dynamic", str(library)))
    assert needed
    assert set(needed) <= CXX_LIBRARIES | {"libpthread", "libdl", "librt"}  # of the C library; cudart names them


GOOD = "int getCreators, setLoggerFinder;"


@pytest.mark.parametrize(
    ("source", "link"),
    [
        (f"{GOOD} int more;", ()),
        ("int getCreators;", ()),
        (
            f'{GOOD} extern int getPluginRegistry; __attribute__((visibility("hidden"))) int* p = &getPluginRegistry;',
            (),
        ),
        (GOOD, ("-lnvinfer",)),
    ],
    ids=["exports more", "exports less", "needs a symbol", "needs a library"],
)
def test_check_of_the_binary_interface_can_fail(tmp_path: Path, source: str, link: tuple[str, ...]) -> None:
    def compile_to(name: str, content: str, *options: str) -> Path:
        path, library = tmp_path / f"{name}.c", tmp_path / f"{name}.so"
        path.write_text(content + "\n", encoding="utf-8")
        command = [tool("gcc"), "-shared", "-fPIC", "-Wl,--no-as-needed", "-o", str(library), str(path)]
        subprocess.run([*command, f"-L{tmp_path}", *options], check=True)
        return library

    compile_to("libnvinfer", "int anything;")
    check_binary_interface(compile_to("good", GOOD))
    with pytest.raises(AssertionError):
        check_binary_interface(compile_to("bad", source, *link))


def check_program(folder: Path, *emulator: str) -> None:
    command = [*emulator, str(folder / "plugin_tests"), str(library_in(folder))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^[1-9]\d tests, 0 failed checks$", done.stdout, flags=re.MULTILINE)


@with_headers
def test_plugin_does_what_tensorrt_asks(root: Path) -> None:
    folder = built(root, folder="plugin", targets=("plugin_tests", "plugin_on_host"))
    check_binary_interface(library_in(folder))
    check_program(folder)


@with_headers
def test_plugin_does_the_same_on_arm(root: Path) -> None:
    tool(CROSS_COMPILER)
    folder = built(
        root,
        "-DCMAKE_SYSTEM_NAME=Linux",
        "-DCMAKE_SYSTEM_PROCESSOR=aarch64",
        f"-DCMAKE_CXX_COMPILER={CROSS_COMPILER}",
        folder="plugin-aarch64",
        targets=("plugin_tests", "plugin_on_host"),
    )
    assert "AArch64" in read_elf("--file-header", str(library_in(folder)))
    check_binary_interface(library_in(folder))
    check_program(folder, tool("qemu-aarch64"), "-L", "/usr/aarch64-linux-gnu")


def test_library_for_a_gpu_has_the_same_binary_interface() -> None:
    library = os.environ.get("RTGS2_TENSORRT_LIBRARY")
    if library is None:
        pytest.skip("RTGS2_TENSORRT_LIBRARY names no library that was built for a GPU")
    check_binary_interface(Path(library))


@pytest.mark.parametrize(
    ("size", "gaussians", "pairs"),
    [
        ((320, 240), 1, 1 << 20),
        ((320, 240), 262_145, 4 * 262_145),
        ((640, 480), 1, 1024 * 40 * 30),
        ((2048, 2048), 1, 1024 * 128 * 128),
        ((2033, 2033), 1, 1024 * 128 * 128),
        ((2048, 2048), 5_000_000, 20_000_000),
        ((320, 256), 400_000_000, 1 << 30),
    ],
)
def test_backend_asks_the_plugins_own_function_for_how_many_pairs_there_is_room(
    size: tuple[int, int], gaussians: int, pairs: int
) -> None:
    assert pair_capacity(*size, gaussians) == pairs


@pytest.mark.parametrize(("size", "gaussians"), [((0, 16), 1), ((16, 16385), 1), ((16, 16), -1), ((16, 16), 1 << 31)])
def test_room_of_an_impossible_view(size: tuple[int, int], gaussians: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        pair_capacity(*size, gaussians)
