"""Access to addresses of every kind: each is asked by what knows its scheme."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from ..core.prefetch import prefetch
from ..core.processes import forked, processes
from .addresses import WEB, Limits, ObjectMetadata, scheme_of

if TYPE_CHECKING:
    from .buckets import Buckets
    from .web import Web

# With fewer addresses another process takes longer to start than it saves.
MANY = 1000


class Access:
    """Asks for the metadata and the bytes at addresses, within `limits`, on many threads."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits

    def metadata_of(self, addresses: Sequence[str]) -> list[ObjectMetadata]:
        """Return the metadata of each of `addresses`.

        To ask and to read an answer takes half a millisecond of Python, so that of many addresses
        several processes take a part each, and of the connections as well.
        """
        count = min(processes(), self.limits.connections, len(addresses) // MANY)
        if count < 2:
            return self._ask_all(addresses)
        size = -(-len(addresses) // count)
        parts = [addresses[start : start + size] for start in range(0, len(addresses), size)]
        share = Access(replace(self.limits, connections=self.limits.connections // count))
        with forked(count) as pool:
            return list(chain.from_iterable(pool.map(share._ask_all, parts)))

    def listed(self, prefix: str) -> Iterator[tuple[str, ObjectMetadata]]:
        """Yield the address of each object below `prefix`, and its metadata, sorted.

        Raises:
            FetchError: they cannot be listed.
        """
        yield from self._buckets.listed(prefix)

    def fetch(self, address: str) -> bytes:
        """Return the bytes at `address`.

        Raises:
            FetchError: there are none, they are too many, or they may not be asked for.
        """
        return self._store(address).fetch(address)

    def _ask_all(self, addresses: Sequence[str]) -> list[ObjectMetadata]:
        threads = self.limits.connections
        with ThreadPoolExecutor(threads) as pool:
            return list(prefetch(pool, self._ask, addresses, 4 * threads))

    def _ask(self, address: str) -> ObjectMetadata:
        return self._store(address).metadata_of(address)

    def _store(self, address: str) -> "Web | Buckets":
        return self._web if scheme_of(address) in WEB else self._buckets

    # Both load packages that a run with photos on its own disk does without.
    @cached_property
    def _web(self) -> "Web":
        from .web import Web

        return Web(self.limits)

    @cached_property
    def _buckets(self) -> "Buckets":
        from .buckets import Buckets

        return Buckets(self.limits)


# For photos that are all files: it asks no address.
NO_ACCESS = Access(Limits((), private=False, connections=1, seconds=1, max_bytes=1))
