"""An S3 server far away: what is sent to it waits, and no connection is faster than its line."""

import asyncio
import sys
from contextlib import suppress

LATENCY_S = 0.05
RATE = 10_000_000
"""Bytes a second of a connection, as a long way with losses allows it, however wide the line."""

PIECE = 65_536
_UNDER_WAY = 64

Arrivals = asyncio.Queue[tuple[float, bytes]]


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hand on what comes, at the line's rate and half a round trip later."""
    arrivals: Arrivals = asyncio.Queue(_UNDER_WAY)
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_send(reader, arrivals))
            both.create_task(_arrive(arrivals, writer))
    except* ConnectionError:
        pass
    finally:
        with suppress(OSError):
            writer.write_eof()


async def _send(reader: asyncio.StreamReader, arrivals: Arrivals) -> None:
    now = asyncio.get_running_loop().time
    free = now()
    piece = b"begun"
    while piece:
        piece = await reader.read(PIECE)
        free = max(free, now()) + len(piece) / RATE
        await arrivals.put((free + LATENCY_S / 2, piece))
        await asyncio.sleep(free - now())


async def _arrive(arrivals: Arrivals, writer: asyncio.StreamWriter) -> None:
    now = asyncio.get_running_loop().time
    while True:
        at, piece = await arrivals.get()
        await asyncio.sleep(at - now())
        if not piece:
            return
        writer.write(piece)
        await writer.drain()


async def main(port: int, server: int) -> None:
    """Be the line from one port of this machine to another."""

    async def connected(near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        far, there = await asyncio.open_connection("127.0.0.1", server)
        await asyncio.gather(carry(near, there), carry(far, back))
        there.close()
        back.close()

    async with await asyncio.start_server(connected, "127.0.0.1", port) as line:
        await line.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
