"""The commands of the README work as they are written there, one after the other."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from urllib.request import Request, urlopen

import pillow_heif
import yaml
from PIL import Image

from project import ROOT, Project

README = (ROOT / "README.md").read_text("utf-8")
# In a block or within a sentence, without the remark behind it.
COMMANDS = dict.fromkeys(
    command.strip()
    for command in re.findall(
        r"(?:^    |`)((?:snakemake|make|pip|python|\. \.venv)[ /][^`#\n]+)", README, re.M
    )
)
PYTHON = "\n".join(re.findall(r"^    >>> (.+)$", README, re.M))
# A terminal that knows no `snakemake`.
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(Path.home()), "LANG": "C.UTF-8"}


def shell(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_the_commands_of_the_readme_work_in_their_order(project: Project) -> None:
    for name in ("Makefile", "requirements"):
        (project.folder / name).symlink_to(ROOT / name)
    (project.folder / ".venv").symlink_to(sys.prefix)
    project.settle(compare={"one": {"search": {"neighbours": 1}}})
    shutil.copy(project.photo("new/boots/0.png"), project.folder / "photo.jpg")
    assert shell(project.folder, "command -v snakemake").returncode != 0
    entered = False
    for command in COMMANDS:
        if command.startswith("pip "):
            assert (ROOT / command.split()[-1]).exists()
            continue
        if command == "make serve":
            assert entered
            assert served_page(project.folder) == "boots"
            continue
        # The environment is there, whatever the times of its files are.
        prefix = "make --old-file=.venv/run.installed "
        there = re.sub("^make ", prefix, command)
        done = shell(project.folder, f". .venv/bin/activate; {there}" if entered else there)
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        if command.startswith("python -m similar_images ask"):
            assert done.stdout.startswith("photo.jpg\n  boots, confidence ")
        if command == "make run":
            *_, last = done.stdout.splitlines()
            assert last.endswith(". .venv/bin/activate")
        entered |= command == ". .venv/bin/activate"
    assert entered
    code = re.sub(r"^(.*\.prediction)$", r"print(\1)", PYTHON, flags=re.M)
    assert shell(project.folder, f". .venv/bin/activate; python -c '{code}'").stdout == "boots\n"
    pages = ("results/catalogue/report.html", "results/catalogue/map.html")
    for path in (*pages, "results/compare.csv", "export", "report.zip"):
        assert (project.folder / path).exists()


def served_page(folder: Path) -> str:
    """Start the page as the README says, ask about a photo there, stop it, and return the class."""
    server = subprocess.Popen(
        ["make", "--old-file=.venv/serve.installed", "serve"],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # to send a signal to all its processes, as Ctrl-C does
    )
    try:
        assert server.stdout is not None
        told = next(line for line in server.stdout if line.startswith("Open "))
        address = told.split()[1]
        assert address.rstrip("/") in README
        with urlopen(address) as page:
            assert page.headers["Content-Type"].startswith("text/html")
        photo = (folder / "photo.jpg").read_bytes()
        question = Request(f"{address}ask", photo, {"Content-Type": "image/png"})
        with urlopen(question) as response:
            [answer] = json.load(response)["answers"]
    finally:
        os.killpg(server.pid, signal.SIGINT)
        server.wait()
    prediction: str = answer["prediction"]
    return prediction


def test_make_knows_the_targets_that_are_only_made_on_request(project: Project) -> None:
    (project.folder / "Makefile").symlink_to(ROOT / "Makefile")
    targets = ["audit", "compare", "export", "portable", "tidy", "workbook"]
    done = shell(
        project.folder, f"make --dry-run --old-file=.venv/run.installed {' '.join(targets)}"
    )
    assert done.stdout.splitlines() == [
        f".venv/bin/snakemake --cores all {target}" for target in targets
    ]


def test_the_feed_and_the_phone_photos_of_the_readme_are_read(project: Project) -> None:
    block = re.search(r"^    catalogue: \{list.*?(?=\n\n)", README, re.M | re.S)
    assert block is not None
    settings = yaml.safe_load(textwrap.dedent(block[0]))
    boots, sandals = ("red", "darkred"), ("blue", "darkblue")
    rows = ["Handle,Title,Type,Image Src"]
    for label, colours in (("boots", boots), ("sandals", sandals)):
        for colour in colours:
            Image.new("RGB", (40, 40), colour).save(project.folder / f"{colour}.jpg")
            rows.append(f"{colour},A shoe,{label},{colour}.jpg")
    (project.folder / settings["catalogue"]["list"]).write_text("\n".join(rows), "utf-8")
    phone = project.folder / settings["queries"]["phone"]
    phone.mkdir(parents=True)
    pillow_heif.from_pillow(Image.new("RGB", (40, 40), "red")).save(phone / "IMG_0001.HEIC")
    project.settle(**settings, search={"neighbours": 2})
    project.run()
    [photo] = project.rows("phone/predictions.csv")
    assert (photo["image"], photo["prediction"]) == ("IMG_0001.HEIC", "boots")
