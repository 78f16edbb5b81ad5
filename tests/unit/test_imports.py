"""What a script may not load: programs that start are most of the time of a usual day."""

import re
import subprocess
import sys

import pytest

from project import ROOT

SCRIPTS = ROOT / "workflow" / "scripts"
# Each takes half a second or more. Functions load what they alone need when they are called.
SLOW = {
    "aiohttp",
    "botocore",
    "cv2",
    "faiss",
    "fsspec",
    "keras",
    "matplotlib",
    "nncf",
    "onnx",
    "openpyxl",
    "openvino",
    "pandas",
    "s3fs",
    "scipy",
    "sklearn",
    "tensorflow",
}
# What a script's own work needs.
NEEDED = {
    "audit_catalogue": {"pandas"},
    "approximate": {"faiss"},
    "compare_table": {"matplotlib"},
    "plot": {"matplotlib"},
    "plot_catalogue": {"matplotlib"},
}


def modules_after(code: str) -> set[str]:
    """Return the names of what a new Python has loaded once it has run `code`."""
    code = f"{code}\nimport sys\nprint(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


def packages(modules: set[str]) -> set[str]:
    """Return the packages that `modules` are in."""
    return {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize("script", sorted(path.stem for path in SCRIPTS.glob("*.py")))
def test_a_script_loads_at_its_start_only_what_it_needs(script: str) -> None:
    text = (SCRIPTS / f"{script}.py").read_text("utf-8")
    imports = "\n".join(re.findall(r"^(?:from|import) .*?(?:\([^)]*\))?$", text, re.M))
    assert packages(modules_after(imports)) & SLOW <= NEEDED.get(script, set())


def test_keras_comes_without_what_no_network_needs() -> None:
    code = (
        "from similar_images.backbones import building\nbuilding.build('EfficientNetLite2', None)"
    )
    loaded = packages(modules_after(code))
    assert "keras" in loaded
    assert not loaded & {"matplotlib", "scipy", "sklearn"}


def test_the_adapted_similarity_is_fitted_without_scipy() -> None:
    code = (
        "import numpy as np\n"
        "from similar_images.features.feature_table import FeatureTable\n"
        "from similar_images.search import metric_learning\n"
        "features = np.random.default_rng(0).random((9, 4), np.float32)\n"
        "names, labels = list('abcdefghi'), list('abcabcabc')\n"
        "catalogue = FeatureTable('network', 'model', names, labels, names, features)\n"
        "metric_learning.fit(catalogue, np.ones(9, np.bool_))"
    )
    loaded = modules_after(code)
    assert "similar_images.search.metric_learning" in loaded
    assert "scipy" not in loaded
