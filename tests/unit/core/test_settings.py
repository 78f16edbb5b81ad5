"""Tests of the check of the settings, with the schema and config.yaml as they are."""

import subprocess
import sys
from copy import deepcopy
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from snakemake.utils import validate

from similar_images.backbones import preprocessing_config, registry
from similar_images.classification.tables import PREDICTIONS
from similar_images.core import settings
from similar_images.core.errors import UserError

ROOT = Path(__file__).parents[3]
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text("utf-8"))
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text("utf-8"))


def check(text: str) -> None:
    """Check a configuration given as YAML; the catalogue need not be named."""
    settings.check({"catalogue": "photos"} | yaml.safe_load(text), SCHEMA, PREDICTIONS.names)


def declared(rules: Any, group: str = "") -> dict[str, Any]:
    """Return the rule of every setting by its dotted name."""
    found: dict[str, Any] = {}
    for name, rule in rules["properties"].items():
        inner = "properties" in rule
        found |= declared(rule, f"{group}{name}.") if inner else {f"{group}{name}": rule}
    return found


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_configuration_is_allowed() -> None:
    settings.check(CONFIG, SCHEMA, PREDICTIONS.names)


def test_config_yaml_and_the_reference_are_what_the_schema_says(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    subprocess.run([sys.executable, ROOT / "tools/write_settings.py", tmp_path], check=True)
    written = (tmp_path / "docs/settings.md").read_text("utf-8")
    assert written == (ROOT / "docs/settings.md").read_text("utf-8"), "make settings writes it"
    # A user changes config.yaml. Then the one of the commit counts.
    committed = subprocess.run(
        ["git", "show", "HEAD:config.yaml"], cwd=ROOT, capture_output=True, check=False
    )
    found = (ROOT / "config.yaml").read_text("utf-8"), committed.stdout.decode("utf-8")
    assert (tmp_path / "config.yaml").read_text("utf-8") in found, "make settings writes it"


@pytest.mark.parametrize(
    "text",
    [
        "{queries: {}}",
        "{queries: {new: photos}, search: {metric: auto}, export: {}, features_pkl: false}",
        "{queries: {new: null}, backbone: {file: own.onnx}, compare: {few: {search: {parts: 2}}}}",
    ],
)
def test_defaults_are_filled_in_as_snakemake_does_it_and_in_a_copy(text: str) -> None:
    given = {"catalogue": "photos"} | yaml.safe_load(text)
    expected = deepcopy(given)
    before = deepcopy(given)
    validate(expected, str(ROOT / "workflow/schemas/config.schema.yaml"))
    filled = settings.with_defaults(given, SCHEMA)
    assert filled == expected
    filled["search"]["metric"] = filled["columns"] = "changed"
    assert given == before
    assert settings.with_defaults(given, SCHEMA) == expected


def test_every_setting_has_a_meaning_a_default_and_what_is_allowed() -> None:
    network = SCHEMA["properties"]["backbone"]["then"]["properties"]
    for rule in (*declared(SCHEMA).values(), *network.values()):
        assert rule["title"]
        assert settings.allowed(rule)
    without = {name for name, rule in declared(SCHEMA).items() if "default" not in rule}
    assert without == set(SCHEMA["required"])


def test_every_default_is_allowed() -> None:
    for name, rule in declared(SCHEMA).items():
        config: Any = rule.get("default", "photos")
        for part in reversed(name.split(".")):
            config = {part: config}
        settings.check({"catalogue": "photos"} | config, SCHEMA, ())


def test_the_sample_data_are_the_only_values_that_are_not_defaults() -> None:
    examples = {name for name, rule in declared(SCHEMA).items() if "examples" in rule}
    assert examples == {"catalogue", "queries"}


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"enum": ["a", "b", None]}, "a, b or null"),
        ({"type": "boolean"}, "true or false"),
        ({"type": "object"}, "a mapping of settings"),
        ({"type": "integer", "minimum": 1}, "a whole number of at least 1"),
        ({"type": "number", "minimum": 0, "maximum": 1}, "a number from 0 to 1"),
        (
            {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
            "a number over 0, and at most 1",
        ),
        ({"type": "string", "allowed": "a path"}, "a path"),
    ],
)
def test_what_a_rule_allows_in_words(rule: dict[str, Any], words: str) -> None:
    assert settings.allowed(rule) == words


def test_the_backbones_of_the_schema_are_those_of_the_library() -> None:
    known = {*registry.KERAS, registry.LITE2, registry.HISTOGRAM}
    assert set(SCHEMA["properties"]["backbone"]["else"]["enum"]) == known


def test_the_settings_of_your_own_network_are_those_of_its_preprocessing_config() -> None:
    rules = SCHEMA["properties"]["backbone"]["then"]["properties"]
    assert set(rules) == {
        "file",
        "family",
        *(field.name for field in fields(preprocessing_config.PreprocessingConfig)),
    }
    assert list(rules["family"]["enum"]) == list(preprocessing_config.FAMILIES)


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
        (
            "search.metric: adapted",
            r"^search.metric: write it as `search: \{metric: \.\.\.\}`",
        ),
        ("colour.red: 1", "^unknown key colour.red; allowed: catalogue"),
        (
            "{search.metric: adapted, remote.seconds: 5, colour: red}",
            r"^remote.seconds: write it as `remote: \{seconds: \.\.\.\}`; search.metric: write it "
            r"as `search: \{metric: \.\.\.\}`; unknown key colour; allowed: catalogue",
        ),
        ("remote: {allowed.x: 1}", "^remote: unknown key allowed.x; allowed: allowed, private"),
        ("queries: {~: photos}", "^queries: None is not allowed; allowed: letters, digits"),
        ("catalogue:", "^catalogue has no value; allowed: the path of a folder, a zip or a list"),
        ("catalogue: ''", "^catalogue: '' is not allowed; allowed: the path"),
        ("search: {metric: }", "^search.metric has no value; allowed: cosine, adapted, adapted-"),
        ("queries: photos", "^queries: 'photos' is not allowed; allowed: a mapping of names"),
        ("queries: {shoes: 7}", "^queries.shoes: 7 is not allowed; allowed: the path"),
        ("catalogue: {preset: shopify}", "^catalogue.list is missing; allowed: the path of a file"),
        (
            "queries: {shoes: {list: a.csv, preset: amazon}}",
            "^queries.shoes.preset: 'amazon' is not allowed; allowed: shopify, google-merchant or",
        ),
        (
            "catalogue: {list: a.csv, images: x}",
            "^catalogue: unknown key images; allowed: list, preset, image, label, label_part, prod",
        ),
        ("catalogue: {list: a.csv, image: []}", "^catalogue.image: .* allowed: the name of a col"),
        (
            "columns: [votes]",
            "^columns.*: 'votes' is not allowed; allowed: the name of a column",
        ),
        (
            "product: label",
            "^product: 'label' is not allowed; allowed: the name of a column",
        ),
        ("product: ''", "^product: '' is not allowed; allowed: the name of a column"),
        ("product: [a]", "^product: .* is not allowed; allowed: the name of a column"),
        (
            "decisions: 7",
            "^decisions: 7 is not allowed; allowed: the path of a decisions.csv or predic",
        ),
        ("decisions: ''", "^decisions: '' is not allowed; allowed: the path"),
        ("decisions: [a.csv, null]", r"^decisions: \['a.csv', None\] is not allowed; allowed: the"),
        ("backbone: ResNet", "^backbone: 'ResNet' is not allowed; allowed: EfficientNetB0 to B7"),
        ("backbone: {family: clip}", "^backbone.file is missing; allowed: the path of an .onnx"),
        ("fallback: EfficientNetB0", "^fallback: .* allowed: EfficientNetLite2 or null"),
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
        ("export: {as: zip}", "^export.as: 'zip' is not allowed; allowed: copies, links or csv"),
        ("export: {folder: null}", "^export.folder has no value; allowed: the path"),
        ("extraction: {threads: 2.0}", "^extraction.threads: 2.0 is not allowed"),
        ("extraction: {shard_size: -1}", "^extraction.shard_size: -1 is not allowed"),
        ("extraction: null", "^extraction has no value; allowed: a mapping of settings"),
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
        settings.check({"catalogue": "photos", "queries": {name: "x"}}, SCHEMA, ())


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
def test_no_setting_is_an_infinite_number(key: str, value: str) -> None:
    *above, name = key.removesuffix("[]").split(".")
    text = f"{name}: {f'[1, 1, {value}]' if key.endswith('[]') else value}"
    for outer in reversed(above):
        text = f"{outer}: {{{text}}}"
    if above == ["backbone"]:
        text = text.replace("{", "{file: own.onnx, ")
    with pytest.raises(UserError, match=rf"{name}.*(nan|inf) is not allowed; allowed: "):
        check(text)


def test_the_error_of_a_missing_catalogue_says_what_it_may_be() -> None:
    with pytest.raises(
        UserError,
        match=r"^catalogue is missing; allowed: the path of a folder, a zip or a list, the address "
        r"of a bucket, or a mapping with the columns of a list. See docs/settings.md.$",
    ):
        settings.check({}, SCHEMA, ())


def test_every_wrong_setting_is_named() -> None:
    with pytest.raises(UserError) as refused:
        check("{engine: onnx, search: {neighbours: 0}, colour: red}")
    for part in ("engine: 'onnx'", "search.neighbours: 0", "unknown key colour"):
        assert part in str(refused.value)


@pytest.mark.parametrize("name", PREDICTIONS.names)
def test_an_extra_column_has_no_name_that_predictions_csv_uses(name: str) -> None:
    for text in (f"columns: [price, {name}]", f"product: {name}"):
        with pytest.raises(UserError, match=f"'{name}' is not allowed"):
            check(text)


def test_a_value_in_place_of_the_name_of_its_variable_is_not_shown() -> None:
    with pytest.raises(UserError) as raised:
        check("remote: {headers: {'https://shop.example': {Authorization: Bearer s3cr3t}}}")
    assert "s3cr3t" not in str(raised.value)
    assert "Authorization: its value is not allowed; allowed: the name of an env" in str(
        raised.value
    )
