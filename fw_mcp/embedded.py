"""The sandbox as a transport of the API client, in the same process."""

import httpx

from fw_mcp.sandbox.faults.plan import ConnectionDropped, NoAnswer

# What httpx's own parser allows a head to be.
_MOST_HEAD_BYTES = 100 * 1024


class SandboxTransport(httpx.ASGITransport):
    """Calls the sandbox in process; what goes wrong on the wire is what httpx makes of it there."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        try:
            answer = await super().handle_async_request(request)
        except NoAnswer as silence:
            raise httpx.ReadTimeout("no answer came") from silence
        except ConnectionDropped as dropped:
            raise httpx.RemoteProtocolError("the connection was dropped") from dropped
        if sum(len(name) + len(value) for name, value in answer.headers.raw) > _MOST_HEAD_BYTES:
            raise httpx.RemoteProtocolError("the head of the answer is too long")
        return answer
