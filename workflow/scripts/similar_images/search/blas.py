"""The threads of NumPy's matrix products."""

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager[Any]:
    """Let products use one thread in the block, in all of this process."""
    limit: AbstractContextManager[Any] = _controller().limit(limits=1)
    return limit


def threads() -> int:
    """Return how many threads products use."""
    return max((library.num_threads for library in _controller().lib_controllers), default=1)


@cache
def _controller() -> Any:
    """Return what sets the threads; looking for it takes milliseconds."""
    return ThreadpoolController().select(user_api="blas")
