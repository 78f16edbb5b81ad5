"""What the server knows and does, without HTTP."""

import base64
import hashlib
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..answers.asked_photos import WithAsked
from ..answers.catalogue import Catalogue
from ..core.errors import InputError, UserError, reason
from ..decisions import append, decisions
from ..images import thumbnails
from ..images.photos import LOCAL
from . import inbox, pending, reports
from .uploads import Photo

# Where decisions are saved if the settings name no file.
DECISIONS = "decisions.csv"
# What the last run applied, in its results.
APPLIED = Path("plan", "decisions-applied.csv")
# Of the digest that names the project.
DIGITS = 16


class Service:
    """Answers questions, and saves decisions and photos in the project.

    Args:
        catalogue: that is asked.
        results: its folder.
        inbox_name: the query set in whose folder photos are kept, or None.

    Attributes:
        catalogue: see above.
        results: see above.
        project: a digest that differs between projects, and stays the same after a restart.

    Raises:
        UserError: `inbox_name` is no query set in a folder.
    """

    def __init__(self, catalogue: Catalogue, results: Path, inbox_name: str | None) -> None:
        self.catalogue = catalogue
        self.results = results
        # Without links: `..` after one leads elsewhere.
        self._project = catalogue.project.resolve()
        self.project = hashlib.sha256(os.fsencode(self._project)).hexdigest()[:DIGITS]
        self._inbox = inbox_name
        if inbox_name is not None and self.inbox() is None:
            folders = ", ".join(catalogue.description.folders) or "none"
            raise UserError(
                f"--inbox {inbox_name}: there is no query set of this name that is a folder of "
                f"this machine; there are: {folders}. Add it to queries in config.yaml, and run "
                f"{pending.COMMAND} first."
            )

    def overview(self) -> dict[str, Any]:
        """Return what there is to ask, and whether a run is needed: see `models.Overview`."""
        described = self.catalogue.description
        names = reports.there(self.results, ["catalogue", *described.queries])
        return {
            "project": self.project,
            "images": len(self.catalogue),
            "classes": self.catalogue.classes,
            "inbox": self._inbox if self.inbox() else None,
            "sets": described.queries,
            "reports": [{"name": name, "address": reports.address(name)} for name in names],
            "map": reports.map_address(self.results),
            "decisions": self.decisions_name,
            "decisions_named": self.decisions_named,
            "decisions_used": self.decisions_file in described.decisions,
            "run": pending.COMMAND if self._run_is_needed() else None,
        }

    def ask(self, photos: Sequence[Photo], neighbours: int, label: str | None) -> list[Any]:
        """Return the answer to each photo, with a picture of it: see `models.Answer`."""
        answers = self.catalogue.ask_many(
            [photo.data for photo in photos],
            neighbours,
            names=[photo.name for photo in photos],
            label=label,
        )
        return [
            answer.as_json()
            | {"picture": None if answer.error else _picture(answer.content_id or "", photo.data)}
            for photo, answer in zip(photos, answers, strict=True)
        ]

    @property
    def decisions_file(self) -> str:
        """The file in which decisions are saved, relative to the project."""
        named = self.catalogue.description.decisions
        return next((path for path in named if not path.lower().endswith(".xlsx")), DECISIONS)

    @property
    def decisions_name(self) -> str:
        """The `decisions_file` for people."""
        return _for_people(self.decisions_file)

    @property
    def decisions_named(self) -> list[str]:
        """The files that the setting `decisions` names, for people."""
        return [_for_people(file) for file in self.catalogue.description.decisions]

    def save(self, rows: Sequence[Mapping[str, str]]) -> None:
        """Add `rows` to the file of decisions.

        Raises:
            InputError: a row is faulty.
            UserError: they cannot be saved.
        """
        sets = [decisions.CATALOGUE, *self.catalogue.description.queries]
        for row in rows:
            if row["set"] not in sets:
                raise InputError(
                    f"set {decisions.shown(row['set'])}; allowed: {', '.join(sets)}. No decision "
                    "was saved. If a run has renamed the set, open its new report."
                )
        append.append(self._project / self.decisions_file, rows)

    def decisions(self) -> list[dict[str, str]]:
        """Return the project's decisions, as rows.

        Raises:
            UserError: a file of them is damaged.
        """
        return decisions.rows(decisions.read(filter(Path.exists, self._decisions_files())))

    def applied(self) -> list[dict[str, str]]:
        """Return the decisions that the last run applied, as rows.

        Raises:
            UserError: their file is damaged.
        """
        return decisions.rows(decisions.read(filter(Path.exists, [self.results / APPLIED])))

    def inbox(self) -> Path | None:
        """Return the folder in which photos are kept, or None if there is no inbox."""
        folder = self.catalogue.description.folders.get(self._inbox or "")
        return None if folder is None else self._project / folder

    def keep(self, folder: Path, photo: Photo) -> dict[str, str]:
        """Keep a photo in the folder of the inbox: see `models.Kept`.

        Raises:
            UserError: it is no photo, or cannot be written.
        """
        try:
            file = inbox.keep(folder, photo.name, photo.data)
        except OSError as error:
            raise UserError(
                f"The photo cannot be kept in the folder of the set {self._inbox}: "
                f"{reason(error)}. Check that the folder is there, who may write in it, and the "
                "space on the disk."
            ) from error
        content_id = hashlib.sha256(photo.data).hexdigest()
        return {
            "set": str(self._inbox),
            "image": file,
            "content_id": content_id,
            "run": pending.COMMAND,
        }

    def without_folders(self, message: str) -> str:
        """Return `message` without the folders of this machine that can be in it."""
        for place in self._folders():
            message = message.replace(place, "")
        return message

    def _folders(self) -> list[str]:
        """Return the folders with the results and decisions, the longest first."""
        files = [self.results]
        with suppress(UserError):  # without results, no message is on decisions
            files += self._decisions_files()
        absolute = [Path(os.path.abspath(file)) for file in files]
        parents = {str(file.parent) for file in (*absolute, *(file.resolve() for file in files))}
        return sorted((f"{parent.rstrip('/')}/" for parent in parents), key=len, reverse=True)

    def _decisions_files(self) -> list[Path]:
        named = {*self.catalogue.description.decisions, self.decisions_file}
        return [self._project / path for path in sorted(named)]

    def _run_is_needed(self) -> bool:
        folder = self.inbox()
        queries = self.catalogue.description.queries
        return pending.decisions_wait(self._decisions_files(), self.results, queries) or (
            folder is not None and pending.photos_wait(folder, self.results, str(self._inbox))
        )


def _for_people(file: str) -> str:
    """Return the path of a file for people, without the folder if that is not in the project."""
    return os.path.basename(file) if os.path.isabs(file) else file


def _picture(content_id: str, data: bytes) -> str | None:
    """Return a small JPEG of a photo as a data address; a browser cannot show a HEIC itself."""
    small = thumbnails.jpeg(content_id, b"", WithAsked({content_id: data}, LOCAL))
    return None if small is None else f"data:image/jpeg;base64,{base64.b64encode(small).decode()}"
