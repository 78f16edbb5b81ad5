"""The quality of the catalogue, the metrics and the votes."""

import re
from pathlib import Path

import pytest
from PIL import Image

from project import CLASSES, Project


def test_quality_counts_how_many_catalogue_images_are_classified_correctly(
    project: Project,
) -> None:
    quality = project.json("catalogue/quality.json")
    assert (quality["images"], quality["evaluated"]) == (12, 12)
    assert quality["correct"] == 12
    assert quality["neighbours"] == 5
    with Image.open(project.result("catalogue/quality.png")) as image:
        assert min(image.size) > 400


def test_the_weighted_vote_is_a_setting(project: Project) -> None:
    # One boot, whose pixels are asked for, among many sandals.
    for n in range(4, 12):
        project.image(f"catalogue/sandals/{n}.png", seed=20 + n)
    for n in (1, 2, 3):
        project.photo(f"catalogue/boots/{n}.png").unlink()
    boot = project.photo("catalogue/boots/0.png").read_bytes()
    project.photo("new/like the boot.png").write_bytes(boot + b"\0")
    predictions = {}
    for vote in ("majority", "weighted"):
        project.settle(search={"vote": vote})
        run = project.run()
        assert run.jobs["predict"] == 1
        predictions[vote] = {
            row["image"]: row["prediction"] for row in project.rows("new/predictions.csv")
        }
    assert predictions["majority"]["like the boot.png"] != "boots"
    assert predictions["weighted"]["like the boot.png"] == "boots"
    assert set(CLASSES) >= set(predictions["weighted"].values())


def test_the_comparison_of_metrics_runs_last_if_no_job_waits_for_it(project: Project) -> None:
    project.settle(search={"metric": "adapted"})
    finished = list(project.run().jobs)
    assert {"predict", "report", "plot_catalogue"} < set(finished)
    assert finished[-1] == "compare_metrics"


def test_the_adapted_similarity_is_a_setting(project: Project) -> None:
    project.settle(search={"metric": "adapted"})
    run = project.run()
    assert run.jobs["components"] == run.jobs["adapt"] == run.jobs["search"] == 1
    rows = project.rows("new/predictions.csv")
    assert {row["metric"] for row in rows} == {"adapted"}
    assert all(-1 <= float(row["similarity_1"]) <= 1 for row in rows)
    quality = project.json("catalogue/quality.json")
    assert (quality["metric"], quality["method"]) == ("adapted", "5-fold cross-validation")
    project.settle(search={"metric": "cosine"})
    project.run()
    assert {row["metric"] for row in project.rows("new/predictions.csv")} == {"cosine"}


def test_after_a_new_photo_the_adapted_similarity_equals_that_of_a_clean_run(
    project: Project, tmp_path: Path
) -> None:
    project.settle(search={"metric": "adapted"})
    project.run()
    project.image("catalogue/boots/more.png", seed=70)
    assert project.run().jobs["adapt"] == 1
    assert project.predictions() == project.rebuilt(tmp_path / "clean").predictions()


def test_auto_chooses_the_metric_on_the_catalogue_and_all_results_use_it(
    project: Project, tmp_path: Path
) -> None:
    project.settle(search={"metric": "auto"})
    run = project.run()
    assert "auto takes cosine: on " in run.console
    assert taken(project) == {"cosine"}
    before = project.predictions()

    add_scenes(project)
    run = project.run()
    assert "auto takes adapted. Correct on the catalogue's own images" in run.console
    assert "search.metric: auto now takes adapted; before: cosine" in run.console
    assert taken(project) == {"adapted"}
    quality = project.json("catalogue/quality.json")
    assert quality["method"] == "5-fold cross-validation"
    page = project.result("new/report.html").read_text("utf-8")
    assert "auto takes adapted. Correct on the catalogue" in page
    assert project.predictions() == project.rebuilt(tmp_path / "clean").predictions()
    assert not project.run().jobs

    remove_scenes(project)
    assert "auto now takes cosine; before: adapted" in project.run().console
    assert taken(project) == {"cosine"}
    assert [row["metric"] for row in project.rows("new/history.csv")][-2:] == ["adapted", "cosine"]
    assert project.predictions() == before


def test_with_cosine_the_page_and_the_end_of_a_run_say_which_setting_would_be_better(
    project: Project,
) -> None:
    advice = "With `search.metric: auto`, about "
    on_page = "With <code>search.metric: auto</code>, about "
    assert advice not in project.run().console
    assert on_page not in project.result("new/report.html").read_text("utf-8")
    add_scenes(project)
    assert advice in project.run().console.rpartition("new: ")[2]
    assert on_page in project.result("new/report.html").read_text("utf-8")


def add_scenes(project: Project) -> None:
    """Add photos to the catalogue whose classes the adapted similarity knows better."""
    for number, class_ in enumerate(CLASSES):
        for n in range(12):
            project.scene(f"catalogue/{class_}/scene {n}.png", seed=100 * number + n)


def remove_scenes(project: Project) -> None:
    for scene in project.photo("catalogue").rglob("scene *.png"):
        scene.unlink()


def taken(project: Project) -> set[str]:
    """Return the similarities that the results name."""
    return {
        *(row["metric"] for row in project.rows("new/predictions.csv")),
        project.json("new/metrics.json")["metric"],
        project.json("catalogue/quality.json")["metric"],
    }


@pytest.mark.parametrize("settings", [{"parts": 2}, {"index": "approximate"}], ids=str)
def test_auto_gives_the_same_predictions_as_the_metric_that_it_chooses(
    project: Project, settings: dict[str, object]
) -> None:
    for change, metric in ((add_scenes, "adapted"), (remove_scenes, "cosine")):
        change(project)
        predictions = []
        for setting in ("auto", metric):
            project.settle(search={"metric": setting, **settings})
            project.run("results/new/metrics.json")
            predictions.append(project.predictions())
        assert taken(project) == {metric}
        assert predictions[0] == predictions[1]


def test_an_out_of_distribution_photo_can_be_refused(project: Project) -> None:
    Image.new("RGB", (24, 24), (0, 255, 0)).save(project.photo("new/green.png"))
    project.settle(search={"reject": "auto"})
    run = project.run()
    rows = {row["image"]: row for row in project.rows("new/predictions.csv")}
    assert rows["green.png"]["refused"].startswith("in-distribution score 0.")
    assert (rows["green.png"]["prediction"], rows["green.png"]["error"]) == ("", "")
    refused = [image for image, row in rows.items() if row["refused"]]
    metrics = project.json("new/metrics.json")
    assert (metrics["readable"], metrics["refused"]) == (7, len(refused))
    assert f"{len(refused)} refused" in run.console
    page = project.result("new/report.html").read_text("utf-8")
    assert re.search(rf'tile refused".*?class="number">{len(refused)}<', page, re.DOTALL)
    project.settle(search={"reject": None})
    project.run()
    assert not any(row["refused"] for row in project.rows("new/predictions.csv"))
