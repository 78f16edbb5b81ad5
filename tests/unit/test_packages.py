"""The picture of the packages in docs/design.md is that of the code."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_picture_of_the_packages_is_up_to_date(tmp_path: Path) -> None:
    design = ROOT / "docs" / "design.md"
    drawn = Path(shutil.copy(design, tmp_path))
    subprocess.run([sys.executable, ROOT / "tools/draw_packages.py", drawn], check=True)
    assert drawn.read_text("utf-8") == design.read_text("utf-8"), "make packages draws it again"
