"""What jobs that share no folder keep in an object store."""

from pathlib import Path

import pytest

from s3_server import Store
from similar_images.core.errors import UserError
from similar_images.core.files import check, write_checked
from similar_images.storage.addresses import Limits
from similar_images.storage.results import MOST_BYTES, StoredResults, check_sent, results_of

ADDRESS = "s3://shop/run/results"
LIMITS = Limits((), False, 16, 30, 1_000)


@pytest.fixture
def job(store: Store, tmp_path: Path) -> StoredResults:
    """The results as a job finds them in a folder of its own; the store is empty."""
    for one in store.client.list_objects_v2(Bucket=store.bucket).get("Contents", ()):
        store.client.delete_object(Bucket=store.bucket, Key=one["Key"])
    return StoredResults(tmp_path / "one", ADDRESS, LIMITS)


@pytest.fixture
def another(job: StoredResults, tmp_path: Path) -> StoredResults:
    """The same, as another job finds them."""
    return StoredResults(tmp_path / "another", ADDRESS, LIMITS)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def files(folder: Path) -> dict[str, str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text() for path in found}


def test_what_one_job_keeps_another_finds(job: StoredResults, another: StoredResults) -> None:
    with job.keeping(job.folder / "new" / "kept", job.folder / "new" / "history.csv"):
        write(job.folder / "new/kept/a b/größe.txt", "deep")
        write(job.folder / "new/kept/.hidden", "seal")
        write(job.folder / "new/history.csv", "when")
        write(job.folder / "new/other", "not asked for")
    another.fetch(another.folder / "new" / "kept", another.folder / "new" / "history.csv")
    assert files(another.folder) == {
        "new/kept/a b/größe.txt": "deep",
        "new/kept/.hidden": "seal",
        "new/history.csv": "when",
    }


def test_nothing_is_shown_of_credentials(
    job: StoredResults, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    job.put(write(job.folder / "kept", "something"))
    assert caplog.text == ""


def test_what_was_never_kept_is_not_there(job: StoredResults) -> None:
    stale = write(job.folder / "new/history.csv", "of another run")
    job.fetch(stale, job.folder / "new" / "kept")
    assert files(job.folder) == {}


def test_a_checksum_goes_with_its_file(job: StoredResults, another: StoredResults) -> None:
    with write_checked(job.folder / "new" / "looks.json") as temporary:
        temporary.write_text("{}")
    job.put(job.folder / "new" / "looks.json")
    another.fetch(another.folder / "new" / "looks.json")
    assert set(files(another.folder)) == {"new/looks.json", "new/.looks.json.sha256"}


def test_a_folder_without_files_has_a_checksum_alone(
    job: StoredResults, another: StoredResults
) -> None:
    with write_checked(job.folder / "backbone") as temporary:
        temporary.mkdir()
    job.put(job.folder / "backbone")
    another.fetch(another.folder / "backbone")
    check(another.folder / "backbone")


def test_only_what_changed_is_taken_to_the_store_and_what_went_goes_there(
    job: StoredResults, another: StoredResults, store: Store
) -> None:
    kept = job.folder / "kept"
    for name in ("same", "changed", "gone"):
        write(kept / name, name)
    job.put(kept)
    kept = another.folder / "kept"
    put = store.requests("PUT /shop/run/results/kept")
    with another.keeping(kept):
        write(kept / "changed", "anew")
        (kept / "gone").unlink()
    assert store.requests("PUT /shop/run/results/kept") == put + 1
    job.fetch(job.folder / "kept")
    assert files(job.folder) == {"kept/same": "same", "kept/changed": "anew"}


def test_nothing_is_kept_of_a_block_that_fails(job: StoredResults, another: StoredResults) -> None:
    kept = job.keeping(job.folder / "kept")
    with pytest.raises(IsADirectoryError), kept:
        write(write(job.folder / "kept", "half").parent, "broken")
    another.fetch(another.folder / "kept")
    assert files(another.folder) == {}


def test_a_store_that_is_not_there_is_reported(tmp_path: Path, store: Store) -> None:
    results = StoredResults(tmp_path, "s3://none/results", LIMITS)
    write(tmp_path / "kept", "something")
    with pytest.raises(UserError, match=r"^s3://none/results: no such bucket"):
        results.put(tmp_path / "kept")


def test_without_a_store_the_folder_is_shared_and_nothing_is_done(tmp_path: Path) -> None:
    kept = write(tmp_path / "kept", "there")
    results = results_of({"results": {"folder": "prefix/results/"}})
    with results.keeping(kept):
        assert kept.exists()
    assert (str(results.folder), results.place) == ("prefix/results", "prefix/results")


def test_results_are_only_in_a_bucket() -> None:
    stored = {"folder": ".snakemake/storage/fs/mnt/run/results", "address": "/mnt/run/results"}
    with pytest.raises(UserError, match=r"--default-storage-prefix /mnt/run/results: .* s3, gs"):
        results_of({"results": stored})


def test_a_file_that_is_not_sent_to_jobs_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    check_sent(write(Path("feed.csv"), "image"))
    outside = write(tmp_path.with_name("outside.csv"), "image")
    with pytest.raises(UserError, match=r"outside\.csv is not below .*Move the file there"):
        check_sent(outside)
    with Path("feed.csv").open("r+b") as stream:
        stream.truncate(MOST_BYTES + 1)
    with pytest.raises(UserError, match=r"feed\.csv has 10,000,001 bytes"):
        check_sent(Path("feed.csv"))
