"""From photos to their answers, by the functions with which the workflow makes predictions."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import NamedTuple

import pyarrow as pa

from ..backbones.engines import Engine
from ..classification import nearest, predictions
from ..classification.nearest import PICTURES
from ..classification.predictions import Known
from ..core.tables import Row
from ..core.timing import Timing
from ..duplicates import query_duplicates, registration
from ..duplicates.query_duplicates import QueryDuplicate
from ..duplicates.registration import Likeness, Pair
from ..features import sharded_features, shards, store
from ..features.extraction import extract, preprocessor
from ..features.shards import Shard
from ..search import neighbours
from . import answer
from .answer import Answer, Neighbour
from .asked_photos import AskedPhoto, WithAsked
from .searching import Learned, Search, compared
from .snapshot import Snapshot


class Listing(NamedTuple):
    """Which neighbours an answer lists.

    Attributes:
        number: how many.
        label: of which class, or None for all.
    """

    number: int
    label: str | None


class Copies(NamedTuple):
    """What is known of copies of the photos.

    Attributes:
        found: by the content of the photo.
        unchecked: by the content of the photo, images of the catalogue that could not be read.
    """

    found: dict[str, QueryDuplicate]
    unchecked: dict[str, list[str]]


@dataclass(frozen=True)
class Answering:
    """Makes answers from the results of one run.

    Attributes:
        current: the results.
        searching: held during a search, which sets the number of threads of libraries for all of
            this process.
    """

    current: Snapshot
    searching: AbstractContextManager[object]

    def answers(
        self, photos: Sequence[AskedPhoto], engine: Engine, listing: Listing
    ) -> list[Answer]:
        """Return the answer to each of `photos`; those of equal bytes are asked once."""
        data = {photo.content_id: photo.data for photo in photos if photo.content_id is not None}
        shard = self._extract(data, engine)
        found = self._answered(shards.without_faults(shard), data, listing)
        reasons = shards.reasons(shard, self.current.description.max_pixels)
        for content_id, reason in zip(shard.content_ids, reasons, strict=True):
            if reason is not None:
                found[content_id] = Answer(content_id, content_id, error=reason)
        return [
            Answer(photo.name, None, error=photo.error)
            if photo.content_id is None
            else replace(found[photo.content_id], image=photo.name)
            for photo in photos
        ]

    def similar_to(self, row: int, listing: Listing) -> list[Neighbour]:
        """Return the images most similar to that in a row of `Snapshot.images`, without itself.

        Raises:
            DamagedFileError, UserError: its features cannot be read.
        """
        image, shard = self.current.images["image"][row].as_py(), self._shard_of(row)
        own = {shard.content_ids[0]: {image}}
        count = self._count(listing)
        return self._listed(self._nearest(shard, own, count, listing.label), listing.number)[0]

    def _extract(self, data: Mapping[str, bytes], engine: Engine) -> Shard:
        made_by = self.current.model
        return extract(
            {content_id: [b""] for content_id in data},
            preprocessor(made_by, self.current.description.max_pixels),
            engine,
            dimension=made_by.features,
            channels=made_by.levels,
            fingerprint=made_by.fingerprint,
            threads=self.current.description.threads,
            timing=Timing(),
            progress=lambda done: None,
            photos=WithAsked(data, self.current.photos),
        )

    def _shard_of(self, row: int) -> Shard:
        """Return the features of the image in a row of `Snapshot.images`."""
        current = self.current
        content_id, name = (
            str(current.images[column][row].as_py()) for column in ("content_id", "shard")
        )
        folder = store.folder(current.results, current.model.backbone, current.model.fingerprint)
        shard = shards.read(folder / f"{name}.parquet")
        return shards.part(shard, [shard.content_ids.index(content_id)])

    def _answered(
        self, shard: Shard, data: Mapping[str, bytes], listing: Listing
    ) -> dict[str, Answer]:
        """Return the answers to the photos in a shard, by content."""
        if not shard.content_ids:
            return {}
        current, voting = self.current, self.current.description.neighbours
        own = {content_id: current.own.get(content_id, set()) for content_id in shard.content_ids}
        found = self._nearest(shard, own, max(voting, self._count(listing)))
        copies = self._copies(shard, own, found, data)
        notes = zip(shard.content_ids, shard.notes, strict=True)
        predicted = predictions.predict(
            neighbours.first(found, voting),
            [],
            copies.found,
            {content_id: Known(None, None, note) for content_id, note in notes},
            current.classifier,
            current.product_of,
        )
        votes: defaultdict[str, list[Row]] = defaultdict(list)
        for vote in predicted.votes:
            votes[str(vote["image"])].append(vote)
        if listing.label is not None:
            found = self._nearest(shard, own, self._count(listing), listing.label)
        listed = self._listed(found, listing.number)
        return {
            str(row["image"]): answer.of_row(
                row,
                votes[str(row["image"])],
                near,
                own[str(row["image"])],
                copies.unchecked[str(row["image"])],
            )
            for row, near in zip(predicted.rows, listed, strict=True)
        }

    def _count(self, listing: Listing) -> int:
        """Return how many neighbours to search for, so that enough products are among them."""
        return listing.number * (PICTURES if self.current.product_of else 1)

    def _nearest(
        self, shard: Shard, own: Mapping[str, set[str]], count: int, label: str | None = None
    ) -> pa.Table:
        """Return the neighbours of the photos in a shard, without `own`, see `neighbours.TABLE`."""
        return self._found(self.current.search, self.current.learned, shard, own, count, label)

    def _found(
        self,
        search: Search,
        learned: Learned | None,
        shard: Shard,
        own: Mapping[str, set[str]],
        count: int,
        label: str | None = None,
    ) -> pa.Table:
        model = self.current.model
        with self.searching:
            photos = compared(shard, model.backbone, model.levels, learned)
            found = search(photos, count + max(map(len, own.values())), label)
        return neighbours.without_own(found, own, count)

    def _copies(
        self,
        shard: Shard,
        own: Mapping[str, set[str]],
        found: pa.Table,
        data: Mapping[str, bytes],
    ) -> Copies:
        """Return which of the photos in a shard are in the catalogue.

        Candidates are the nearest by plain cosine, as in the rule `search`.
        """
        current, number = self.current, neighbours.CANDIDATES
        candidates = neighbours.first(found, number)
        if current.learned:
            candidates = self._found(current.cosine_search, None, shard, own, number)
        unread: set[Pair] = set()

        def compare(pairs: Collection[Pair], files: Mapping[str, bytes]) -> Mapping[Pair, Likeness]:
            photos = WithAsked(data, current.photos)
            known = registration.compare_pairs(
                sorted(pairs), files, self.current.description.threads, lambda done: None, photos
            )
            unread.update(pairs - known.keys())
            return known

        ids = shard.content_ids
        queries = sharded_features.TABLE.from_rows(
            [{"image": id_, "content_id": id_, "file": b""} for id_ in ids]
        )
        copies = query_duplicates.find(candidates, queries, current.images, compare)
        unchecked = defaultdict(list)
        for query in candidates.to_pylist():
            for image in query["similar"]:
                if (query["image"], current.content_id_of(image)) in unread:
                    unchecked[query["image"]].append(image)
        return Copies({copy.image: copy for copy in copies}, unchecked)

    def _listed(self, found: pa.Table, number: int) -> list[list[Neighbour]]:
        """Return the first neighbours of each photo, of each product one."""
        current = self.current
        return [
            [
                Neighbour(near.image, near.label, round(near.similarity, 6), content_id)
                for near in nearest.products(nearest.images(query), current.product_of)[:number]
                for content_id in [current.content_id_of(near.image)]
            ]
            for query in found.to_pylist()
        ]
