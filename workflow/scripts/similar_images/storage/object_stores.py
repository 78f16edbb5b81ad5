"""Object stores, opened by fsspec.

The package of each store finds the credentials in the environment or in the store's own files. Its
error messages may contain them and are never shown: `fault_of` writes messages that contain only
the store's error code.

The endpoint comes from there, too (`AWS_ENDPOINT_URL`). It is trusted, so it may be in a private
network whatever `Limits.private` says.
"""

import errno
import logging
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .addresses import OBJECT_STORES, FetchError, Limits

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

# Exceptions of the packages, by name, because importing them takes a second.
_NO_CREDENTIALS = {
    "NoCredentialsError",
    "PartialCredentialsError",
    "ProfileNotFound",
    "DefaultCredentialsError",
    "ClientAuthenticationError",
}
_NO_NAME = {"ParamValidationError", "ValueError"}
_BUSY = {errno.EBUSY, errno.EREMOTEIO}


def open_store(scheme: str, limits: Limits, account: str = "") -> "AbstractFileSystem":
    """Return the store of `scheme`, without a cache of listings, which could be outdated.

    Args:
        scheme: as in `addresses.OBJECT_STORES`.
        limits: of its connections.
        account: of Azure; by default, that of the environment.

    Raises:
        FetchError: its package is not installed, or the account is not known.
    """
    try:
        import fsspec

        kind = fsspec.get_filesystem_class(scheme)
    except ImportError as error:
        package = OBJECT_STORES[scheme]
        raise FetchError(
            f"{scheme}:// is read by the package {package}, which is not installed: "
            f"pip install {package}"
        ) from error
    for package in ("aiobotocore", "botocore"):  # of S3; they log where credentials were found
        logging.getLogger(package).setLevel(logging.WARNING)
    options: dict[str, Any] = {"config_kwargs": _settings(limits)} if scheme == "s3" else {}
    if account:
        _check_connection_string(account)
        options["account_name"] = account
    try:
        return kind(use_listings_cache=False, skip_instance_cache=True, **options)
    except ValueError:  # of adlfs, with a message that may hold credentials
        raise FetchError(
            "the store cannot be opened: for Azure, write "
            "abfs://container@account.dfs.core.windows.net, or set AZURE_STORAGE_ACCOUNT_NAME"
        ) from None


def _check_connection_string(account: str) -> None:
    """Check that the environment does not lead to another account: adlfs would prefer that.

    Raises:
        FetchError: it does.
    """
    text = os.environ.get("AZURE_STORAGE_CONNECTION_STRING", "")
    if text and not re.search(rf"(AccountName=|//){re.escape(account)}([;.]|$)", text):
        raise FetchError(
            f"AZURE_STORAGE_CONNECTION_STRING is not that of the account {account}: remove it"
        )


def fault_of(error: Exception, limits: Limits) -> FetchError:
    """Return the message for an `error` of a store's package."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & _NO_CREDENTIALS:
        return FetchError(
            "no credentials: set those of the store in the environment, such as "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or in its own files; "
            "for a public bucket of S3, FSSPEC_S3_ANON=true"
        )
    if isinstance(error, TimeoutError):
        return FetchError(f"no answer within {limits.seconds:g} s", retryable=True)
    if names & _NO_NAME:
        return FetchError("not a valid name for the store")
    return _refusal(error)


def status_of(error: Exception) -> int:
    """Return the HTTP status of `error`, or 0."""
    answer = getattr(error.__cause__, "response", None)
    if isinstance(answer, Mapping):
        return int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    codes = (getattr(error, name, None) for name in ("status_code", "status", "code"))
    return next((status for status in codes if isinstance(status, int)), 0)


def _settings(limits: Limits) -> dict[str, Any]:
    return {
        "connect_timeout": limits.seconds,
        "read_timeout": limits.seconds,
        "max_pool_connections": limits.connections,
    }


def _refusal(error: Exception) -> FetchError:
    """Return the message for a refused request or a failed connection."""
    status = status_of(error)
    code = f" ({_code(error)})" if _code(error) else ""
    if isinstance(error, PermissionError) or status in (401, 403):
        return FetchError(f"access denied{code}")
    if isinstance(error, FileNotFoundError) or status == 404:
        return FetchError("no such bucket" if "NoSuchBucket" in code else "no such object")
    if status == 429 or status >= 500 or getattr(error, "errno", None) in _BUSY:
        return FetchError(f"the store is busy or failing{code}", retryable=True)
    if status >= 400:
        return FetchError(f"refused by the store{code}")
    return FetchError(f"the connection failed ({type(error).__name__})", retryable=True)


def _code(error: Exception) -> str:
    """Return the store's error code, such as NoSuchBucket, or ""."""
    answer = getattr(error.__cause__, "response", None)
    code = answer.get("Error", {}).get("Code") if isinstance(answer, Mapping) else ""
    return code if re.fullmatch(r"[A-Za-z.]{1,40}", code or "") else ""
