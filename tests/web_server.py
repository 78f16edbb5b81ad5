"""A server of files over HTTP that misbehaves on demand, on the loopback address.

    with serving({"a.jpg": data, "b.jpg": data}) as server:
        server.faults["b.jpg"] = status(404)
        ...  # server.address("a.jpg") is asked
        assert server.requests["GET", "a.jpg"] == 1

A fault is a script: what to send and how long to wait, for a request.
"""

import asyncio
import gzip
import ssl
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from email.utils import formatdate
from hashlib import md5
from http.client import responses
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

MODIFIED = 1_700_000_000
KEEP = -1.0  # the last step of a script after which the connection is used again


class Request(NamedTuple):
    """What is asked for.

    Attributes:
        method: GET or HEAD.
        path: of the file, without the slash at its beginning and without the query.
        head: the request as it came.
        data: the bytes of the file; none if there is no such file.
        answer: what is sent if nothing is wrong.
        before: how often it was asked for before, by the same method.
    """

    method: str
    path: str
    head: bytes
    data: bytes
    answer: bytes
    before: int


# Bytes are sent, and seconds waited. At the end the connection is closed, unless that is KEEP.
Script = Iterable[bytes | float]
Fault = Callable[[Request], Script]


class Server:
    """What `serving` gives; everything may be changed while it serves.

    Attributes:
        faults: by path; those that are not in it are served.
        requests: how often each method and path was asked for.
        heads: the last request for each path, as it came.
        connections: how many were made.
        most: connections in use at any one time.
    """

    def __init__(self, files: Mapping[str, bytes], scheme: str = "http") -> None:
        self.faults: dict[str, Fault] = {}
        self.requests: Counter[tuple[str, str]] = Counter()
        self.heads: dict[str, bytes] = {}
        self.connections = self.most = self._open = 0
        self.origin = f"{scheme}://127.0.0.1"
        self._files: dict[str, tuple[bytes, bytes]] = {}
        for path, data in files.items():
            self.put(path, data)

    def put(
        self, path: str, data: bytes, modified: float = MODIFIED, validators: bool = True
    ) -> None:
        """Serve `data` at `path`; with ETag and Last-Modified if `validators`."""
        etag, date = f'"{md5(data).hexdigest()}"', formatdate(modified, usegmt=True)
        headers = {"ETag": etag, "Last-Modified": date} if validators else {}
        self._files[path] = head(200, **{"Content-Length": len(data)}, **headers), data

    def remove(self, path: str) -> None:
        """Serve nothing at `path`."""
        del self._files[path]

    def address(self, path: str) -> str:
        """Return the address of `path`."""
        return f"{self.origin}/{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection, until one of the two has enough."""
        self.connections += 1
        self._open += 1
        self.most = max(self.most, self._open)
        try:
            with suppress(OSError, EOFError, asyncio.LimitOverrunError, asyncio.CancelledError):
                while await self._answer(await reader.readuntil(b"\r\n\r\n"), writer):
                    pass
        finally:
            self._open -= 1
            writer.close()

    async def _answer(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        """Answer `request`, and return whether there may be another one."""
        method, target, _ = request.split(b" ", 2)
        path = unquote(target.partition(b"?")[0][1:].decode())
        key = method.decode(), path
        self.requests[key] += 1
        self.heads[path] = request
        header, data = self._files.get(path, (head(404), b""))
        answer = header + data if method == b"GET" else header
        if path in self.faults:
            asked = Request(*key, request, data, answer, self.requests[key] - 1)
            return await _play(self.faults[path](asked), writer)
        writer.write(answer)
        await writer.drain()
        return True


async def _play(script: Script, writer: asyncio.StreamWriter) -> bool:
    """Send what `script` says; return whether it leaves the connection as it was."""
    for step in script:
        if isinstance(step, bytes):
            writer.write(step)
            await writer.drain()
        elif step == KEEP:
            return True
        else:
            await asyncio.sleep(step)
    return False


@contextmanager
def serving(
    files: Mapping[str, bytes], certificate: Path | None = None, port: int = 0
) -> Iterator[Server]:
    """Serve `files` by their paths, over TLS if there is a `certificate` with its key."""
    server = Server(files, "https" if certificate else "http")
    with listening(server.serve, certificate, port) as found:
        server.origin += f":{found}"
        yield server


@contextmanager
def listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    certificate: Path | None = None,
    port: int = 0,
) -> Iterator[int]:
    """Let `serve` answer connections on another thread, and yield the port."""
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    start = asyncio.start_server(serve, "127.0.0.1", port, ssl=context, backlog=1000)
    server = asyncio.run_coroutine_threadsafe(start, loop).result()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_stop(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _stop(listening: asyncio.Server) -> None:
    listening.close()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def head(code: int, **headers: object) -> bytes:
    """Return the head of an answer; without a Content-Length, its body is empty."""
    headers = {"Content-Length": 0} | headers
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
    return f"HTTP/1.1 {code} {responses.get(code, '')}\r\n{''.join(lines)}\r\n".encode()


def status(code: int, **headers: object) -> Fault:
    """Answer with a status, such as 404; `Retry_After=1` is a header."""
    return lambda request: [head(code, **headers), KEEP]


def status_at_first(code: int, times: int, **headers: object) -> Fault:
    """Answer so many times with a status, and then well."""
    failing = status(code, **headers)
    return lambda request: failing(request) if request.before < times else well(request)


def redirect(target: str, code: int = 302) -> Fault:
    """Send to another address."""
    return status(code, Location=target)


def with_headers(body: bytes | None = None, **headers: object) -> Fault:
    """Answer with 200 and these headers, such as Content_Type, and no validators besides.

    The body is that of the file, unless there is another.
    """

    def script(request: Request) -> Script:
        data = request.data if body is None else body
        merged = {"Content-Length": len(data)} | headers
        return [head(200, **merged) + (data if request.method == "GET" else b""), KEEP]

    return script


def gzip_bomb(size: int) -> Fault:
    """Answer with so many zeros, packed."""
    return with_headers(gzip.compress(bytes(size)), Content_Encoding="gzip")


def bytes_(data: bytes) -> Fault:
    """Send just these bytes, HTTP or not, and close."""
    return lambda request: [data]


def well(request: Request) -> Script:
    """Answer as if there were no fault."""
    return [request.answer, KEEP]


def no_head(code: int = 405) -> Fault:
    """Answer to GET alone."""
    return for_head(status(code))


def for_head(fault: Fault) -> Fault:
    """Answer to HEAD with `fault`, and to GET as if there were none."""
    return lambda request: (fault if request.method == "HEAD" else well)(request)


def closed(request: Request) -> Script:
    """Close the connection without an answer."""
    return []


def silent(request: Request) -> Script:
    """Never answer."""
    return [3600.0]


def broken_off(request: Request) -> Script:
    """Send half of the file."""
    yield _head_of_get(request, len(request.data))
    yield request.data[: len(request.data) // 2]


def broken_off_in_pieces(request: Request) -> Script:
    """Send a piece of the file, chunked, and neither the rest nor an end."""
    yield head(200, Transfer_Encoding="chunked").replace(b"Content-Length: 0\r\n", b"")
    yield b"5\r\n" + request.data[:5] + b"\r\n"


def drip(pause: float) -> Fault:
    """Send the file byte by byte; no wait is long."""

    def script(request: Request) -> Script:
        yield _head_of_get(request, len(request.data))
        for byte in request.data:
            yield bytes([byte])
            yield pause

    return script


def dripping_head(request: Request) -> Script:
    """Send a header that never ends, byte by byte."""
    yield b"HTTP/1.1 200 OK\r\nX-Long: "
    while True:
        yield b"x"
        yield 0.02


def huge(size: int = 10_000_000_000, announced: bool = True) -> Fault:
    """Send a body of `size`, in a Content-Length if `announced`."""

    def script(request: Request) -> Script:
        block = bytes(1 << 20)
        yield _head_of_get(request, size if announced else None)
        for _ in range(-(-size // len(block))):
            yield block

    return script


def _head_of_get(request: Request, size: int | None) -> bytes:
    """Return the head of an answer whose body follows; to HEAD none does."""
    header = head(200, **{"Content-Length": size})
    return header if size is not None else header.replace(b"Content-Length: None\r\n", b"")
