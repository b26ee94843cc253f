"""Machines: folders with a home of their own, in which `ml-git` runs in this process."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import attrs

from entrepot.cli.main import main_ml_git
from entrepot.workspace.entities.kinds import parse_kind
from entrepot.workspace.projects.entities import Entity, find_entity
from entrepot.workspace.projects.projects import KindState, Notify, Project, Surroundings, open_project
from tests.support.commands import Outcome

KINDS = ("datasets", "labels", "models")


@attrs.frozen
class Machine:
    """A computer of one person: a home folder, and the folder in which commands run."""

    home: Path
    folder: Path
    environ: dict[str, str] = attrs.field(factory=dict)

    @classmethod
    def create(cls, place: Path, name: str, **environ: str) -> Machine:
        """Return a machine below a folder, with an identity for git."""
        home, folder = place / name / "home", place / name / "project"
        home.mkdir(parents=True)
        folder.mkdir()
        (home / ".gitconfig").write_text(f"[user]\n\tname = {name}\n\temail = {name}@example.org\n")
        return cls(home, folder, environ)

    @property
    def variables(self) -> dict[str, str]:
        """The environment of commands."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "MLGIT_"))}
        kept |= {"HOME": str(self.home), "GIT_CONFIG_NOSYSTEM": "1", "NO_COLOR": "1", "COLUMNS": "100"}
        return kept | self.environ

    def run(self, *args: str) -> Outcome:
        """Run ``ml-git`` and return its output and exit code."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main_ml_git(args, self.variables)
        return Outcome(code, out.getvalue(), err.getvalue())

    def ok(self, *args: str) -> str:
        """Run a command that must succeed and return its standard output."""
        outcome = self.run(*args)
        assert outcome.code == 0, f"{args}: {outcome.out}{outcome.err}"
        return outcome.out

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Start a command in a process of its own."""
        program = "import sys; from entrepot.cli.main import run_ml_git; run_ml_git()"
        return subprocess.Popen(
            [sys.executable, "-c", program, *args],
            cwd=self.folder,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def project(self, notify: Notify | None = None) -> Project:
        """Open the project of the current folder."""
        around = Surroundings(self.variables, self.home)
        return open_project(self.folder, around if notify is None else attrs.evolve(around, notify=notify))

    def state(self, word: str = "datasets") -> KindState:
        """Return the state of a kind in the project."""
        return self.project().of_kind(parse_kind(word))

    def entity(self, name: str, word: str = "datasets") -> Entity:
        """Return an entity of the project."""
        return find_entity(self.state(word), name)

    def inside(self, folder: str) -> Machine:
        """Return the same machine with another current folder."""
        return attrs.evolve(self, folder=self.folder / folder)

    def write(self, path: str, content: str | bytes) -> Path:
        """Write a file below the current folder."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    def files(self, path: str) -> dict[str, bytes]:
        """Return the contents of all files below a folder, by path."""
        root = self.folder / path
        return {file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*") if file.is_file()}


@attrs.frozen
class Team:
    """Metadata remotes and a storage that several machines share."""

    place: Path
    storage: tuple[str, str]
    options: tuple[str, ...] = ()
    environ: dict[str, str] = attrs.field(factory=dict)

    def remote(self, word: str) -> Path:
        """Return the bare repository of a kind."""
        return self.place / f"{word}.git"

    def machine(self, name: str, kinds: tuple[str, ...] = ("datasets",)) -> Machine:
        """Return a machine with a project that is configured and initialised for these kinds."""
        machine = Machine.create(self.place, name, **self.environ)
        type_, bucket = self.storage
        machine.ok("repository", "init")
        machine.ok("repository", "storage", "add", bucket, "--type", type_, *self.options)
        for word in kinds:
            machine.ok("repository", "remote", word, "add", str(self.remote(word)))
            machine.ok(word, "init")
        return machine

    def existing(self, name: str) -> Machine:
        """Return a machine that was made before."""
        return Machine(self.place / name / "home", self.place / name / "project", self.environ)

    def create(self, machine: Machine, word: str, name: str, mutability: str = "strict", *options: str) -> None:
        """Create an entity with the categories ``vision`` and ``images``."""
        type_, bucket = self.storage
        machine.ok(
            *(word, "create", name, "--categories=vision, images", f"--mutability={mutability}"),
            *(f"--storage-type={type_}", f"--bucket-name={bucket}", *options),
        )

    def tags(self, word: str = "datasets") -> dict[str, str]:
        """Return the tags of a remote and their commits."""
        listed = git(self.remote(word), "for-each-ref", "--format=%(refname:short) %(*objectname)", "refs/tags")
        return dict(line.split(" ") for line in listed.splitlines())

    def lost_tags(self, word: str = "datasets") -> list[str]:
        """Return the tags of a remote whose commit is on no branch."""
        return [tag for tag in self.tags(word) if not git(self.remote(word), "branch", "--contains", tag)]


def create_team(place: Path) -> Team:
    """Return a team with empty remotes and a storage in a folder."""
    for word in KINDS:
        subprocess.run(["git", "init", "-q", "--bare", "-b", "master", place / f"{word}.git"], check=True)
    (place / "bucket").mkdir()
    return Team(place, ("file", str(place / "bucket")))


def team_with_dataset(place: Path) -> Team:
    """Return a team with the machine ``ann``, on which the strict dataset ``x`` of two files is published."""
    team = create_team(place)
    published(team, a="one", b="two")
    return team


def git(folder: Path, *args: str) -> str:
    """Run git in a folder and return its output."""
    return subprocess.run(["git", *args], cwd=folder, check=True, capture_output=True, text=True).stdout


def publish(machine: Machine, word: str, name: str, *options: str) -> str:
    """Add, commit and push an entity; return the tag."""
    machine.ok(word, "add", name, "--bumpversion", *options)
    machine.ok(word, "commit", name)
    found = re.fullmatch(r"published (\S+): .*\n", machine.ok(word, "push", name))
    assert found is not None
    return found[1]


def published(team: Team, **files: str) -> Machine:
    """Return a machine of a team on which the strict dataset ``x`` with these files is published."""
    machine = team.machine("ann")
    team.create(machine, "datasets", "x")
    for name, text in files.items():
        machine.write(f"datasets/x/data/{name}", text)
    publish(machine, "datasets", "x")
    return machine
