"""How shops name the columns of the lists that they export."""

from typing import NamedTuple

# How a label is taken from its cell: all of it, the last part of a path such as "Shoes > boots", or
# the last part of the deepest of several paths, such as "Shoes, Shoes > boots".
WHOLE, LAST, DEEPEST = "whole", "last", "deepest"


class Preset(NamedTuple):
    """The columns of a kind of list.

    Attributes:
        image: the columns of images; all but the first may be missing.
        label: the column of the class.
        label_part: how the class is taken from it.
        product: the column that is equal for all photos of a product.
    """

    image: tuple[str, ...]
    label: str
    label_part: str
    product: str


PRESETS = {
    "shopify": Preset(("Image Src",), "Type", WHOLE, "Handle"),
    "google-merchant": Preset(
        ("image_link", "additional_image_link"), "product_type", LAST, product="id"
    ),
    "woocommerce": Preset(("Images",), "Categories", DEEPEST, "ID"),
}
