"""Which Prefect server is meant, and whether it answers."""

from __future__ import annotations

import http.client
import socket
from urllib.parse import urlsplit

from sijill.flows.errors import PrefectUnusable


def server_url() -> str:
    """The API URL of the server that Prefect's own settings name.

    Raises:
        PrefectUnusable: none is named. (Prefect would start one for each command, which nobody else could reach.)
    """
    from prefect.settings import get_current_settings

    url = get_current_settings().api.url
    if not url:
        raise PrefectUnusable("no Prefect server is named: set PREFECT_API_URL; to try it here, run: sijill up")
    return str(url)


def is_healthy(url: str) -> bool:
    """Whether the server at the API URL `url` answers."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request("GET", f"{parts.path}/health")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def is_free(port: int) -> bool:
    """Whether nobody listens at a port of loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
