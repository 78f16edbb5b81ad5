"""The faults of photos, from the pixels to the tables."""

from PIL import Image, ImageEnhance, ImageFilter

from project import CLASSES, Project


def faults(project: Project, table: str) -> dict[str, str]:
    return {row["image"]: row["photo_faults"] for row in project.rows(table)}


def test_faults_are_in_the_tables_and_a_limit_can_be_changed(project: Project) -> None:
    for class_ in CLASSES:
        for n in range(8):
            project.image(f"catalogue/{class_}/{n}.png", seed=n, size=(320, 320))
    # Of noise that is blurred, nearly nothing remains.
    with Image.open(project.photo("catalogue/boots/1.png")) as image:
        image.filter(ImageFilter.GaussianBlur(4)).save(project.photo("catalogue/boots/1.png"))
    query = project.image("new/boots/dark.png", seed=99, size=(320, 320))
    with Image.open(query) as image:
        ImageEnhance.Brightness(image).enhance(0.1).save(query)
    project.settle(search={"neighbours": 3})
    project.run("all", "audit")
    assert "low_contrast" in faults(project, "catalogue/members.csv")["boots/1.png"].split("|")
    assert faults(project, "catalogue/members.csv")["boots/2.png"] == ""
    assert "dark" in faults(project, "new/predictions.csv")["boots/dark.png"].split("|")
    assert project.json("new/metrics.json")["photo_faults"]["dark"]["photos"] == 1
    findings = project.rows("catalogue/audit.csv")
    bad = [row["image"] for row in findings if row["finding"] == "poor_photo"]
    assert bad[0] == "boots/1.png"
    switched_off = ("blurred", "dark", "low_contrast", "uniform", "other_background")
    project.settle(search={"neighbours": 3}, photo_faults=dict.fromkeys(switched_off))
    jobs = project.run("all", "audit").jobs
    assert "extract" not in jobs
    assert faults(project, "new/predictions.csv")["boots/dark.png"] == ""
    assert all(row["finding"] != "poor_photo" for row in project.rows("catalogue/audit.csv"))
