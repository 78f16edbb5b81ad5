"""A safe reader of pickles: it builds plain values and nothing else.

It is based on the standard library's reader in Python. The one in C allocates as much memory as a
pickle asks for, and its opcodes cannot be restricted.
"""

import pickle
from collections.abc import Callable, Mapping
from io import SEEK_END
from typing import Any, BinaryIO, ClassVar

# The opcodes in pickles of plain values, NumPy arrays and PyTorch tensors.
_OPCODES = (
    *(pickle.PROTO, pickle.FRAME, pickle.STOP, pickle.MARK),
    *(pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE),
    *(pickle.BININT, pickle.BININT1, pickle.BININT2, pickle.LONG1),
    *(pickle.BINUNICODE, pickle.SHORT_BINUNICODE, pickle.BINUNICODE8, pickle.BYTEARRAY8),
    *(pickle.EMPTY_LIST, pickle.APPEND, pickle.APPENDS),
    *(pickle.EMPTY_TUPLE, pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3),
    *(pickle.EMPTY_DICT, pickle.SETITEM, pickle.SETITEMS),
    *(pickle.MEMOIZE, pickle.BINPUT, pickle.LONG_BINPUT, pickle.BINGET, pickle.LONG_BINGET),
    *(pickle.GLOBAL, pickle.STACK_GLOBAL, pickle.REDUCE, pickle.BUILD, pickle.BINPERSID),
)

_BLOCK = 1024 * 1024


class _Bounded:
    """A stream that never allocates more bytes than it has."""

    def __init__(self, stream: BinaryIO, most: int) -> None:
        self._stream = stream
        self._most = most
        self.readline = stream.readline

    def read(self, size: int) -> bytes:
        return self._stream.read(min(size, self._most))


class PlainUnpickler(pickle._Unpickler):
    """Reads plain values, and calls a replacement for each function that a pickle names.

    A replacement gets the pickle's arguments, which may be any plain values. An object's state is
    passed to its method `restore`.

    Args:
        stream: the pickle, and maybe more behind it.
        replacements: the replacements by module and name; no other names are allowed.

    Raises:
        Exception: by `load`, of any kind, when the pickle is damaged or holds anything else.
    """

    # What the standard library's reader works with.
    stack: list[Any]
    append: Callable[[Any], None]
    pop_mark: Callable[[], list[Any]]
    read: Callable[[int], bytes]

    def __init__(
        self, stream: BinaryIO, replacements: Mapping[tuple[str, str], Callable[..., Any]]
    ) -> None:
        here = stream.tell()
        self._most = stream.seek(0, SEEK_END)
        stream.seek(here)
        super().__init__(_Bounded(stream, self._most))
        self._replacements = replacements

    def find_class(self, module: str, name: str, /) -> Any:
        """Return the replacement for a name."""
        if (module, name) not in self._replacements:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return self._replacements[module, name]

    def _load_bytearray8(self) -> None:
        size = int.from_bytes(self.read(8), "little")
        if size > self._most:
            raise pickle.UnpicklingError("it is cut short")
        data = bytearray(size)
        for start in range(0, size, _BLOCK):  # avoids a second copy in memory
            block = self.read(min(_BLOCK, size - start))
            data[start : start + len(block)] = block
        self.append(data)

    def _load_setitem(self) -> None:
        self._set(self.stack[-2:], 2)

    def _load_setitems(self) -> None:
        items = self.pop_mark()
        self._set(items, 0)

    def _set(self, items: list[Any], above: int) -> None:
        """Put `items`, alternating keys and values, into the dictionary below the top `above`."""
        # Hashing nested tuples can take extremely long.
        if not all(type(key) is str for key in items[::2]):
            raise pickle.UnpicklingError("it holds a key that is not text")
        del self.stack[len(self.stack) - above :]
        self.stack[-1].update(zip(items[::2], items[1::2], strict=True))

    def _load_build(self) -> None:
        state = self.stack.pop()
        self.stack[-1].restore(state)  # no attribute is set

    class _Dispatch(dict[int, Callable[..., None]]):
        def __missing__(self, code: int) -> None:
            raise pickle.UnpicklingError(f"it holds the opcode {code:#x}")

    dispatch: ClassVar[dict[int, Callable[..., None]]] = _Dispatch(
        {code[0]: pickle._Unpickler.dispatch[code[0]] for code in _OPCODES}
        | {
            pickle.BYTEARRAY8[0]: _load_bytearray8,
            pickle.SETITEM[0]: _load_setitem,
            pickle.SETITEMS[0]: _load_setitems,
            pickle.BUILD[0]: _load_build,
        }
    )
