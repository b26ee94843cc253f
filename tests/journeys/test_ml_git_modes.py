"""The walk-through gives the same outputs, files and exit codes at a git remote with a bucket and at a hub."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

import attrs
import pytest

from entrepot.testing.hubs import RunningHub
from tests.support.hub_sites import Site
from tests.support.machines import Machine, create_team

DATASET = "datasets/folderA/folderB/imagenet8"
NAMES = (*(f"data/train/train_data_batch_{number}" for number in range(1, 11)), "data/val/val_data")
NEW = ("--categories=computer-vision, images", "--mutability={}")
WORDS = ("datasets", "labels", "models")


@attrs.frozen
class Step:
    """A command, and everything that it did: exit code, outputs, and the files of the workspace afterwards."""

    command: str
    code: int
    out: str
    err: str
    files: dict[str, bytes]


@attrs.frozen
class Mode:
    """Where a project publishes: the remote of each kind, options of ``create``, and what its outputs may contain."""

    place: Path
    remotes: dict[str, str]
    storage: tuple[str, ...]
    options: tuple[str, ...]
    own: dict[str, str]
    environ: dict[str, str]

    def plain(self, text: str) -> str:
        """Return a text without what differs from run to run: places, ids, times, and amounts that were sent."""
        for found, word in self.own.items():
            text = text.replace(found, word)
        text = re.sub(r"\b[0-9a-f]{40}\b|\b[0-9a-f]{64}\b|(?<=\()[0-9a-f]{8}(?=\))", "HASH", text)
        text = re.sub(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[+-]\d\d:\d\d|Z)?", "TIME", text)
        text = re.sub(r"\d+ objects?, [\d.]+ k?B sent, [\d.]+ k?B known", "SENT", text)
        return re.sub(r"\d+ object\(s\)(?: / \d+ chunk\(s\))?", "CHECKED", text)


class Walk:
    """The walk-through in one mode."""

    def __init__(self, mode: Mode) -> None:
        self.mode = mode
        self.steps: list[Step] = []

    def run(self, machine: Machine, *args: str) -> str:
        """Run a command and record what it did."""
        done = machine.run(*args)
        plain = self.mode.plain
        files = {
            f"{word}/{path}": plain(content.decode("latin-1")).encode("latin-1")
            for word in WORDS
            for path, content in machine.files(word).items()
        }
        command = plain(f"{machine.home.parent.name}: {' '.join(arg for arg in args if arg not in self.mode.options)}")
        self.steps.append(Step(command, done.code, plain(done.out), plain(done.err), files))
        return done.out

    def walk(self) -> list[Step]:
        """Walk with two machines and return every step."""
        ann = Machine.create(self.mode.place, "ann", **self.mode.environ)
        self.configure(ann)
        self.publish_dataset(ann)
        self.publish_labels_and_model(ann)
        self.share(ann)
        bob = Machine.create(self.mode.place, "bob", **self.mode.environ)
        self.run(bob, "clone", str(self.mode.place / "settings.git"), "project2")
        self.read(bob.inside("project2"))
        self.disagree(ann, bob.inside("project2"))
        return self.steps

    def configure(self, ann: Machine) -> None:
        self.run(ann, "repository", "init")
        self.run(ann, "repository", "init")
        if self.mode.storage:
            ann.ok("repository", "storage", "add", *self.mode.storage)
        for word, url in self.mode.remotes.items():
            ann.ok("repository", "remote", word, "add", url)
            self.run(ann, word, "init")
        self.run(ann, "datasets", "list")
        self.run(ann, "datasets", "checkout", "imagenet8")

    def publish_dataset(self, ann: Machine) -> None:
        new = [text.format("strict") for text in NEW]
        self.run(ann, "datasets", "create", "imagenet8", *new, "--entity-dir=folderA/folderB", *self.mode.options)
        self.run(ann, "datasets", "create", "imagenet8", *new, "--entity-dir=folderA/folderB", *self.mode.options)
        for number, name in enumerate(NAMES):
            ann.write(f"{DATASET}/{name}", f"content {number}\n" * 1000)
        self.run(ann, "datasets", "status", "imagenet8")
        self.run(ann, "datasets", "commit", "imagenet8")
        self.run(ann, "datasets", "add", "imagenet8")
        self.run(ann, "datasets", "status", "imagenet8")
        self.run(ann, "datasets", "commit", "imagenet8")
        self.run(ann, "datasets", "status", "imagenet8", "--json")
        self.run(ann, "datasets", "push", "imagenet8")
        self.run(ann, "datasets", "push", "imagenet8")
        self.run(ann, "datasets", "add", "imagenet8")
        ann.write(f"{DATASET}/data/train/train_data_batch_11", "eleven\n")
        (ann.folder / DATASET / "data/val/val_data").unlink()
        self.run(ann, "datasets", "add", "imagenet8", "--bumpversion")
        self.run(ann, "datasets", "status", "imagenet8")
        self.run(ann, "datasets", "commit", "imagenet8", "--message", "more data")
        self.run(ann, "datasets", "push", "imagenet8")
        for verb in ("branch", "show", "log"):
            self.run(ann, "datasets", verb, "imagenet8")
        self.run(ann, "datasets", "log", "imagenet8", "--stat")

    def publish_labels_and_model(self, ann: Machine) -> None:
        new = ("--categories=computer-vision, captions", "--mutability=mutable")
        self.run(ann, "labels", "create", "mscoco-captions", *new, "--version=1", *self.mode.options)
        ann.write("labels/mscoco-captions/annotations/captions_train2014.json", "{}")
        self.run(ann, "labels", "add", "mscoco-captions")
        self.run(ann, "labels", "commit", "mscoco-captions", "--dataset=none")
        self.run(ann, "labels", "commit", "mscoco-captions", "--dataset=imagenet8")
        self.run(ann, "labels", "push", "mscoco-captions")
        self.run(ann, "labels", "show", "mscoco-captions")
        self.run(ann, "models", "create", "imagenet-model", *new, *self.mode.options)
        ann.write("models/imagenet-model/data/model_file", b"\0" * 5000)
        metrics = ("--metric", "accuracy", "10", "--metric", "precision", "20", "--metric", "recall", "30")
        self.run(ann, "models", "add", "imagenet-model", *metrics)
        self.run(ann, "models", "commit", "imagenet-model", "--dataset=imagenet8", "--labels=mscoco-captions")
        self.run(ann, "models", "push", "imagenet-model", "--dry-run")
        self.run(ann, "models", "push", "imagenet-model")
        self.run(ann, "models", "metrics", "imagenet-model")
        self.run(ann, "models", "show", "imagenet-model")

    def share(self, ann: Machine) -> None:
        settings = self.mode.place / "settings.git"
        subprocess.run(["git", "init", "-q", "--bare", settings], check=True)
        ann.ok("repository", "remote", "config", "add", str(settings))
        self.run(ann, "repository", "config", "push", "-m", "settings")

    def read(self, bob: Machine) -> None:
        self.run(bob, "datasets", "update")
        self.run(bob, "repository", "update")
        for word in WORDS:
            self.run(bob, word, "list")
        self.run(bob, "datasets", "tag", "list", "imagenet8")
        self.run(bob, "datasets", "branch", "imagenet8")
        self.run(bob, "datasets", "checkout", "computer-vision__images__imagenet8__1")
        self.run(bob, "datasets", "checkout", "imagenet8", "--version=2")
        self.run(bob, "datasets", "checkout", "imagenet8", "--version=7")
        self.run(bob, "datasets", "checkout", "nothing")
        self.run(bob, "datasets", "status", "imagenet8")
        tags = [f"computer-vision__images__imagenet8__{number}" for number in (1, 2)]
        self.run(bob, "datasets", "diff", "imagenet8", *tags)
        self.run(bob, "models", "checkout", "imagenet-model", "-d", "-l")
        self.run(bob, "datasets", "fsck")
        self.run(bob, "datasets", "remote-fsck", "imagenet8")
        self.run(bob, "datasets", "unlock", "imagenet8", "data/train/train_data_batch_1")
        (bob.folder / DATASET / "data/train/train_data_batch_2").chmod(0o644)
        bob.write(f"{DATASET}/data/train/train_data_batch_2", "changed")
        self.run(bob, "datasets", "status", "imagenet8")
        self.run(bob, "datasets", "add", "imagenet8")
        self.run(bob, "datasets", "checkout", "imagenet8", "--version=1")
        self.run(bob, "datasets", "checkout", "imagenet8", "--force")

    def disagree(self, ann: Machine, bob: Machine) -> None:
        for machine in (ann, bob):
            machine.write(f"{DATASET}/data/{machine.home.parent.name}", "new\n")
            self.run(machine, "datasets", "add", "imagenet8", "--bumpversion")
            self.run(machine, "datasets", "commit", "imagenet8")
            self.run(machine, "datasets", "push", "imagenet8")
        self.run(bob, "datasets", "update")
        self.run(bob, "datasets", "push", "imagenet8", "--bumpversion")
        self.run(ann, "datasets", "update")
        self.run(ann, "datasets", "reset", "imagenet8", "--hard")
        self.run(ann, "datasets", "checkout", "imagenet8")


def at_git(place: Path) -> Mode:
    team = create_team(place)
    bucket = team.storage[1]
    remotes = {word: str(team.remote(word)) for word in WORDS}
    own = {f"file://{bucket}": "STORAGE", str(place): "PLACE"}
    return Mode(place, remotes, (bucket, "--type=file"), ("--storage-type=file", f"--bucket-name={bucket}"), own, {})


def at_hub(hub: RunningHub, place: Path) -> Mode:
    site = Site.create(hub, place)
    own = {f"hub://{site.user.name}": "STORAGE", str(place): "PLACE", "hub-metadata": "metadata"}
    return Mode(place, dict.fromkeys(WORDS, site.url), (), (), own, site.environ(site.user.token))


def comparable(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return files without the front matter that a hub needs at the top of READMEs."""
    return {
        path: re.sub(rb"\A---\n.*?\n---\n", b"", content, flags=re.DOTALL) if path.endswith("README.md") else content
        for path, content in files.items()
    }


def differences(one: Iterable[Step], two: Iterable[Step]) -> list[str]:
    """Return what differs, in the order of the steps."""
    found = []
    for left, right in zip(one, two, strict=True):
        for name in ("command", "code", "out", "err"):
            if getattr(left, name) != getattr(right, name):
                found.append(f"{left.command}: {name}: {getattr(left, name)!r} != {getattr(right, name)!r}")
        mine, theirs = comparable(left.files), comparable(right.files)
        for path in sorted({*mine, *theirs}):
            if mine.get(path) != theirs.get(path):
                found.append(f"{left.command}: {path}: {mine.get(path)!r} != {theirs.get(path)!r}")
    return found


@pytest.mark.timeout(600)
def test_both_modes_do_the_same(entrepot_hub: RunningHub, tmp_path: Path) -> None:
    for name in ("git", "hub"):
        (tmp_path / name).mkdir()
    one = Walk(at_git(tmp_path / "git")).walk()
    two = Walk(at_hub(entrepot_hub, tmp_path / "hub")).walk()
    assert len(one) > 70
    assert differences(one, two) == []
