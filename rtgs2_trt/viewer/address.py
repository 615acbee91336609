"""Where the viewer can listen."""

from __future__ import annotations

import socket

from rtgs2_trt.errors import InputError

LOCAL = "127.0.0.1"
"""Reached from this machine alone."""
LOCAL_NAMES = (LOCAL, "localhost", "::1")


def check_address(host: str, port: int) -> None:
    """Refuse an address that nothing can listen at.

    Raises:
        InputError: names what is wrong.
    """
    if not 0 <= port <= 65535:
        raise InputError("not a port", field="--port", found=port, expected="0 to 65535")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as problem:
        raise InputError(
            f"no such address: {problem}", field="--host", found=host, fix=f"Leave it out for {LOCAL}"
        ) from problem
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as problem:
            raise InputError(
                f"cannot listen there: {problem.strerror}",
                field="--host, --port",
                found=f"{host}, port {port}",
                fix="Give another port; 0 takes any that is free",
            ) from problem
