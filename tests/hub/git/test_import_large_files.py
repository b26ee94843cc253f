from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import pytest

from entrepot.errors import Refused
from entrepot.git.pointers import Pointer, render_pointer
from entrepot.hub.git import import_large_files, imports
from entrepot.names import RepoId, RepoRef, RepoType, Sha256
from tests.support.git_site import GitSite
from tests.support.worlds import World

REF = RepoRef(RepoType.MODEL, RepoId("alice", "imported"))
LARGE = bytes(range(256)) * 3_000
OID = hashlib.sha256(LARGE).hexdigest()
BATCH = "/repo.git/info/lfs/objects/batch"


@pytest.fixture
def offer(site: GitSite) -> Callable[[str], None]:
    """Store a large file on the site, and return its URL."""
    site.commit("large.bin", render_pointer(Pointer(Sha256(OID), len(LARGE))))
    (site.folder / "store").write_bytes(LARGE)

    def answer(href: str) -> None:
        item = {"oid": OID, "size": len(LARGE), "actions": {"download": {"href": href}}}
        site.posts[BATCH] = json.dumps({"objects": [item]}).encode()

    return answer


def test_large_files_come_without_git_lfs(
    world: World,
    site: GitSite,
    offer: Callable[[str], None],
    import_url: Callable[[World, str], imports.Imported],
    example_is_here: None,
) -> None:
    site.redirects["/moved"] = site.url("store", "cdn.example")
    offer(site.url("moved"))
    assert import_url(world, site.url("repo.git")).files == 1
    assert world.read(REF, "large.bin") == LARGE


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "[::ffff:127.0.0.1]"])
def test_a_link_to_this_machine_is_refused(
    world: World,
    site: GitSite,
    offer: Callable[[str], None],
    import_url: Callable[[World, str], imports.Imported],
    example_is_here: None,
    host: str,
) -> None:
    offer(site.url("store", host))
    with pytest.raises(Refused, match="not a public address"):
        import_url(world, site.url("repo.git"))
    site.redirects["/moved"] = site.url("store", host)
    assert "/store" not in site.asked


@pytest.mark.parametrize("href", ["http://[", "//[zz]/x", "http://source.example:99999/"])
def test_a_link_that_is_no_url_is_refused_in_words(
    world: World,
    offer: Callable[[str], None],
    site: GitSite,
    import_url: Callable[[World, str], imports.Imported],
    example_is_here: None,
    href: str,
) -> None:
    offer(href)
    with pytest.raises(Refused, match="leads to"):
        import_url(world, site.url("repo.git"))


def test_an_lfsconfig_cannot_lead_to_this_machine(
    world: World,
    site: GitSite,
    offer: Callable[[str], None],
    import_url: Callable[[World, str], imports.Imported],
    example_is_here: None,
) -> None:
    site.commit(".lfsconfig", f"[lfs]\n\turl = {site.url('inside', '127.0.0.1')}\n".encode())
    with pytest.raises(Refused, match="not a public address"):
        import_url(world, site.url("repo.git"))
    assert not [path for path in site.asked if path.startswith("/inside")]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, "HTTP 404"),
        (b"no json", "is malformed"),
        (b'{"objects":[]}', "does not provide the large file"),
        (b'{"objects":[{"oid":"%s","size":1,"error":{"code":404}}]}' % OID.encode(), "does not provide the large file"),
        (b'{"objects":[{"oid":"x"}]}', "is malformed"),
        (b"[1]", "is malformed"),
    ],
)
def test_files_that_the_server_does_not_provide_are_named(
    world: World,
    site: GitSite,
    offer: Callable[[str], None],
    import_url: Callable[[World, str], imports.Imported],
    example_is_here: None,
    answer: bytes | None,
    reason: str,
) -> None:
    if answer is not None:
        site.posts[BATCH] = answer
    with pytest.raises(Refused, match=reason):
        import_url(world, site.url("repo.git"))


@pytest.mark.parametrize("content", [b"other", LARGE + b"x", LARGE[:-1] + b"x"])
def test_other_bytes_are_refused(
    world: World,
    site: GitSite,
    offer: Callable[[str], None],
    import_url: Callable[[World, str], imports.Imported],
    example_is_here: None,
    content: bytes,
) -> None:
    (site.folder / "store").write_bytes(content)
    offer(site.url("store"))
    with pytest.raises(Refused, match="sends other bytes"):
        import_url(world, site.url("repo.git"))


def test_pointers_are_found_among_other_objects() -> None:
    pointer = Pointer(Sha256(OID), 5)
    texts = [b"commit 3\nabc\n", b"blob 4\nnone\n", f"blob {len(render_pointer(pointer))}\n".encode()]
    listing = b"".join(b"0" * 40 + b" " + text for text in texts) + render_pointer(pointer) + b"\n"
    assert import_large_files.pointers_of(listing + b"0" * 40 + b" missing\n") == [pointer]
