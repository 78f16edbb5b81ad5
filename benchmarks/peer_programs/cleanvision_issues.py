"""CleanVision: look for its issues in a folder, and write them with the seconds that it took.

python cleanvision_issues.py FOLDER TABLE ISSUE...
"""

import json
import sys
import time
from pathlib import Path

from cleanvision import Imagelab

folder, table = map(Path, sys.argv[1:3])
issues = sys.argv[3:]

started = time.process_time()
lab = Imagelab(data_path=str(folder), verbose=False)
lab.find_issues({issue: {} for issue in issues}, n_jobs=1, verbose=False)
seconds = time.process_time() - started
found = {
    str(path): [issue for issue in issues if row[f"is_{issue}_issue"]]
    for path, row in lab.issues.iterrows()
}
table.write_text(json.dumps({"seconds": seconds, "issues": found}))
