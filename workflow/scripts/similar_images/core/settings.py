"""The settings, checked before any work; the messages say what is allowed."""

from collections.abc import Iterable, Mapping, Sequence
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
    """Check `config` against `schema`.

    Args:
        config: all settings.
        schema: of the settings.
        reserved_columns: the names that no extra column may have.

    Raises:
        UserError: naming every wrong setting, its value and what is allowed.
    """
    schema = {**schema, "$defs": {"reserved_columns": {"enum": [*reserved_columns]}}}
    errors = sorted(_Validator(schema).iter_errors(config), key=lambda e: str(e.path))
    if errors:
        raise UserError(f"{'; '.join(map(_explain, errors))}. See docs/settings.md.")


def with_defaults(config: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return `config`, which `schema` allows, with the defaults of what it lacks: a new mapping."""
    filled = dict(config)
    for name, rule in schema["properties"].items():
        if "default" in rule:
            filled.setdefault(name, rule["default"])
        if "properties" in rule:
            filled[name] = with_defaults(filled[name], rule)
    return filled


def allowed(rule: Mapping[str, Any]) -> str:
    """Return in words what `rule`, a part of the schema, allows."""
    if "allowed" in rule:
        return str(rule["allowed"])
    if "enum" in rule:
        *values, last = ("null" if value is None else value for value in rule["enum"])
        return f"{', '.join(values)} or {last}"
    kinds = {"object": "a mapping of settings", "boolean": "true or false"}
    if rule["type"] in kinds:
        return kinds[rule["type"]]
    number = "a whole number" if rule["type"] == "integer" else "a number"
    if "maximum" not in rule:
        return f"{number} of at least {rule['minimum']}"
    if "minimum" not in rule:
        return f"{number} over {rule['exclusiveMinimum']}, and at most {rule['maximum']}"
    return f"{number} from {rule['minimum']} to {rule['maximum']}"


def _explain(error: ValidationError) -> str:
    key = ".".join(map(str, error.absolute_path))
    rule: Any = error.schema
    value: Any = error.instance
    if error.validator == "additionalProperties":
        unknown = sorted(str(name) for name in value if name not in rule["properties"])
        return _explain_unknown(key, unknown, rule["properties"])
    if error.validator == "required":
        missing = next(name for name in rule["required"] if name not in value)
        name = f"{key}.{missing}" if key else missing
        return f"{name} is missing; allowed: {allowed(rule['properties'][missing])}"
    is_name = "propertyNames" in error.absolute_schema_path
    missing_value = value is None and not is_name
    shown = "its value" if rule.get("writeOnly") else repr(value)
    fault = " has no value" if missing_value else f": {shown} is not allowed"
    return f"{key}{fault}; allowed: {allowed(rule)}"


def _explain_unknown(key: str, unknown: Sequence[str], known: Mapping[str, Any]) -> str:
    nested = [name for name in unknown if _is_nested(name, known)]
    explained = [
        f"{name}: write it as `{group}: {{{inner}: ...}}`"
        for name in nested
        for group, _, inner in [name.partition(".")]
    ]
    if others := ", ".join(name for name in unknown if name not in nested):
        where = f"{key}: unknown key" if key else "unknown key"
        explained.append(f"{where} {others}; allowed: {', '.join(known)}")
    return "; ".join(explained)


def _is_nested(name: str, known: Mapping[str, Any]) -> bool:
    """Return whether `name` is a setting in a group of `known`, such as search.metric."""
    group, _, inner = name.partition(".")
    return inner in known.get(group, {}).get("properties", {})
