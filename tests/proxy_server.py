"""A forward proxy on the loopback address that records what it is asked for.

    with proxying({"shop.example:80": server.origin}) as proxy:
        monkeypatch.setenv("http_proxy", proxy.address)
        ...  # http://shop.example/a.jpg is asked
        assert proxy.asked == ["GET http://shop.example/a.jpg"]

It forwards requests of http (RFC 9112, 3.2.2), and opens tunnels (RFC 9110, 9.3.6). It knows only
the hosts that it is given.
"""

import asyncio
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from web_server import Script, head, listening

# Never sent on: RFC 9110, 7.6.1.
FOR_THE_PROXY = re.compile(rb"Proxy-[^\r]*\r\n", re.IGNORECASE)


class ForwardProxy:
    """What `proxying` gives; everything may be changed while it runs.

    Attributes:
        asked: the method and target of each request, in order.
        heads: the requests as they came.
        address: with the name and password, if it has one.
        fault: what it sends in place of any answer.
    """

    def __init__(self, hosts: Mapping[str, str], password: str) -> None:
        self.asked: list[str] = []
        self.heads: list[bytes] = []
        self.address = ""
        self.fault: Script | None = None
        self._ports = {host: urlsplit(origin).port for host, origin in hosts.items()}
        self._expected = b64encode(password.encode()) if password else b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            with suppress(OSError, EOFError, asyncio.CancelledError):
                while await self._answer(await reader.readuntil(b"\r\n\r\n"), reader, writer):
                    pass
        finally:
            writer.close()

    async def _answer(
        self, request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        method, target, _ = request.decode().split(" ", 2)
        self.asked.append(f"{method} {target}")
        self.heads.append(request)
        if self.fault is not None:
            await _play(self.fault, writer)
            return False
        if self._expected and b"Basic " + self._expected not in request:
            writer.write(head(407))
            return True
        place = target if method == "CONNECT" else urlsplit(target).netloc
        place = place if ":" in place else f"{place}:80"
        if place not in self._ports:
            writer.write(head(502))
            return True
        there, send = await asyncio.open_connection("127.0.0.1", self._ports[place])
        try:
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\nX-Proxy: yes\r\n\r\n")
                await asyncio.gather(_pump(reader, send), _pump(there, writer))
                return False
            path = target.partition("://")[2].partition("/")[2]
            send.write(
                FOR_THE_PROXY.sub(b"", request).replace(target.encode(), f"/{path}".encode(), 1)
            )
            return await _forward(method, there, writer)
        finally:
            send.close()


async def _play(script: Script, writer: asyncio.StreamWriter) -> None:
    for step in script:
        if isinstance(step, bytes):
            writer.write(step)
            await writer.drain()
        else:
            await asyncio.sleep(step)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
    sink.close()


async def _forward(method: str, source: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Send one answer on."""
    answer = await source.readuntil(b"\r\n\r\n")
    writer.write(answer)
    length = re.search(rb"Content-Length: (\d+)", answer)
    if method != "HEAD" and length:
        writer.write(await source.readexactly(int(length[1])))
    await writer.drain()
    return True


@contextmanager
def proxying(hosts: Mapping[str, str], password: str = "") -> Iterator[ForwardProxy]:
    """Run a proxy that leads each of `hosts`, such as shop.example:443, to an origin here.

    Args:
        hosts: which it knows.
        password: the name and the password that it wants, such as me:secret.
    """
    proxy = ForwardProxy(hosts, password)
    with listening(proxy.serve) as port:
        start = f"{password}@" if password else ""
        proxy.address = f"http://{start}127.0.0.1:{port}"
        yield proxy
