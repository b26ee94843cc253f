from pathlib import Path

import pytest

from entrepot.errors import UrlRefused
from entrepot.workspace.configuration.urls import parse_git_url, without_user


@pytest.mark.parametrize(
    "url",
    [
        "git@github.com:example/your-mlgit-datasets.git",
        "https://host/a.git",
        "https://user:pw@host:8443/a.git",
        "ssh://git@[::1]:22/a.git",
        "git://host/a",
        "file:///a b/c.git",
        "/a b/c.git",
    ],
)
def test_urls_of_git_are_accepted(url: str) -> None:
    assert parse_git_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "-u./x",
        "--upload-pack=x",
        "x; touch F",
        "ext::sh -c x",
        "fd::17",
        "https://a;b/c",
        "https://a$(x)/c",
        "https://a|b/c",
        "https://-oProxyCommand=x/c",
        "ssh://-oProxyCommand=x/c",
        "-oProxyCommand=x:c",
        "host:-c",
        "a\nb:c",
        "http://a b/c",
        "ftp://a/b",
        "relative/folder",
        "git@host:a b",
    ],
)
def test_everything_else_is_refused(url: str) -> None:
    with pytest.raises(UrlRefused):
        parse_git_url(url)


def test_relative_folders_are_made_absolute_where_the_user_names_them(tmp_path: Path) -> None:
    (tmp_path / "x.git").mkdir()
    assert parse_git_url("x.git", folder=tmp_path) == str(tmp_path / "x.git")
    assert parse_git_url("./y.git", folder=tmp_path) == str(tmp_path / "y.git")


def test_messages_show_no_password() -> None:
    with pytest.raises(UrlRefused) as caught:
        parse_git_url("https://user:secret99@a b/c")
    assert "secret99" not in str(caught.value)
    assert without_user("https://user:secret99@host/c") == "https://host/c"
    assert without_user("git@host:c") == "git@host:c"
