"""Addresses in buckets, which are no URLs."""

import pytest

from similar_images.storage.addresses import (
    FetchError,
    Limits,
    looks_like_address,
    name_of,
    normal_address,
    parse,
    stored_object,
)

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


AZURE = "abfs://photos@shop.dfs.core.windows.net/boots"


@pytest.mark.parametrize(
    ("address", "normal"),
    [
        ("s3a://shop/photos/a b?c#d", "s3://shop/photos/a b?c#d"),
        ("S3N://shop/photos/a", "s3://shop/photos/a"),
        ("gcs://shop/a", "gs://shop/a"),
        ("abfss://photos@shop.dfs.core.windows.net/boots/A", f"{AZURE}/A"),
        ("ABFS://Photos@Shop.blob.core.windows.net/boots/A", f"{AZURE}/A"),
        ("abfs://photos@shop.dfs.core.windows.net", "abfs://photos@shop.dfs.core.windows.net"),
        ("abfs://photos/boots/a", "abfs://photos/boots/a"),
        ("https://shop/a", "https://shop/a"),
    ],
)
def test_an_object_has_one_name_however_its_address_is_written(address: str, normal: str) -> None:
    assert name_of(address) == name_of(normal) == normal_address(address) == normal
    assert parse(address) == parse(normal)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("s3a://shop/photos/a", "s3://shop/photos"),
        ("s3://shop/photos/a", "s3n://shop"),
        ("gs://shop/a", "gcs://shop"),
        (f"{AZURE}/a", "abfss://photos@shop.dfs.core.windows.net"),
        ("abfss://photos@shop.blob.core.windows.net/boots/a", AZURE),
        (f"{AZURE}/a", "abfs://*@shop.dfs.core.windows.net"),
    ],
)
def test_what_is_allowed_is_compared_in_the_same_form(address: str, allowed: str) -> None:
    Limits((allowed,), False, 16, 30, 1_000).check(address)


@pytest.mark.parametrize(
    "address",
    [
        "abfs://photos@other.dfs.core.windows.net/boots/a",
        "abfs://other@shop.dfs.core.windows.net/boots/a",
        "abfs://photos/boots/a",
        "az://photos@shop.dfs.core.windows.net/boots/a",
        f"{AZURE}2/a",
        f"{AZURE}/../a",
    ],
)
def test_another_account_or_container_is_not_allowed(address: str) -> None:
    with pytest.raises(FetchError, match=r"not in remote\.allowed"):
        Limits((AZURE,), False, 16, 30, 1_000).check(address)


@pytest.mark.parametrize(
    "address",
    [
        "abfs://photos:hunter2@shop.dfs.core.windows.net/a",
        "abfs://hunter2@shop.example/a",
        "abfs://hunter2@shop.dfs.core.windows.net.evil.org/a",
        "abfs://photos@hunter2@shop.dfs.core.windows.net/a",
        "s3://hunter2@shop.dfs.core.windows.net/a",
    ],
)
def test_what_only_resembles_an_account_is_refused_and_not_shown(address: str) -> None:
    assert "hunter2" not in name_of(address)
    with pytest.raises(FetchError, match="a name or password before its bucket"):
        parse(address)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (f"{AZURE}/a?b", ("abfs", "shop", "photos/boots/a?b")),
        ("abfs://photos/boots/a", ("abfs", "", "photos/boots/a")),
        ("s3a://shop/a@b", ("s3", "", "shop/a@b")),
    ],
)
def test_a_store_gets_the_account_and_the_path_apart(
    address: str, expected: tuple[str, str, str]
) -> None:
    found = stored_object(address)
    assert found == expected
    assert found.address_of(found.path) == normal_address(address)


@pytest.mark.parametrize("text", ["s3a:/shop/a", " gcs://shop/a", "abfss:/photos/a"])
def test_a_mistake_in_another_form_looks_like_an_address_too(text: str) -> None:
    assert looks_like_address(text)
