"""Middle layers of a real network in whole runs."""

from pathlib import Path

from project import Project
from similar_images.features import levels, shards


def test_an_adapted_similarity_learns_from_the_middle_layers_and_nothing_is_extracted_again(
    project: Project, tmp_path: Path
) -> None:
    project.settle(backbone="EfficientNetLite2")
    project.run()
    channels = project.json("model/model.json")["levels"]
    width = sum(levels.widths(channels))
    assert len(channels) == 4
    made = project.result("features").glob("EfficientNetLite2-*/*.parquet")
    assert {shards.read(path).levels.shape[1] for path in made} == {width}
    pickled = project.result("catalogue/features.pkl").read_bytes()
    for metric, dimension in (("adapted-top", 1280), ("adapted", 1280 + width)):
        project.settle(search={"metric": metric})
        run = project.run()
        assert run.jobs["extract"] == 0
        assert {row["metric"] for row in project.rows("new/predictions.csv")} == {metric}
        log = (project.folder / "logs/catalogue/components.log").read_text()
        assert f"{dimension} features reduced to" in log
    assert project.result("catalogue/features.pkl").read_bytes() == pickled
    assert project.predictions() == project.rebuilt(tmp_path / "clean").predictions()


def test_the_console_says_if_an_upgrade_extracts_all_features_again(
    project: Project,
) -> None:
    project.settle(backbone="EfficientNetLite2")
    project.run("results/catalogue/images.parquet")
    (folder,) = project.result("features").glob("EfficientNetLite2-*")
    former = folder.rename(folder.with_name("EfficientNetLite2-00000000"))
    console = project.run("results/catalogue/images.parquet", "--forcerun=plan").console
    assert "All features are extracted once more" in console
    assert former.name in console
    assert "All features are extracted once more" not in project.run().console
