"""Who may ask the server, and what nobody gets from it."""

import json
import re
import socket
from pathlib import Path

import pytest

from http_clients import FORM, curl, form, post, post_json, request
from project import Project
from serving import Served, serving

TOKEN = "a-token-of-these-tests"


@pytest.mark.parametrize("host", ["evil.example:{port}", "127.0.0.1:1", "127.0.0.1", "", "[::1"])
def test_a_name_that_was_made_to_lead_here_is_refused(served: Served, host: str) -> None:
    reply = request(served, "/catalogue", Host=host.format(port=served.port))
    assert reply.status == 403
    assert "address that it printed" in reply.detail


@pytest.mark.parametrize("host", ["localhost:{port}", "LOCALHOST:{port}", "[::1]:{port}"])
def test_the_names_of_this_machine_are_accepted(served: Served, host: str) -> None:
    assert request(served, "/catalogue", Host=host.format(port=served.port)).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "cross-site", "Origin": "http://127.0.0.1:{port}"},
    ],
)
@pytest.mark.parametrize("path", ["/ask", "/decisions", "/inbox"])
def test_a_page_of_another_site_cannot_post(
    served: Served, photo: bytes, path: str, headers: dict[str, str]
) -> None:
    sent = {name: value.format(port=served.port) for name, value in headers.items()}
    reply = post(served, path, ("0.png", photo), **sent)
    assert reply.status == 403
    assert "another site" in reply.detail


def test_the_own_page_and_other_programs_can_post(served: Served, photo: bytes) -> None:
    own = {"Origin": served.address, "Sec_Fetch_Site": "same-origin"}
    assert post(served, "/ask", ("0.png", photo), **own).status == 200
    assert post(served, "/ask", ("0.png", photo), Origin=served.address).status == 200
    assert post(served, "/ask", ("0.png", photo)).status == 200


def test_no_other_site_is_allowed_to_read(served: Served) -> None:
    reply = request(served, "/catalogue", Origin="http://evil.example")
    assert not [name for name in reply.headers if name.startswith("access-control")]
    assert reply.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/", "/catalogue", "/nothing", "/reports/new/report.html"])
def test_every_answer_has_the_headers(served: Served, path: str) -> None:
    headers = request(served, path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "server" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/reports/new/report_files/../predictions.csv",
        "/reports/new/report_files/..%2fpredictions.csv",
        "/reports/new/report_files/..%2f..%2f..%2fphotos/new/boots/0.png",
        "/reports/new/report_files/%2fetc/passwd",
        "/reports/new/report_files//etc/hostname.jpg",
        "/reports/new/report_files/a%00.jpg",
        "/reports/catalogue/map_files/../quality.json",
        "/reports/catalogue/map_files/..%2fquality.png",
        "/reports/catalogue/map_files/..%2f..%2f..%2fphotos/new/boots/0.png",
        "/reports/catalogue/map.html",
        "/reports/new/predictions.csv",
        "/reports/..%2f/report.html",
        "/reports/../../report.html",
        "/reports/new/../../../etc/passwd",
        "/reports/plan/report.html",
        "/app.py",
    ],
)
def test_no_other_file_is_sent(served: Served, path: str) -> None:
    assert request(served, path).status in (404, 422)


def test_links_that_lead_out_of_a_report_are_not_followed(copied: Project) -> None:
    folder = copied.result("new/report_files")
    (folder / "out.png").symlink_to(copied.photo("new/boots/0.png"))
    copied.result("inbox/report.html").unlink()
    copied.result("inbox/report.html").symlink_to(copied.folder / "config.yaml")
    with serving(copied.folder) as served:
        assert request(served, "/reports/new/report_files/out.png").status == 404
        assert request(served, "/reports/inbox/report.html").status == 404


def test_errors_do_not_name_folders_of_this_machine(copied: Project) -> None:
    (copied.folder / "decisions.csv").write_text("damaged")
    with serving(copied.folder, "--results", str(copied.result(""))) as served:
        texts = [request(served, "/decisions").detail, request(served, "/similar?image=x").detail]
        copied.result("catalogue/images.parquet").write_bytes(b"damaged")
        description = copied.result("catalogue/description.json")
        description.write_bytes(description.read_bytes() + b"\n")
        texts.append(request(served, "/catalogue").detail)
    assert texts[0].startswith("decisions.csv ")
    for text in texts:
        assert str(copied.folder) not in text
        assert not re.search(r"(?<!\w)/(tmp|home|root|work)", text)


def test_a_server_for_others_needs_a_token(asked: Project, photo: bytes) -> None:
    with serving(
        asked.folder, "--host", "0.0.0.0", environment={"SIMILAR_IMAGES_TOKEN": TOKEN}
    ) as served:
        assert f"/?token={TOKEN}" in served.line
        assert "0.0.0.0" not in served.line
        for path in ("/", "/catalogue", "/openapi.json", "/reports/new/report.html", "/?token=no"):
            reply = request(served, path)
            assert reply.status == 401, path
            assert "token" in reply.detail
        assert post(served, "/ask", ("0.png", photo)).status == 401
        assert request(served, "/catalogue?token=" + TOKEN).status == 401  # only on the page
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert request(served, "/catalogue", **bearer).status == 200
        assert request(served, "/catalogue", Authorization=f"Bearer {TOKEN}x").status == 401
        assert request(served, "/catalogue", Authorization="Bearer é").status == 401
        welcome = request(served, f"/?token={TOKEN}")
        cookie = welcome.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert welcome.headers["refresh"] == "0; url=/"
        assert request(served, "/", Cookie=cookie.partition(";")[0]).status == 200
        own = cookie.partition(";")[0]
        assert request(served, "/", Cookie=f'prefs={{"a":1}}; {own}; x y').status == 200
        assert request(served, "/", Cookie=f"similar_images_{served.port}=no").status == 401
        # By any address of this machine, but not by a name.
        there = f"192.0.2.1:{served.port}"
        assert request(served, "/catalogue", Host=there, **bearer).status == 200
        name = f"evil.example:{served.port}"
        assert request(served, "/catalogue", Host=name, **bearer).status == 403
        assert b'"images":12' in curl(
            "-H", f"Authorization: Bearer {TOKEN}", f"{served.address}/catalogue"
        )


def test_a_new_token_is_made_where_none_is_given(asked: Project) -> None:
    with serving(asked.folder, "--host", "0.0.0.0") as served:
        token = re.search(r"token=(\S+)", served.line)
        assert token
        assert len(token[1]) > 40
        headers = {"Authorization": f"Bearer {token[1]}"}
        assert request(served, "/catalogue", **headers).status == 200


def test_a_token_that_could_be_guessed_is_refused(asked: Project) -> None:
    with (
        pytest.raises(AssertionError, match="16 or more letters"),
        serving(asked.folder, "--host", "0.0.0.0", environment={"SIMILAR_IMAGES_TOKEN": "1234"}),
    ):
        pass


def test_a_name_of_a_file_is_only_text(served: Served, photo: bytes) -> None:
    name = "../../<script>alert(1)</script>\\x.png"
    (answer,) = post(served, "/ask", (name, photo)).json["answers"]
    assert answer["image"] == name


def test_a_request_that_is_no_http_is_refused_and_the_server_goes_on(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as client:
        client.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert b"400" in client.recv(1000)
    assert request(served, "/catalogue").status == 200


def test_decisions_are_json_of_the_columns(served: Served) -> None:
    row = dict.fromkeys(("content_id", "image", "set", "decision", "label", "when", "note"), "")
    for wrong in ([row], [row | {"more": ""}], [{"set": "new"}], [row | {"set": 1}], "x", None):
        reply = post_json(served, "/decisions", {"decisions": wrong})
        assert reply.status == 422, wrong
        assert isinstance(reply.detail, str)
    bodies: list[object] = ["x", [], None, {"decisions": [], "more": 1}]
    for body in bodies:
        reply = post_json(served, "/decisions", body)
        assert reply.status == 422
        assert not reply.detail.startswith(":")
    surrogate = json.dumps({"decisions": [row | {"note": "\ud800"}]}).encode()
    assert request(served, "/decisions", surrogate, Content_Type="application/json").status == 422
    assert request(served, "/decisions", form(("a", b"b")), Content_Type=FORM).status == 415


@pytest.mark.parametrize(
    "body",
    [
        b'{"decisions":[' + b"{}," * 1_000_000 + b"{}]}",
        b'{"decisions":[{' + b",".join(b'"%d":0' % n for n in range(500_000)) + b"}]}",
        b"{" + b",".join(b'"%d":0' % n for n in range(500_000)) + b"}",
    ],
    ids=["many rows", "many columns", "many fields"],
)
def test_faulty_decisions_take_little_memory(served: Served, body: bytes) -> None:
    request(served, "/catalogue")
    before = most_memory(served)
    reply = request(served, "/decisions", body, Content_Type="application/json")
    assert reply.status == 422
    assert len(reply.detail) < 1_000
    assert most_memory(served) - before < 300_000_000


def most_memory(served: Served) -> int:
    """Return the most bytes that the server has had in memory."""
    status = Path(f"/proc/{served.process.pid}/status").read_text("utf-8")
    return 1000 * int(re.findall(r"VmHWM:\s*(\d+)", status)[0])


def test_too_many_decisions_are_refused(served: Served) -> None:
    row = dict.fromkeys(("content_id", "image", "set", "decision", "label", "when", "note"), "")
    reply = post_json(served, "/decisions", {"decisions": [row] * 10_001})
    assert reply.status == 422
    assert "10000" in reply.detail
    reply = post_json(served, "/decisions", {"decisions": [row | {"note": "x" * 9_000_000}]})
    assert reply.status == 413
    assert "8,000,000 bytes" in reply.detail


def test_a_page_of_another_project_can_save_nothing(served: Served, photo: bytes) -> None:
    own = request(served, "/catalogue").json["project"]
    assert f'name="project" content="{own}"'.encode() in (
        request(served, "/reports/new/report.html").body
    )
    for sent in (
        post_json(served, "/decisions", {"decisions": []}, Project="other"),
        post(served, "/inbox", ("0.png", photo), Project="other"),
    ):
        assert sent.status == 409
        assert sent.detail.startswith("This page belongs to another project")
        assert "Reload it." in sent.detail
    assert post_json(served, "/decisions", {"decisions": []}, Project=own).status == 200
