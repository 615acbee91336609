"""A real Triton server on this machine, from the package nvidia-pytriton.

``RTGS2_TRITON`` names a virtual environment with it and onnxruntime (they want NumPy 1, so it is one of their own):
python -m venv triton && triton/bin/pip install nvidia-pytriton onnxruntime. The package has Triton's core and its
Python backend, no others: the backend ``onnxruntime`` is tests/triton_backends'.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PATIENCE = 120  # seconds until it must have started


def environment() -> Path:
    """Return the environment, or skip the test."""
    given = os.environ.get("RTGS2_TRITON")
    if not given:
        pytest.skip("needs a Triton server: RTGS2_TRITON names a virtual environment with nvidia-pytriton, onnxruntime")
    return Path(given).absolute()


@contextmanager
def serving(repository: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    """Serve a model repository; yield host:port for HTTP, and the server's log.

    A server that cannot load every model ends, and this fails with its log.
    """
    python = environment()
    (packages,) = python.glob("lib/python3.*/site-packages")
    version = packages.parent.name.removeprefix("python")
    parts = packages / "pytriton" / "tritonserver"
    backends = folder / "backends"
    shutil.copytree(Path(__file__).parent / "triton_backends", backends)
    shutil.copytree(parts / "backends" / "python", backends / "python")
    shutil.copy(parts / "python_backend_stubs" / version / "triton_python_backend_stub", backends / "python")
    http, grpc = _free_ports(2)
    command = [str(parts / "bin" / "tritonserver"), "--model-repository", str(repository)]
    command += ["--backend-directory", str(backends), "--allow-metrics", "false"]
    command += ["--http-address", "127.0.0.1", "--http-port", str(http)]
    command += ["--grpc-address", "127.0.0.1", "--grpc-port", str(grpc)]
    variables = {
        **os.environ,
        "PATH": f"{python / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(packages),
        "LD_LIBRARY_PATH": str(packages / "nvidia_pytriton.libs"),  # of the copies above
    }
    log = folder / "triton.log"
    with log.open("wb") as output:
        server = subprocess.Popen(command, env=variables, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait_until_ready(server, http, log)
        yield f"127.0.0.1:{http}", log
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGTERM)
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_until_ready(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert server.poll() is None, log.read_text()[-6000:]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/health/ready", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise AssertionError(f"not ready in time\n{log.read_text()[-6000:]}")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
