"""Who may ask: the hosts, pages and tokens that the server accepts, and what its pages may do.

A page of any other site can send requests to this machine from the browser of its visitors.
Two things give it away: the name that it calls the server by, if that name was made to lead here
(DNS rebinding), and what the browser says of where a request comes from.
"""

import hmac
import ipaddress
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..report import templates

HTTP_PORT = 80  # browsers leave it out of addresses
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
# The methods that change nothing.
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
# What browsers say of requests by this server's own pages, and by the person who uses them.
OWN_SITES = ("same-origin", "none")
NOTHING = "default-src 'none'"
POLICY = "Content-Security-Policy"
# No page may show this server's in a frame. A page itself cannot say so, only a header.
UNFRAMED = "frame-ancestors 'none'"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# The folders of the scripts of all pages.
SCRIPTS = (templates.TEMPLATES, Path(__file__).parent / "templates")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`, a name or an address."""
    return host == "localhost" or _is_address(host, "is_loopback")


def url_host(host: str) -> str:
    """Return `host` as addresses of pages have it: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def page_policy() -> str:
    """Return the content security policy of pages: only scripts of this program run.

    So a report.html from elsewhere, put into the results, can save no decisions.
    """
    files = sorted(file for folder in SCRIPTS for file in folder.glob("*.js"))
    scripts = templates.with_scripts(*files)["script_hashes"]
    return (
        "default-src 'none'; connect-src 'self'; img-src 'self' data: blob:; "
        f"style-src 'unsafe-inline'; script-src {scripts}; base-uri 'none'; form-action 'none'"
    )


class Guard:
    """Refuses requests that are not for this server, and adds headers to all answers.

    Args:
        app: answers the requests.
        host: that the server was started with.
        port: of the server.
        token: that requests need; None if they need none.
    """

    def __init__(self, app: ASGIApp, host: str, port: int, token: str | None) -> None:
        self._app = app
        names = {url_host(host).lower(), *LOOPBACK}
        self._hosts = {f"{name}:{port}" for name in names} | (names if port == HTTP_PORT else set())
        # On all interfaces it has many addresses. An address, unlike a name, can lead nowhere else.
        self._any_address = _is_address(host, "is_unspecified")
        self._port = port
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See `ASGIApp`."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                headers.update(HEADERS)
                headers[POLICY] = f"{headers.get(POLICY, NOTHING)}; {UNFRAMED}"
                headers.setdefault("Cache-Control", "no-store")
                message["headers"] = headers.raw
            await send(message)

        answer = self._refusal(scope) or self._welcome(scope) or self._app
        await answer(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        """Return why a request is refused, or None."""
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        if not self._is_own(host):
            return refused(
                HTTPStatus.FORBIDDEN,
                f"This server is not called {host!r}. Use the address that it printed when it "
                "started.",
            )
        if scope["method"] not in SAFE_METHODS and not _is_from_own_page(headers, host):
            return refused(
                HTTPStatus.FORBIDDEN,
                "A page of another site sent this. Use the page at the address that the server "
                "printed when it started.",
            )
        if self._token is not None and not self._has_token(scope, headers):
            return refused(
                HTTPStatus.UNAUTHORIZED,
                "A token is missing or wrong. Open the address with ?token=… that the server "
                "printed when it started, or send the header Authorization: Bearer …",
                {"WWW-Authenticate": "Bearer"},
            )
        return None

    def _is_own(self, host: str) -> bool:
        if host in self._hosts:
            return True
        name, _, port = host.rpartition(":")
        return self._any_address and port == str(self._port) and _is_address(name.strip("[]"))

    def _has_token(self, scope: Scope, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._matches([given.strip()]):
            return True
        cookies = cookie_parser(headers.get("cookie", ""))
        return self._matches([cookies.get(self._cookie, "")]) or self._is_in_address(scope)

    def _is_in_address(self, scope: Scope) -> bool:
        query = parse_qs(scope["query_string"].decode("latin-1"))
        return bool(scope["path"] == "/" and self._matches(query.get("token", [])))

    def _matches(self, given: Iterable[str]) -> bool:
        expected = (self._token or "").encode()
        return any(hmac.compare_digest(one.encode(), expected) for one in given)

    def _welcome(self, scope: Scope) -> Response | None:
        """Return what keeps the token of an address in a cookie, and then leads to the page.

        The page leads there itself: after a redirection from another site, such as that of a mail,
        the browser would not send the cookie.
        """
        if self._token is None or not self._is_in_address(scope):
            return None
        answer = HTMLResponse("<!doctype html><title>Similar Image Finder</title>")
        answer.headers["Refresh"] = "0; url=/"
        answer.set_cookie(self._cookie, self._token, httponly=True, samesite="strict")
        return answer

    @property
    def _cookie(self) -> str:
        return f"similar_images_{self._port}"  # a browser sends cookies to all ports of a host


def refused(status: HTTPStatus, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return an answer with the sentence `detail`."""
    return JSONResponse({"detail": detail}, status, headers)


def _is_address(host: str, what: str = "version") -> bool:
    """Whether `host` is an IP address of which the attribute `what` is true."""
    try:
        return bool(getattr(ipaddress.ip_address(host), what))
    except ValueError:
        return False


def _is_from_own_page(headers: Headers, host: str) -> bool:
    """Whether a request comes from a page of this server, or from a program that is no browser.

    Browsers that say nothing of the site name the origin. Behind a proxy with HTTPS, that is not
    the address that this server knows, so the site decides if it is there.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        return site in OWN_SITES
    return origin is None or origin.lower() == f"http://{host}"
