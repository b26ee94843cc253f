from __future__ import annotations

import msgspec
import pytest

from entrepot.wire.repos.refs import NewBranch, NewTag, Ref, Refs

MAIN = Ref(name="main", ref="refs/heads/main", target_commit="ab")


def test_pull_requests_are_absent_unless_asked_for() -> None:
    refs = Refs(branches=[MAIN], converts=[], tags=[])
    assert msgspec.json.encode(refs) == (
        b'{"branches":[{"name":"main","ref":"refs/heads/main","targetCommit":"ab"}],"converts":[],"tags":[]}'
    )


def test_no_pull_requests_are_an_empty_list_when_asked_for() -> None:
    refs = Refs(branches=[MAIN], converts=[], tags=[], pull_requests=[])
    text = msgspec.json.encode(refs)
    assert b'"pullRequests":[]' in text
    assert msgspec.json.decode(text, type=Refs) == refs


def test_an_empty_object_is_a_branch_without_wishes() -> None:
    assert msgspec.json.decode(b"{}", type=NewBranch) == NewBranch()


def test_a_new_branch_reads_back() -> None:
    new = NewBranch(starting_point="v1", overwrite=True)
    assert msgspec.json.encode(new) == b'{"startingPoint":"v1","overwrite":true}'
    assert msgspec.json.decode(msgspec.json.encode(new), type=NewBranch) == new


def test_a_tag_needs_a_name() -> None:
    assert msgspec.json.encode(NewTag(tag="v1")) == b'{"tag":"v1"}'
    with pytest.raises(msgspec.ValidationError, match="tag"):
        msgspec.json.decode(b"{}", type=NewTag)
