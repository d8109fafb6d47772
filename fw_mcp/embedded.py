"""The sandbox as a transport of the API client, in the same process."""

import httpx
from starlette.applications import Starlette

from fw_mcp.sandbox.faults import ConnectionDropped


class SandboxTransport(httpx.ASGITransport):
    """Calls the sandbox in process; a dropped connection is what it is over a network.

    Args:
        app: the sandbox.
    """

    def __init__(self, app: Starlette) -> None:
        super().__init__(app=app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        try:
            return await super().handle_async_request(request)
        except ConnectionDropped as dropped:
            message = "the connection was dropped"
            raise httpx.RemoteProtocolError(message, request=request) from dropped
