"""Draw the packages of the library, and what each imports, in docs/design.md.

    python tools/draw_packages.py [DESTINATION]

It is a flowchart of Mermaid, which GitHub shows as a picture, and a table beneath.
"""

import argparse
import importlib
import re
import sys
import textwrap
import tomllib
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = "similar_images"
FLOOR = "core"  # All import it: arrows to it would hide the others.
BEGIN, END = "<!-- The packages, drawn by `make packages` -->", "<!-- End of the packages -->"


def package_names() -> list[str]:
    """Return the packages, lowest first, in the order that the linter holds them to."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return re.findall(r"\w+", " ".join(layers))[::-1]


def draw() -> str:
    """Return the picture of the packages and the table beneath it."""
    graph = grimp.build_graph(LIBRARY, cache_dir=None)
    packages = {name: f"{LIBRARY}.{name}" for name in package_names()}
    modules = {name: sorted(graph.find_children(package)) for name, package in packages.items()}
    for package in packages.values():
        graph.squash_module(package)
    # For type checkers alone; every package may import the version from there.
    graph.remove_import(importer=LIBRARY, imported=f"{LIBRARY}.api")
    boxes, arrows, rows = [], [], []
    for name, package in packages.items():
        imported = graph.find_modules_directly_imported_by(package)
        lower = [other for other in packages if packages[other] in imported]
        held = ", ".join(module.rpartition(".")[2] for module in modules[name])
        lines = "<br/>".join(textwrap.wrap(held, 32))
        boxes.append(f'    {name}["<b>{name}</b><br/><small>{lines}</small>"]')
        for other in lower:
            between = (packages[via] for via in lower if via != other)
            if not any(graph.chain_exists(via, packages[other]) for via in between):
                # An invisible arrow places what imports only the floor.
                arrows.append(f"    {name} {'~~~' if other == FLOOR else '-->'} {other}")
        text = " ".join((importlib.import_module(package).__doc__ or "").split())
        rows.append(f"| `{name}` | {text} |")
    chart = ["```mermaid", "flowchart TB", *boxes, *arrows, "```"]
    table = ["| package | what is in it |", "| --- | --- |", *rows]
    return "\n".join([*chart, "", *table])


def main() -> None:
    """Parse the command line and draw."""
    parser = argparse.ArgumentParser(description="Draw the packages of the library.")
    parser.add_argument("destination", nargs="?", type=Path, default=ROOT / "docs" / "design.md")
    destination = parser.parse_args().destination
    sys.path.insert(0, str(ROOT / "workflow" / "scripts"))
    before, rest = destination.read_text("utf-8").split(BEGIN)
    after = rest.split(END)[1]
    destination.write_text(f"{before}{BEGIN}\n\n{draw()}\n\n{END}{after}", "utf-8")


if __name__ == "__main__":
    main()
