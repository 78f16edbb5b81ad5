"""Clients of the server: Python's own, and curl."""

import http.client
import json
import subprocess
from dataclasses import dataclass
from typing import Any

from serving import Served

SECONDS = 60.0
BOUNDARY = "a-boundary-of-these-tests"


@dataclass
class Reply:
    """What a server answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def detail(self) -> str:
        return str(self.json["detail"])


def request(served: Served, path: str, body: bytes | None = None, /, **headers: str) -> Reply:
    """Get an address, or post a body; an underscore in the name of a header is a hyphen."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=SECONDS)
    try:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET" if body is None else "POST", path, body, names)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, found, answer.read())
    finally:
        connection.close()


def post(served: Served, path: str, *photos: tuple[str, bytes], **headers: str) -> Reply:
    """Post photos, each with its name, as browsers do."""
    return request(served, path, form(*photos), Content_Type=FORM, **headers)


def post_json(served: Served, path: str, value: object, **headers: str) -> Reply:
    body = json.dumps(value).encode()
    return request(served, path, body, Content_Type="application/json", **headers)


FORM = f"multipart/form-data; boundary={BOUNDARY}"


def form(*photos: tuple[str, bytes], field: str = "photo") -> bytes:
    """Return a form with photos."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
        "Content-Type: image/png\r\n\r\n".encode()
        + data
        + b"\r\n"
        for name, data in photos
    ]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def curl(*arguments: str) -> bytes:
    """Return what curl prints."""
    return subprocess.run(
        ["curl", "--silent", "--show-error", *arguments], capture_output=True, check=True
    ).stdout
