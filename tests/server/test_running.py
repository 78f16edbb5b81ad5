"""The server starts and ends cleanly, and results may change while it runs."""

import shutil
import signal
import socket
import time

import pytest

from http_clients import FORM, form, post, request
from project import Project
from serving import Served, serving


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_after_the_question_that_is_asked(
    asked: Project, photo: bytes, number: signal.Signals
) -> None:
    body = form(("0.png", photo))
    with serving(asked.folder) as served:
        with begun(served, body) as client:
            served.process.send_signal(number)
            time.sleep(0.5)
            client.sendall(body[20:])
            answer = b"".join(iter(lambda: client.recv(65_536), b""))
        assert answer.startswith(b"HTTP/1.1 200")
        assert b'"prediction":"boots"' in answer
        assert served.process.wait(60) == 0
        assert served.complaints() == ""


def test_a_signal_ends_it_though_an_upload_does_not_end(asked: Project, photo: bytes) -> None:
    body = form(("0.png", photo))
    with serving(asked.folder) as served, begun(served, body):
        started = time.monotonic()
        assert served.stop() == 0
        assert time.monotonic() - started < 30
        assert "Traceback" not in served.complaints()


def begun(served: Served, body: bytes) -> socket.socket:
    """Return a connection that has sent the beginning of a question."""
    client = socket.create_connection(("127.0.0.1", served.port), timeout=60)
    head = (
        f"POST /ask HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nContent-Type: {FORM}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    client.sendall(head.encode() + body[:20])
    assert request(served, "/catalogue").status == 200  # by now the other request has begun
    return client


def test_a_port_that_is_in_use_is_named_with_the_next_step(asked: Project, served: Served) -> None:
    port = str(served.port)
    with (
        pytest.raises(AssertionError, match=f"--port {port} is in use.*--port {served.port + 1}"),
        serving(asked.folder, "--port", port),
    ):
        pass


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--port", "70000"), "--port 70000; allowed"),
        (("--host", "192.0.2.1"), "--host 192.0.2.1 --port 0 cannot be used"),
        (("--host", "no such host"), "cannot be used"),
        (("--results", "elsewhere"), "snakemake"),
    ],
)
def test_what_cannot_be_served_is_named(
    asked: Project, options: tuple[str, ...], named: str
) -> None:
    with pytest.raises(AssertionError, match=named), serving(asked.folder, *options):
        pass


def test_results_of_a_later_run_are_used_by_the_next_question(
    copied: Project, photo: bytes
) -> None:
    with serving(copied.folder) as served:
        (before,) = post(served, "/ask", ("0.png", photo)).json["answers"]
        copied.image("catalogue/boots/later.png", seed=100)  # as new/boots/0.png
        copied.run()
        (after,) = post(served, "/ask", ("0.png", photo)).json["answers"]
        assert request(served, "/catalogue").json["images"] == 13
    assert before["duplicate"] is None
    assert after["duplicate"] == "exact"
    assert after["neighbours"][0]["image"] == "boots/later.png"


def test_results_that_are_removed_give_a_sentence_and_are_used_again(
    copied: Project, photo: bytes
) -> None:
    kept = copied.folder / "kept"
    with serving(copied.folder) as served:
        shutil.move(copied.result(""), kept)
        for reply in (
            post(served, "/ask", ("0.png", photo)),
            request(served, "/similar?image=boots/0.png"),
            request(served, "/catalogue"),
            request(served, "/"),
            request(served, "/reports/new/report.html"),
        ):
            assert reply.status in (200, 404, 503), reply
            assert reply.status == 200 or "results" in reply.detail or "report" in reply.detail
        shutil.move(kept, copied.result(""))
        assert post(served, "/ask", ("0.png", photo)).json["answers"][0]["prediction"] == "boots"
