"""What is let in from outside: the one download, and the packages."""

import ast
from pathlib import Path

from similar_images.backbones.registry import KERAS

ROOT = Path(__file__).parents[3]
SCRIPTS = ROOT / "workflow" / "scripts"
NETWORK = {
    *("urllib", "http", "socket", "ssl", "ftplib"),
    *("requests", "aiohttp", "httpx", "urllib3", "fsspec"),
}


def imported(path: Path) -> set[str]:
    """Return the modules and the names that a Python file imports, wherever it does."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "urllib.parse":
            pass  # it only takes addresses apart
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or "", *(alias.name for alias in node.names)}
    return found


def importers(wanted: set[str]) -> set[str]:
    """Return the modules that import one of `wanted`, without the server, which sends nothing."""
    return {path.name for path in of_modules(wanted) if path.parent.name != "server"}


def of_modules(wanted: set[str]) -> list[Path]:
    return [
        path
        for path in SCRIPTS.rglob("*.py")
        if wanted & {name.partition(".")[0] for name in imported(path)}
    ]


def test_few_modules_speak_to_the_network_and_one_downloads_weights() -> None:
    of_the_web = {"weights.py", "web.py", "connections.py", "proxies.py"}
    assert importers(NETWORK) == of_the_web | {"object_stores.py", "buckets.py", "results.py"}
    assert importers({"get_file"}) == {"weights.py"}


def test_only_the_server_answers_requests_and_it_sends_none() -> None:
    answering = of_modules({"fastapi", "starlette", "uvicorn"})
    assert {path.parent.name for path in answering} == {"server"}
    sending = of_modules(NETWORK - {"http", "socket"})
    assert "server" not in {path.parent.name for path in sending}


def test_addresses_are_asked_through_one_module_alone() -> None:
    assert importers({"web", "buckets"}) == {"access.py"}
    assert importers({"connections"}) == {"web.py"}
    # The command line sets where results are, so that address is trusted.
    assert importers({"object_stores"}) == {"buckets.py", "results.py"}


def test_one_rule_alone_reaches_that_module() -> None:
    assert importers({"weights"}) == {"building.py"}
    makers = {
        path.name for path in SCRIPTS.glob("*.py") if "building.make(" in path.read_text("utf-8")
    }
    assert makers == {"model.py"}


def test_weights_are_downloaded_encrypted() -> None:
    assert all(backbone.url.startswith("https://") for backbone in KERAS.values())


def test_packages_are_installed_by_their_hashes_alone() -> None:
    text = (ROOT / "Makefile").read_text("utf-8").replace("\\\n", "")
    installs = [line for line in text.splitlines() if "pip install" in line]
    assert len(installs) == 3
    built_here = "--no-deps build/package/*.whl"
    assert all("--require-hashes" in line or line.endswith(built_here) for line in installs)
