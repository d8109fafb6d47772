"""Messages as a client of the handshake era writes and reads them, a line each."""

import json
from pathlib import Path

TOY = Path(__file__).with_name("toy_server.py")


def line(method: str, request_id: int | None = None, **params: object) -> bytes:
    """Write one message of the handshake era."""
    message = {"jsonrpc": "2.0", "method": method, "params": params}
    return json.dumps(message | ({} if request_id is None else {"id": request_id})).encode() + b"\n"


def call(request_id: int, name: str, **arguments: object) -> bytes:
    """Write a tool call."""
    return line("tools/call", request_id, name=name, arguments=arguments)


HANDSHAKE = line(
    "initialize",
    0,
    protocolVersion="2025-06-18",
    capabilities={},
    clientInfo={"name": "test", "version": "1"},
) + line("notifications/initialized")


def text_of(answer: bytes) -> str:
    """Give the text of a tool's answer."""
    text: str = json.loads(answer)["result"]["content"][0]["text"]
    return text
