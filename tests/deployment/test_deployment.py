"""The installed package, and the workflow read from a repository or used as a module.

`make test-deployment` builds the package and installs it into build/environment first.
"""

import csv
import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import similar_images
from project import ROOT, without_times

PYTHON = ROOT / "build" / "environment" / "bin" / "python"
HOSTED = "https://github.com/example/similar-image-finder"
TAG = f"v{similar_images.__version__}"
FROM_TAG = f'github("example/similar-image-finder", path="workflow/Snakefile", tag="{TAG}")'
FROM_FOLDER = repr(str(ROOT / "workflow" / "Snakefile"))
PREDICTIONS = "results/shoes/predictions.csv"


def run(*command: str | Path, folder: Path, fails: bool = False, **environment: str) -> str:
    """Run `command` in `folder`, and return what it printed."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": ""} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert (done.returncode != 0) == fails, done.stdout
    return done.stdout


def snakemake(
    project: Path, *arguments: str, python: Path = PYTHON, fails: bool = False, **environment: str
) -> str:
    command: list[str | Path] = [python, "-m", "snakemake", "--cores", "2", *arguments]
    return run(*command, folder=project, fails=fails, **environment)


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the files of this checkout, as they are now, and a tag."""
    folder = tmp_path_factory.mktemp("hosting") / "repository"
    options = ("--cached", "--others", "--exclude-standard", "-z")
    listed = run("git", "ls-files", *options, folder=ROOT).rstrip("\0").split("\0")
    for name in filter(os.path.lexists, listed):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name, follow_symlinks=False)
    author = ("-c", "user.name=Author", "-c", "user.email=author@example.com")
    run("git", "init", "--quiet", folder=folder)
    run("git", "add", "--all", folder=folder)
    run("git", *author, "commit", "--quiet", "--message", TAG, folder=folder)
    run("git", "tag", TAG, folder=folder)
    return folder


@pytest.fixture(autouse=True)
def hosting(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git finds the repository at its hosted address, and Snakemake's caches are empty."""
    settings = tmp_path / "gitconfig"
    settings.write_text(
        f'[url "file://{repository}"]\n\tinsteadOf = {HOSTED}\n[safe]\n\tdirectory = *\n'
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The sample data with settings, but no workflow."""
    project = tmp_path / "project"
    shutil.copytree(ROOT / "data", project / "data")
    (project / "config").mkdir()
    write_settings(project)
    return project


def answers(project: Path) -> bytes:
    return without_times(PREDICTIONS, (project / PREDICTIONS).read_bytes())


def examples() -> list[str]:
    """Return the Snakefile and the Python program in the documents."""
    page = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    return re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def write_settings(project: Path, **settings: object) -> None:
    shipped = yaml.safe_load((ROOT / "config" / "config.yaml").read_text("utf-8"))
    changed = {**shipped, "backbone": "ColourHistogram", **settings}
    (project / "config" / "config.yaml").write_text(yaml.safe_dump(changed))


def write_parent(project: Path, *parts: str) -> None:
    """Write the Snakefile of a parent workflow."""
    (project / "Snakefile").write_text("\n".join(['configfile: "config/config.yaml"', *parts]))


def module(snakefile: str, name: str = "finder", use: str = "", prefix: str = "") -> str:
    return f"""
module {name}:
    snakefile: {snakefile}
    config: config
    {f"prefix: {prefix!r}" if prefix else ""}

use rule * from {name} {use}
"""


@pytest.fixture(scope="session")
def expected(repository: Path) -> bytes:
    """The predictions of the test project in a checkout, with the environment of the tests."""
    snakemake(repository, "--directory", ".test", python=Path(sys.executable))
    return answers(repository / ".test")


def test_the_installed_package_shows_its_version_and_has_all_its_files(tmp_path: Path) -> None:
    shown = run(PYTHON, "-m", "similar_images", "--version", folder=tmp_path)
    assert shown == f"Similar Image Finder {similar_images.__version__}\n"
    code = "import similar_images, pathlib; print(pathlib.Path(similar_images.__file__).parent)"
    installed = Path(run(PYTHON, "-c", code, folder=tmp_path).strip())
    assert PYTHON.parents[1] in installed.parents
    assert files_in(installed) == files_in(Path(similar_images.__file__).parent)


def test_the_example_of_the_documents_gives_the_predictions(
    repository: Path, expected: bytes
) -> None:
    shown = run(PYTHON, "-c", examples()[1], folder=repository / ".test").splitlines()
    rows = csv.DictReader(io.StringIO(expected.decode()))
    assert shown == [f"{row['image']} {row['prediction']} {row['votes']}" for row in rows]


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def test_a_project_that_snakedeploy_makes_gives_the_results_of_a_checkout(
    project: Path, tmp_path: Path, expected: bytes
) -> None:
    deployed = tmp_path / "deployed"
    deploy = ("deploy-workflow", HOSTED, deployed, "--tag", TAG)
    run(Path(sys.executable).with_name("snakedeploy"), *deploy, folder=tmp_path)
    shutil.copytree(project / "data", deployed / "data")
    write_settings(deployed)
    snakemake(deployed)
    assert answers(deployed) == expected
    assert "Nothing to be done" in snakemake(deployed)


def test_the_module_of_the_documents_does_all_that_a_checkout_does(
    project: Path, expected: bytes
) -> None:
    settings = project / "config" / "config.yaml"
    write_settings(project, compare={"weighted": {"search": {"vote": "weighted"}}})
    settings.write_text(yaml.safe_dump({"finder": yaml.safe_load(settings.read_text())}))
    example = HOSTED.removeprefix("https://github.com/")
    (project / "Snakefile").write_text(examples()[0].replace("OWNER/NAME", example))
    assert "Look at shop/results/shoes/report.html" in snakemake(project)
    assert answers(project / "shop") == expected
    assert "Nothing to be done" in snakemake(project)

    shutil.copy(
        project / "data/catalogue/boots/boots_01.jpg", project / "data/queries/boots/new.jpg"
    )
    assert "Rule: extract" not in snakemake(project)
    assert "new.jpg" in (project / "shop" / PREDICTIONS).read_text()
    snakemake(project, *(f"finder_{name}" for name in ("portable", "audit", "compare", "export")))
    for name in ("shoes/report_portable.html", "catalogue/report.html", "compare.csv"):
        assert (project / "shop/results" / name).stat().st_size > 100
    assert {path.name for path in project.iterdir() if not path.name.startswith(".")} == {
        *("Snakefile", "config", "data", "shop", "export"),
    }


def test_two_modules_and_a_parent_that_uses_pandas_do_not_disturb_each_other(
    project: Path, expected: bytes
) -> None:
    # A helper of the parent's scripts with the name of a script of ours.
    (project / "scripts").mkdir()
    (project / "scripts" / "plot.py").write_text("COLUMN = 'image'")
    (project / "scripts" / "table.py").write_text(
        "import pandas, plot\n"
        "rows = [len(pandas.read_csv(path)[plot.COLUMN]) for path in snakemake.input]\n"
        "open(snakemake.output[0], 'w').write(str(rows))"
    )
    write_parent(
        project,
        module(FROM_TAG, "one", "as one_*", prefix="first"),
        module(FROM_FOLDER, "two", "as two_*", prefix="second"),
        f"""
import pandas

rule table:
    default_target: True
    input: expand("{{folder}}/{PREDICTIONS}", folder=["first", "second"])
    output: "rows.txt"
    script: "scripts/table.py"
""",
    )
    snakemake(project)
    assert (project / "rows.txt").read_text() == "[24, 24]"
    for folder in ("first", "second"):
        assert answers(project / folder) == expected


@pytest.fixture
def no_library(tmp_path: Path) -> str:
    """A PYTHONPATH with which the environment of the tests does not find the checkout's library."""
    (tmp_path / "no_library").mkdir()
    (tmp_path / "no_library" / "sitecustomize.py").write_text(
        "import os, sys\n"
        "sys.path = [path for path in sys.path if not os.path.isdir(path + '/similar_images')]"
    )
    return str(tmp_path / "no_library")


def test_a_module_in_a_folder_needs_no_installed_package(
    project: Path, expected: bytes, no_library: str
) -> None:
    write_parent(project, module(FROM_FOLDER))
    snakemake(project, python=Path(sys.executable), PYTHONPATH=no_library)
    assert answers(project) == expected


def test_a_workflow_from_a_repository_needs_the_package_in_its_version(
    project: Path, other_version: Path, no_library: str
) -> None:
    write_parent(project, module(FROM_TAG))
    (project / "similar_images").mkdir()  # a folder with this name is not the package
    missing = snakemake(project, python=Path(sys.executable), fails=True, PYTHONPATH=no_library)
    install = f'pip install "git+{HOSTED}@{TAG}"'
    needed = f"{HOSTED.removeprefix('https://')}@{TAG} needs its Python package"
    assert needed in missing
    assert install in missing
    wrong = snakemake(project, fails=True, PYTHONPATH=str(other_version))
    assert f"in {other_version}/similar_images is version 0.9. Install" in wrong
    assert install in wrong
    assert "Traceback" not in missing + wrong


def test_a_checkout_uses_its_own_library_even_if_another_version_is_installed(
    repository: Path, expected: bytes, other_version: Path
) -> None:
    arguments = ("--directory", ".test", "--forcerun", "predict", "--until", "predict")
    python = Path(sys.executable)
    snakemake(repository, *arguments, python=python, PYTHONPATH=str(other_version))
    assert answers(repository / ".test") == expected


@pytest.fixture
def other_version(tmp_path: Path) -> Path:
    """A folder with another version of the package."""
    package = tmp_path / "other" / "similar_images"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('__version__ = "0.9"')
    return package.parent
