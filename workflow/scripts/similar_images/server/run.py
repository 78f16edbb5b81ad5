"""Starting the server, and ending it."""

import logging
import os
import re
import secrets
import signal
import socket
import sys
from asyncio import CancelledError
from errno import EADDRINUSE
from pathlib import Path

from ..answers.catalogue import Catalogue
from ..core.errors import UserError, reason

TOKEN = "SIMILAR_IMAGES_TOKEN"  # noqa: S105 - the name of a variable
# No other characters need to be quoted in addresses, headers or cookies.
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{16,}")
LARGEST_PORT = 65_535
# Connections at once; each may also have a request.
MOST_CONNECTIONS = 1_000
SECONDS_TO_END = 10
# Addresses that stand for all of this machine, each with one that is reserved for documents.
_FAR = {
    "0.0.0.0": (socket.AF_INET, "192.0.2.1"),  # noqa: S104 - nothing listens there by default
    "::": (socket.AF_INET6, "2001:db8::1"),
}


def serve(results: Path, host: str, port: int, inbox: str | None) -> None:
    """Serve the page and the answers until a signal ends this process.

    Args:
        results: folder of the results.
        host: name or address of this machine that the server listens at.
        port: likewise; 0 for a free one.
        inbox: the query set in whose folder photos are kept, or None.

    Raises:
        UserError: the results are not ready, there is no such inbox, or the port cannot be used.
    """
    # Uvicorn ends cleanly, and then sends the signal again.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    # Imported here, since they are installed only for this.
    import uvicorn

    from .app import application
    from .connection import Connection
    from .security import is_loopback, url_host
    from .service import Service

    # It warns of faulty forms, whose senders get an answer.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    # It cancels the requests that have not ended when the server ends.
    logging.getLogger("uvicorn.error").addFilter(_is_no_cancelling)
    token = None if is_loopback(host) else _token()
    service = Service(Catalogue.open(results), results, inbox)
    with _listening(host, port) as listener:
        port = listener.getsockname()[1]
        app = application(service, host, port, token, at_once=len(os.sched_getaffinity(0)))
        config = uvicorn.Config(
            app,
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=SECONDS_TO_END,
        )
        given = f"?token={token}" if token else ""
        shown = url_host(address_for_others(host))
        print(f"Open http://{shown}:{port}/{given} (Ctrl-C ends the server)", flush=True)
        uvicorn.Server(config).run(sockets=[listener])


def address_for_others(host: str) -> str:
    """Return an address of this machine if `host` means all of them, else `host`."""
    if host not in _FAR:
        return host
    family, far = _FAR[host]
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((far, 9))  # sends nothing, but chooses the address to send from
            return str(probe.getsockname()[0])
    except OSError:  # there is no network
        return "localhost"


def _is_no_cancelling(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], CancelledError))


def _token() -> str:
    """Return the token that the environment has, or a new one.

    Raises:
        UserError: it could be guessed, or cannot be in an address.
    """
    given = os.environ.get(TOKEN)
    if given is None:
        return secrets.token_urlsafe(32)
    if not _TOKEN.fullmatch(given):
        raise UserError(
            f"the environment variable {TOKEN} is no token; allowed: 16 or more letters, digits "
            "and . _ ~ - as in what openssl rand -hex 16 prints. Without it, each start makes a "
            "new token."
        )
    return given


def _listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        UserError: it cannot.
    """
    if not 0 <= port <= LARGEST_PORT:
        raise UserError(f"--port {port}; allowed: 1 to {LARGEST_PORT}, and 0 for a free one.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        if error.errno == EADDRINUSE:
            raise UserError(
                f"--port {port} is in use: another program listens there. End it, or choose "
                f"another port, such as --port {port + 1}."
            ) from error
        raise UserError(
            f"--host {host} --port {port} cannot be used: {reason(error)}. Choose the name or an "
            "address of this machine, and a port from 1,024 on."
        ) from error
