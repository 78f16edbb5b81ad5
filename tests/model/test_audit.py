"""The audit on real photographs with labels changed on purpose."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from project import lay_out
from similar_images.curation.audit import audit
from similar_images.features import feature_table
from similar_images.features.feature_table import FeatureTable

PHOTOS = Path(__file__).resolve().parents[3] / "shared" / "data" / "clothing" / "catalogue"


@pytest.fixture(scope="module")
def clothing(tmp_path_factory: pytest.TempPathFactory) -> FeatureTable:
    """The features of the photographs, extracted by the pipeline."""
    if not PHOTOS.is_dir():
        pytest.skip(f"no photographs in {PHOTOS}")
    project = lay_out(tmp_path_factory.mktemp("clothing") / "project")
    project.settle(catalogue=str(PHOTOS), queries={"new": None}, backbone="EfficientNetLite2")
    project.run("results/catalogue/features.pkl")
    return feature_table.read(project.result("catalogue/features.pkl"))


@pytest.mark.parametrize("seed", range(3))
def test_seven_of_ten_wrong_labels_are_at_the_top_of_the_ranking(
    clothing: FeatureTable, seed: int
) -> None:
    random = np.random.default_rng(seed)
    classes = sorted({*map(str, clothing.labels)})
    labels = list(clothing.labels)
    twentieth = round(len(labels) / 20)
    flipped = random.choice(len(labels), twentieth, replace=False)
    for row in flipped:
        labels[row] = random.choice([name for name in classes if name != labels[row]])
    files = dict.fromkeys(clothing.content_ids, b"")
    findings, _ = audit(replace(clothing, labels=labels), files, lambda pairs, files: {}, voters=10)
    top = {f.image for f in findings if f.finding == "wrong_label" and f.rank <= twentieth}
    found = sum(clothing.paths[row] in top for row in flipped) / twentieth
    print(f"{found:.0%} of the flipped labels are in the top 5 % of the ranking")
    assert found >= 0.7
