"""Products: several photos of one thing are classified together."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import pyarrow as pa

from ..core.names import normal_form
from ..core.tables import Row
from . import nearest
from .nearest import SHOWN, Near
from .tables import PRODUCTS
from .vote import Vote

Photo = Mapping[str, str]  # a row of `predictions.csv`


def product_of(row: Photo, column: str | None) -> str:
    """Return the product of a query: the value in `column`, or else the photo itself."""
    named = row.get(column, "") if column else ""
    return normal_form(named.strip()) or row["image"]


def answers(
    predictions: Iterable[Photo],
    neighbours: pa.Table,
    column: str | None,
    known: Mapping[str, str],
    voters: int,
    vote: Vote,
) -> list[Row]:
    """Return a row of `PRODUCTS` for each product of a query set, sorted by name.

    For each photo that has an answer its nearest products of the catalogue vote, and the votes of
    all photos are counted together. The label is that of the readable photos, where they agree.

    Args:
        predictions: rows of `predictions.csv`; those that were rejected or refused do not vote.
        neighbours: of the readable queries, see `neighbours.TABLE`.
        column: of `predictions`, that names the product, if any.
        known: the products of the catalogue's images that have one.
        voters: how many products vote for each photo.
        vote: how they are counted, one of `vote.VOTES`.
    """
    near = {
        query["image"]: nearest.products(nearest.images(query), known)
        for query in neighbours.to_pylist()
    }
    photos = defaultdict(list)
    for row in predictions:
        photos[product_of(row, column)].append(row)
    return [
        PRODUCTS.row(
            product=product,
            **_answer(rows, [near[row["image"]] for row in _used(rows)], known, voters, vote),
        )
        for product, rows in sorted(photos.items())
    ]


def _used(photos: Iterable[Photo]) -> list[Photo]:
    return [row for row in photos if row["prediction"]]


def _answer(
    photos: Sequence[Photo],
    used: Sequence[Sequence[Near]],
    known: Mapping[str, str],
    voters: int,
    vote: Vote,
) -> dict[str, object]:
    """Return the columns of a product but for its name.

    Args:
        photos: all of the product.
        used: for each of them that votes the nearest products, the most similar first.
        known: the products of the catalogue's images that have one.
        voters: how many products vote for each photo.
        vote: how they are counted.
    """
    labels = {row["label"] for row in photos if row["label"] and not row["error"]}
    label = min(labels) if len(labels) == 1 else None
    conflict = str(len(labels) > 1).lower()
    answer: dict[str, object] = {"label": label, "conflict": conflict}
    answer |= {"images": len(photos), "used": len(used)}
    if not used:
        return answer
    voting = _ranked(near[:voters] for near in used)
    decision = vote([one.label for one in voting], [one.similarity for one in voting])
    answer |= {
        "prediction": decision.label,
        "correct": None if label is None else str(decision.label == label).lower(),
        "votes": decision.votes,
        "voters": decision.voters,
        "share": f"{decision.votes / decision.voters:.4f}",
    }
    found = nearest.products(_ranked(near[:SHOWN] for near in used), known)[:SHOWN]
    for n, (image, class_, similarity) in enumerate(found, 1):
        answer |= {f"product_{n}": known.get(image, image), f"similar_{n}": image}
        answer |= {f"class_{n}": class_, f"similarity_{n}": nearest.rounded(similarity)}
    return answer


def _ranked(found: Iterable[Sequence[Near]]) -> list[Near]:
    """Return the images found for all photos, the most similar first."""
    return sorted(chain.from_iterable(found), key=lambda one: (-one.similarity, one.image))
