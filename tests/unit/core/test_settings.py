"""Tests of the check of the configuration, with the schema and the configuration as they are."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from similar_images.backbones import preprocessing_config, registry
from similar_images.classification import predictions
from similar_images.core import settings
from similar_images.core.errors import UserError

ROOT = Path(__file__).parents[3]
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text("utf-8"))
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text("utf-8"))


def check(text: str) -> None:
    """Check a configuration given as YAML; the catalogue need not be named."""
    settings.check({"catalogue": "photos"} | yaml.safe_load(text), SCHEMA)


def leaves(value: Any, key: str = "") -> dict[str, Any]:
    """Return the settings in nested mappings by their dotted names."""
    if not isinstance(value, dict):
        return {key: value}
    nested = (leaves(inner, f"{key}.{name}" if key else name) for name, inner in value.items())
    return {name: leaf for found in nested for name, leaf in found.items()}


def defaults(schema: dict[str, Any], key: str = "") -> dict[str, Any]:
    found = {}
    for name, rule in schema["properties"].items():
        if "properties" in rule:
            found |= defaults(rule, f"{key}{name}.")
        elif "default" in rule:
            found[f"{key}{name}"] = rule["default"]
    return found


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_configuration_is_allowed() -> None:
    settings.check(CONFIG, SCHEMA)


def test_the_configuration_states_every_setting_at_its_default() -> None:
    stated = leaves(CONFIG)
    expected = defaults(SCHEMA)
    del expected["queries"], expected["compare"]
    assert {name: stated[name] for name in expected} == expected
    assert {name for name in stated if name not in expected} == {"catalogue", "queries.shoes"}


def test_every_default_is_allowed() -> None:
    for name, default in defaults(SCHEMA).items():
        config: Any = default
        for part in reversed(name.split(".")):
            config = {part: config}
        settings.check({"catalogue": "photos"} | config, SCHEMA)


def test_the_backbones_of_the_schema_are_those_of_the_library() -> None:
    known = {*registry.KERAS, registry.LITE2, registry.HISTOGRAM}
    assert set(SCHEMA["properties"]["backbone"]["else"]["enum"]) == known


def test_the_settings_of_a_network_of_ones_own_are_those_of_its_card() -> None:
    told = SCHEMA["properties"]["backbone"]["then"]["properties"]
    assert set(told) == {
        "file",
        "family",
        *(field.name for field in fields(preprocessing_config.PreprocessingConfig)),
    }
    assert list(told["family"]["enum"]) == list(preprocessing_config.FAMILIES)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "queries: {}",
        "queries: {a: b, A-1_z: c.csv, '2024': x, shoes: null}",
        f"queries: {{{'x' * 64}: photos}}",
        "product: product_id",
        "product: null",
        "decisions: photos/decisions.csv",
        "decisions: [a.csv, b.csv]",
        "decisions: []",
        "fallback: null",
        "weights: efficientnetb3.h5",
        "backbone: EfficientNetV2L",
        "engine: auto",
        "{device: NPU, precision: float16, compare: {gpu: {device: GPU}}}",
        "images: {resample: bilinear, max_pixels: 1, on_error: stop, follow_links: true}",
        "search: {neighbours: 1, vote: weighted, metric: adapted, reject: auto}",
        "search: {metric: auto, reject: 0.5}",
        "search: {coverage: 0.5}",
        "search: {index: approximate, parts: 1}",
        "search: {index: exact, parts: 2}",
        "extraction: {threads: 64, shard_size: 1}",
        "export: {folder: ../training, as: copies}",
        "compare: {lite2: {backbone: EfficientNetLite2}, other: {}}",
    ],
)
def test_these_settings_are_allowed(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("catalog: x", "^unknown key catalog; allowed: catalogue, queries, columns"),
        (
            "search: {neighbors: 1}",
            "^search: unknown key neighbors; allowed: neighbours, vote, metric, reject, coverage",
        ),
        ("catalogue: null", "^catalogue: None is not allowed; allowed: the path of a folder or"),
        ("catalogue: ''", "^catalogue: '' is not allowed; allowed: the path"),
        ("queries: photos", "^queries: 'photos' is not allowed; allowed: a mapping of names"),
        ("queries: {shoes: 7}", "^queries.shoes: 7 is not allowed; allowed: the path"),
        (
            "columns: [votes]",
            "^columns.*: 'votes' is not allowed; allowed: the name of a further column",
        ),
        (
            "product: label",
            "^product: 'label' is not allowed; allowed: the name of a further column",
        ),
        ("product: ''", "^product: '' is not allowed; allowed: the name of a further column"),
        ("product: [a]", "^product: .* is not allowed; allowed: the name of a further column"),
        (
            "decisions: 7",
            "^decisions: 7 is not allowed; allowed: the path of a decisions.csv, a list",
        ),
        ("decisions: ''", "^decisions: '' is not allowed; allowed: the path"),
        ("decisions: [a.csv, null]", r"^decisions: \['a.csv', None\] is not allowed; allowed: the"),
        ("backbone: ResNet", "^backbone: 'ResNet' is not allowed; allowed: EfficientNetB0 to B7"),
        ("fallback: EfficientNetB0", "^fallback: .* allowed: EfficientNetLite2, or null"),
        (
            "engine: onnx",
            "^engine: 'onnx' is not allowed; allowed: openvino, tensorflow or auto",
        ),
        ("device: cuda", "^device: 'cuda' is not allowed; allowed: CPU, GPU or NPU"),
        ("weights: ''", "^weights: '' is not allowed; allowed: the path of a file, or null"),
        ("images: {resample: nearest}", "^images.resample: .* allowed: bilinear or bicubic"),
        ("images: {max_pixels: 0}", "^images.max_pixels: 0 is not allowed; allowed: a whole"),
        ("images: {on_error: ignore}", "^images.on_error: .* allowed: list or stop"),
        ("images: {follow_links: 1}", "^images.follow_links: 1 .* allowed: true or false"),
        ("search: {neighbours: 0}", "^search.neighbours: 0 is not allowed; allowed: a whole"),
        ("search: {neighbours: ten}", "^search.neighbours: 'ten' is not allowed"),
        ("search: {neighbours: true}", "^search.neighbours: True is not allowed"),
        ("search: {neighbours: 2.5}", "^search.neighbours: 2.5 is not allowed"),
        ("search: {neighbours: 10.0}", "^search.neighbours: 10.0 is not allowed"),
        (
            "search: {vote: most}",
            "^search.vote: 'most' is not allowed; allowed: majority or weighted",
        ),
        (
            "search: {metric: L2}",
            "^search.metric: 'L2' is not allowed; allowed: cosine, adapted, adapted-top or auto",
        ),
        (
            "search: {reject: 2}",
            "^search.reject: 2 is not allowed; allowed: null, auto, or a number",
        ),
        ("search: {coverage: 1}", "^search.coverage: 1 is not allowed; allowed: a number from 0.5"),
        ("search: {index: ivf}", "^search.index: 'ivf' is not allowed; allowed: exact or approx"),
        (
            "search: {index: approximate, parts: 2}",
            "^search.parts: 2 is not allowed; allowed: 1 with search.index approximate",
        ),
        (
            "compare: {a: {queries: {}}}",
            "^compare.a: 'queries' is not allowed; allowed: backbone, w",
        ),
        ("compare: {a b: {}}", "^compare: 'a b' is not allowed; allowed: letters, digits"),
        ("export: {as: zip}", "^export.as: 'zip' is not allowed; allowed: links, copies or csv"),
        ("export: {folder: null}", "^export.folder: None is not allowed; allowed: the path"),
        ("extraction: {threads: 2.0}", "^extraction.threads: 2.0 is not allowed"),
        ("extraction: {shard_size: -1}", "^extraction.shard_size: -1 is not allowed"),
        ("extraction: null", "^extraction: None is not allowed; allowed: a mapping of settings"),
        ("1: x", "^unknown key 1; allowed: catalogue"),
        ("{1: x, other: y}", "^unknown key 1, other; allowed: catalogue"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value_and_what_is_allowed(
    text: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        check(text)


@pytest.mark.parametrize(
    "name",
    [
        "catalogue",
        "model",
        "",
        "a b",
        "a/b",
        "..",
        "-a",
        "_a",
        "é",
        "a.b",
        "x" * 65,
        "a\n",
        2024,
        "/a",
        "../a",
        "{a}",
        "a{b}c",
        "a*",
        "a?",
        "[a]",
        "a,b",
        "a:b",
        "=a",
    ],
)
def test_a_query_set_of_this_name_is_refused(name: object) -> None:
    with pytest.raises(UserError, match=r"queries: .* allowed: letters, digits, - and _"):
        settings.check({"catalogue": "photos", "queries": {name: "x"}}, SCHEMA)


def numbers(rule: Any, key: str = "") -> list[str]:
    """Return the dotted names of the settings that may be numbers."""
    alternatives = (rule, *rule.get("anyOf", ()))
    if any(one.get("type") in ("number", "integer") for one in alternatives):
        return [key]
    if "items" in rule:
        return [f"{found}[]" for found in numbers(rule["items"], key)]
    below = rule.get("properties", {}) | rule.get("then", {}).get("properties", {})
    return [
        found
        for name, one in below.items()
        for found in numbers(one, f"{key}.{name}" if key else name)
    ]


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf"])
@pytest.mark.parametrize("key", sorted(set(numbers(SCHEMA))))
def test_no_setting_is_a_number_without_an_end(key: str, value: str) -> None:
    *above, name = key.removesuffix("[]").split(".")
    text = f"{name}: {f'[1, 1, {value}]' if key.endswith('[]') else value}"
    for outer in reversed(above):
        text = f"{outer}: {{{text}}}"
    if above == ["backbone"]:
        text = text.replace("{", "{file: own.onnx, ")
    with pytest.raises(UserError, match=rf"{name}.*(nan|inf) is not allowed; allowed: "):
        check(text)


def test_a_missing_catalogue_is_reported_with_what_it_may_be() -> None:
    with pytest.raises(
        UserError,
        match=r"^catalogue is missing; allowed: the path of a folder or of a list, or the address "
        r"of a bucket$",
    ):
        settings.check({}, SCHEMA)


def test_every_wrong_setting_is_reported() -> None:
    with pytest.raises(UserError) as refused:
        check("{engine: onnx, search: {neighbours: 0}, colour: red}")
    for part in ("engine: 'onnx'", "search.neighbours: 0", "unknown key colour"):
        assert part in str(refused.value)


def test_an_extra_column_takes_the_name_of_none_that_the_predictions_have() -> None:
    for setting in (SCHEMA["properties"]["columns"]["items"], SCHEMA["properties"]["product"]):
        assert setting["not"]["enum"] == list(predictions.TABLE.columns)
