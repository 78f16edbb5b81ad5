"""The catalogue, as programs ask it: what a photo shows, and what is most like it."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from threading import RLock

import pyarrow.compute as pc

from ..backbones import engines
from ..backbones.engines import Engine
from ..core.errors import DamagedFileError, InputError, UserError
from ..core.names import similar
from ..core.wording import first_of
from ..images import thumbnails
from . import asked_photos, snapshot
from .answer import Answer, Neighbour
from .answering import Answering, Listing
from .asked_photos import AskedPhoto, Photo
from .description import BACKBONE, DESCRIPTION, MODEL, Description, check_file
from .snapshot import Snapshot

# Photos in memory at once.
BATCH = 32
BATCH_BYTES = 200_000_000
# The most neighbours that can be listed.
MOST_NEIGHBOURS = 1_000


class UnknownImageError(UserError):
    """The catalogue has no image of a name that somebody gave."""


class Catalogue:
    """Answers questions about photos from the results of the last run. Threads may share it.

    The answers are those in predictions.csv. The network is loaded with the first photo. If a run
    has renewed the results, the next question uses the new ones.
    """

    def __init__(self, results: Path) -> None:
        """See `open`, which also reads the results."""
        self._results = results
        # Held while results or the network are read, and during a search, which sets the number
        # of threads of a library for all of this process.
        self._lock = RLock()
        self._state: list[tuple[int, ...]] = []
        self._snapshot: Snapshot | None = None
        self._own_files: list[Path] = []
        self._engine: tuple[str, Engine] | None = None

    @classmethod
    def open(cls, results: str | os.PathLike[str] = "results") -> "Catalogue":
        """Open the results of the last run.

        Args:
            results: their folder.

        Raises:
            UserError: the results are not complete, are damaged, or of another version. The
                message says what to do.
        """
        catalogue = cls(Path(results))
        catalogue._current()
        return catalogue

    def ask(
        self,
        photo: Photo,
        neighbours: int = 10,
        *,
        name: str | None = None,
        label: str | None = None,
    ) -> Answer:
        """Return what `photo` shows, and what is most like it.

        Args:
            photo: a path, the bytes of a file, a binary file, or an image of PIL. An image of PIL
                may be decoded otherwise than its file, and its similarities may then differ.
            neighbours: how many to list. The number that votes is that of the run.
            name: of the photo in the answer.
            label: the class whose neighbours are listed, or None for all. All vote in any case.

        Raises:
            InputError: the catalogue has no class `label`.
            UserError: the photo cannot be read, or as `open`.
            ValueError: `neighbours` is not allowed.
        """
        (found,) = self.ask_many([photo], neighbours, names=[name], label=label)
        if found.error:
            raise UserError(f"{found.image}: {found.error}. Ask about another photo.")
        return found

    def ask_many(
        self,
        photos: Iterable[Photo],
        neighbours: int = 10,
        *,
        names: Iterable[str | None] | None = None,
        label: str | None = None,
    ) -> list[Answer]:
        """Return the answer to each photo, as `ask`. If one cannot be read, its `error` says why.

        Raises:
            InputError, ValueError: as `ask`.
            UserError: as `open`.
        """
        listing = self._listing(neighbours, label)
        named = zip(photos, repeat(None)) if names is None else zip(photos, names, strict=True)
        asked = (asked_photos.read(photo, name) for photo, name in named)
        found: list[Answer] = []
        for batch in _batches(asked):
            current = self._current()
            answering = Answering(current, self._lock)
            found += answering.answers(batch, self._engine_of(current), listing)
        return found

    def similar_to(
        self, member: str, neighbours: int = 10, *, label: str | None = None
    ) -> list[Neighbour]:
        """Return the images of the catalogue that are most similar to one of them.

        Args:
            member: its path in the catalogue.
            neighbours: how many.
            label: the class among whose images is searched, or None for all.

        Raises:
            UnknownImageError: there is no such image.
            InputError, ValueError: as `ask`.
            UserError: as `open`.
        """
        listing, current = self._listing(neighbours, label), self._current()
        row = current.row_of(member)
        if row is None:
            raise UnknownImageError(
                f"{member}: the catalogue has no such image. Name one of those in "
                f"{current.results / 'catalogue' / 'members.csv'}."
            )
        with _explained():
            return Answering(current, self._lock).similar_to(row, listing)

    def picture(self, content_id: str, side: int = 320) -> bytes | None:
        """Return a small JPEG of an image of the catalogue, or None if it cannot be read.

        Args:
            content_id: of the image.
            side: the longest, in pixels.
        """
        current = self._current()
        row = pc.index(current.images["content_id"], content_id).as_py()
        if row < 0:
            return None
        file = current.images["file"][row].as_py()
        return thumbnails.jpeg(content_id, file, current.photos, side)

    @property
    def description(self) -> Description:
        """What the last run wrote, and with which settings."""
        return self._current().description

    @property
    def project(self) -> Path:
        """The folder that the paths in the settings are relative to."""
        return self._current().project

    @property
    def classes(self) -> list[str]:
        """The classes of the catalogue, sorted."""
        return sorted(pc.unique(self._current().images["label"]).to_pylist())

    def __len__(self) -> int:
        return len(self._current().images)

    def _listing(self, neighbours: int, label: str | None) -> Listing:
        if not 1 <= neighbours <= MOST_NEIGHBOURS:
            raise ValueError(
                f"neighbours is {neighbours}, and must be from 1 to {MOST_NEIGHBOURS:,}"
            )
        if label is not None and label not in self.classes:
            close = similar(label, self.classes)
            hint = f"Did you mean {close}?" if close else f"Classes: {first_of(self.classes, 10)}."
            raise InputError(f"The catalogue has no class {label[:60]}. {hint}")
        return Listing(neighbours, label)

    def _current(self) -> Snapshot:
        """Return the results of the last run, read again if it has renewed them."""
        path = self._results / DESCRIPTION
        with self._lock:
            state = [_state(path), *map(_state, self._own_files)]
            # Without a description, a run is about to write it.
            if self._snapshot is None or (state[0] and state != self._state):
                with _explained():
                    self._snapshot = snapshot.read(self._results)
                self._own_files = snapshot.own_files(self._results, self._snapshot.description)
                self._state = [state[0], *map(_state, self._own_files)]
            return self._snapshot

    def _engine_of(self, current: Snapshot) -> Engine:
        """Return the network of the results, loaded when it is first needed.

        Raises:
            UserError: it is missing or damaged, or a run has replaced it.
        """
        made = current.description.files[str(MODEL)]
        with self._lock:
            if self._engine is None or self._engine[0] != made:
                with _explained():
                    engine = _load_engine(current)
                # A run may have replaced the network meanwhile.
                check_file(current.results, MODEL, made)
                self._engine = made, engine
            return self._engine[1]


def _load_engine(current: Snapshot) -> Engine:
    folder = current.results / BACKBONE
    if not folder.is_dir():
        raise UserError(f"{folder} is missing. Run snakemake --cores 8 again.")
    return engines.load_model(current.model, folder, current.description.threads)


@contextmanager
def _explained() -> Iterator[None]:
    """Say what to do about a damaged file. A job would remove it; a question changes nothing."""
    try:
        yield
    except DamagedFileError as error:
        raise UserError(f"{error}. Delete it, and run snakemake --cores 8 again.") from error


def _batches(photos: Iterable[AskedPhoto]) -> Iterator[list[AskedPhoto]]:
    """Yield `photos` in parts that fit into memory."""
    batch: list[AskedPhoto] = []
    for photo in photos:
        batch.append(photo)
        if len(batch) == BATCH or sum(len(one.data) for one in batch) >= BATCH_BYTES:
            yield batch
            batch = []
    if batch:
        yield batch


def _state(path: Path) -> tuple[int, ...]:
    """Return what changes if a run writes the file `path` again; nothing where it is missing."""
    if not path.exists():
        return ()
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns
