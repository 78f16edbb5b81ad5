"""Tests of the features of turned photos."""

from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import user_networks
from similar_images.backbones.model import Model
from similar_images.features import turned
from similar_images.images.preprocessing import Fit, Preprocessor
from similar_images.storage.results import SHARED, Results


def picture(seed: int) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 255, (8, 6, 3), np.uint8)
    return Image.fromarray(noise).resize((60, 80))


def png(image: Image.Image) -> bytes:
    data = BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


@pytest.mark.parametrize("fit", ["stretch", "pad", "crop"])
@pytest.mark.parametrize("quarters", turned.QUARTERS)
def test_the_pixels_are_those_of_the_turned_photo(quarters: int, fit: Fit) -> None:
    prepare = Preprocessor(16, "bicubic", 10**6, fit)
    turning = turned._Turning(**vars(prepare), quarters=quarters)
    expected = prepare(BytesIO(png(picture(0).rotate(-90 * quarters, expand=True)))).image
    found = turning(BytesIO(png(picture(0)))).image
    assert np.abs(found.astype(int) - expected).max() <= 2  # rounding


class Shop:
    """Photos in a folder, and a network that sees how they lie."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / turned.NAME
        self.members: dict[str, list[bytes]] = {}
        network = user_networks.grid(folder / "grid.onnx")
        self.model: Model = user_networks.make(
            folder / "backbone", network, family="torchvision", size=user_networks.SIZE
        )

    def put(self, data: bytes) -> str:
        content_id = sha256(data).hexdigest()
        path = self.folder / f"{content_id}.png"
        path.write_bytes(data)
        self.members[content_id] = [bytes(path)]
        return content_id

    def features(
        self,
        model: Model | None = None,
        results: Results = SHARED,
        stopped: Callable[[], bool] = lambda: False,
    ) -> dict[str, turned.Turned]:
        return turned.features(
            self.members.keys(),
            self.members,
            self.cache,
            model or self.model,
            self.folder / "backbone",
            max_pixels=10**6,
            threads=1,
            results=results,
            stopped=stopped,
        )


class Counting(Results):
    """Results that count how often the network was fetched."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.fetched = 0

    def fetch(self, *paths: Path) -> None:
        self.fetched += 1


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_each_turn_has_the_features_of_a_photo_that_lies_so(shop: Shop) -> None:
    first = shop.put(png(picture(0)))
    second = shop.put(png(picture(0).rotate(-90, expand=True)))
    found = shop.features()
    # Turned twice is turned once more than the photo that lies turned once.
    np.testing.assert_allclose(found[first][1], found[second][0], atol=0.05)
    np.testing.assert_allclose(found[first][2], found[second][1], atol=0.05)
    assert np.abs(found[first][0] - found[first][1]).max() > 0.5


def test_only_new_photos_are_turned_in_the_next_run(shop: Shop) -> None:
    results = Counting(shop.folder)
    first = shop.put(png(picture(0)))
    before = shop.features(results=results)[first]
    np.testing.assert_array_equal(shop.features(results=results)[first], before)
    assert results.fetched == 1
    Path(shop.members[first][0].decode()).unlink()
    second = shop.put(png(picture(1)))
    found = shop.features(results=results)
    assert found.keys() == {first, second}
    np.testing.assert_array_equal(found[first], before)


def test_the_features_of_another_model_are_not_used(shop: Shop) -> None:
    results = Counting(shop.folder)
    shop.put(png(picture(0)))
    shop.features(results=results)
    other = Model(**(vars(shop.model) | {"fingerprint": "other"}))
    shop.features(model=other, results=results)
    assert results.fetched == 2


def test_photos_that_left_the_collection_leave_the_cache(shop: Shop) -> None:
    results = Counting(shop.folder)
    first = shop.put(png(picture(0)))
    shop.features(results=results)
    del shop.members[first]
    assert shop.features(results=results) == {}
    assert len(turned.TABLE.read(shop.cache)) == 0


def test_a_damaged_cache_is_made_again(shop: Shop) -> None:
    first = shop.put(png(picture(0)))
    before = shop.features()[first]
    shop.cache.write_bytes(b"damaged")
    np.testing.assert_array_equal(shop.features()[first], before)


def test_a_photo_that_is_gone_or_damaged_is_left_out(shop: Shop) -> None:
    gone, damaged, whole = (shop.put(data) for data in (png(picture(0)), b"no", png(picture(1))))
    Path(shop.members[gone][0].decode()).unlink()
    assert damaged != whole
    assert shop.features().keys() == {whole}


def test_what_was_done_before_a_stop_is_kept(shop: Shop) -> None:
    shop.put(png(picture(0)))
    assert shop.features(stopped=lambda: True) == {}
    assert len(shop.features()) == 1
