"""The public names of the package: what they are, and that they cost nothing before their use."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import similar_images
from similar_images import api


def test_the_public_names_are_available_from_the_package() -> None:
    namespace: dict[str, object] = {}
    exec("from similar_images import *", namespace)
    assert {*api.__all__} == {*namespace} - {"__builtins__"}
    assert {*api.__all__, "__version__"} <= {*dir(similar_images)}
    assert all(f"`{name}`" in (api.__doc__ or "") or name == "FeatureTable" for name in api.__all__)
    with pytest.raises(AttributeError, match="no attribute nothing"):
        _ = similar_images.nothing


def test_the_package_alone_imports_nothing_slow() -> None:
    code = "import similar_images, sys; print(*sys.modules)"
    folder = Path(similar_images.__file__).parents[1]
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    loaded = run.stdout.split()
    assert "similar_images" in loaded
    assert not {"numpy", "pyarrow", "similar_images.api"} & {*loaded}


def test_a_search_for_no_neighbours_is_refused() -> None:
    with pytest.raises(ValueError, match="count is 0, and must be at least 1"):
        similar_images.nearest(np.eye(2, dtype=np.float32), [], 0)
