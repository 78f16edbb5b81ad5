"""Tests of the accuracy with and without each fault of the photos."""

from similar_images.evaluation.intervals import wilson_interval
from similar_images.evaluation.photo_fault_rates import rates


def row(faults: str, correct: bool | None = True, error: str = "") -> dict[str, str]:
    """Return a row of predictions.csv; without a label if `correct` is None."""
    return {
        "photo_faults": faults,
        "label": "" if correct is None else "boots",
        "prediction": "" if error else "boots" if correct else "hats",
        "correct": "" if correct is None else str(correct).lower(),
        "error": error,
    }


def test_each_fault_has_the_accuracy_with_and_without_it() -> None:
    rows = [*[row("blurred", False)] * 3, row("blurred|dark"), row("dark"), *[row("")] * 5]
    found = rates(rows)
    assert list(found) == ["blurred", "dark", "none"]
    blurred = found["blurred"]
    assert (blurred["photos"], blurred["labelled"], blurred["correct"]) == (4, 4, 1)
    assert blurred["accuracy"] == 0.25
    assert blurred["accuracy_interval_95"] == wilson_interval(1, 4)
    assert (blurred["without"]["labelled"], blurred["without"]["correct"]) == (6, 6)
    assert (found["none"]["photos"], found["none"]["accuracy"]) == (5, 1)


def test_photos_without_a_label_count_as_photos_only() -> None:
    found = rates([row("dark", None), row("", None)])
    assert (found["dark"]["photos"], found["dark"]["labelled"]) == (1, 0)
    assert found["dark"]["accuracy"] is found["dark"]["accuracy_interval_95"] is None


def test_rejected_photos_have_no_part_in_it() -> None:
    assert rates([row("dark"), row("", error="no image")])["none"]["photos"] == 0


def test_without_faults_there_is_nothing_to_say() -> None:
    assert rates([row(""), row("")]) == rates([]) == {}
