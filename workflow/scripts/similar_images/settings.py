"""The configuration, checked before any work, with messages that tell what is allowed."""

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from .errors import UserError


def check(config: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Check `config` against `schema`; each `description` in it says what is allowed.

    Raises:
        UserError: naming every wrong key, its value and what is allowed.
    """
    errors = sorted(Draft202012Validator(schema).iter_errors(config), key=lambda e: str(e.path))
    if errors:
        raise UserError("; ".join(map(_explain, errors)))


def _explain(error: ValidationError) -> str:
    key = ".".join(map(str, error.absolute_path))
    rule: Any = error.schema
    value: Any = error.instance
    if error.validator == "additionalProperties":
        unknown = ", ".join(sorted(set(value) - set(rule["properties"])))
        where = f"{key}: unknown key" if key else "unknown key"
        return f"{where} {unknown}; allowed: {', '.join(rule['properties'])}"
    if error.validator == "required":
        return f"{error.message}; allowed: {rule['description']}"
    return f"{key}: {value!r} is not allowed; allowed: {rule['description']}"
