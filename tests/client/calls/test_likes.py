from __future__ import annotations

from entrepot.client.calls import Response, likes
from entrepot.names import RepoId, RepoRef, RepoType

REF = RepoRef(RepoType.MODEL, RepoId("ns", "name"))


def test_likes_given_and_taken_back() -> None:
    assert (likes.add(REF).method, likes.add(REF).path) == ("POST", "/api/models/ns/name/like")
    assert (likes.remove(REF).method, likes.remove(REF).path) == ("DELETE", "/api/models/ns/name/like")
    assert likes.add(REF).is_repeatable


def test_who_likes_and_what_is_liked() -> None:
    body = b'[{"user":"ann","fullname":"Ann","avatarUrl":"","type":"user"}]'
    page = likes.likers(REF).read(Response(200, {"link": '</more>; rel="next"'}, body, "http://hub/x"))
    assert [liker.user for liker in page.items] == ["ann"]
    assert page.next_url == "http://hub/more"
    body = b'[{"createdAt":"2024-01-01T00:00:00.000Z","repo":{"name":"ns/name","type":"model"}}]'
    [like] = likes.liked_by("ann").read(Response(200, {}, body, "http://hub/x")).items
    assert (like.repo.name, like.repo.type) == ("ns/name", "model")
    assert likes.liked_by("a/b").path == "/api/users/a%2Fb/likes"
