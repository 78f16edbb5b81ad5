"""What requests and answers contain, as /openapi.json describes it."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, FailFast, Field, model_validator

from ..decisions.decisions import TABLE

# In one request.
MOST_DECISIONS = 10_000
_MEANINGS = {column.name: column.meaning for column in TABLE.columns}


class Problem(BaseModel):
    """Why there is no answer."""

    detail: str = Field(description="what is wrong, and what to do")


class Neighbour(BaseModel):
    """An image of the catalogue that is similar to a photo."""

    image: str = Field(description="path in the catalogue")
    class_: str = Field(alias="class")
    similarity: float = Field(description="between -1 and 1, with six decimals")
    content_id: str = Field(description="/pictures/{content_id}.jpg shows it")


class Answer(BaseModel):
    """What a photo shows, and what is most like it; named as in predictions.csv."""

    image: str = Field(description="the name that was sent with the photo")
    content_id: str | None = Field(description="SHA-256 of the photo")
    prediction: str | None = Field(description="its class; null if it is refused or unreadable")
    votes: int | None = Field(description="of the neighbours that vote, those with this class")
    voters: int = Field(description="how many neighbours vote")
    confidence: float | None = Field(description="probability that the prediction is right")
    likely_classes: list[str] = Field(description="with high probability the class is among them")
    refused: str | None = Field(description="why a readable photo has no prediction")
    duplicate: str | None = Field(
        description="exact, near or mirrored, if the photo is in the catalogue"
    )
    duplicate_of: str | None = Field(description="that image of the catalogue")
    metric: str | None = Field(description="the similarity: cosine, adapted-top or adapted")
    vote_counts: dict[str, int] = Field(description="votes by class, the prediction first")
    neighbours: list[Neighbour] = Field(description="the most similar first")
    note: str | None = Field(description="what of the photo was lost or could not be checked")
    error: str | None = Field(description="why the photo cannot be read; all else is empty then")
    picture: str | None = Field(description="a small JPEG of the photo as a data address")


class Answers(BaseModel):
    """The answers, in the order of the photos."""

    answers: list[Answer]


class Neighbours(BaseModel):
    """Images of the catalogue, the most similar first."""

    neighbours: list[Neighbour]


class Report(BaseModel):
    """The report on a collection."""

    name: str
    address: str


class Overview(BaseModel):
    """What there is to ask, and whether a run is needed."""

    project: str = Field(description="a digest of this project: see the header `Project`")
    images: int = Field(description="of the catalogue")
    classes: list[str]
    inbox: str | None = Field(description="the query set that keeps photos, if there is one")
    sets: list[str] = Field(description="all query sets")
    reports: list[Report]
    map: str | None = Field(description="the address of the catalogue's map, if there is one")
    decisions: str = Field(description="the file of decisions, in the folder of the project")
    decisions_named: list[str] = Field(description="the files in the setting `decisions`")
    decisions_used: bool = Field(description="whether the setting `decisions` names this file")
    run: str | None = Field(
        description="the command that uses new decisions and kept photos; null without any"
    )


class _Sent(BaseModel):
    """What is sent as JSON. Any further field is an error, but not thousands of errors."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _check_number(cls, value: Any) -> Any:
        if isinstance(value, dict) and len(value) > len(cls.model_fields):
            raise ValueError(f"more fields than {', '.join(cls.model_fields)}")
        return value


class Decision(_Sent):
    """What a person decided about a photo: a row of decisions.csv."""

    content_id: str = Field(description=_MEANINGS["content_id"])
    image: str = Field(description=_MEANINGS["image"])
    set: str = Field(description=_MEANINGS["set"])
    decision: str = Field(description=_MEANINGS["decision"])
    label: str = Field(description=_MEANINGS["label"])
    when: str = Field(description=_MEANINGS["when"])
    note: str = Field(description=_MEANINGS["note"])


class Decisions(BaseModel):
    """Decisions on photos."""

    decisions: list[Decision]


class NewDecisions(_Sent):
    """Decisions to save. The first that is faulty is named."""

    decisions: Annotated[list[Decision], FailFast(), Field(max_length=MOST_DECISIONS)]


class Saved(BaseModel):
    """Decisions that are in the file now."""

    file: str = Field(description="path in the folder of the project")
    saved: int = Field(description="how many there were in the request")
    run: str = Field(description="the command that uses them")


class Kept(BaseModel):
    """A photo that is in the folder of a query set now."""

    set: str
    image: str = Field(description="path in the set")
    content_id: str
    run: str = Field(description="the command that uses it")
