"""viser's server, closed to pages of other sites and to tunnels."""

from __future__ import annotations

from urllib.parse import urlsplit

import viser

from rtgs2_trt.viewer.address import LOCAL_NAMES


class GuardedServer(viser.ViserServer):
    """Never opens a tunnel to the outside, whatever a browser asks for, and knows where its clients come from."""

    def request_share_url(self, verbose: bool = True) -> str | None:
        """Open no tunnel."""
        return None

    def is_foreign(self, client: int) -> bool:
        """Whether a client is a page of another site, which any browser lets connect to any server."""
        connection = self._websock_server._live_connections.get(client)
        if connection is None or connection.request is None:
            return True  # gone already
        headers = connection.request.headers
        host = headers.get("Host") or ""
        if self.get_host() in LOCAL_NAMES and urlsplit(f"//{host}").hostname not in LOCAL_NAMES:
            return True  # a foreign name that was made to lead here
        origin = headers.get("Origin")
        return origin is not None and urlsplit(origin).netloc != host
