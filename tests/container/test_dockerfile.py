"""The steps of the Dockerfile, in a clean Debian folder: there may be no Docker engine.

A step runs in namespaces of its own, so its mounts end with it: deleting the folder cannot reach
what was mounted.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import Template

import pytest

ROOT = Path(__file__).resolve().parents[2]
USER = 12345  # no user of this machine
RUN = ("--cores", "2", "--config", "backbone=EfficientNetLite2")  # a network that needs no download
# What runs in new namespaces: mounts, then the command.
STEP = """\
set -e
cd "$1"
mount -t proc proc proc
mount -t tmpfs -o mode=1777 shm dev/shm
mount --bind "$2" "$3"
shift 3
exec "$@"
"""


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile, such as ("RUN", "apt-get update")."""
    lines = re.sub(r"^#.*\n", "", dockerfile, flags=re.M).replace("\\\n", "").splitlines()
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines if line.strip()]


def hindrance() -> str | None:
    """Return why no step can run here, or None."""
    if os.geteuid() != 0:
        return "it needs root"
    missing = [name for name in ("debootstrap", "unshare", "chroot") if not shutil.which(name)]
    if missing:
        return f"{', '.join(missing)} not found: apt-get install debootstrap"
    if subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]).returncode:
        return "no file system may be mounted"
    return None


def mirror() -> list[str]:
    """Return the address that this machine has its packages from, if it is a Debian."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Label: Debian"],
        stdout=subprocess.PIPE,
        text=True,
    )
    return listed.stdout.splitlines()[:1]


def settings_of_pip() -> dict[str, str]:
    """Return this machine's settings of pip, for a process that has its files in /host."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    variables = {}
    for name, value in re.findall(r"^[\w:]+\.([\w.-]+)='(.*)'$", listed.stdout, re.M):
        words = [
            re.sub(r"^(file://)?(?=/)", r"\1/host", word)
            for word in value.replace("\\n", " ").split()
        ]
        variables["PIP_" + name.strip(".").upper().replace("-", "_")] = " ".join(words)
    return variables


class Container:
    """A folder with a clean Debian, in which the steps of a Dockerfile run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        self.place = "/"
        self.user = 0
        self.entrypoint: list[str] = []
        self.arguments: list[str] = []

    def build(self, dockerfile: str) -> None:
        for name, value in instructions(dockerfile):
            getattr(self, f"do_{name.lower()}")(value)

    def do_from(self, image: str) -> None:
        suite = re.fullmatch(r"debian:(\w+)-slim", image)
        assert suite, image
        command = ["debootstrap", "--variant=minbase", suite[1], str(self.folder), *mirror()]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def do_env(self, pairs: str) -> None:
        for pair in shlex.split(pairs):
            name, value = pair.split("=", 1)
            self.environment[name] = Template(value).substitute(self.environment)

    def do_workdir(self, path: str) -> None:
        (self.folder / path[1:]).mkdir(parents=True, exist_ok=True)
        self.place = path

    def do_user(self, user: str) -> None:
        self.user = int(user)

    def do_entrypoint(self, words: str) -> None:
        self.entrypoint = json.loads(words)

    def do_cmd(self, words: str) -> None:
        self.arguments = json.loads(words)

    def do_copy(self, words: str) -> None:
        """Copy a folder of the project, of which .dockerignore names what is let through."""
        source, destination = words.split()
        lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        let_through = {line[1:] for line in lines if line.startswith("!")}
        assert "*" in lines
        assert source == "." or source in let_through

        def others(folder: str, names: list[str]) -> set[str]:
            top = Path(folder) == ROOT
            return {n for n in names if n == "__pycache__" or (top and n not in let_through)}

        copied = self.folder / destination[1:]
        shutil.copytree(ROOT / source, copied, ignore=others, symlinks=True, dirs_exist_ok=True)

    def do_run(self, command: str) -> None:
        """Run a shell command, with this machine's settings of pip."""
        variables = {"HOME": "/root"} | settings_of_pip()
        done = self.process(["sh", "-c", command], self.user, variables, Path("/"), "host")
        assert done.returncode == 0, done.stdout

    def run(self, *arguments: str, project: Path) -> subprocess.CompletedProcess[str]:
        """Do as `docker run --user … --volume …:/project` does."""
        words = [*self.entrypoint, *(arguments or self.arguments)]
        return self.process(words, USER, {}, project, "project")

    def process(
        self, words: Sequence[str], user: int, variables: dict[str, str], mounted: Path, at: str
    ) -> subprocess.CompletedProcess[str]:
        (self.folder / at).mkdir(exist_ok=True)
        environment = [f"{k}={v}" for k, v in (self.environment | variables).items()]
        return subprocess.run(
            [
                *("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", STEP, "sh"),
                *(self.folder, mounted, at, "chroot", f"--userspec={user}:{user}", "."),
                *("env", "--ignore-environment", f"--chdir={self.place}", *environment, *words),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def container() -> Iterator[Container]:
    """The image that the Dockerfile describes, as a folder."""
    reason = hindrance()
    if reason:
        pytest.skip(f"the steps of the Dockerfile cannot run: {reason}")
    with tempfile.TemporaryDirectory(prefix="container-") as folder:
        Path(folder).chmod(0o755)
        built = Container(Path(folder))
        built.build((ROOT / "Dockerfile").read_text("utf-8"))
        yield built


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The sample, in a folder that has no workflow and belongs to another user."""
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "data", folder / "data")
    shutil.copy(ROOT / "config.yaml", folder)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, USER, USER)
    return folder


def test_options_run_the_workflow_in_the_mounted_folder(
    container: Container, project: Path
) -> None:
    done = container.run(*RUN, project=project)
    assert done.returncode == 0, done.stdout
    assert "workflow specific profile" in done.stdout
    report = project / "results/shoes/report.html"
    assert report.stat().st_uid == USER
    assert "Nothing to be done" in container.run(*RUN, project=project).stdout


def test_anything_else_is_a_command(container: Container, project: Path) -> None:
    done = container.run("python", "-c", "import os; print(os.getuid())", project=project)
    assert (done.returncode, done.stdout) == (0, f"{USER}\n")
