"""Repositories and projects as ML-Git 2.9.9 has them, written from the description of its formats."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from entrepot.workspace.stores.buckets.folders import FolderBucket
from tests.support.chunk_stores import write_old_format
from tests.support.machines import Machine, Team, git

SPEC = """\
dataset:
  categories:
  - vision
  - images
  manifest:
    amount: {amount}
    files: MANIFEST.yaml
    size: {size} Bytes
    storage: {storage}
  mutability: {mutability}
  name: {name}
  version: {number}
"""


def publish_old(
    team: Team,
    name: str,
    number: int,
    files: Mapping[str, bytes],
    mutability: str = "strict",
    *,
    is_pushed: bool = True,
) -> str:
    """Publish a version in the old formats from a work tree, and return its tag."""
    clone = team.place / "old-clone"
    if not clone.exists():
        git(team.place, "clone", "-q", str(team.remote("datasets")), str(clone))
        for key, value in (("user.name", "old"), ("user.email", "old@example.org")):
            git(clone, "config", key, value)
    folder = clone / "folder" / name
    folder.mkdir(parents=True, exist_ok=True)
    _, documents = write_old_format(FolderBucket(Path(team.storage[1]), "file"), files)
    for path, content in documents.items():
        (folder / path).write_bytes(content)
    size = sum(map(len, files.values()))
    storage = "://".join(team.storage)
    spec = SPEC.format(amount=len(files), size=size, storage=storage, name=name, number=number, mutability=mutability)
    (folder / f"{name}.spec").write_text(spec)
    (folder / "README.md").write_text("old\n")
    tag = f"vision__images__{name}__{number}"
    git(clone, "add", "-A")
    git(clone, "commit", "-qm", f"old {number}")
    git(clone, "tag", "-am", f"old {number}", tag)
    if is_pushed:
        git(clone, "push", "-q", "origin", "HEAD", tag)
    return tag


def old_project(team: Team, machine: Machine, tag: str, name: str, files: Mapping[str, bytes]) -> None:
    """Turn the project of a machine into one that the old program had made, with a version checked out."""
    import shutil

    state = machine.folder / ".ml-git/datasets"
    shutil.rmtree(state)
    state.mkdir()
    shutil.copytree(team.place / "old-clone", state / "metadata")
    sha = git(state / "metadata", "rev-parse", f"{tag}^{{commit}}").strip()
    (state / "refs" / name).mkdir(parents=True)
    (state / "refs" / name / "HEAD").write_text(f"{tag}: {sha}\n")
    for folder in ("cache/hashfs", "index/hashfs", "objects/hashfs"):
        (state / folder).mkdir(parents=True)
    entity = machine.folder / "datasets/folder" / name
    for path, content in files.items():
        machine.write(f"datasets/folder/{name}/{path}", content).chmod(0o444)
    for path in (f"{name}.spec", "README.md"):
        (entity / path).write_bytes((state / "metadata/folder" / name / path).read_bytes())
