"""LibreOffice Calc, as a person uses it: opens a workbook, changes cells and saves it.

Needs the Debian packages libreoffice-calc and python3-uno.
"""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Runs in Debian's Python, which has the module `uno`. Prints what the sheet then shows as JSON.
EDIT = """
import json, subprocess, sys, tempfile, time
import uno
from com.sun.star.beans import PropertyValue
from com.sun.star.connection import NoConnectException

def given(**values):
    return tuple(PropertyValue(name, 0, value, 0) for name, value in values.items())

path, changes, sorted_by = json.loads(sys.argv[1])
profile = tempfile.mkdtemp()
pipe = f"pipe,name=edit{profile.replace('/', '')};urp"
office = subprocess.Popen(
    ["soffice", "--headless", "--norestore", f"-env:UserInstallation=file://{profile}",
     f"--accept={pipe}"], stderr=subprocess.DEVNULL)
resolver = uno.getComponentContext().ServiceManager.createInstance(
    "com.sun.star.bridge.UnoUrlResolver")
for _ in range(600):
    try:
        context = resolver.resolve(f"uno:{pipe};StarOffice.ComponentContext")
        break
    except NoConnectException:
        time.sleep(0.1)
desktop = context.ServiceManager.createInstance("com.sun.star.frame.Desktop")
document = desktop.loadComponentFromURL(f"file://{path}", "_blank", 0, given(Hidden=True))
sheet = document.Sheets.getByIndex(0)
for cell, text in changes.items():
    sheet.getCellRangeByName(cell).String = text
cursor = sheet.createCursor()
cursor.gotoEndOfUsedArea(False)
rows, columns = cursor.RangeAddress.EndRow, cursor.RangeAddress.EndColumn
if sorted_by is not None:
    field = uno.createUnoStruct("com.sun.star.table.TableSortField")
    field.Field, field.IsAscending = sorted_by, False
    fields = uno.Any("[]com.sun.star.table.TableSortField", (field,))
    sheet.getCellRangeByPosition(0, 1, columns, rows).sort(given(SortFields=fields))
decision = sheet.getCellRangeByName("G2")
found = {
    "table": [[sheet.getCellByPosition(c, r).String for c in range(columns + 1)]
              for r in range(rows + 1)],
    "photos": sorted(shape.Anchor.CellAddress.Row for shape in sheet.DrawPage
                     if shape.Anchor.CellAddress.Column == 0),
    "choices": decision.Validation.getFormula1(),
    "link": sheet.getCellRangeByName("B2").TextFields[0].URL,
}
document.store()
document.close(True)
try:
    desktop.terminate()
except Exception:
    pass  # the connection ends with it
office.wait(60)
print(json.dumps(found))
"""


def edit(path: Path, changes: Mapping[str, str], sorted_by: int | None = None) -> dict[str, Any]:
    """Change cells of the first sheet of a workbook, sort it, and save it in its own format.

    Args:
        path: of the workbook.
        changes: texts by cells, such as G2.
        sorted_by: the column to sort by, in descending order.

    Returns:
        What the sheet shows then: its `table`, the rows from 0 that have `photos` in the first
        column, the `choices` for a decision, and the `link` of the first row.
    """
    done = subprocess.run(
        ["/usr/bin/python3", "-c", EDIT, json.dumps([str(path.resolve()), changes, sorted_by])],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
