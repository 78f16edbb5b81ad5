"""Connections that end if their client keeps them open without a request."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

# Twice this is the longest time that the first lines of a request may take.
SECONDS = 10.0


class Connection(H11Protocol):
    """A connection that is looked at from time to time.

    It ends if it was without a request at the last two looks. Uvicorn itself would wait for ever
    for the first request, or for the end of its headers.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self._look_later()

    def _look_later(self) -> None:
        last = self.cycle if self._waits() else None
        self.loop.call_later(SECONDS, self._look, self._waits(), last)

    def _look(self, waited: bool, last: object) -> None:
        if self.transport.is_closing():
            return
        if waited and self._waits() and self.cycle is last:
            self.transport.close()
        else:
            self._look_later()

    def _waits(self) -> bool:
        return self.cycle is None or self.cycle.response_complete
