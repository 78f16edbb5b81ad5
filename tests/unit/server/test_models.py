"""Tests of what requests and answers contain."""

from similar_images.answers.answer import Answer
from similar_images.decisions.decisions import TABLE
from similar_images.server import models


def test_a_decision_has_the_columns_of_decisions_csv() -> None:
    assert tuple(models.Decision.model_fields) == TABLE.names


def test_an_answer_has_what_the_library_answers_and_a_picture() -> None:
    assert [*models.Answer.model_fields] == [*Answer("x", None).as_json(), "picture"]
