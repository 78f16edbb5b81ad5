"""Random sequences of what users do between runs, each compared with a rebuild.

After any sequence the answers of a project that has run again and again are those of one that runs
for the first time. The rules about decisions and the search are checked against a second, simple
implementation (`expected_members`, `expected_neighbours`).

    PYTHONPATH=workflow/scripts:tests .venv/bin/python tests/sequences.py FIRST [COUNT]

runs the sequences with the seeds from FIRST on, and shows those that fail.
"""

import csv
import os
import random
import shutil
import struct
import sys
import tempfile
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from hashlib import sha256
from io import StringIO
from itertools import chain, count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import stages
from project import defaults, without_times
from similar_images.core.errors import UserError
from similar_images.core.file_formats import read_parquet
from similar_images.decisions import decisions
from similar_images.features import store
from similar_images.search import neighbours

CLASSES = ("boots", "sandals", "sneakers", "slippers")
QUERIES = ("new", "more")
CATALOGUE = "catalogue"
COLLECTIONS = (CATALOGUE, *QUERIES)
LONG_AGO = 1_700_000_000
# A file system in memory, where there is one.
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
# Contents show so many pictures: some are equally similar to others.
PICTURES = 24
# One content in so many cannot be read.
DAMAGED = 10
# Names of photos come again after so many.
NAMES = 4
# Of a catalogue, and of a query set. A collection is never made smaller than these.
FEWEST = {CATALOGUE: 5, "new": 2, "more": 2}


class Decision(NamedTuple):
    """A row of a file of decisions; `when` counts milliseconds."""

    content_id: str
    image: str
    set: str
    decision: str
    label: str
    when: int


@dataclass
class Photo:
    """A photo: the number of its content (None: the file is gone), its class and its product."""

    content: int | None
    label: str | None
    product: str = ""


@dataclass
class Collection:
    """A collection: the folder that it is in, whether a list names its photos, and these."""

    folder: str
    listed: bool
    photos: dict[str, Photo] = field(default_factory=dict)


@dataclass
class World:
    """All that a project is given: photos, decisions and settings.

    Attributes:
        root: the project's folder.
        settings: the whole configuration.
        collections: by name.
        decisions: those of each file of decisions.
        former: earlier states of `decisions`.
        restored: whether the files of decisions were replaced by earlier ones, with their times.
        count: how many neighbours the search finds; None as the workflow has it.
        number: grows with everything that is made.
    """

    root: Path
    settings: dict[str, Any]
    collections: dict[str, Collection] = field(default_factory=dict)
    decisions: list[list[Decision]] = field(default_factory=lambda: [[], []])
    former: list[list[list[Decision]]] = field(default_factory=list)
    restored: bool = False
    count: int | None = None
    number: int = 0

    def next(self) -> int:
        self.number += 1
        return self.number

    def path(self, name: str, image: str) -> Path:
        return self.root / self.collections[name].folder / image

    def active(self) -> list[str]:
        """Return the collections that are configured."""
        queries = self.settings["queries"]
        return [name for name in COLLECTIONS if name == CATALOGUE or queries[name] is not None]

    def locate(self, name: str) -> None:
        """Let the configuration name the collection."""
        found = self.collections[name]
        location = f"{found.folder}/list.csv" if found.listed else found.folder
        if name == CATALOGUE:
            self.settings["catalogue"] = location
        else:
            self.settings["queries"][name] = location

    def every(self) -> Iterator[tuple[str, str, Photo]]:
        """Yield the name of the collection, the path and the photo of all photos."""
        for name in COLLECTIONS:
            for image, photo in sorted(self.collections[name].photos.items()):
                yield name, image, photo

    def write(self) -> None:
        """Write the lists and the files of decisions that have changed."""
        for found in self.collections.values():
            if found.listed:
                rows = [
                    (image, photo.label, photo.product)
                    for image, photo in sorted(found.photos.items())
                ]
                path = self.root / found.folder / "list.csv"
                write_rows(path, ("image", "label", "product"), rows)
        for number, decided in enumerate(self.decisions):
            lines = [(*one[:5], as_time(one.when), "") for one in decided]
            path = self.root / f"decisions-{number}.csv"
            if write_rows(path, decisions.TABLE.names, lines) and self.restored:
                os.utime(path, (LONG_AGO, LONG_AGO))
        self.restored = False


def write_rows(path: Path, header: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> bool:
    """Write a CSV file, unless it is as it should be; return whether it was not."""
    stream = StringIO(newline="")
    csv.writer(stream).writerows([header, *rows])
    data = stream.getvalue().encode()
    if path.exists() and path.read_bytes() == data:
        return False
    path.write_bytes(data)
    return True


def as_time(when: int) -> str:
    """Return a time as people's browsers write it, in different zones."""
    zone = (UTC, timezone(timedelta(hours=2)), timezone(timedelta(hours=-9)))[when % 3]
    return datetime.fromtimestamp(LONG_AGO + when / 1000, zone).isoformat(timespec="milliseconds")


@cache
def data_of(content: int) -> bytes:
    """Return the bytes of a photo, a bitmap of 2 by 2 pixels; all are of the same size."""
    rows = np.random.default_rng(content % PICTURES).integers(0, 256, (2, 6), np.uint8)
    # What pads a row to four bytes is free to differ.
    padding = struct.pack("<I", content)
    pixels = rows[0].tobytes() + padding[:2] + rows[1].tobytes() + padding[2:]
    magic = b"XX" if is_damaged(content) else b"BM"
    header = struct.pack("<IHHIIiiHHIIiiII", 70, 0, 0, 54, 40, 2, 2, 1, 24, 0, 16, 0, 0, 0, 0)
    return b"".join((magic, header, pixels))


def is_damaged(content: int) -> bool:
    return content % DAMAGED == DAMAGED - 1


@cache
def id_of(content: int) -> str:
    return sha256(data_of(content)).hexdigest()


# What users do. Each takes the world and a random generator, and does nothing where it cannot.


def a_photo(
    world: World, chance: random.Random, *names: str, here: bool = True
) -> tuple[str, str, Photo] | None:
    """Return a photo of one of the collections `names`, or of any; whose file is there."""
    found = [
        (name, image, photo)
        for name, image, photo in world.every()
        if name in (names or COLLECTIONS) and (photo.content is not None or not here)
    ]
    return chance.choice(found) if found else None


def new_content(world: World, chance: random.Random) -> int:
    """Return a content that is nowhere yet, or one that is there already."""
    there = [photo.content for *_, photo in world.every() if photo.content is not None]
    if there and chance.random() < 0.3:
        return chance.choice(there)
    return 100 * world.next() + chance.randrange(100)


def new_image(world: World, name: str, label: str | None, number: int) -> str:
    """Return a path that is free; photos in different folders are often called the same."""
    found = world.collections[name]
    folder = "" if found.listed or label is None else f"{label}/"
    free = (f"{folder}p{n}.bmp" for n in count(number % NAMES))
    return next(image for image in free if image not in found.photos)


def put(world: World, name: str, image: str, content: int, mtime: float) -> None:
    """Write the file of a photo."""
    path = world.path(name, image)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data_of(content))
    os.utime(path, (mtime, mtime))


def add(world: World, chance: random.Random) -> None:
    """Add a photo; its bytes may be there already."""
    name, label = chance.choice(COLLECTIONS), chance.choice([*CLASSES, None])
    image = new_image(world, name, label, world.next())
    content = new_content(world, chance)
    photo = Photo(content, label, chance.choice(["", "1", "2", "3"]))
    world.collections[name].photos[image] = photo
    put(world, name, image, content, LONG_AGO + chance.randrange(3))


def delete(world: World, chance: random.Random) -> None:
    """Delete a photo; a list may go on naming it."""
    if not (found := a_photo(world, chance)):
        return
    name, image, photo = found
    collection = world.collections[name]
    if len(collection.photos) <= FEWEST[name]:
        return
    world.path(name, image).unlink()
    if collection.listed and chance.random() < 0.3:
        photo.content = None
    else:
        del collection.photos[image]


def rename(world: World, chance: random.Random) -> None:
    if not (found := a_photo(world, chance)):
        return
    name, image, photo = found
    renamed = new_image(world, name, photo.label, world.next())
    world.path(name, image).rename(world.path(name, renamed))
    photos = world.collections[name].photos
    photos[renamed] = photos.pop(image)


def relabel(world: World, chance: random.Random) -> None:
    """Put a photo into the folder of another class, or change its cell in the list."""
    if not (found := a_photo(world, chance, CATALOGUE, CATALOGUE, *QUERIES)):
        return
    name, image, photo = found
    photo.label = chance.choice([*CLASSES, None])
    if not world.collections[name].listed:
        moved = new_image(world, name, photo.label, int(Path(image).stem[1:]))
        path = world.path(name, moved)
        path.parent.mkdir(parents=True, exist_ok=True)
        world.path(name, image).rename(path)
        photos = world.collections[name].photos
        photos[moved] = photos.pop(image)


def move(world: World, chance: random.Random) -> None:
    """Move a photo into another collection."""
    if not (found := a_photo(world, chance)):
        return
    name, image, photo = found
    if len(world.collections[name].photos) <= FEWEST[name]:
        return
    other = chance.choice([other for other in COLLECTIONS if other != name])
    moved = new_image(world, other, photo.label, world.next())
    path = world.path(other, moved)
    path.parent.mkdir(parents=True, exist_ok=True)
    world.path(name, image).rename(path)
    world.collections[other].photos[moved] = world.collections[name].photos.pop(image)


def copy(world: World, chance: random.Random) -> None:
    """Copy a photo, under its class or another, into its collection or another."""
    if not (found := a_photo(world, chance)):
        return
    name, image, photo = found
    other, label = chance.choice(COLLECTIONS), chance.choice([photo.label, *CLASSES])
    copied = new_image(world, other, label, world.next())
    path = world.path(other, copied)
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(world.path(name, image), path)
    world.collections[other].photos[copied] = Photo(photo.content, label, photo.product)


def replace(world: World, chance: random.Random) -> None:
    """Replace a photo by other bytes: newer, older, or of the same time; all are of one size."""
    if not (found := a_photo(world, chance)):
        return
    name, image, photo = found
    path = world.path(name, image)
    before = path.stat().st_mtime
    mtime = chance.choice([before, before - 7200, before + 7200])
    if chance.random() < 0.5:
        path.unlink()  # otherwise the same file is written over
    photo.content = new_content(world, chance)
    put(world, name, image, photo.content, mtime)


def swap(world: World, chance: random.Random) -> None:
    """Let two photos of a collection change their names."""
    if not (found := a_photo(world, chance)) or not (met := a_photo(world, chance, found[0])):
        return
    (name, image, _), (_, other, _) = found, met
    one, two = world.path(name, image), world.path(name, other)
    aside = one.with_name("aside")
    one.rename(aside)
    if one != two:
        two.rename(one)
    aside.rename(two)
    photos = world.collections[name].photos
    photos[image].content, photos[other].content = photos[other].content, photos[image].content


def swap_folders(world: World, chance: random.Random) -> None:
    """Let the folders of two classes change their names; no file in them is touched."""
    name = chance.choice(COLLECTIONS)
    found = world.collections[name]
    one, two = chance.sample(CLASSES, 2)
    paths = [world.path(name, label) for label in (one, two)]
    if found.listed or not all(path.is_dir() for path in paths):
        return
    aside = paths[0].with_name("aside")
    paths[0].rename(aside)
    paths[1].rename(paths[0])
    aside.rename(paths[1])
    other = {one: two, two: one}
    swapped = {}
    for image, photo in found.photos.items():
        if photo.label in other:
            image = f"{other[photo.label]}/{image.partition('/')[2]}"
            photo.label = other[photo.label]
        swapped[image] = photo
    found.photos = swapped


def repoint(world: World, chance: random.Random) -> None:
    """Point a collection at another folder with the same names, sizes and times."""
    name = chance.choice(COLLECTIONS)
    found = world.collections[name]
    folder = f"photos/{name}-{world.next()}"
    shutil.copytree(world.root / found.folder, world.root / folder)
    found.folder = folder
    for image, photo in sorted(found.photos.items()):
        if photo.content is not None and chance.random() < 0.5:
            mtime = world.path(name, image).stat().st_mtime
            photo.content = new_content(world, chance)
            put(world, name, image, photo.content, mtime)
    if name in world.active():
        world.locate(name)


def swap_sets(world: World, chance: random.Random) -> None:
    """Let both query sets change their folders."""
    found = world.collections
    found["new"], found["more"] = found["more"], found["new"]
    for name in QUERIES:
        if name in world.active():
            world.locate(name)


def change_product(world: World, chance: random.Random) -> None:
    if not (found := a_photo(world, chance, here=False)):
        return
    *_, photo = found
    photo.product = chance.choice(["", "1", "2", "3", " 1 "])


def decide(world: World, chance: random.Random) -> None:
    """Decide on a photo of a collection, or on a member of the catalogue from a query set."""
    if not (found := _decidable(world, chance)):
        return
    name, image, content_id = found
    decision = chance.choice(["right", "wrong", "out", *["catalogue"] * (2 * (name != CATALOGUE))])
    label = "" if decision == "out" else chance.choice([*CLASSES, "hats"])
    _take(world, chance, Decision(content_id, image, name, decision, label, 0))


def decide_again(world: World, chance: random.Random) -> None:
    """Decide on a content that was decided on, in the same collection or in another."""
    made = list(chain.from_iterable(world.decisions))
    if not made:
        return
    former = chance.choice(made)
    name = chance.choice(COLLECTIONS)
    decision = chance.choice(["right", "wrong", "out", *["catalogue"] * (2 * (name != CATALOGUE))])
    label = "" if decision == "out" else chance.choice([*CLASSES, "hats"])
    image = former.image
    if name == CATALOGUE and former.set != CATALOGUE:
        image = f"{former.set}:{image}"
    _take(world, chance, former._replace(set=name, image=image, decision=decision, label=label))


def withdraw(world: World, chance: random.Random) -> None:
    """Take back some decisions."""
    world.former.append([list(decided) for decided in world.decisions])
    for decided in world.decisions:
        for decision in list(decided):
            if chance.random() < 0.4:
                decided.remove(decision)


def restore(world: World, chance: random.Random) -> None:
    """Replace the files of decisions by earlier ones."""
    if world.former:
        earlier = chance.choice(world.former)
        world.decisions = [list(decided) for decided in earlier]
        world.restored = True


def _decidable(world: World, chance: random.Random) -> tuple[str, str, str] | None:
    """Return collection, path and content id of a photo on a page, if there is one."""
    members, _ = expected_members(world)
    taken = [
        (CATALOGUE, image, one.content_id) for image, one in members.items() if one.set != CATALOGUE
    ]
    if taken and chance.random() < 0.3:
        return chance.choice(sorted(taken))
    if not (found := a_photo(world, chance)):
        return None
    name, image, photo = found
    return name, image, id_of(photo.content)


def _take(world: World, chance: random.Random, decision: Decision) -> None:
    """Write a decision into a file: with the time of now, or sometimes of before."""
    world.former.append([list(decided) for decided in world.decisions])
    when = 1000 * world.next()
    if chance.random() < 0.2:
        when = 1000 * chance.randrange(world.number) + chance.randrange(1, 1000)
    file = chance.randrange(2)
    if any(one.when == when for one in chain.from_iterable(world.decisions)):
        return
    decided = world.decisions[file]
    decided.insert(chance.randrange(len(decided) + 1), decision._replace(when=when))


def leave_out_set(world: World, chance: random.Random) -> None:
    """Take a query set out of the configuration, or into it again."""
    name = chance.choice(QUERIES)
    if name not in world.active():
        world.locate(name)
    elif len(world.active()) > 2:
        world.settings["queries"][name] = None


def change_setting(world: World, chance: random.Random) -> None:
    settle(world, chance)


def tidy(world: World, chance: random.Random) -> None:
    """Remove the shards that are needed no longer."""
    with chdir(world.root):
        if Path("results/plan/shards.json").exists():
            for path in store.unused(Path("results")):
                path.unlink()


CHANGES: dict[Callable[[World, random.Random], None], int] = {
    add: 3,
    delete: 2,
    rename: 3,
    relabel: 5,
    move: 3,
    copy: 3,
    replace: 5,
    swap: 2,
    swap_folders: 1,
    repoint: 1,
    swap_sets: 1,
    change_product: 2,
    decide: 8,
    decide_again: 5,
    withdraw: 2,
    restore: 2,
    leave_out_set: 1,
    change_setting: 1,
    tidy: 1,
}
# What a change is called, and the seed of its own generator: it can be done without the others.
Change = tuple[str, int]
BY_NAME = {one.__name__: one for one in CHANGES}


def settle(world: World, chance: random.Random) -> None:
    """Choose the settings of the search."""
    index = chance.choice(["exact", "approximate"])
    search = {
        "index": index,
        "parts": 1 if index == "approximate" else chance.choice([1, 1, 2, 3]),
        "metric": chance.choice(["cosine", "cosine", "adapted"]),
        "neighbours": chance.randint(1, 5),
        "vote": chance.choice(["majority", "weighted"]),
    }
    world.settings["search"] |= search
    # The workflow never finds fewer than are looked at for copies.
    world.count = chance.choice([neighbours.CANDIDATES, 4, 5, 50])


def lay_out(root: Path, seed: int) -> World:
    """Lay out a project with a few photos."""
    chance = random.Random(f"world {seed}")
    settings = defaults()
    world = World(root, settings)
    settings["queries"] = dict.fromkeys(QUERIES)
    settings["decisions"] = ["decisions-0.csv", "decisions-1.csv"]
    settings["product"] = chance.choice([None, "product"])
    settings["features_pkl"] = chance.random() < 0.2
    settings["extraction"]["shard_size"] = chance.choice([2, 4, 64])
    settle(world, chance)
    times = chance.choice([1, 100])
    for name in COLLECTIONS:
        listed = chance.random() < (0.7 if settings["product"] else 0.4)
        world.collections[name] = Collection(f"photos/{name}", listed)
        (root / f"photos/{name}").mkdir(parents=True)
    for name in COLLECTIONS:
        for n in range(chance.randint(8, 14) if name == CATALOGUE else chance.randint(3, 4)):
            label = CLASSES[n % 4] if name == CATALOGUE else chance.choice([*CLASSES, None])
            image = new_image(world, name, label, world.next())
            product = chance.choice(["", "", "1", "2", "3"])
            content = new_content(world, chance)
            world.collections[name].photos[image] = Photo(content, label, product)
            put(world, name, image, content, LONG_AGO + chance.randrange(times))
        world.locate(name)
    return world


def some_changes(chance: random.Random, number: int) -> list[Change]:
    names = list(BY_NAME)
    drawn = chance.choices(names, list(CHANGES.values()), k=number)
    return [(name, chance.randrange(1_000_000)) for name in drawn]


def steps_of(seed: int) -> list[list[Change]]:
    """Return the changes before each run but the first."""
    chance = random.Random(f"changes {seed}")
    return [some_changes(chance, chance.randint(1, 3)) for _ in range(chance.randint(1, 3))]


def change(world: World, changes: list[Change]) -> None:
    """Make changes, and write lists and files of decisions."""
    for name, own in changes:
        BY_NAME[name](world, random.Random(own))
    world.write()


# What comes out of a run.

Outcome = dict[str, object]


def run(world: World, folder: Path) -> Outcome:
    """Run in `folder`, which has the world's photos, and return what came out."""
    folder.mkdir(exist_ok=True)
    for name in ("photos", "decisions-0.csv", "decisions-1.csv"):
        if folder != world.root and not (folder / name).exists():
            (folder / name).symlink_to(world.root / name)
    with chdir(folder):
        if not Path(stages.MODEL).exists():
            stages.describe_pixels(Path("results"))
        try:
            stages.run(world.settings, world.count)
        except UserError as error:
            return {"error": str(error)}
        except Exception as error:
            raise AssertionError(traceback.format_exc(limit=-4)) from error
        return outcome(world.active())


def outcome(collections: list[str]) -> Outcome:
    """Return the results: texts of files, and rows of tables."""
    found: Outcome = {}
    for name in collections:
        files = ["members.csv", "rejected.csv", "duplicates.csv"]
        if name != CATALOGUE:
            files += ["predictions.csv", "votes.csv", "groups.csv", "metrics.json", "confusion.csv"]
            for table in ("neighbours", "candidates"):
                path = Path(f"results/{name}/{table}.parquet")
                found[f"{name}/{table}"] = read_parquet(path).to_pylist()
        for file in files:
            content = Path(f"results/{name}/{file}").read_bytes()
            found[f"{name}/{file}"] = without_times(file, content).decode()
    return found


# The same by other means: what the documentation says, in a few lines.


class Member(NamedTuple):
    """A readable image of a collection, as it was decided."""

    content_id: str
    label: str | None
    label_from: str
    product: str
    set: str


Members = dict[str, Member]
# The latest decisions on one content: by the collection, and whether they take it into the
# catalogue, which neither replaces what was decided of its class nor is replaced by it.
Latest = dict[tuple[str, bool], Decision]


def expected_members(world: World) -> tuple[Members, dict[str, Members]]:
    """Return the readable images of the catalogue, and those of each query set, by path.

    By what docs/results.md says of decisions.
    """
    made: dict[str, Latest] = defaultdict(dict)
    for decision in sorted(chain.from_iterable(world.decisions), key=lambda one: one.when):
        made[decision.content_id][decision.set, decision.decision == CATALOGUE] = decision
    catalogue: Members = {}
    queries: dict[str, Members] = {name: {} for name in world.active()[1:]}
    for content_id, held in _held(world).items():
        decided = _decided(made[content_id], held)
        for name, files in held.items():
            members = catalogue if name == CATALOGUE else queries[name]
            for image, photo in files:
                _enter(world, members, image, content_id, photo, decided.get(name), name)
        if home := _home(made[content_id], held):
            image, photo = held[home][0]
            label = decided["member"]
            _enter(world, catalogue, f"{home}:{image}", content_id, photo, label, home)
    return catalogue, queries


# For each collection the paths and photos of one content, sorted by path.
Held = dict[str, list[tuple[str, Photo]]]


def _held(world: World) -> dict[str, Held]:
    """Return the photos of each content: those with a file and, in the catalogue, a class."""
    found: dict[str, Held] = defaultdict(lambda: defaultdict(list))
    for name in world.active():
        for image, photo in sorted(world.collections[name].photos.items()):
            if photo.content is not None and (name != CATALOGUE or photo.label is not None):
                found[id_of(photo.content)][name].append((image, photo))
    return found


def _joined(made: Latest) -> Decision | None:
    """Return the decision by which a content is a member of the catalogue, if it is one."""
    there = made.get((CATALOGUE, False))
    taken = [one for one in made.values() if one.decision == CATALOGUE]
    joined = max(taken, key=lambda one: one.when, default=None)
    if there and there.decision == "out":
        return joined if joined and joined.when > there.when else None
    return joined


def _home(made: Latest, held: Held) -> str | None:
    """Return the query set whose photo is a member of the catalogue, if there is one."""
    joined = _joined(made)
    if not joined or CATALOGUE in held:
        return None
    return joined.set if joined.set in held else next(iter(held))


def _decided(made: Latest, held: Held) -> dict[str, str]:
    """Return the class in each collection that decided on the content; "" where it is left out.

    Under "member" that of the member of the catalogue, if it is one from a query set.
    """
    joined, home = _joined(made), _home(made, held)
    found = {}
    if joined and home:
        on_class = [one for one in made.values() if one.set in (home, CATALOGUE) and one.label]
        found["member"] = max([joined, *on_class], key=lambda one: one.when).label
    for name in held:
        here = [
            one
            for one in made.values()
            if one.set == name and (joined or one.decision != CATALOGUE)
        ]
        here += [joined] if joined and name in (home, CATALOGUE) else []
        if here:
            last = max(here, key=lambda one: one.when)
            found[name] = found.get("member", last.label) if last == joined else last.label
    return found


def _enter(
    world: World,
    members: Members,
    image: str,
    content_id: str,
    photo: Photo,
    decided: str | None,
    name: str,
) -> None:
    """Put a photo among `members`, unless it is left out (`decided` is "") or cannot be read."""
    if decided == "" or photo.content is None or is_damaged(photo.content):
        return
    listed = world.collections[name].listed
    label_from = "decision" if decided else ("list" if listed else "folder") if photo.label else ""
    product = photo.product.strip() if world.settings["product"] and listed else ""
    members[image] = Member(content_id, decided or photo.label, label_from, product, name)


def expected_neighbours(
    members: Members, queries: Members, most: int
) -> dict[str, list[tuple[str, str | None, float]]]:
    """Return image, class and cosine of the neighbours of each query, by path.

    Of equal bytes under one class the first counts. Left out are a query that is a member itself,
    and all photos of its product where one of them is.
    """
    first: dict[tuple[str, str | None], str] = {}
    for image in sorted(members):
        first.setdefault((members[image].content_id, members[image].label), image)
    found = {}
    for query, asked in queries.items():
        ranked = []
        for image in first.values():
            other = members[image]
            of_query = other.set != CATALOGUE
            same = other.content_id == asked.content_id
            if of_query and (same or (asked.product and other.product == asked.product)):
                continue
            cosine = float(direction(asked.content_id) @ direction(other.content_id))
            ranked.append((image, other.label, cosine))
        found[query] = sorted(ranked, key=lambda one: (-one[2], one[0]))[:most]
    return found


DIRECTIONS: dict[str, np.ndarray] = {}


def direction(content_id: str) -> np.ndarray:
    return DIRECTIONS[content_id]


def know_directions(world: World) -> None:
    """Take note of the features of all photos that are there, scaled to length 1."""
    for *_, photo in world.every():
        if photo.content is not None:
            rows = np.frombuffer(data_of(photo.content)[54:], np.uint8).reshape(2, 8)[:, :6]
            # A bitmap has its last row first, and blue before red.
            pixels = rows[::-1].reshape(2, 2, 3)[..., ::-1].reshape(-1).astype(float) - 128
            DIRECTIONS[id_of(photo.content)] = pixels / np.linalg.norm(pixels)


def check_rules(world: World, found: Outcome) -> list[str]:
    """Return in what `found` is not what the documentation says."""
    members, queries = expected_members(world)
    faults = []
    for name, expected in {CATALOGUE: members, **queries}.items():
        rows = {(image, one.label or "", one.label_from, "") for image, one in expected.items()}
        is_ = {
            tuple(row[:4])  # without the faults of its picture
            for row in list(csv.reader(str(found[f"{name}/members.csv"]).splitlines()))[1:]
        }
        if rows != is_:
            faults.append(f"{name}/members.csv lacks {rows - is_} and has {is_ - rows}")
    if faults:
        return faults
    know_directions(world)
    for name, asked in queries.items():
        faults += check_neighbours(world, name, members, asked, found[f"{name}/neighbours"])
    return faults


def check_neighbours(
    world: World, name: str, members: Members, asked: Members, rows: Any
) -> Iterator[str]:
    """Yield in what the neighbours `rows` of the query set are not those of a plain comparison."""
    search = world.settings["search"]
    expected = expected_neighbours(members, asked, world.count or 50)
    found = {row["image"]: row for row in rows}
    if found.keys() != expected.keys():
        yield f"{name}/neighbours has {sorted(found)} and not {sorted(expected)}"
        return
    for image, wanted in expected.items():
        similar = list(zip(found[image]["similar"], found[image]["class"], strict=True))
        pairs = [(one, label) for one, label, _ in wanted]
        if search["metric"] == "cosine" and search["index"] == "exact":
            close = np.allclose(
                found[image]["similarity"], [cosine for *_, cosine in wanted], atol=1e-6
            )
            if similar != pairs or not close:
                yield f"{name}/neighbours of {image} are {similar} and not {pairs}"
        elif len(similar) != len(pairs) or max(Counter(similar).values(), default=1) > 1:
            yield f"{name}/neighbours of {image} are {similar}, of {len(pairs)} that there are"


# One sequence.


def run_sequence(seed: int, steps: list[list[Change]]) -> list[str]:
    """Return what is wrong with a sequence: see `play`; or the traceback of a job."""
    try:
        return play(seed, steps)
    except AssertionError as error:
        return [str(error)]


def play(seed: int, steps: list[list[Change]]) -> list[str]:
    """Run a sequence; return in what its end differs from a rebuild and from the rules.

    After the last run, and after one in ten on the way, the same is made from nothing.
    """
    chance = random.Random(f"checks {seed}")
    with tempfile.TemporaryDirectory(dir=MEMORY) as name, stages.fakes():
        world = lay_out(Path(name, "project"), seed)
        world.write()
        run(world, world.root)
        for number, changes in enumerate(steps):
            change(world, changes)
            found = run(world, world.root)
            if number + 1 == len(steps) or chance.random() < 0.1:
                rebuilt = run(world, Path(name, f"rebuilt-{number}"))
                if faults := compare(world, found, rebuilt):
                    return [f"after run {number + 2}: {fault}" for fault in faults]
    return []


def compare(world: World, found: Outcome, rebuilt: Outcome) -> list[str]:
    """Return in what two outcomes differ, and in what the rebuild is not as the rules say."""
    faults = [
        f"{name} is not that of a rebuild"
        for name in sorted(found.keys() | rebuilt.keys())
        if found.get(name) != rebuilt.get(name)
    ]
    if "error" in rebuilt:
        return faults
    return faults + [f"not by the rules: {fault}" for fault in check_rules(world, rebuilt)]


def shrink(seed: int, steps: list[list[Change]]) -> list[list[Change]]:
    """Return a part of the changes with which the sequence fails, too, and no smaller part does."""
    for number, changes in enumerate(steps):
        fewer = [steps[:number] + steps[number + 1 :]] if len(steps) > 1 else []
        fewer += [
            [*steps[:number], changes[:at] + changes[at + 1 :], *steps[number + 1 :]]
            for at in range(len(changes))
        ]
        for left in fewer:
            if run_sequence(seed, left):
                return shrink(seed, left)
    return steps


def check(seed: int) -> None:
    """Run the sequence of a seed.

    Raises:
        AssertionError: its end is not that of a rebuild, or not as the rules say.
    """
    steps = steps_of(seed)
    if run_sequence(seed, steps):
        raise AssertionError(description(seed, shrink(seed, steps)))


def description(seed: int, steps: list[list[Change]]) -> str:
    """Describe a sequence that fails."""
    with tempfile.TemporaryDirectory() as name:
        world = lay_out(Path(name), seed)
    search = {**world.settings["search"], "found": world.count}
    kinds = {name: "list" if one.listed else "folder" for name, one in world.collections.items()}
    return "\n".join(
        [
            f"sequence {seed} ends otherwise than a rebuild:",
            *(f"  {fault}" for fault in run_sequence(seed, steps)[:5]),
            f"settings: {search}, product: {world.settings['product']}, collections: {kinds}, "
            f"shard_size: {world.settings['extraction']['shard_size']}",
            "with no more than these changes before each run:",
            *(f"  {number}. {changes}" for number, changes in enumerate(steps, 2)),
            "the whole sequence again: PYTHONPATH=workflow/scripts:tests .venv/bin/python "
            f"tests/sequences.py {seed}",
        ]
    )


def main(first: int, number: int = 1) -> int:
    """Run some sequences and show those that fail; return how many."""
    failed = 0
    for seed in range(first, first + number):
        try:
            check(seed)
        except AssertionError as error:
            failed += 1
            print(f"{error}\n", flush=True)
    print(f"{failed} of {number} sequences failed")
    return failed


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])) > 0)
