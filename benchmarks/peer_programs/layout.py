"""Lay out features in the plane, and print the seconds of the processor as JSON.

python layout.py NAME FEATURES.npy LAYOUT.npy
"""

import json
import sys
import time

import numpy as np


def main() -> None:
    """Read the command line, lay out and write."""
    name, features, destination = sys.argv[1:]
    rows = np.load(features)
    started = time.process_time()
    if name == "UMAP":
        import umap

        lay_out = umap.UMAP(random_state=0, n_jobs=1).fit_transform
    elif name == "openTSNE":
        import openTSNE

        lay_out = openTSNE.TSNE(random_state=0, n_jobs=1).fit
    else:
        import sklearn.manifold

        angle = 0.8 if name.endswith("coarse") else 0.5
        lay_out = sklearn.manifold.TSNE(random_state=0, init="pca", angle=angle).fit_transform
    imported = time.process_time()
    places = np.asarray(lay_out(rows))
    done = time.process_time()
    np.save(destination, places)
    print(json.dumps({"import": imported - started, "layout": done - imported}))


if __name__ == "__main__":
    main()
