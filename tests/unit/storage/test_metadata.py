"""Tests of what is remembered of addresses from run to run."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from similar_images.core.errors import UserError
from similar_images.storage.access import Access
from similar_images.storage.addresses import FetchError, Limits, ObjectMetadata, name_of
from similar_images.storage.metadata import MetadataCache, NotAskedError

ADDRESSES = [f"https://shop.example/{n}.jpg" for n in range(10)]
NAMES = [name_of(address) for address in ADDRESSES]
BY_NAME = dict(zip(NAMES, ADDRESSES, strict=True))
BUSY = ObjectMetadata(fault="503", retryable=True)
GONE = ObjectMetadata(fault="404")


class FakeAccess(Access):
    """Returns the metadata that it was made with, and counts the requests."""

    def __init__(self, found: dict[str, ObjectMetadata]) -> None:
        super().__init__(Limits((), False, 1, 1, 1))
        self.found = found
        self.asked = 0

    def metadata_of(self, addresses: Iterable[str]) -> list[ObjectMetadata]:
        self.asked += 1
        return [self.found.get(address, ObjectMetadata(5, 1, "v1")) for address in addresses]

    def listed(self, prefix: str) -> Iterator[tuple[str, ObjectMetadata]]:
        if prefix == "s3://gone":
            raise FetchError("there is no such bucket")
        yield from self.found.items()


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    return tmp_path / "looks.json"


def start(
    memory: Path, most_failed: float = 0.2, **found: ObjectMetadata
) -> tuple[dict[str, ObjectMetadata], int]:
    """Ask for metadata as the start of a run does; return it and the number of tries."""
    reported = {
        f"https://shop.example/{name[1:]}.jpg": metadata for name, metadata in found.items()
    }
    seen = MetadataCache(memory, FakeAccess(reported), most_failed, ask_again=True)
    return seen.at(BY_NAME), seen.tries


def test_jobs_take_what_the_start_has_fetched(memory: Path) -> None:
    reported, _ = start(memory, _3=ObjectMetadata(7, 2, "v2"))
    access = FakeAccess({})
    assert MetadataCache(memory, access, 0.2).at(BY_NAME) == reported
    assert reported[NAMES[3]] == ObjectMetadata(7, 2, "v2")
    assert access.asked == 0


def test_a_job_that_finds_nothing_of_the_start_looks_by_itself(memory: Path) -> None:
    access = FakeAccess({})
    assert len(MetadataCache(memory, access, 0.2).at(BY_NAME)) == 10
    assert access.asked == 1


def test_a_bad_hour_of_a_server_takes_nothing_out(memory: Path) -> None:
    before = start(memory)
    assert start(memory, _3=BUSY) == before
    assert start(memory, _3=GONE)[0][NAMES[3]] == GONE


def test_what_was_never_seen_and_cannot_be_asked_is_faulty(memory: Path) -> None:
    assert start(memory, _3=BUSY)[0][NAMES[3]] == BUSY


@pytest.mark.parametrize("metadata", [BUSY, GONE])
def test_too_many_that_fail_stop_before_anything_counts_as_gone(
    memory: Path, metadata: ObjectMetadata
) -> None:
    before = start(memory)
    with pytest.raises(
        UserError, match=rf"3 of 10 photos .*3 of them: {metadata.fault}.*remote\.most"
    ):
        start(memory, _1=metadata, _2=metadata, _3=metadata)
    assert MetadataCache(memory, FakeAccess({}), 0.2).at(BY_NAME) == before[0]
    start(memory, 0.3, _1=metadata, _2=metadata, _3=metadata)


@pytest.mark.parametrize("later", [ObjectMetadata(5, 1, "v1"), BUSY])
def test_a_photo_that_could_not_be_fetched_was_seen_all_the_same(
    memory: Path, later: ObjectMetadata
) -> None:
    before = start(memory)
    MetadataCache(memory, FakeAccess({}), 0.2).failed({NAMES[3]: "the connection broke"})
    assert start(memory, _3=later) == before


def test_too_many_that_cannot_be_fetched_stop_the_run(memory: Path) -> None:
    start(memory)
    with pytest.raises(UserError, match="3 of 10 photos cannot be fetched"):
        MetadataCache(memory, FakeAccess({}), 0.2).failed(dict.fromkeys(NAMES[:3], "broke"))


def test_an_address_whose_metadata_shows_no_change_is_fetched_in_every_run(memory: Path) -> None:
    assert [start(memory, _3=ObjectMetadata(size=5))[1] for _ in range(3)] == [0, 1, 2]


def test_a_damaged_cache_is_made_again(memory: Path) -> None:
    start(memory)
    memory.write_bytes(b"x")
    assert len(start(memory)[0]) == 10


def test_what_a_bucket_lists_is_kept_for_the_jobs(memory: Path) -> None:
    objects = {
        "s3://shop/a/1.jpg": ObjectMetadata(1, 1, "e1"),
        "s3://shop/b/2.jpg": ObjectMetadata(2, 2, "e2"),
    }
    assert (
        MetadataCache(memory, FakeAccess(objects), 0.2, ask_again=True).below("s3://shop")
        == objects
    )
    assert MetadataCache(memory, FakeAccess({}), 0.2).below("s3://shop") == objects


def test_a_bucket_that_cannot_be_listed_is_reported(memory: Path) -> None:
    with pytest.raises(UserError, match="s3://gone: there is no such bucket"):
        MetadataCache(memory, FakeAccess({}), 0.2, ask_again=True).below("s3://gone")


def test_where_nobody_may_be_asked_what_is_known_counts_and_nothing_is_kept(memory: Path) -> None:
    known, _ = start(memory)
    kept = memory.read_bytes()
    access = FakeAccess({ADDRESSES[0]: BUSY})
    assert MetadataCache(memory, access, 0.2, offline=True).at(BY_NAME) == known
    with pytest.raises(NotAskedError):
        MetadataCache(memory, access, 0.2, offline=True).at(
            BY_NAME | {"https://shop.example/new.jpg": "x"}
        )
    assert access.asked == 0
    assert memory.read_bytes() == kept


def test_what_one_bucket_listed_is_not_taken_for_another(memory: Path) -> None:
    access = FakeAccess({"s3://shop/a/1.jpg": ObjectMetadata(1, 1, "e1")})
    with pytest.raises(NotAskedError):
        MetadataCache(memory, access, 0.2, offline=True).below("s3://shop/a")
    known = MetadataCache(memory, access, 0.2, ask_again=True).below("s3://shop/a")
    assert MetadataCache(memory, access, 0.2, offline=True).below("s3://shop/a/") == known
    with pytest.raises(NotAskedError):
        MetadataCache(memory, access, 0.2, offline=True).below("s3://shop/a2")
