"""Passing connections on, also between network namespaces, which share files but no addresses.

    python -m tests.support.containers.relay tcp:127.0.0.1:8000=unix:/x/socket ...

Takes any number of pairs, where to listen and where to pass on; says ``ready``, and ends with its
standard input. With ``--up`` first, it switches on the loopback interface of a new namespace.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import socket
import struct
import sys

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def switch_on_loopback() -> None:
    """Let the interface ``lo`` of this namespace be up, as any container finds it."""
    get_flags, set_flags, up = 0x8913, 0x8914, 0x1  # netdevice(7)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        found = fcntl.ioctl(any_socket, get_flags, struct.pack("16sh14x", b"lo", 0))
        flags = struct.unpack("16sh14x", found)[1] | up
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh14x", b"lo", flags))


async def connect(place: str) -> Streams:
    """Connect to a place such as ``tcp:127.0.0.1:5432`` or ``unix:/run/socket``."""
    kind, _, where = place.partition(":")
    if kind == "unix":
        return await asyncio.open_unix_connection(where)
    host, _, port = where.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def serve(place: str, target: str) -> None:
    """Pass on to ``target`` whatever connects to ``place``."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            onward, back = await connect(target)
        except OSError:  # nobody listens there: nobody listens here
            writer.transport.abort()
            return
        await asyncio.gather(copy(reader, back), copy(onward, writer))

    kind, _, where = place.partition(":")
    if kind == "unix":
        await asyncio.start_unix_server(accept, where)
    else:
        host, _, port = where.rpartition(":")
        await asyncio.start_server(accept, host, int(port))


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy what comes until it ends, and then end as well."""
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def main(pairs: list[str]) -> None:
    """Relay for each pair until standard input ends."""
    for pair in pairs:
        place, _, target = pair.partition("=")
        await serve(place, target)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments[:1] == ["--up"]:
        switch_on_loopback()
        arguments.pop(0)
    asyncio.run(main(arguments))
