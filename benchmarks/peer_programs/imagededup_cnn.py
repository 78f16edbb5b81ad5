"""The CNN of imagededup: encode catalogue and queries, and find the nearest by cosine.

    python imagededup_cnn.py CATALOGUE QUERIES STATE

It keeps nothing between two programs, so that STATE stays empty.
"""

import sys
from pathlib import Path

import numpy as np
import timm
from imagededup.methods import CNN
from imagededup.utils import CustomModel
from torchvision import transforms

catalogue, queries, _ = map(Path, sys.argv[1:])

# Random weights, since there may be no network: the time does not depend on them.
network = timm.create_model("tf_efficientnet_lite2", pretrained=False, num_classes=0).eval()
prepare = transforms.Compose([transforms.Resize((260, 260)), transforms.ToTensor()])
cnn = CNN(verbose=False, model_config=CustomModel("lite2", network, prepare))
rows = []
for folder in (catalogue, queries):
    encodings = np.stack(list(cnn.encode_images(folder, recursive=True).values())).squeeze()
    rows.append(encodings / np.linalg.norm(encodings, axis=1, keepdims=True))
known, asked = rows
np.argsort(-asked @ known.T, axis=1)[:, :10]
