"""Networks of other libraries, exported as docs/own-network.md tells, and their own features.

    python export_networks.py PHOTOS DESTINATION

Their weights are random. For each, DESTINATION gets NAME.onnx, and NAME.npz with all photos, sorted
by path, as the library itself prepares them, and with the features that it computes.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import timm
import torch
import torchvision
from PIL import Image

photos, destination = map(Path, sys.argv[1:])
# Names in timm; the parts of a name before a dot are the network, the one behind tells its weights.
TIMM = {
    "timm": "resnet26",
    "timm-centred": "vit_tiny_patch16_224",
    "clip": "vit_base_patch32_clip_224.openai",
    "siglip": "vit_base_patch16_siglip_224.webli",
    "dinov2": "vit_small_patch14_dinov2.lvd142m",
}
# Where timm crops otherwise than those who have trained the network.
CROPS = {"clip": {"crop_pct": 1.0}, "siglip": {"crop_pct": 1.0, "crop_mode": "squash"}}


def of_torchvision() -> tuple[torch.nn.Module, Callable[[Image.Image], torch.Tensor]]:
    """Return a network and what prepares its pictures."""
    network = torchvision.models.resnet18(weights=None)
    network.fc = torch.nn.Identity()
    return network, torchvision.models.ResNet18_Weights.DEFAULT.transforms()


def of_timm(
    family: str, name: str
) -> tuple[torch.nn.Module, Callable[[Image.Image], torch.Tensor]]:
    """Return the same of timm."""
    size = {"img_size": 224} if "dinov2" in name else {}
    network = timm.create_model(name, pretrained=False, num_classes=0, **size)
    told = timm.data.resolve_data_config({"input_size": (3, 224, 224)}, model=network)
    return network, timm.data.create_transform(**told | CROPS.get(family, {}))


def main() -> None:
    """Export all networks."""
    torch.manual_seed(0)
    made = {"torchvision": of_torchvision()} | {
        family: of_timm(family, name) for family, name in TIMM.items()
    }
    files = sorted(photos.rglob("*.jpg"))
    for name, (network, prepare) in made.items():
        network.eval()
        pictures = torch.stack([prepare(Image.open(file).convert("RGB")) for file in files])
        with torch.no_grad():
            features = network(pictures).numpy()
        torch.onnx.export(
            network,
            (pictures[:2],),
            destination / f"{name}.onnx",
            dynamo=True,
            dynamic_shapes=({0: "images"},),
        )
        np.savez(destination / f"{name}.npz", features=features, pictures=pictures.numpy())


if __name__ == "__main__":
    main()
