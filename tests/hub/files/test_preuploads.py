from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from entrepot.blobs.local import LocalBlobs
from entrepot.errors import LimitExceeded, QuotaExceeded, RevisionNotFound, StoreFull
from entrepot.git import Mode
from entrepot.hub.accounts import quotas
from entrepot.hub.files import preuploads
from entrepot.hub.files.operations import AddFile
from entrepot.hub.files.preuploads import Candidate
from entrepot.hub.repos import branches
from entrepot.names import Oid, RepoPath, RepoRef
from tests.support.worlds import World

P = RepoPath
LFS = "filter=lfs diff=lfs merge=lfs -text\n"


def ask(world: World, ref: RepoRef, path: str, size: int = 3, sample: bytes = b"abc", **options: Any) -> Any:
    [advice] = preuploads.plan(
        world.hub, world.alice, ref, "main", [Candidate(P(path), size, sample)], **options
    ).advice
    return advice


def test_names_sizes_and_samples_decide(make_world: Callable[..., World]) -> None:
    world = make_world(max_inline_file=1024)
    ref = world.repo()
    assert ask(world, ref, "w.safetensors").is_large
    assert ask(world, ref, "deep/er/w.bin").is_large
    assert not ask(world, ref, "a.txt").is_large
    assert not ask(world, ref, "a.txt", 1024).is_large
    assert ask(world, ref, "a.txt", 1025).is_large
    assert ask(world, ref, "a.txt", 3, b"a\0b").is_large
    assert ask(world, ref, "a.txt", 3, b"\xff\xfe\xfd").is_large
    assert not ask(world, ref, "empty", 0, b"").is_large


def test_a_sample_cut_within_a_character_is_text(world: World) -> None:
    ref = world.repo()
    text = ("x" + "日" * 200).encode()
    for cut in range(505, 513):
        assert not ask(world, ref, "a.txt", 601, text[:cut]).is_large
    assert ask(world, ref, "a.txt", 601, text[:300] + b"\x97" + text[300:500]).is_large


def test_the_deepest_rule_that_decides_counts(world: World) -> None:
    ref = world.repo(files={".gitattributes": f"*.bin {LFS}*.txt -filter\n".encode()})
    world.commit(
        ref,
        AddFile(P("a/.gitattributes"), b"*.bin -filter\n"),
        AddFile(P("a/b/.gitattributes"), f"/c/*.txt {LFS}".encode()),
    )
    assert ask(world, ref, "x.bin").is_large
    assert not ask(world, ref, "a/x.bin").is_large
    assert not ask(world, ref, "a/b/x.bin").is_large
    assert ask(world, ref, "a/b/c/x.txt").is_large
    assert not ask(world, ref, "a/b/x.txt", sample=b"\0").is_large
    assert ask(world, ref, "other", sample=b"\0").is_large


def test_given_rules_stand_for_those_of_the_revision(world: World) -> None:
    ref = world.repo()
    assert ask(world, ref, "a.foo", attributes=f"*.foo {LFS}").is_large
    assert not ask(world, ref, "a.bin", attributes="").is_large
    world.add(ref, ".gitignore", b"*.log\n/out/\n")
    assert ask(world, ref, "d/a.log").is_ignored
    assert ask(world, ref, "out/a").is_ignored
    assert not ask(world, ref, "d/out/a").is_ignored
    assert not ask(world, ref, "d/a.log", ignores="").is_ignored


def test_the_etag_names_what_is_there(world: World) -> None:
    ref = world.repo()
    sha256 = world.add_large(ref, "w.bin", b"large")
    world.plant(ref, {"link": (Mode.SYMLINK, b"x"), "sub": (Mode.GITLINK, Oid("1" * 40)), "d/f": (Mode.FILE, b"f")})
    assert ask(world, ref, "w.bin").etag == sha256
    assert ask(world, ref, "sub").etag == "1" * 40
    for path in ("link", "d/f"):
        assert len(ask(world, ref, path).etag) == 40
    assert ask(world, ref, "d").etag is None
    assert ask(world, ref, "new").etag is None


def test_a_full_disk_is_told_before_anything_is_sent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo()
    world.add_large(ref, "w.bin", b"large")
    monkeypatch.setattr(LocalBlobs, "free_bytes", lambda _self: 1000)
    for size in (1001, 10**12):
        with pytest.raises(StoreFull):
            ask(world, ref, "new.bin", size=size)
    assert ask(world, ref, "new.bin", size=1000).is_large
    assert ask(world, ref, "new.txt", size=5000).etag is None
    assert ask(world, ref, "w.bin", size=len(b"large")).etag is not None


def test_a_full_namespace_is_told_before_anything_is_sent(world: World) -> None:
    ref = world.repo()
    world.add_large(ref, "w.bin", b"large")
    quotas.change(world.hub, "alice", {"max_bytes": quotas.show(world.hub, "alice").used + 1000})
    assert ask(world, ref, "new.bin", size=1000).is_large
    for size in (1001, 10**12):
        with pytest.raises(QuotaExceeded, match="delete what is not needed, or ask an administrator"):
            ask(world, ref, "new.bin", size=size)
        assert ask(world, ref, "ignored.bin", size=size, ignores="*.bin").is_ignored
    assert not ask(world, ref, "new.txt", size=5000).is_large  # regular files count with their commit
    assert ask(world, ref, "empty.bin", size=0).is_large
    quotas.change(world.hub, "alice", {"max_bytes": 1})
    with pytest.raises(QuotaExceeded):
        ask(world, ref, "new.bin", size=1)
    for path in ("w.bin", "renamed.bin"):  # what the repository has counts once
        assert ask(world, ref, path, size=len(b"large")).is_large


def test_a_file_above_the_limit_of_one_file_is_told_before_it_is_sent(world: World) -> None:
    ref = world.repo()
    world.add_large(ref, "w.bin", b"large")
    quotas.change(world.hub, "alice", {"max_file_bytes": 4})
    assert ask(world, ref, "new.bin", size=4).is_large
    with pytest.raises(LimitExceeded, match=r"the file 'new\.bin'"):
        ask(world, ref, "new.bin", size=6)
    assert ask(world, ref, "renamed.bin", size=5).is_large


def test_advice_comes_in_the_order_of_the_question(world: World) -> None:
    ref = world.repo()
    paths = [P("b"), P("a"), P("b")]
    plan = preuploads.plan(world.hub, world.alice, ref, "main", [Candidate(path, 1, b"") for path in paths])
    assert [item.path for item in plan.advice] == paths
    assert plan.commit == world.head(ref)


def test_questions_are_about_branches_and_not_too_long(world: World) -> None:
    ref = world.repo()
    branches.create_tag(world.hub, world.alice, ref, "main", "v1", None)
    with pytest.raises(RevisionNotFound):
        preuploads.plan(world.hub, world.alice, ref, "v1", [])
    with pytest.raises(LimitExceeded):
        preuploads.plan(world.hub, world.alice, ref, "main", [Candidate(P("a"), 1, b"")] * 1001)


def test_an_enormous_rules_file_counts_as_none(world: World) -> None:
    ref = world.repo(files={".gitattributes": f"*.foo {LFS}".encode() + b"#\n" * (1 << 20)})
    assert not ask(world, ref, "a.foo").is_large
