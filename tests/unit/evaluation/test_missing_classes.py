"""Tests of what is told about labels that the catalogue lacks."""

from itertools import chain

from similar_images.evaluation import missing_classes

CATALOGUE = {"outerwear": 20, "boots": 20, "caps": 2}
RENAME = "If they are one class, give both the same name (of the folder, or in the list)."


def rows(
    label: str, *predictions: str, original: str | None = None, error: str = ""
) -> list[dict[str, str]]:
    """Return rows of predictions.csv; a prediction "" was refused."""
    return [
        {
            "label": label,
            "original_label": label if original is None else original,
            "prediction": prediction,
            "refused": "" if prediction or error else "confidence 0.2",
            "error": error,
            "correct": str(prediction == label).lower() if prediction else "",
        }
        for prediction in predictions
    ]


def told(*predictions: dict[str, str]) -> list[str]:
    found = missing_classes.of_predictions(predictions, CATALOGUE)
    return missing_classes.sentences("new", found)


def test_where_the_catalogue_has_all_labels_nothing_is_told() -> None:
    assert told(*rows("boots", "boots", "outerwear", "outerwear"), *rows("", "boots")) == []


def test_a_label_that_the_catalogue_lacks_is_told_with_the_class_of_a_similar_name() -> None:
    assert told(*rows("outwear", "boots", "boots", "outerwear")) == [
        "new: 3 photos are labelled outwear, which is not in the catalogue; outerwear is. " + RENAME
    ]


def test_without_a_similar_name_the_class_counts_that_most_are_predicted_as() -> None:
    assert told(*rows("coats", "outerwear", "outerwear", "boots")) == [
        "new: 3 photos are labelled coats, which is not in the catalogue; most are predicted as "
        "outerwear. " + RENAME
    ]
    assert told(*rows("coats", "outerwear", "boots", "")) == [
        "new: 3 photos are labelled coats, which is not in the catalogue, so they can never count "
        "as right. Add photos of that class to the catalogue."
    ]


def test_a_class_that_the_catalogue_hardly_has_is_told_unless_its_photos_are_right() -> None:
    assert told(*rows("caps", "boots", "outerwear", "caps")) == [
        "new: 3 photos are labelled caps, of which the catalogue has only 2 photos, so they can "
        "hardly count as right. Add photos of that class to the catalogue."
    ]
    assert told(*rows("caps", "boots", "caps")) == []


def test_files_that_are_no_photos_and_refused_photos_of_a_known_class_tell_nothing() -> None:
    assert told(*rows("docs", "", error="not an image")) == []
    assert told(*rows("hats", "", "", error="left out by a decision")) == []
    assert told(*rows("caps", "")) == []


def test_labels_that_only_decisions_gave_are_left_to_the_list_of_new_classes() -> None:
    assert told(*rows("jaket", "boots", original="boots")) == []


def test_one_photo_is_in_the_singular_and_only_some_classes_are_named() -> None:
    photos = [rows(f"class {n}", *["boots", "outerwear"] * (9 - n)) for n in range(8)]
    lines = told(*rows("hats", "boots"), *chain.from_iterable(photos))
    assert [line.split(",")[0] for line in lines] == [
        "new: 18 photos are labelled class 0",
        "new: 16 photos are labelled class 1",
        "new: 14 photos are labelled class 2",
        "new: 41 more photos of 6 more classes that the catalogue lacks or hardly has",
    ]
    assert told(*rows("hats", "boots"))[0].startswith("new: 1 photo is labelled hats, which")
