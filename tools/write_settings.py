"""Write config.yaml and docs/settings.md from workflow/schemas/config.schema.yaml.

    python tools/write_settings.py [FOLDER]

It replaces what you have changed in config.yaml.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import fill, indent
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from similar_images.core import settings  # noqa: E402

Rules = Mapping[str, Any]
REFERENCE = """\
# Settings

What each setting means, what is allowed, and the default in brackets. [config.yaml](../config.yaml)
has advice.

On the command line, write `--config search='{{metric: auto}}'`. Numbers need a file:
`--configfile changes.yaml`.

{settings}

## Lists with other columns

These belong to `catalogue` or a set of `queries` ([feeds.md](feeds.md)).

{lists}

## Your own network

These belong to `backbone` ([own-network.md](own-network.md)).

{network}
"""


def config(schema: Rules) -> str:
    """Return config.yaml: the meaning of every setting, and its default or example."""
    blocks = (block(name, rule) for name, rule in schema["properties"].items())
    return "\n\n".join([f"# {schema['description']}", *blocks]) + "\n"


def block(name: str, rule: Rules) -> str:
    """Return a setting, or a group of settings, as in config.yaml."""
    group = "properties" in rule
    meaning = rule["title"] if group else f"{rule['title']}: {settings.allowed(rule)}"
    text = f"{fill(f'{meaning}.', 96, break_on_hyphens=False)}\n{rule.get('description', '')}"
    if group:
        inner = "\n".join(block(*item) for item in rule["properties"].items())
        value = f"{name}:\n{indent(inner, '  ')}"
    else:
        value = yaml.safe_dump({name: rule.get("examples", [rule.get("default")])[0]})
    return f"{indent(text.strip(), '# ')}\n{value.rstrip()}"


def reference(schema: Rules) -> str:
    """Return docs/settings.md: an entry for every setting."""
    network, lists = (
        schema["properties"][name]["then"]["properties"] for name in ("backbone", "catalogue")
    )
    return REFERENCE.format(
        settings="\n".join(entry(*item) for item in declared(schema)),
        lists="\n".join(entry(*item) for item in lists.items()),
        network="\n".join(entry(*item) for item in network.items()),
    )


def declared(schema: Rules, group: str = "") -> Iterator[tuple[str, Rules]]:
    """Yield the dotted name and the rule of every setting."""
    for name, rule in schema["properties"].items():
        if "properties" in rule:
            yield from declared(rule, f"{name}.")
        else:
            yield f"{group}{name}", rule


def entry(name: str, rule: Rules) -> str:
    """Return the entry of a setting in docs/settings.md."""
    default = f" (`{json.dumps(rule['default'])}`)".replace('"', "") if "default" in rule else ""
    text = f"- `{name}`: {rule['title']}: {settings.allowed(rule)}{default}."
    return fill(text, 100, subsequent_indent="  ", break_on_hyphens=False)


def main() -> None:
    """Parse the command line and write."""
    parser = argparse.ArgumentParser(description="Write config.yaml and docs/settings.md.")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT)
    folder = parser.parse_args().folder
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text("utf-8"))
    (folder / "config.yaml").write_text(config(schema), "utf-8")
    (folder / "docs" / "settings.md").write_text(reference(schema), "utf-8")


if __name__ == "__main__":
    main()
