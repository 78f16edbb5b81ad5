"""Adding decisions to a file, while others may read it or add to it.

The file is replaced as a whole, and only after the new one is on the disk. So at any time there is
either the file before or the one after, also if this process is killed.
"""

import fcntl
import os
import re
import shutil
import stat
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from pathlib import Path

from ..core import workbooks
from ..core.errors import ConflictError, InputError, UserError, reason
from ..core.file_formats import csv_text
from ..core.files import sync
from . import decisions
from .decisions import TABLE, Decision

SECONDS_TO_WAIT = 10.0
_SECONDS_BETWEEN_TRIES = 0.02
_LINE_END = re.compile(r"\r\n|\r|\n")
# What text in UTF-8 cannot hold, or the reader of decisions refuses.
_UNWRITABLE = re.compile("[\0\ud800-\udfff]")


def append(path: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """Add decisions to a decisions.csv, which is made if it is not there.

    All that the file has stays byte by byte; the new rows are in its dialect. They count: one that
    is not later than the others on its subject gets a later time. What the file has already, as
    when somebody sends it again, is not added.

    Args:
        path: of the file. A link stays one.
        rows: of `decisions.TABLE`.

    Raises:
        InputError: a row is faulty.
        ConflictError: the file must be corrected first.
        UserError: it cannot be saved now. In all three cases the file is as it was.
    """
    new = list(rows)
    _check(new)
    file = Path(os.path.realpath(path))
    try:
        with _locked(file, path):
            before = _content(file, path)
            known = decisions.parsed(path, before) if before else []
            added = _later(known, new)
            if added:
                after = before + _lines(before, added)
                _check_size(after, path)
                _replace(file, after)
    except OSError as error:
        raise UserError(
            f"{path} cannot be saved: {reason(error)}. Nothing in it is lost. Check the space on "
            "the disk and who may write in the folder, and save again."
        ) from error


def _check(rows: Sequence[Mapping[str, str]]) -> None:
    """Check that the reader of decisions will take these rows.

    Raises:
        InputError: it will not. The first faults are listed.
    """
    faulty = [
        f"decision {number}: {fault}"
        for number, row in enumerate(rows, 1)
        for fault in _faults(row)
    ]
    if faulty:
        raise InputError(
            f"None of these decisions was saved:\n{decisions.listed(faulty)}\nCorrect them, and "
            "save them again."
        )


def _faults(row: Mapping[str, object]) -> list[str]:
    """Return what is wrong with a row that may have any columns and values."""
    allowed = ", ".join(TABLE.names)
    unknown = [name for name in row if name not in TABLE.names]
    faulty = [f"{decisions.shown(name)} is no column; allowed: {allowed}" for name in unknown]
    cells: dict[str, str] = {}
    for name in TABLE.names:
        value = row.get(name)
        if not isinstance(value, str):
            faulty.append(f"no text for {name}; allowed: a text, which may be empty")
        elif _UNWRITABLE.search(value):
            faulty.append(f"{name} {decisions.shown(value)}; allowed: text that UTF-8 can hold")
        else:
            cells[name] = value
    return faulty or [fault for _, fault in decisions.faults(cells)] or _fault_of_time(cells)


def _fault_of_time(row: Mapping[str, str]) -> list[str]:
    """Return that a time is not yet: until then, no later decision on the photo would count."""
    latest = datetime.now(UTC) + timedelta(days=1)  # clocks differ
    if datetime.fromisoformat(row["when"]) <= latest:
        return []
    return [f"when {row['when']}; allowed: at most a day from now. Check this machine's clock"]


@contextmanager
def _locked(file: Path, path: Path) -> Iterator[None]:
    """Keep other processes and threads from adding to `file` until the block ends.

    The lock is on a file beside it, which stays: if it were removed, another process could hold the
    lock on the removed file.

    Raises:
        UserError: another holds it for long.
        OSError: it cannot be made.
    """
    with open(file.with_name(f".{file.name}.lock"), "ab") as lock:
        last = time.monotonic() + SECONDS_TO_WAIT
        while not _lock(lock.fileno()):
            if time.monotonic() > last:
                raise UserError(
                    f"{path} cannot be saved: another program has been writing to it for "
                    f"{SECONDS_TO_WAIT:.0f} seconds. Wait until it ends, and save again."
                )
            time.sleep(_SECONDS_BETWEEN_TRIES)
        yield


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _content(file: Path, path: Path) -> bytes:
    """Return the bytes of `file`, to which `path` leads; none if there is no file.

    Raises:
        ConflictError: it cannot be read or written, or is a workbook.
        OSError: the system does not say.
    """
    if not os.path.lexists(file):
        return b""
    content = decisions.content(path)
    # Replacing a file needs no permission to write it.
    if not file.stat().st_mode & stat.S_IWUSR or not os.access(file, os.W_OK):
        raise ConflictError(
            f"{path} is read-only. Allow writing (chmod u+w {path.name}), and save again."
        )
    if workbooks.looks_like_workbook(content[:4]):
        raise ConflictError(
            f"{path} is a workbook; decisions can be added only to a CSV file. Name one, too: "
            f"decisions: [decisions.csv, {path.with_suffix('.xlsx').name}]."
        )
    return content


def _later(known: Sequence[Decision], rows: Iterable[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """Return `rows` without those that are known, in the order of their times.

    The time of one that would not count, or that would contradict another, is made later.

    Raises:
        ConflictError: there is no later time.
    """
    everything = {*known}
    verdicts = {one.moment: one.verdict for one in known}
    latest = {one.subject: one for one in sorted(known, key=attrgetter("when"))}
    added: list[Mapping[str, str]] = []
    for row in sorted(rows, key=lambda row: decisions.of_row(row).when):
        given = decision = decisions.of_row(row)
        last = latest.get(given.subject)
        if given in everything or (last and _says_again(given, last)):
            continue
        if last and given.when <= last.when:
            decision = _after(last.when, given)
        while verdicts.get(decision.moment, decision.verdict) != decision.verdict:
            decision = _after(decision.when, given)
        moved = {} if decision is given else {"when": f"{decision.when:%Y-%m-%dT%H:%M:%SZ}"}
        added.append({**row, **moved})
        everything.add(decision)
        verdicts[decision.moment] = decision.verdict
        latest[decision.subject] = decision
    return added


def _says_again(given: Decision, last: Decision) -> bool:
    """Whether the last decision says the same and got a later time when it was added before."""
    return given.when <= last.when and given == last._replace(when=given.when)


def _after(when: datetime, decision: Decision) -> Decision:
    """Return the decision as made in the next second, as the pages do."""
    try:
        later = (when + timedelta(seconds=1)).astimezone(UTC)
    except OverflowError as error:
        raise ConflictError(
            f"on {decision.image} something was decided at {when.isoformat()}, and there is no "
            "later time. Correct that line of the file."
        ) from error
    return decision._replace(when=later.replace(microsecond=0))


def _lines(before: bytes, rows: Iterable[Mapping[str, str]]) -> bytes:
    """Return `rows` as they follow `before` in its dialect, with the header if that is empty."""
    text = before.decode("utf-8-sig")
    found = _LINE_END.search(text)
    end = found[0] if found else "\n"
    missing_end = "" if not text or text.endswith(("\n", "\r")) else end
    header = [] if text else [TABLE.names]
    rows_ = csv_text([*header, *TABLE.cells(rows)], decisions.separator_of(text), end)
    return (missing_end + rows_).encode()


def _check_size(content: bytes, path: Path) -> None:
    if len(content) > decisions.MOST_BYTES:
        raise ConflictError(
            f"{path} would have {len(content):,} bytes; allowed: {decisions.MOST_BYTES:,}. Name "
            "another file first, to which decisions are added from now on."
        )


def _replace(file: Path, content: bytes) -> None:
    """Replace the file when `content` is on the disk, and keep its permissions and its owner.

    Raises:
        OSError: it cannot be written.
    """
    temporary = file.with_name(f".{file.name}.tmp")
    temporary.unlink(missing_ok=True)  # a process was killed
    try:
        with open(temporary, "xb") as stream:
            if file.exists():
                _make_like(temporary, file)
            stream.write(content)
        sync(temporary)
        os.replace(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)
    sync(file.parent)


def _make_like(temporary: Path, file: Path) -> None:
    """Give `temporary` the owner, group and permissions of `file`, as far as this user may."""
    status = file.stat()
    for owner in ((-1, status.st_gid), (status.st_uid, -1)):
        with suppress(PermissionError):
            os.chown(temporary, *owner)
    shutil.copystat(file, temporary)
