"""Lines that libraries write on the process's standard error past Python, and that nothing else keeps quiet."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_STANDARD_ERROR = 2
_one_at_a_time = threading.Lock()  # two that overlap would restore each other's file


@contextmanager
def without_lines(harmless: re.Pattern[bytes]) -> Iterator[None]:
    """Keep lines that match from the standard error; after an exception they are shown too.

    All other lines, of any thread, come out unchanged at the end. The standard error is the process's own again however
    this ends. Where there is none, nothing is done.

    Args:
        harmless: matches the beginnings of the lines to leave out.
    """
    with _one_at_a_time:
        try:
            own = os.dup(_STANDARD_ERROR)
        except OSError:  # closed
            yield
            return
        try:
            with tempfile.TemporaryFile() as caught:
                failed = True
                try:
                    if sys.stderr is not None:
                        sys.stderr.flush()
                    os.dup2(caught.fileno(), _STANDARD_ERROR)
                    yield
                    failed = False
                finally:
                    os.dup2(own, _STANDARD_ERROR)
                    caught.seek(0)
                    lines = caught.read().splitlines(keepends=True)
                    with suppress(OSError), os.fdopen(own, "wb", closefd=False) as error:  # nobody may read it
                        error.writelines(line for line in lines if failed or not harmless.match(line))
        finally:
            os.close(own)
