"""An object store on the loopback address: moto's server, which can check signatures as S3 does."""

import json
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

ALLOWED = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}


@dataclass(frozen=True)
class Store:
    """A bucket in a running server.

    Attributes:
        bucket: its name.
        environment: what a program needs to be let in; there are no files of credentials.
        client: of boto3, which is let in.
        log: the server's, a line a request.
    """

    bucket: str
    environment: dict[str, str]
    client: Any
    log: Path

    def put(self, key: str, content: bytes) -> str:
        """Put an object into the bucket and return its address."""
        self.client.put_object(Bucket=self.bucket, Key=key, Body=content)
        return f"s3://{self.bucket}/{key}"

    def requests(self, pattern: str) -> int:
        """Return how many requests have matched `pattern`, such as "GET .*list-type=2"."""
        return len(re.findall(f"{pattern}.* HTTP/", self.log.read_text("utf-8")))

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Let in only those with a key; each request takes ten times as long then."""
        self._let_in_without_key("0")
        yield
        self._let_in_without_key("inf")

    def _let_in_without_key(self, requests: str) -> None:
        url = f"{self.environment['AWS_ENDPOINT_URL']}/moto-api/reset-auth"
        plain = {"Content-Type": "text/plain"}
        urllib.request.urlopen(urllib.request.Request(url, requests.encode(), plain)).close()


@contextmanager
def s3_server(folder: Path, bucket: str = "shop") -> Iterator[Store]:
    """Run a server that has one bucket, in a process of its own; its log goes to `folder`."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    log = folder / "s3.log"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with log.open("w") as out, subprocess.Popen(command, stderr=out, stdout=out) as server:
        try:
            _wait_for(port, server)
            yield _bucket(url, folder, bucket, log)
        finally:
            server.terminate()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert server.poll() is None, "the server has ended"
            time.sleep(0.1)
    raise AssertionError("the server does not answer")


def _bucket(url: str, folder: Path, name: str, log: Path) -> Store:
    """Make the bucket, and a user that is let in."""
    anybody = {"aws_access_key_id": "anybody", "aws_secret_access_key": "anybody"}
    iam = boto3.client("iam", "us-east-1", endpoint_url=url, **anybody)
    iam.create_user(UserName="shop")
    iam.put_user_policy(UserName="shop", PolicyName="all", PolicyDocument=json.dumps(ALLOWED))
    key = iam.create_access_key(UserName="shop")["AccessKey"]
    user = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    client = boto3.client("s3", "us-east-1", endpoint_url=url, **user)
    client.create_bucket(Bucket=name)
    environment = {name.upper(): value for name, value in user.items()} | {
        "AWS_ENDPOINT_URL": url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",  # no address but the loopback's is asked
        "AWS_CONFIG_FILE": str(folder / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none"),
    }
    return Store(name, environment, client, log)
