"""Access to addresses of the web and of buckets, by their scheme."""

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

        A request takes half a millisecond of Python. So several processes share many addresses, and
        the connections.
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
            FetchError: there are none, there are too many, or the address is not allowed.
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

    # Imported when needed: a run with local photos needs neither.
    @cached_property
    def _web(self) -> "Web":
        from .web import Web

        return Web(self.limits)

    @cached_property
    def _buckets(self) -> "Buckets":
        from .buckets import Buckets

        return Buckets(self.limits)


# For collections of files: no address is allowed.
NO_ACCESS = Access(Limits((), private=False, connections=1, seconds=1, max_bytes=1))
