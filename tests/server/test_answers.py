"""What the server answers, to Python and to curl."""

import json
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from http_clients import curl, post, request
from project import Project
from serving import Served


def test_a_photo_gets_the_answer_of_predictions_csv(
    served: Served, asked: Project, photo: bytes
) -> None:
    (answer,) = post(served, "/ask?neighbours=4", ("boots/0.png", photo)).json["answers"]
    row = next(row for row in asked.rows("new/predictions.csv") if row["image"] == "boots/0.png")
    assert answer["prediction"] == row["prediction"]
    assert f"{answer['confidence']:.4f}" == row["confidence"]
    assert str(answer["votes"]) == row["votes"]
    assert answer["image"] == "boots/0.png"
    assert len(answer["neighbours"]) == 4
    assert answer["picture"].startswith("data:image/jpeg;base64,")
    for number, neighbour in enumerate(answer["neighbours"][:3], 1):
        assert neighbour["image"] == row[f"similar_{number}"]
        assert neighbour["class"] == row[f"class_{number}"]
        assert f"{neighbour['similarity']:.6f}" == row[f"similarity_{number}"]


def test_curl_sends_many_photos_or_one_as_the_body(served: Served, asked: Project) -> None:
    files = [asked.photo(f"new/{name}/0.png") for name in ("boots", "sandals")]
    forms = [word for file in files for word in ("-F", f"photo=@{file}")]
    answers = json.loads(curl(*forms, f"{served.address}/ask"))["answers"]
    assert [answer["prediction"] for answer in answers] == ["boots", "sandals"]
    for kind in ("image/png", "application/octet-stream"):
        body = ("-H", f"Content-Type: {kind}", "--data-binary", f"@{files[1]}")
        (answer,) = json.loads(curl(*body, f"{served.address}/ask"))["answers"]
        assert answer["prediction"] == "sandals"
        assert answer["image"] == "photo"


def test_an_unreadable_photo_has_an_error_and_the_others_an_answer(
    served: Served, photo: bytes
) -> None:
    bad, empty, good = post(
        served, "/ask", ("notes.jpg", b"size 42"), ("empty.jpg", b""), ("0.png", photo)
    ).json["answers"]
    assert "not a JPEG" in bad["error"]
    assert bad["picture"] is None
    assert empty["error"]
    assert good["prediction"] == "boots"


def test_neighbours_can_be_of_one_class_and_the_vote_stays(served: Served, photo: bytes) -> None:
    (answer,) = post(served, "/ask?label=sandals", ("0.png", photo)).json["answers"]
    assert {neighbour["class"] for neighbour in answer["neighbours"]} == {"sandals"}
    assert answer["prediction"] == "boots"


@pytest.mark.parametrize("path", ["/ask?", "/similar?image=boots/0.png&"])
@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ("neighbours=0", "neighbours"),
        ("neighbours=51", "neighbours"),
        ("neighbours=three", "neighbours"),
        ("label=boot", "Did you mean boots?"),
        ("label=%20", "no class"),
    ],
)
def test_a_wrong_value_is_named(
    served: Served, photo: bytes, path: str, wrong: str, named: str
) -> None:
    is_post = path.startswith("/ask")
    address = path + wrong
    reply = post(served, address, ("0.png", photo)) if is_post else request(served, address)
    assert reply.status == 422
    assert named in reply.detail


def test_a_photo_of_the_catalogue_leads_to_those_like_it(served: Served) -> None:
    found = request(served, "/similar?image=boots/0.png&neighbours=3").json["neighbours"]
    assert [near["class"] for near in found] == ["boots"] * 3
    assert "boots/0.png" not in {near["image"] for near in found}
    missing = request(served, f"/similar?image={quote('../../etc/passwd')}")
    assert missing.status == 404
    assert "no such image" in missing.detail


def test_pictures_of_the_catalogue_are_found_by_content(served: Served) -> None:
    near = request(served, "/similar?image=boots/0.png").json["neighbours"][0]
    picture = request(served, f"/pictures/{near['content_id']}.jpg")
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.body.startswith(b"\xff\xd8\xff")
    assert "immutable" in picture.headers["cache-control"]
    assert request(served, f"/pictures/{'0' * 64}.jpg").status == 404
    assert request(served, "/pictures/boots.jpg").status == 422


def test_the_overview_names_classes_sets_and_reports(served: Served) -> None:
    overview = request(served, "/catalogue").json
    assert overview.pop("project")
    assert overview == {
        "images": 12,
        "classes": ["boots", "sandals", "sneakers"],
        "inbox": None,
        "sets": ["inbox", "new"],
        "reports": [
            {"name": name, "address": f"/reports/{name}/report.html"} for name in ("inbox", "new")
        ],
        "map": None,
        "decisions": "decisions.csv",
        "decisions_named": [],
        "decisions_used": False,
        "run": None,
    }


def test_the_page_has_a_policy_with_its_own_scripts_alone(served: Served) -> None:
    reply = request(served, "/")
    assert reply.status == 200
    policy = reply.headers["content-security-policy"]
    assert "script-src 'sha256-" in policy
    assert "connect-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy


def test_a_report_says_where_decisions_are_saved_and_is_else_the_same(
    served: Served, asked: Project
) -> None:
    reply = request(served, "/reports/new/report.html")
    project = request(served, "/catalogue").json["project"]
    added = (
        '<meta name="decisions-address" content="/decisions">\n'
        f'<meta name="project" content="{project}">\n'
    ).encode()
    assert added in reply.body
    shown = [
        line for line in reply.body.replace(added, b"").splitlines() if b"http-equiv" not in line
    ]
    made = asked.result("new/report.html").read_bytes().splitlines()
    assert shown == [line for line in made if b"http-equiv" not in line]
    picture = next(asked.result("new/report_files").rglob("*.jpg"))
    path = picture.relative_to(asked.result(""))
    served_picture = request(served, f"/reports/{path}")
    assert served_picture.body == picture.read_bytes()
    assert served_picture.headers["content-type"] == "image/jpeg"


def test_openapi_describes_what_is_sent_and_answered(served: Served) -> None:
    described = request(served, "/openapi.json").json
    ask = described["paths"]["/ask"]["post"]
    assert ask["operationId"] == "ask"
    assert set(ask["requestBody"]["content"]) == {
        "multipart/form-data",
        "application/octet-stream",
        "image/*",
    }
    schemas = described["components"]["schemas"]
    assert ask["responses"]["200"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/Answers"
    }
    assert "class" in schemas["Neighbour"]["properties"]
    assert set(described["paths"]) == {
        *("/catalogue", "/ask", "/similar", "/pictures/{content_id}.jpg", "/decisions", "/inbox"),
    }
    assert "HTTPValidationError" not in schemas


def test_no_page_loads_scripts_from_elsewhere(served: Served) -> None:
    assert request(served, "/docs").status == 404
    assert request(served, "/redoc").status == 404


def test_many_clients_at_once_get_their_own_answers(served: Served, asked: Project) -> None:
    photos = [
        (name, asked.photo(f"new/{name}/{number}.png").read_bytes())
        for name in ("boots", "sandals", "sneakers")
        for number in (0, 1)
    ] * 5
    with ThreadPoolExecutor(10) as pool:
        replies = list(pool.map(lambda one: post(served, "/ask", one), photos))
    found = [reply.json["answers"][0]["prediction"] for reply in replies]
    assert found == [name for name, _ in photos]
