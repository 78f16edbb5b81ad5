"""The metadata of a collection's addresses: fetched at the start of a run, cached for its jobs."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from ..core.errors import UserError
from ..core.file_formats import read_json_cache
from ..core.files import write_checked
from ..core.wording import counted
from .access import NO_ACCESS, Access
from .addresses import FetchError, ObjectMetadata, name_of, normal_address


class NotAskedError(Exception):
    """Metadata is not in the cache, and no requests are allowed now."""


class MetadataCache:
    """The metadata of the addresses of one collection.

    If a request fails now but may succeed later, the cached metadata counts. So a server that fails
    for a while removes nothing from a catalogue.

    Attributes:
        tries: grows whenever photos must be fetched again because their server reports nothing that
            changes with the bytes.

    Args:
        file: caches them; or None.
        access: sends the requests.
        most_failed: the share of the addresses that may fail.
        ask_again: whether to send requests although there is cached metadata.
        offline: whether no requests are allowed.
    """

    def __init__(
        self,
        file: Path | None,
        access: Access,
        most_failed: float,
        ask_again: bool = False,
        offline: bool = False,
    ) -> None:
        self._file = file
        self._access = access
        self._ask_again = ask_again
        self._offline = offline
        self._most_failed = most_failed
        self.tries = 0

    def at(self, addresses: Mapping[str, str]) -> dict[str, ObjectMetadata]:
        """Return the metadata of each of `addresses` (by name), by name.

        Raises:
            UserError: too many fail.
            NotAskedError: requests would be needed.
        """
        if not addresses:
            return {}
        known = self._read()
        if not self._ask_again and known.keys() >= addresses.keys():
            return {name: known[name] for name in addresses}
        self._check_allowed()
        found = self._access.metadata_of(list(addresses.values()))
        return self._kept(dict(zip(addresses, found, strict=True)), known)

    def below(self, prefix: str) -> dict[str, ObjectMetadata]:
        """Return the metadata of each address below `prefix`, by its name.

        Raises:
            UserError: they cannot be listed.
            NotAskedError: they would have to be listed.
        """
        known = self._read()
        start = normal_address(prefix).rstrip("/") + "/"
        if not self._ask_again and known and all(name.startswith(start) for name in known):
            return known
        self._check_allowed()
        try:
            return self._kept(dict(self._access.listed(prefix)), known)
        except FetchError as error:
            raise UserError(f"{name_of(prefix)}: {error}") from error

    def failed(self, faults: Mapping[str, str]) -> None:
        """Check how many photos could not be fetched; `faults` has the reasons by name.

        Their cached metadata stays, so that they count even if their server stops answering. The
        next run fetches them: see `retries`.

        Raises:
            UserError: they are too many.
        """
        self._check(
            self._read() | {name: ObjectMetadata(fault=fault) for name, fault in faults.items()}
        )

    def _check_allowed(self) -> None:
        if self._offline:
            raise NotAskedError

    def _kept(
        self, found: dict[str, ObjectMetadata], known: Mapping[str, ObjectMetadata]
    ) -> dict[str, ObjectMetadata]:
        self._check(found)
        kept = {name: _best(metadata, known.get(name)) for name, metadata in found.items()}
        self.tries += any(
            name in known and _must_fetch(metadata) for name, metadata in kept.items()
        )
        self._write(kept)
        return kept

    def _check(self, found: Mapping[str, ObjectMetadata]) -> None:
        faults = [metadata.fault for metadata in found.values() if metadata.fault]
        if len(faults) > self._most_failed * len(found):
            (most, count), *_ = Counter(faults).most_common(1)
            raise UserError(
                f"{len(faults):,} of {counted(len(found), 'photo')} cannot be fetched "
                f"({count:,} of them: {most}): a share over remote.most_failed "
                f"({self._most_failed}). Nothing was changed. Check the addresses and "
                "remote.allowed, or run again when the photos can be fetched."
            )

    def _read(self) -> dict[str, ObjectMetadata]:
        if self._file is None:
            return {}
        stored = read_json_cache(self._file, {"tries": self.tries, "looks": {}})
        self.tries = stored["tries"]
        return {name: ObjectMetadata(*metadata) for name, metadata in stored["looks"].items()}

    def _write(self, found: Mapping[str, ObjectMetadata]) -> None:
        if self._file is None:
            return
        # JSON, because the Snakefile reads it, and PyArrow takes long to import.
        with write_checked(self._file) as temporary:
            temporary.write_text(json.dumps({"tries": self.tries, "looks": found}), "utf-8")


def _best(metadata: ObjectMetadata, known: ObjectMetadata | None) -> ObjectMetadata:
    """Return `metadata`, or what was `known` before if the request failed only for now."""
    return known if metadata.retryable and known is not None and known.fault is None else metadata


def _must_fetch(metadata: ObjectMetadata) -> bool:
    """Whether only fetching the photo shows if it has changed."""
    return metadata.fault is None and not metadata.shows_changes


# For collections without addresses.
NO_METADATA = MetadataCache(None, NO_ACCESS, most_failed=1)
