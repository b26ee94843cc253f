from __future__ import annotations

from collections.abc import Callable

import pytest

from entrepot.client.calls import Response, files
from entrepot.client.calls.files import FileFacts
from entrepot.client.hubs import Hub
from entrepot.errors import AnswerUnusable, EntryNotFound
from entrepot.names import RepoId, RepoRef, RepoType

OID, SHA, XET = "c" * 40, "a" * 64, "b" * 64


def test_a_file_and_what_is_said_of_it(hub: Hub, fresh_repo: Callable[..., RepoRef]) -> None:
    ref = fresh_repo(RepoType.DATASET)
    facts = hub.send(files.facts(ref, "main", ".gitattributes"))
    content = hub.send(files.content(ref, "main", ".gitattributes"))
    assert facts.size == len(content)
    assert facts.location == f"{hub.endpoint}{files.resolve_path(ref, 'main', '.gitattributes')}"
    assert facts.commit is not None
    assert hub.send(files.facts_at(facts.location)) == facts


def test_a_missing_file_names_file_and_repository(hub: Hub, fresh_repo: Callable[..., RepoRef]) -> None:
    ref = fresh_repo()
    with pytest.raises(EntryNotFound, match=f"nothing.txt in model {ref.id}") as caught:
        hub.send(files.facts(ref, "main", "nothing.txt"))
    assert caught.value.commit is not None


def test_paths_of_files() -> None:
    ref = RepoRef(RepoType.SPACE, RepoId("ns", "name"))
    assert files.resolve_path(ref, "refs/pr/1", "a/b c#.txt") == "/spaces/ns/name/resolve/refs%2Fpr%2F1/a/b%20c%23.txt"


def facts(status: int = 200, **headers: str) -> FileFacts:
    found = {name.replace("_", "-"): value for name, value in headers.items()}
    return files.read_facts(Response(status, found, b"", "http://hub/f"))


def test_facts_of_a_large_file_come_first() -> None:
    found = facts(etag='W/"short"', x_linked_etag=f'"{SHA}"', content_length="0", x_linked_size="5", x_repo_commit=OID)
    assert found == FileFacts(OID, SHA, 5, "http://hub/f")


def test_a_redirect_says_where_but_not_how_long() -> None:
    found = facts(302, location="https://store.example/o?sig=1", content_length="0", etag='"e"')
    assert (found.location, found.size, found.etag) == ("https://store.example/o?sig=1", None, "e")
    assert "sig" not in repr(found)


def test_chunks_are_known_only_with_the_way_to_a_pass() -> None:
    assert facts(x_xet_hash=XET).xet_hash is None
    linked = facts(x_xet_hash=XET, link='</pass>; rel="xet-auth", <http://cas/x>; rel="xet-reconstruction-info"')
    assert (linked.xet_hash, linked.xet_refresh_url) == (XET, "http://hub/pass")
    routed = facts(x_xet_hash=XET, x_xet_refresh_route="/api/pass")
    assert routed.xet_refresh_url == "http://hub/api/pass"
    assert facts(link='</pass>; rel="xet-auth"').xet_refresh_url is None


def test_a_size_that_is_none() -> None:
    with pytest.raises(AnswerUnusable):
        facts(content_length="many")
