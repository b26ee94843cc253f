from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from unittest.mock import Mock

import pytest

from entrepot.errors import Refused
from entrepot.hub.git import guarded_http, imports
from entrepot.hub.git.guarded_http import GuardedResponse
from entrepot.hub.git.import_sources import HINT, check_source
from entrepot.names import RepoId, RepoRef, RepoType
from tests.support.git_site import GitSite
from tests.support.worlds import World

REF = RepoRef(RepoType.MODEL, RepoId("alice", "imported"))
HIDDEN = ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]"]


@pytest.mark.parametrize("path", ["repo.git", "moved/repo.git", "repo.git/"])
def test_git_connects_to_the_address_that_was_checked(
    world: World, site: GitSite, import_url: Callable[[World, str], imports.Imported], example_is_here: None, path: str
) -> None:
    # No resolver knows the name: git can only reach it by the pinned address.
    site.redirects["/moved/"] = site.url("", "other.example")
    assert import_url(world, site.url(path)).refs == 1
    assert world.read(REF, "README.md") == b"hello"


@pytest.mark.parametrize("host", [*HIDDEN, "localhost.", "user:secret@127.0.0.1"])
def test_a_source_on_this_machine_is_refused_before_git_runs(
    world: World, site: GitSite, import_url: Callable[[World, str], imports.Imported], host: str
) -> None:
    with pytest.raises(Refused) as caught:
        import_url(world, site.url("repo.git", host))
    assert site.asked == []
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("host", HIDDEN)
def test_a_redirect_to_this_machine_is_refused(
    world: World, site: GitSite, import_url: Callable[[World, str], imports.Imported], example_is_here: None, host: str
) -> None:
    site.redirects["/moved/"] = site.url("", host)
    with pytest.raises(Refused, match=r"not a public address|no answer|cannot connect"):
        import_url(world, site.url("moved/repo.git"))
    assert len(site.asked) == 1


def test_a_later_redirect_is_not_followed_by_git(
    world: World, site: GitSite, import_url: Callable[[World, str], imports.Imported], example_is_here: None
) -> None:
    site.redirects["/repo.git/objects/"] = site.url("repo.git/hidden/", "127.0.0.1")
    with pytest.raises(Refused, match="cannot be fetched"):
        import_url(world, site.url("repo.git"))
    assert not [path for path in site.asked if "hidden" in path]


@pytest.mark.parametrize(
    ("final", "is_kept"),
    [
        ("https://source.example/r", True),
        ("https://source.example:443/r", True),
        ("https://source.example:8443/r", False),
        ("http://source.example/r", False),
        ("http://source.example:443/r", False),
        ("https://other.example/r", False),
    ],
)
def test_a_login_is_sent_to_the_same_host_and_port_only(
    monkeypatch: pytest.MonkeyPatch, example_is_here: None, final: str, is_kept: bool
) -> None:
    @contextlib.contextmanager
    def redirected(_method: str, url: str, _headers: object, *, hint: str) -> Iterator[GuardedResponse]:
        assert hint == HINT
        assert "secret" not in url
        yield GuardedResponse(f"{final}/info/refs?service=git-upload-pack", 200, Mock())

    monkeypatch.setattr(guarded_http, "request", redirected)
    judged = check_source("https://user:secret@source.example/moved", {}, allows_private=False)
    assert ("secret" in judged.url) == is_kept


def test_endless_redirects_end(
    world: World, site: GitSite, import_url: Callable[[World, str], imports.Imported], example_is_here: None
) -> None:
    site.redirects["/moved/"] = site.url("moved/")
    with pytest.raises(Refused, match="redirects too often"):
        import_url(world, site.url("moved/repo.git"))
    assert len(site.asked) == guarded_http.MAX_REDIRECTS + 1


def test_alternates_of_the_server_lead_nowhere(
    world: World, site: GitSite, import_url: Callable[[World, str], imports.Imported], example_is_here: None
) -> None:
    objects = site.folder / "repo.git" / "objects"
    (objects / "info" / "http-alternates").write_text(site.url("secret.git/objects/", "127.0.0.1") + "\n")
    for pack in objects.glob("??"):
        pack.rename(objects / f"gone-{pack.name}")
    with pytest.raises(Refused):
        import_url(world, site.url("repo.git"))
    assert not [path for path in site.asked if path.startswith("/secret.git")]


@pytest.mark.parametrize(
    "source",
    [
        *(
            "ext::sh -c touch% /tmp/x",
            "git://8.8.8.8/x.git",
            "ftp://8.8.8.8/x",
            "fd::3",
            "EXT::sh",
            "git+ssh://8.8.8.8/x",
        ),
        *("http::http://8.8.8.8/x", "https:///x", "http://8.8.8.8:99999/x"),
        *("ssh://127.0.0.1/x", "ssh://git@[::1]:22/x", "git@127.0.0.1:x", "localhost:x.git", "git@[::1]:x", "0x7f.1:x"),
        *("http://169.254.169.254/latest", "https://[fd00::1]/x", "http://10.0.0.1/x.git", "http://100.64.0.1/x"),
    ],
)
def test_other_transports_and_private_hosts_are_refused(source: str) -> None:
    with pytest.raises(Refused):
        check_source(source, {}, allows_private=False)


@pytest.mark.parametrize(
    "source",
    [
        *("ssh://8.8.8.8#@127.0.0.1/x", "ssh://8.8.8.8?a@127.0.0.1/x", "ssh://127.0.0.1%2Ffoo@8.8.8.8/x"),
        *("ssh://a@[::1]@8.8.8.8/x", "[127.0.0.1]x@8.8.8.8:path", "ssh://127.0.0.1:22@8.8.8.8/x"),
        *("ssh://8.8.8.8\\@127.0.0.1/x", "ssh://a@b@8.8.8.8/x", "ssh://-oProxyCommand=id@8.8.8.8/x", "-F@8.8.8.8:x"),
    ],
)
def test_git_and_the_check_see_the_same_ssh_host(source: str) -> None:
    with pytest.raises(Refused):
        check_source(source, {}, allows_private=False)


@pytest.mark.parametrize(
    "source",
    ["ssh://git@8.8.8.8:22/a/b.git", "git@8.8.8.8:a/b.git", "SSH://8.8.8.8/~x", "ssh://[2606:4700::1111]:22/x"],
)
def test_plain_ssh_sources_are_taken_as_they_are(source: str) -> None:
    assert check_source(source, {}, allows_private=False).url == source


def test_a_setting_allows_private_sources(
    make_world: Callable[..., World], site: GitSite, import_url: Callable[[World, str], imports.Imported]
) -> None:
    world = make_world(import_private_sources=True)
    assert import_url(world, site.url("repo.git", "127.0.0.1")).refs == 1
    with pytest.raises(Refused, match="not a transport for imports"):
        check_source("ext::sh -c id", {}, allows_private=True)


def test_git_gets_the_allowed_transports() -> None:
    for source, transport in [("/some/folder", "file"), ("file:///some/folder", "file"), ("ssh://h/x", "ssh")]:
        assert check_source(source, {}, allows_private=True).environ["GIT_ALLOW_PROTOCOL"] == transport
    assert check_source("http://10.0.0.1/x", {}, allows_private=True).environ["GIT_ALLOW_PROTOCOL"] == "http:https"


def test_no_proxy_looks_the_name_up_again(site: GitSite, example_is_here: None) -> None:
    judged = check_source(
        site.url("repo.git"), {"HTTP_PROXY": "http://10.0.0.1", "https_proxy": "x"}, allows_private=False
    )
    assert not [name for name in judged.environ if "proxy" in name.lower()]
    assert judged.settings["http.proxy"] == ""
    assert judged.settings["http.curloptResolve"] == f"source.example:{site.server.server_port}:127.0.0.1"
