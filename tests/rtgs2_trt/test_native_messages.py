"""Lines of native libraries that are kept from the standard error: those and no others, and it comes back."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rtgs2_trt.native_messages import without_lines

NOISE = re.compile(rb"noise \d")


def identity():
    found = os.fstat(2)
    return found.st_dev, found.st_ino


def test_other_lines_come_through_in_their_order(capfd):
    before = identity()
    with without_lines(NOISE):
        assert identity() != before
        os.write(2, b"noise 1\nfirst\nno noise 2\nnoise 3\n")
        os.write(2, b"no end of line")
    assert identity() == before
    os.write(2, b", noise 4\n")
    assert capfd.readouterr().err == "first\nno noise 2\nno end of line, noise 4\n"


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_after_an_exception_all_is_shown(capfd, kind):
    before = identity()

    def fails():
        with without_lines(NOISE):
            os.write(2, b"noise 1\nwhy\n")
            raise kind

    with pytest.raises(kind):
        fails()
    assert identity() == before
    assert capfd.readouterr().err == "noise 1\nwhy\n"


def test_threads_do_not_restore_each_others_file(capfd):
    before, inside = identity(), threading.Event()

    def other():
        with without_lines(NOISE):
            inside.set()
            os.write(2, b"noise 2\nother\n")

    thread = threading.Thread(target=other)
    with without_lines(NOISE):
        thread.start()
        assert not inside.wait(0.2)
    thread.join()
    assert identity() == before
    assert capfd.readouterr().err == "other\n"


def test_no_descriptors_are_left(capfd):
    count = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        with without_lines(NOISE):
            pass
    assert len(list(Path("/proc/self/fd").iterdir())) == count


def test_without_a_standard_error_nothing_is_done():
    code = (
        "import os, re; from rtgs2_trt.native_messages import without_lines; os.close(2)\n"
        "with without_lines(re.compile(b'x')): print('inside', flush=True)\n"
        "try: os.fstat(2)\nexcept OSError: print('still closed', flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.split("\n") == ["inside", "still closed", ""]
