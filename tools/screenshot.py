"""Take the pictures for the README and docs: of the report, the page that asks, and the map.

    python tools/screenshot.py [FOLDER]

runs the pipeline on the sample data, in a folder of its own and with the network that needs no
download, and shows the pages in the system's Chromium.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
REPORT_SIZE = 1280, 2360
ASKING_SIZE = 1200, 1240
MAP_SIZE = 1400, 1100
KEPT = "loafers/loafers_18.jpg"
ASKED = ("boots/boots_15.jpg", "flip_flops/flip_flops_16.jpg")
MILLISECONDS = 2000  # until the pictures on the map are loaded
COLOURS = 256  # A palette makes the file a third, and the eye sees no difference.
LIBRARY = {"PYTHONPATH": str(ROOT / "workflow/scripts")}


def run_pipeline(folder: Path) -> None:
    """Run the pipeline on the sample data in `folder`."""
    shutil.copy(ROOT / "config.yaml", folder)
    (folder / "data").symlink_to(ROOT / "data")
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    (folder / "inbox").mkdir()
    shutil.copy(ROOT / "data/queries" / KEPT, folder / "inbox")
    queries = "queries={shoes: data/queries, inbox: inbox}"
    settings = ["--config", "backbone=EfficientNetLite2", queries]
    command += ["--directory", str(folder), "--cores", "all", "all", "map"]
    subprocess.run([*command, *settings], check=True)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve the project in `folder`, and return the address."""
    command = [sys.executable, "-m", "similar_images", "serve", "--port", "0", "--inbox", "inbox"]
    environment = os.environ | LIBRARY
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None  # noqa: S101 - for the type checker
    try:
        yield next(word for word in process.stdout.readline().split() if word.startswith("http"))
    finally:
        process.terminate()
        process.wait()


def show_report(page: Page, folder: Path) -> None:
    """Show the report with the least certain answers first."""
    page.goto(f"{(folder / 'results/shoes/report.html').as_uri()}#sort=votes-low")


def show_asking(page: Page, folder: Path) -> None:
    """Ask about two photos, and follow a neighbour of the second."""
    with serving(folder) as address:
        page.goto(address)
        photos = [folder / "data/queries" / name for name in ASKED]
        page.locator("#choose").set_input_files(photos)
        page.locator(".answered").nth(len(photos) - 1).wait_for()
        page.locator(".card").last.get_by_role("button", name="More like this").nth(1).click()
        page.locator(".here").wait_for()
        page.evaluate("document.activeElement.blur()")
        page.evaluate("scrollTo(0, 0)")
        page.wait_for_load_state("networkidle")


def show_map(page: Page, folder: Path) -> None:
    """Show the map near enough for some pictures."""
    page.goto((folder / "results/catalogue/map.html").as_uri())
    page.locator("canvas").focus()
    page.keyboard.press("+")
    page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(MILLISECONDS)


def photograph(page: Page, destination: Path) -> None:
    """Save what the top of `page` looks like."""
    page.wait_for_load_state("networkidle")
    page.screenshot(path=destination)
    with Image.open(destination) as image:
        image.convert("RGB").quantize(COLOURS).save(destination, optimize=True)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the system's Chromium."""
    program = shutil.which("chromium")
    if program is None:
        sys.exit("There is no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def main() -> None:
    """Parse the command line and take the pictures."""
    parser = argparse.ArgumentParser(description="Take the pictures for the README.")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs")
    pictures = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        run_pipeline(folder)
        for show, size, picture in (
            (show_report, REPORT_SIZE, "report.png"),
            (show_asking, ASKING_SIZE, "ask.png"),
            (show_map, MAP_SIZE, "map.png"),
        ):
            page = browser.new_page(viewport={"width": size[0], "height": size[1]})
            show(page, folder)
            photograph(page, pictures / picture)


if __name__ == "__main__":
    main()
