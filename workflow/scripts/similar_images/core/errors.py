"""The exceptions that are meant for the user."""

from pathlib import Path


class UserError(Exception):
    """A mistake or condition that the user can correct; shown without a traceback.

    The message names the file or setting, what is wrong, what is allowed, and what to do.
    """


class InputError(UserError):
    """What somebody sent is not allowed."""


class ConflictError(UserError):
    """A file of the user must be corrected first; waiting does not help."""


class DamagedFileError(UserError):
    """A file in results/ that is not what the workflow wrote.

    `job.logged` removes it, so that the next run makes it again.

    Attributes:
        path: of the file.
    """

    def __init__(self, path: Path, reason: object) -> None:
        super().__init__(f"{path} is damaged ({reason})")
        self.path = path


def reason(error: OSError) -> str:
    """Return what the operating system said, without the path, in lower case."""
    return (error.strerror or str(error)).lower()
