"""The listing of a collection that is kept between runs, and what has changed since the last one.

It says when each content was first listed. The file is not an output of a rule, because Snakemake
deletes those before the rule runs.
"""

import logging
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..core.errors import DamagedFileError, UserError
from ..core.files import replacing
from ..core.tables import Column, CsvTable, ParquetTable
from ..core.wording import counted, first_of
from .columns import ADDED, CONTENT_ID, IMAGE, LABEL

logger = logging.getLogger(__name__)

NAME, CHANGES_NAME = "listing.parquet", "listing_changes.csv"
TABLE = ParquetTable(f"results/<collection>/{NAME}", IMAGE, LABEL, CONTENT_ID, ADDED)
CHANGES = CsvTable(
    f"results/<collection>/{CHANGES_NAME}",
    Column("change", str, "`added`, `removed`, `moved`, `relabelled` or `changed`"),
    Column("image", str, "path, empty if removed"),
    LABEL,
    Column("image_before", str, "former path, empty if added"),
    Column("label_before", str, "former class"),
)
# So many files or classes are named in a sentence.
NAMED = 3


class Photo(NamedTuple):
    """A photo in a listing."""

    image: str
    label: str | None
    content_id: str


class Change(NamedTuple):
    """A row of `CHANGES`, with None for what is empty."""

    change: str
    image: str | None
    label: str | None
    image_before: str | None
    label_before: str | None


def read(path: Path) -> pa.Table | None:
    """Return the listing at `path`; None if there is none, or if it is damaged."""
    if not path.exists():
        return None
    try:
        return TABLE.read(path)
    except DamagedFileError as error:
        logger.warning("%s: all photos count as added now", error)
    except UserError as error:
        logger.warning("%s. All photos count as added now", error)
    return None


def write(path: Path, table: pa.Table) -> None:
    """Write a listing.

    Its checksums are inside: with a file for them, a job that is killed between the two would lose
    all times.
    """
    TABLE.check(table.schema)
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", write_page_checksum=True)


def dated(manifest: pa.Table, former: pa.Table | None, now: datetime) -> pa.Table:
    """Return a manifest with the times at which its contents were first listed.

    Args:
        manifest: see `manifest.build`.
        former: the listing of the last run, if any.
        now: of this run, in UTC.
    """
    ids = manifest["content_id"]
    added = pc.if_else(pc.is_valid(ids), now.strftime("%Y-%m-%dT%H:%M:%SZ"), None)
    if former is not None:
        row = pc.index_in(ids, former["content_id"], skip_nulls=True)
        added = pc.coalesce(former["added"].take(row), added)
    return manifest.set_column(manifest.schema.get_field_index("added"), "added", added)


def of(manifest: pa.Table, former: pa.Table | None) -> pa.Table:
    """Return the listing of a dated manifest.

    What is there but cannot be read now, a photo or all of a folder, stays as it was in the
    `former` listing.
    """
    readable = pc.is_valid(manifest["content_id"])
    found = manifest.filter(readable).select(TABLE.names)
    if former is None:
        return found
    unread = set(manifest["image"].filter(pc.invert(readable)).to_pylist())
    if not unread:
        return found
    there = set(found["image"].to_pylist())
    kept = [
        image not in there and not unread.isdisjoint(_path_and_folders(image))
        for image in former["image"].to_pylist()
    ]
    return pa.concat_tables([found, former.filter(pa.array(kept, pa.bool_()))]).sort_by("image")


def changes(former: pa.Table | None, now: pa.Table) -> list[Change]:
    """Return how the listing `now` differs from the `former` one; nothing without that.

    Each photo of both is in at most one change. Where there are several of the same bytes, as few
    as possible count as moved, and rather within their class than into another.
    """
    if former is None:
        return []
    gone, new = _without_equals(former, now), _without_equals(now, former)
    found = list(_relabelled_in_place(gone, new))
    left, came = _by_content(gone), _by_content(new)
    for content_id in left.keys() & came.keys():
        for before, after in _pairs(left[content_id], came[content_id]):
            found.append(_change(gone.pop(before.image), new.pop(after.image), same_content=True))
    found += [_change(gone.get(image), new.get(image)) for image in gone.keys() | new.keys()]
    return sorted(found, key=lambda one: (one.change, one.image or one.image_before or ""))


def in_words(found: Sequence[Mapping[str, str]], classes: Iterable[str]) -> str:
    """Return what has changed in a few words, "" if nothing has.

    Args:
        found: the rows of `CHANGES`.
        classes: those that the collection still has.
    """
    rows = defaultdict(list)
    for row in found:
        rows[row["change"]].append(row)
    counts = [
        (len(rows["added"]), "added"),
        (
            len(rows["removed"]),
            f"removed ({_named(row['image_before'] for row in rows['removed'])})",
        ),
        (len(rows["changed"]), f"changed ({_named(row['image'] for row in rows['changed'])})"),
        (len(rows["moved"]), "renamed"),
        *_between_classes(rows["relabelled"]),
    ]
    parts = [(number, what) for number, what in counts if number]
    if not parts:
        return ""
    number, what = parts[0]
    words = [f"{counted(number, 'photo')} {what}", *(f"{n:,} {what}" for n, what in parts[1:])]
    vanished = {row["label_before"] for row in found if row["label_before"]}.difference(classes)
    gone = f"; no photo is left in {_named(sorted(vanished))}" if vanished else ""
    return ", ".join(words) + gone


def _path_and_folders(image: str) -> Iterator[str]:
    """Yield the path of an image and those of the folders that it is in."""
    parts = image.split("/")
    return ("/".join(parts[:count]) for count in range(len(parts), 0, -1))


def _without_equals(table: pa.Table, other: pa.Table) -> dict[str, Photo]:
    """Return the photos of `table` that are not the same in `other`, by path."""
    row = pc.index_in(table["image"], other["image"])
    same = pc.equal(table["content_id"], other["content_id"].take(row))
    labels = (pc.coalesce(one, "") for one in (table["label"], other["label"].take(row)))
    same = pc.fill_null(pc.and_(same, pc.equal(*labels)), False)
    rows = table.filter(pc.invert(same)).select(Photo._fields).to_pylist()
    return {row["image"]: Photo(**row) for row in rows}


def _relabelled_in_place(gone: dict[str, Photo], new: dict[str, Photo]) -> Iterator[Change]:
    """Yield the photos of a list that have another label now, and take them out of both."""
    for image in gone.keys() & new.keys():
        if gone[image].content_id == new[image].content_id:
            yield _change(gone.pop(image), new.pop(image), same_content=True)


def _by_content(photos: Mapping[str, Photo]) -> dict[str, list[Photo]]:
    found = defaultdict(list)
    for _, photo in sorted(photos.items()):
        found[photo.content_id].append(photo)
    return found


def _pairs(left: Sequence[Photo], came: Sequence[Photo]) -> list[tuple[Photo, Photo]]:
    """Return which photo of one content became which other, rather of the same class."""
    waiting: dict[str | None, deque[Photo]] = defaultdict(deque)
    for photo in came:
        waiting[photo.label].append(photo)
    pairs, others = [], []
    for photo in left:
        if same_class := waiting[photo.label]:
            pairs.append((photo, same_class.popleft()))
        else:
            others.append(photo)
    return pairs + list(zip(others, chain(*waiting.values()), strict=False))


def _change(before: Photo | None, now: Photo | None, *, same_content: bool = False) -> Change:
    if before is None or now is None:
        kind = "added" if before is None else "removed"
    elif same_content:
        kind = "moved" if before.label == now.label else "relabelled"
    else:
        kind = "changed"
    return Change(
        kind,
        now and now.image,
        now and now.label,
        before and before.image,
        before and before.label,
    )


def _between_classes(rows: Sequence[Mapping[str, str]]) -> Iterator[tuple[int, str]]:
    """Yield how many photos went from which class to which, the most frequent first."""
    pairs = Counter((row["label_before"], row["label"]) for row in rows).most_common()
    for (before, now), number in pairs[:NAMED]:
        yield number, f"moved from {before or 'no class'} to {now or 'no class'}"
    yield sum(number for _, number in pairs[NAMED:]), "moved between other classes"


def _named(names: Iterable[str]) -> str:
    """Return the first of `names`; "and 1 more" would be as long as the name."""
    names = list(names)
    return first_of(names, NAMED if len(names) <= NAMED else NAMED - 1)
