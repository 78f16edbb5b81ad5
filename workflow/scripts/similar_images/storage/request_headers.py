"""Request headers whose values are secret, such as Authorization, from environment variables."""

import os
import re
from collections.abc import Mapping

from ..core.errors import UserError

# Names and values.
Headers = tuple[tuple[str, str], ...]
# Set by the program, or they change what an answer means.
RESERVED = frozenset(
    (
        *("accept-encoding", "connection", "expect", "host", "keep-alive", "range", "te"),
        *("trailer", "transfer-encoding", "upgrade", "user-agent"),
    )
)
_RESERVED_BEGINNINGS = ("content-", "if-", "proxy-")
# RFC 9110, 5.5: visible ASCII, with spaces inside. No line break can begin another header.
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,8000}[\x21-\x7e])?")


def from_environment(setting: str, variables: Mapping[str, str]) -> Headers:
    """Return the headers whose values are in the environment.

    Args:
        setting: names them in error messages.
        variables: the variable of each header.

    Raises:
        UserError: a header is not allowed, or its variable is not set or no value for a header.
    """
    return tuple(
        (header, _value(f"{setting}.{header}", header, variable))
        for header, variable in variables.items()
    )


def _value(setting: str, header: str, variable: str) -> str:
    if header.lower() in RESERVED or header.lower().startswith(_RESERVED_BEGINNINGS):
        raise UserError(
            f"{setting}: this header is set by the program. Leave it out; for User-Agent, use "
            "remote.user_agent."
        )
    value = os.environ.get(variable)
    if value is None:
        raise UserError(
            f"{setting}: the environment variable {variable} is not set. Set it where you start "
            f"snakemake: export {variable}=…"
        )
    if not _VALUE.fullmatch(value):
        raise UserError(
            f"{setting}: the value of the environment variable {variable} cannot be sent. Allowed: "
            "ASCII letters, digits, signs and inner spaces, at most 8,000, in one line."
        )
    return value
