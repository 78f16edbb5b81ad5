"""Tests of what decisions change in the collections."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from similar_images.decisions import overrides
from similar_images.decisions.decisions import Decision
from similar_images.images import manifest

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
COLLECTIONS = {
    "catalogue": [("boots/1", "a"), ("boots/2", "b"), ("hats/1", "a")],
    "new": [("boots/3", "c"), ("boots/4", "d"), ("sandals/3", "c"), ("sandals/9", "a")],
    "more": [("5", "d"), ("6", "e")],
}


def listing(*rows: tuple[str, str]) -> pa.Table:
    """Return a manifest of rows (image, content); a folder is a class."""
    table = [
        {
            "image": image,
            "file": f"photos/{image}".encode(),
            "label": image.partition("/")[0] if "/" in image else None,
            "content_id": content_id,
        }
        for image, content_id in rows
    ]
    return pa.Table.from_pylist(table, schema=manifest.TABLE.schema)


MANIFESTS = {name: listing(*rows) for name, rows in COLLECTIONS.items()}


def decide(
    content_id: str,
    set_: str,
    decision: str,
    label: str | None = None,
    image: str = "x",
    hours: int = 0,
) -> Decision:
    when = NOON + timedelta(hours=hours)
    return Decision(content_id, image, set_, decision, label, when, "")


def amended(
    *decided: Decision, manifests: dict[str, pa.Table] = MANIFESTS
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the rows of each collection by image."""
    changes = overrides.build(decided, manifests)
    found = {}
    for name, table in manifests.items():
        rows = overrides.apply(table, changes, name)
        assert rows.schema.equals(overrides.OVERRIDDEN.schema)
        assert rows["image"].to_pylist() == sorted(rows["image"].to_pylist())
        found[name] = {row["image"]: row for row in rows.to_pylist()}
    return found


def labels(rows: dict[str, dict[str, Any]]) -> dict[str, str | None]:
    return {image: row["label"] for image, row in rows.items()}


def test_without_decisions_a_manifest_says_the_same() -> None:
    for name, rows in amended().items():
        plain = MANIFESTS[name].to_pylist()
        own = {"decision": None, "set": name}
        assert list(rows.values()) == [
            row | own | {"original_label": row["label"]} for row in plain
        ]


def test_every_file_with_a_content_follows_the_decision_in_its_collection_alone() -> None:
    found = amended(decide("a", "catalogue", "wrong", "caps"), decide("c", "new", "right", "boots"))
    assert labels(found["catalogue"]) == {"boots/1": "caps", "boots/2": "boots", "hats/1": "caps"}
    assert labels(found["new"]) == {
        "boots/3": "boots",
        "boots/4": "boots",
        "sandals/3": "boots",
        "sandals/9": "sandals",
    }
    row = found["new"]["sandals/3"]
    assert (row["original_label"], row["decision"], row["fault"]) == ("sandals", "right", None)


def test_what_is_left_out_of_a_collection_stays_in_the_others() -> None:
    found = amended(decide("d", "new", "out"))
    row = found["new"]["boots/4"]
    assert (row["fault"], row["label"], row["decision"]) == (overrides.LEFT_OUT, "boots", "out")
    assert found["more"]["5"]["fault"] is None


def test_a_query_becomes_a_member_of_the_catalogue_by_its_first_file() -> None:
    found = amended(decide("c", "new", "catalogue", "caps"))
    row = found["catalogue"]["new:boots/3"]
    assert row == {
        "image": "new:boots/3",
        "added": None,
        "row": None,
        "file": b"photos/boots/3",
        "label": "caps",
        "content_id": "c",
        "fault": None,
        "original_label": "boots",
        "decision": "catalogue",
        "set": "new",
        "product": None,
    }
    assert len(found["catalogue"]) == 4
    assert {found["new"][image]["label"] for image in ("boots/3", "sandals/3")} == {"caps"}
    assert found["new"]["boots/3"]["decision"] == "catalogue"


def test_a_query_keeps_its_product_in_the_catalogue() -> None:
    listed = pa.Table.from_pylist(
        [{"image": "1", "content_id": "c", "file": b"1", "product": "P1"}],
        schema=manifest.TABLE.schema,
    )
    taken = decide("c", "new", "catalogue", "caps")
    found = amended(taken, manifests={"catalogue": MANIFESTS["catalogue"], "new": listed})
    assert found["catalogue"]["new:1"]["product"] == "P1"
    assert found["catalogue"]["boots/1"]["product"] is None
    assert found["new"]["1"]["product"] == "P1"


def test_a_query_whose_file_is_in_another_set_by_now_is_taken_from_there() -> None:
    found = amended(decide("e", "new", "catalogue", "caps"))
    assert labels(found["catalogue"])["more:6"] == "caps"
    assert found["more"]["6"]["label"] == "caps"


def test_where_the_catalogue_has_the_content_itself_its_own_files_count() -> None:
    found = amended(decide("a", "new", "catalogue", "caps"))
    assert labels(found["catalogue"]) == {"boots/1": "caps", "boots/2": "boots", "hats/1": "caps"}
    assert found["new"]["sandals/9"]["label"] == "caps"


def test_a_query_that_moved_into_the_catalogue_keeps_the_label_of_its_decision() -> None:
    found = amended(decide("b", "new", "catalogue", "caps"))
    assert labels(found["catalogue"])["boots/2"] == "caps"


def test_a_photo_that_left_the_catalogue_for_a_query_set_is_no_member_by_its_old_decision() -> None:
    for image in ("boots/3", "new:boots/3", "https://shop.example/boots/3"):
        found = amended(decide("c", "catalogue", "right", "boots", image=image))
        assert list(found["catalogue"]) == ["boots/1", "boots/2", "hats/1"]


def test_no_two_images_of_the_catalogue_have_one_name() -> None:
    manifests = MANIFESTS | {"catalogue": listing(("new:boots/3", "z"), ("new:new:boots/3", "y"))}
    found = amended(decide("c", "new", "catalogue", "boots"), manifests=manifests)
    assert list(found["catalogue"]) == ["new:boots/3", "new:new:boots/3", "new:new:new:boots/3"]


def test_decisions_on_photos_that_are_gone_change_nothing_and_are_named() -> None:
    contents = ("c", "e", "gone", "lost", "away")
    decided = [decide(one, "new", "right", "boots", image=f"{one}.png") for one in contents]
    assert overrides.build(decided, MANIFESTS)["content_id"].to_pylist() == ["c"]
    (warning,) = overrides.without_effect(decided, MANIFESTS)
    assert warning.startswith(
        "ignored 4 decisions on the set “new”, which has no photo with these bytes any more: "
        "'e.png', 'gone.png', 'lost.png' and 1 more."
    )


def test_decisions_on_a_set_that_is_not_configured_are_named() -> None:
    decided = [decide("c", "sprng", "right", "boots", image="3.png")]
    (warning,) = overrides.without_effect(decided, MANIFESTS)
    assert warning.startswith(
        "ignored 1 decision on the set “sprng”, which is not in config.yaml: '3.png'. Correct"
    )


@pytest.mark.parametrize(
    "decided",
    [
        [decide("c", "new", "right", "boots"), decide("a", "catalogue", "out")],
        # A query that was taken into the catalogue, got another class there, and left it.
        [decide("c", "new", "catalogue", "boots"), decide("c", "catalogue", "wrong", "caps")],
        [decide("c", "new", "catalogue", "boots"), decide("c", "catalogue", "out", hours=1)],
        # It was taken in from a set that is configured no more, and is in another one.
        [decide("e", "old", "catalogue", "boots")],
        [decide("gone", "new", "undecided")],
    ],
)
def test_nothing_is_said_about_decisions_that_count(decided: list[Decision]) -> None:
    assert list(overrides.without_effect(decided, MANIFESTS)) == []


def test_a_decision_that_is_taken_back_leaves_the_photo_as_it_was() -> None:
    assert amended(decide("a", "catalogue", "undecided")) == amended()
    taken = decide("c", "new", "catalogue", "boots")
    assert amended(taken, decide("c", "new", "undecided", hours=1)) == amended(taken)
    # So does one on its leaving the catalogue: it is a member again.
    assert amended(taken, decide("c", "catalogue", "undecided", hours=2)) == amended(taken)


def test_the_digest_of_a_collection_changes_with_its_own_overrides_alone() -> None:
    none, one, other = (
        overrides.build(decided, MANIFESTS)
        for decided in (
            [],
            [decide("c", "new", "right", "boots")],
            [decide("c", "new", "right", "boots"), decide("a", "catalogue", "out")],
        )
    )
    assert overrides.digest(none, "new") == ""
    assert overrides.digest(one, "new") == overrides.digest(other, "new") != ""
    assert overrides.digest(one, "catalogue") == ""
    assert overrides.digest(other, "catalogue") != ""


def test_files_without_a_content_are_passed_by() -> None:
    bad = {"image": "boots/x", "file": b"x", "label": "boots", "fault": "empty file"}
    table = pa.Table.from_pylist([bad], schema=manifest.TABLE.schema)
    whole = pa.concat_tables([MANIFESTS["catalogue"], table]).sort_by("image")
    manifests = MANIFESTS | {"catalogue": whole}
    found = amended(decide("a", "catalogue", "out"), manifests=manifests)
    assert found["catalogue"]["boots/x"]["fault"] == "empty file"


def test_a_decision_in_a_query_set_leaves_an_earlier_one_on_the_same_bytes_in_the_catalogue() -> (
    None
):
    earlier = decide("a", "catalogue", "wrong", "caps")
    later = decide("a", "new", "right", "sandals", hours=1)
    for decided in ([earlier, later], [later, earlier]):
        found = amended(*decided)
        assert labels(found["catalogue"])["boots/1"] == "caps"
        row = found["new"]["sandals/9"]
        assert (row["label"], row["decision"]) == ("sandals", "right")


def test_each_query_set_follows_its_own_decision() -> None:
    found = amended(decide("d", "new", "out"), decide("d", "more", "wrong", "caps", hours=1))
    assert found["new"]["boots/4"]["fault"] == overrides.LEFT_OUT
    assert found["more"]["5"]["label"] == "caps"


@pytest.mark.parametrize("later", ["right", "wrong", "out"])
def test_a_member_of_the_catalogue_stays_one_whatever_is_decided_in_its_query_set(
    later: str,
) -> None:
    label = None if later == "out" else "hats"
    found = amended(
        decide("c", "new", "catalogue", "caps"), decide("c", "new", later, label, hours=1)
    )
    member = found["catalogue"]["new:boots/3"]
    assert member["fault"] is None
    # The latest word on its class counts in both.
    assert member["label"] == (label or "caps")
    query = found["new"]["boots/3"]
    assert query["decision"] == later
    assert (query["fault"] is None) == (later != "out")


def test_only_what_is_decided_in_the_catalogue_takes_a_member_out_of_it() -> None:
    joins = decide("c", "new", "catalogue", "caps", hours=1)
    leaves = decide("c", "catalogue", "out", image="new:boots/3", hours=2)
    found = amended(joins, leaves, decide("c", "new", "right", "boots"))
    assert "new:boots/3" not in found["catalogue"]
    assert (found["new"]["boots/3"]["decision"], found["new"]["boots/3"]["label"]) == (
        "right",
        "boots",
    )
    again = decide("c", "new", "catalogue", "caps", hours=3)
    assert amended(again, leaves)["catalogue"]["new:boots/3"]["label"] == "caps"


def test_a_class_that_the_catalogue_gives_its_member_counts_in_the_query_set_too() -> None:
    found = amended(
        decide("c", "new", "catalogue", "caps"),
        decide("c", "catalogue", "wrong", "hats", image="new:boots/3", hours=1),
    )
    member = found["catalogue"]["new:boots/3"]
    assert (member["label"], member["decision"]) == ("hats", "wrong")
    query = found["new"]["boots/3"]
    assert (query["label"], query["decision"]) == ("hats", "catalogue")


def test_where_the_catalogue_has_the_bytes_itself_the_later_of_both_decisions_counts() -> None:
    joins = decide("a", "new", "catalogue", "caps", hours=1)
    for hours, label in ((0, "caps"), (2, "hats")):
        found = amended(joins, decide("a", "catalogue", "wrong", "hats", hours=hours))
        assert labels(found["catalogue"])["boots/1"] == label
        assert found["new"]["sandals/9"]["label"] == "caps"


def test_a_query_set_takes_no_class_from_one_that_took_the_same_bytes_in_later() -> None:
    found = amended(
        decide("d", "new", "catalogue", "caps"),
        decide("d", "more", "catalogue", "hats", hours=1),
    )
    assert labels(found["catalogue"])["more:5"] == "hats"
    assert "new:boots/4" not in found["catalogue"]
    assert labels(found["new"])["boots/4"] == "caps"
    assert labels(found["more"])["5"] == "hats"


def test_a_decision_of_a_set_that_lost_the_photo_is_not_for_others_that_the_catalogue_has() -> None:
    found = amended(decide("a", "more", "catalogue", "caps"))
    assert labels(found["catalogue"])["boots/1"] == "caps"
    assert (found["new"]["sandals/9"]["label"], found["new"]["sandals/9"]["decision"]) == (
        "sandals",
        None,
    )
