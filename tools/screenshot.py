"""Take the picture of the report for the README.

    python tools/screenshot.py [DESTINATION]

runs the pipeline on the sample data, in a folder of its own and with the network that needs no
download, and shows the report in the system's Chromium.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
WIDTH, HEIGHT = 1280, 2360
COLOURS = 256  # A palette makes the file a third, and the eye sees no difference.


def run_pipeline(folder: Path) -> Path:
    """Run the pipeline on the sample data in `folder` and return its report."""
    shutil.copy(ROOT / "config.yaml", folder)
    (folder / "data").symlink_to(ROOT / "data")
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    settings = ["--config", "backbone=EfficientNetLite2"]
    subprocess.run([*command, "--directory", folder, "--cores", "all", *settings], check=True)
    return folder / "results" / "shoes" / "report.html"


def photograph(page: Path, destination: Path) -> None:
    """Save what the top of `page` looks like."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("There is no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        view = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        view.goto(f"{page.as_uri()}#sort=votes-low")
        view.wait_for_load_state("networkidle")
        view.screenshot(path=destination)
        browser.close()
    with Image.open(destination) as image:
        image.convert("RGB").quantize(COLOURS).save(destination, optimize=True)


def main() -> None:
    """Parse the command line and take the picture."""
    parser = argparse.ArgumentParser(description="Take the picture of the report.")
    default = ROOT / "docs" / "report.png"
    parser.add_argument("destination", nargs="?", type=Path, default=default)
    destination = parser.parse_args().destination
    with tempfile.TemporaryDirectory() as folder:
        photograph(run_pipeline(Path(folder)), destination)


if __name__ == "__main__":
    main()
