from __future__ import annotations

import hashlib
from pathlib import Path

import attrs
import pytest

from entrepot.client.progress import Silent
from entrepot.errors import ChunkMissing
from entrepot.names import RepoPath
from entrepot.testing.hubs import RunningHub
from entrepot.workspace.hubs.contents import (
    LocalContents,
    NamedSource,
    count,
    find_missing,
    receive_contents,
    send_contents,
)
from entrepot.workspace.manifests import Manifest, ManifestEntry
from entrepot.workspace.stores import Outbox, draft_path
from tests.support.hub_sites import Site, create, publish


def entry_of(data: bytes) -> ManifestEntry:
    return ManifestEntry(sha256=hashlib.sha256(data).hexdigest(), size=len(data))


def local(tmp_path: Path, **copies: bytes) -> LocalContents:
    found = {}
    for name, data in copies.items():
        (tmp_path / name).write_bytes(data)
        found[hashlib.sha256(data).hexdigest()] = str(tmp_path / name)
    return LocalContents(Outbox(tmp_path / "outbox"), found, tmp_path / "drafts", tmp_path / "indexes", 2)


def test_a_content_of_the_workspace_is_used_only_if_it_is_unchanged(tmp_path: Path) -> None:
    contents = local(tmp_path, a=b"one", b=b"two")
    (tmp_path / "b").write_bytes(b"changed")
    [draft] = contents.make_drafts([(RepoPath("a"), entry_of(b"one"))])
    assert draft.read_bytes() == b"one"
    with pytest.raises(ChunkMissing):
        contents.make_drafts([(RepoPath("b"), entry_of(b"two"))])


def test_a_draft_is_a_source(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"12345")
    source = NamedSource.of(tmp_path / "f", "data/f")
    assert (source.read(), source.sample(), b"".join(source.pieces(1, 3))) == (b"12345", b"12345", b"234")
    assert source.label == "data/f"


def test_files_of_the_workspace_are_sent_without_a_copy_if_they_are_right(tmp_path: Path) -> None:
    contents = local(tmp_path, a=b"one", b=b"two")
    (tmp_path / "b").write_bytes(b"2wo")
    found = contents.find_file(RepoPath("data/a"), entry_of(b"one"))
    assert found is not None
    assert (found.file_path, found.label) == (str(tmp_path / "a"), "data/a")
    assert contents.find_file(RepoPath("data/b"), entry_of(b"two")) is None
    assert contents.find_file(RepoPath("data/c"), entry_of(b"three")) is None


def test_a_file_that_changes_unseen_is_not_what_is_published(entrepot_hub: RunningHub, tmp_path: Path) -> None:
    site = Site.create(entrepot_hub, tmp_path)
    machine = site.machine("ann", "datasets")
    create(machine, "datasets", "x", "mutable", site.files)
    publish(machine, "datasets", "x")
    hub = machine.state().hub
    assert hub is not None
    data = f"{site.user.name} same length".encode()
    contents = local(tmp_path, a=data)
    contents = attrs.evolve(contents, unchanged=contents.copies)  # as if its state on disk had not changed
    (tmp_path / "a").write_bytes(data[::-1])
    more = Manifest({RepoPath("more"): entry_of(data)})
    with pytest.raises(ChunkMissing):
        send_contents(hub.hub, hub.address.repo("datasets", "x"), more, contents, Silent())


def test_each_content_counts_once() -> None:
    one, two = entry_of(b"one"), entry_of(b"twotwo")
    manifest = Manifest({RepoPath("a"): one, RepoPath("b"): one, RepoPath("c"): two})
    counts = count(manifest, {RepoPath("c"): two})
    assert (counts.objects, counts.bytes_sent, counts.bytes_known) == (1, 6, 3)


def test_contents_are_sent_once_and_come_back(entrepot_hub: RunningHub, tmp_path: Path) -> None:
    site = Site.create(entrepot_hub, tmp_path)
    machine = site.machine("ann", "datasets")
    create(machine, "datasets", "x", "mutable", site.files)
    publish(machine, "datasets", "x")
    hub = machine.state().hub
    assert hub is not None
    repo, data = hub.address.repo("datasets", "x"), f"{site.user.name} more".encode()
    more = Manifest({RepoPath("more"): entry_of(data)})
    assert [*find_missing(hub.hub, repo, more)] == ["more"]
    assert [*find_missing(hub.hub, hub.address.repo("datasets", "none"), more)] == ["more"]
    assert send_contents(hub.hub, repo, more, local(tmp_path, a=data), Silent()).objects == 1
    assert find_missing(hub.hub, repo, more) == {}
    commit = str(machine.state().metadata.refs().tags["computer-vision__images__x__1"].commit)
    wanted = [(commit, RepoPath(f"data/{path}"), entry_of(content)) for path, content in site.files.items()]
    drafts = tmp_path / "received"
    assert receive_contents(hub.hub, repo, wanted, drafts, Silent()) == sum(map(len, site.files.values()))
    assert receive_contents(hub.hub, repo, wanted, drafts, Silent()) == 0
    assert {draft_path(drafts, entry).read_bytes() for _, _, entry in wanted} == {*site.files.values()}
