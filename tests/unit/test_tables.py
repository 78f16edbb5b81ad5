"""The columns in docs/results.md are those of the code."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from project import ROOT


def test_the_columns_of_the_tables_are_up_to_date(tmp_path: Path) -> None:
    results = ROOT / "docs" / "results.md"
    written = Path(shutil.copy(results, tmp_path))
    subprocess.run(
        [sys.executable, ROOT / "tools/write_tables.py", written],
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT / "workflow/scripts")},
    )
    assert written.read_text("utf-8") == results.read_text("utf-8"), "make tables writes it again"
