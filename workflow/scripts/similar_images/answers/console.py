"""Answers on the console: a block of text for each photo, or a line of JSON."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence

from ..core.wording import printable
from .answer import Answer, Neighbour
from .asked_photos import Photo
from .catalogue import BATCH, Catalogue

COPY = {
    "exact": "Same bytes as",
    "near": "Almost the same pixels as",
    "mirrored": "Almost the same pixels, mirrored, as",
}


def ask(
    catalogue: Catalogue, photos: Sequence[Photo], neighbours: int, label: str | None
) -> Iterator[Answer]:
    """Ask about `photos`, and yield each answer.

    Args:
        catalogue: to ask.
        photos: any number.
        neighbours: how many to list for each photo.
        label: the class of the neighbours to list, or None for all.

    Raises:
        UserError: from the catalogue.
    """
    for start in range(0, len(photos), BATCH):
        yield from catalogue.ask_many(photos[start : start + BATCH], neighbours, label=label)


def show(answers: Iterable[Answer], *, as_json: bool) -> bool:
    """Print `answers`, and an error for each photo that cannot be read.

    Args:
        answers: in the order in which they are printed.
        as_json: print each as a line of JSON.

    Returns:
        Whether all photos could be read.
    """
    readable = True
    between = ""
    for answer in answers:
        if answer.error:
            readable = False
            message = printable(f"{answer.image}: {answer.error}")
            print(f"Error: {message}", file=sys.stderr, flush=True)
        if as_json:
            print(json.dumps(answer.as_json()), flush=True)
        elif not answer.error:
            print(f"{between}{block(answer)}", flush=True)
            between = "\n"
    return readable


def block(answer: Answer) -> str:
    """Return the answer to a readable photo in a few lines of text."""
    lines = [*_outcome(answer), *_remarks(answer)]
    return "\n".join(
        [
            printable(answer.image),
            *(f"  {printable(line)}" for line in lines),
            *(f"  {line}" for line in _table(answer.neighbours)),
        ]
    )


def _outcome(answer: Answer) -> Iterator[str]:
    if answer.refused:
        yield f"No class: {answer.refused}"
        if answer.vote_counts:
            yield f"Votes: {', '.join(f'{label} {votes}' for label, votes in answer.vote_counts)}"
        return
    confidence = "not known" if answer.confidence is None else f"{answer.confidence:.0%}"
    yield (f"{answer.prediction}, confidence {confidence}, {answer.votes} of {answer.voters} votes")
    if len(answer.likely_classes) > 1:
        yield f"Likely classes: {', '.join(answer.likely_classes)}"


def _remarks(answer: Answer) -> Iterator[str]:
    if answer.duplicate:
        yield f"{COPY[answer.duplicate]} {answer.duplicate_of}"
    if answer.note:
        yield f"Note: {answer.note}"


def _table(neighbours: Sequence[Neighbour]) -> list[str]:
    """Return a header and a line for each neighbour, with classes in a column of one width."""
    rows = [("similarity", "class", "image")] if neighbours else []
    for near in neighbours:
        rows.append((f"{near.similarity:.3f}", printable(near.label), printable(near.image)))
    width = max((len(label) for _, label, _ in rows), default=0)
    return [f"{similarity:10}  {label:{width}}  {image}" for similarity, label, image in rows]
