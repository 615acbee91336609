"""What goes wrong with single browsers, in a line each, while the server goes on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

_MOST = 20


class Reports(logging.Filter):
    """Turns what goes wrong with single browsers into a line each, the first 20 of them.

    Args:
        report: is told the lines.
    """

    def __init__(self, report: Callable[[str], None]) -> None:
        super().__init__()
        self._report = report
        self._count = 0

    def add(self, text: str) -> None:
        """Tell a line."""
        self._count += 1
        if self._count < _MOST:
            self._report(text)
        elif self._count == _MOST:
            self._report(f"{text}; more of these are not told")

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell warnings of a logger in a line, and keep them from being printed."""
        if record.levelno < logging.WARNING:
            return True
        problem = record.exc_info[1] if record.exc_info else None
        self.add(f"a connection was ended: {record.getMessage()}" + (f" ({problem!r:.200})" if problem else ""))
        return False

    def of_event_loop(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Tell of an exception that nobody awaited; see :meth:`asyncio.loop.set_exception_handler`."""
        problem = context.get("exception")
        if not isinstance(problem, asyncio.CancelledError):
            self.add(f"a message was left out: {problem or context.get('message')!r:.200}")
