"""The configuration, checked before any work, with messages that say what is allowed."""

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from jsonschema import Draft202012Validator, TypeChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from .errors import UserError


def _is_whole(_checker: TypeChecker, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(_checker: TypeChecker, value: object) -> bool:
    finite = isinstance(value, float) and isfinite(value)
    return finite or (isinstance(value, int) and not isinstance(value, bool))


# To JSON Schema 2.0 is an integer; to the functions that take the settings it is not. YAML has
# numbers that JSON has not, .inf and .nan: no comparison with a limit stops the latter.
_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"integer": _is_whole, "number": _is_number}
    ),
)


def check(
    config: Mapping[str, Any], schema: Mapping[str, Any], reserved_columns: Iterable[str]
) -> None:
    """Check `config` against `schema`; each `description` in it says what is allowed.

    Args:
        config: all settings.
        schema: of the settings.
        reserved_columns: the names that no extra column may have.

    Raises:
        UserError: naming every wrong key, its value and what is allowed.
    """
    schema = {**schema, "$defs": {"reserved_columns": {"enum": [*reserved_columns]}}}
    errors = sorted(_Validator(schema).iter_errors(config), key=lambda e: str(e.path))
    if errors:
        raise UserError("; ".join(map(_explain, errors)))


def _explain(error: ValidationError) -> str:
    key = ".".join(map(str, error.absolute_path))
    rule: Any = error.schema
    value: Any = error.instance
    if error.validator == "additionalProperties":
        unknown = ", ".join(sorted(str(name) for name in value if name not in rule["properties"]))
        where = f"{key}: unknown key" if key else "unknown key"
        return f"{where} {unknown}; allowed: {', '.join(rule['properties'])}"
    if error.validator == "required":
        missing = next(name for name in rule["required"] if name not in value)
        return f"{missing} is missing; allowed: {rule['properties'][missing]['description']}"
    return f"{key}: {value!r} is not allowed; allowed: {rule['description']}"
