"""Addresses in buckets, which are no URLs."""

import pytest

from similar_images.storage.addresses import FetchError, Limits, name_of

LIMITS = Limits(("s3://shop/photos",), False, 16, 30, 1_000)


@pytest.mark.parametrize("key", ["a?b=c", "a#b", "a?b#c", "#", "100%"])
def test_a_question_mark_or_a_hash_is_a_letter_of_a_name_in_a_bucket(key: str) -> None:
    address = f"s3://shop/photos/{key}"
    assert name_of(address) == address
    LIMITS.check(address)


def test_what_is_before_a_bucket_is_not_shown() -> None:
    assert "secret" not in name_of("s3://key:secret@shop/photos/a?b")
    with pytest.raises(FetchError, match="a name or password"):
        LIMITS.check("s3://key:secret@shop/photos/a")


@pytest.mark.parametrize(
    "address",
    [
        "s3://shop/other/a",
        "s3://shop/photos2/a",
        "s3://shop?/photos/a",
        "s3://shop#/photos/a",
        "s3://shop/photos#/a",
        "s3://SHOP/photos/a",
        "s3://shop./photos/a",
        "s3://shop/photos/../a",
        "s3:///shop/photos/a",
        "s3://s3://shop/photos/a",
    ],
)
def test_another_bucket_or_folder_is_not_allowed(address: str) -> None:
    with pytest.raises(FetchError, match=r"not in remote\.allowed|not an address"):
        LIMITS.check(address)
