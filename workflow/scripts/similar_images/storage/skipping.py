"""Which files of a collection are no photos, by their names alone."""

import re
from collections.abc import Iterable
from fnmatch import translate

from ..core.names import as_text, normal_form

# Of Windows, macOS, and the disks of Synology and QNAP, in lower case. Most of their other names
# are hidden.
_OF_SYSTEMS = frozenset(
    {
        *(b"thumbs.db", b"ehthumbs.db", b"ehthumbs_vista.db", b"desktop.ini", b"picasa.ini"),
        *(b"$recycle.bin", b"system volume information", b"icon\r", b"__macosx", b"lost+found"),
        *(b"@eadir", b"#recycle", b"#snapshot", b"@recycle", b"@recently-snapshot"),
        *(b"@tmp", b"@sharebin", b"recycler", b"network trash folder", b"temporary items"),
    }
)
# What programs write beside a photo: its edits, or what is known about it; and what a browser has
# not downloaded completely.
_SIDECARS = (b".xmp", b".aae", b".json", b".part", b".crdownload")
# How the name of a file begins that Office writes while a document is open.
_LOCK = b"~$"
# Endings of what people keep among photos: films, sounds, texts, tables, pages and archives.
_OTHER_KINDS = (
    *(".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".mts", ".wmv", ".3gp"),
    *(".mp3", ".m4a", ".wav", ".aac", ".ogg", ".flac"),
    *(".txt", ".md", ".rtf", ".pdf", ".doc", ".docx", ".odt", ".pages", ".ppt", ".pptx", ".odp"),
    *(".csv", ".tsv", ".xls", ".xlsx", ".ods", ".numbers", ".parquet", ".jsonl", ".db", ".sqlite"),
    *(".htm", ".html", ".css", ".js", ".xml", ".yaml", ".yml", ".ini", ".log", ".url", ".lnk"),
    *(".zip", ".gz", ".tar", ".tgz", ".7z", ".rar", ".dmg", ".exe", ".sh", ".py", ".sha256"),
)


class Skipping:
    """Decides which files and folders of a collection are left out, as if they were not there.

    These are the files of systems, hidden ones, sidecars, and what the user's patterns name.

    Args:
        patterns: the setting `images.ignore`. Each is compared with the name of a file or folder,
            and with its path in the collection; `*` is any text, `?` one character. Case does not
            matter.
    """

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        texts = [translate(_comparable(pattern).strip("/")) for pattern in patterns]
        self._ignored = re.compile("|".join(texts)) if texts else None

    def skips(self, path: bytes, *, folder: bool = False) -> bool:
        """Whether the file at `path` in the collection is left out, or the folder with all in it.

        Folders above it do not count.
        """
        name = path[path.rfind(b"/") + 1 :]
        lower = name.lower()
        # The name of a folder in a bucket can be . or ..
        hidden = name.startswith(b".") and name not in (b".", b"..")
        sidecar = not folder and (lower.endswith(_SIDECARS) or lower.startswith(_LOCK))
        return hidden or sidecar or lower in _OF_SYSTEMS or self._is_ignored(path, name)

    def skipped_part(self, path: bytes) -> bytes | None:
        """Return the first folder above the file at `path` that is left out, or `path`, or None."""
        slash = path.find(b"/")
        while slash >= 0:
            if self.skips(path[:slash], folder=True):
                return path[:slash]
            slash = path.find(b"/", slash + 1)
        return path if self.skips(path) else None

    def _is_ignored(self, path: bytes, name: bytes) -> bool:
        if self._ignored is None:
            return False
        return any(self._ignored.match(_comparable(as_text(one))) for one in (name, path))


def is_other_kind(path: str) -> bool:
    """Whether the name of the file at `path` says that it is something else than an image."""
    return path.lower().endswith(_OTHER_KINDS)


def _comparable(text: str) -> str:
    return normal_form(text).casefold()


# What is left out where the user names nothing.
DEFAULT = Skipping()
