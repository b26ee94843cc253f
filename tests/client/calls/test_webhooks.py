from __future__ import annotations

from typing import Any

import pytest

from entrepot.client.calls import Call, Response, webhooks
from entrepot.wire.webhooks import WatchedSubject

ROOT = "/api/settings/webhooks"
HOOK = b'{"id":"65f0","watched":[{"type":"org","name":"acme"}],"domains":["repo"],"disabled":true,"secret":"s3cret"}'
WATCHED = [WatchedSubject("model", "ns/m")]


def read(call: Call[Any], body: bytes) -> Any:
    return call.read(Response(200, {}, body, "http://hub/x"))


@pytest.mark.parametrize(
    ("call", "method", "path", "body"),
    [
        (webhooks.get("65f0"), "GET", f"{ROOT}/65f0", None),
        (
            webhooks.create("http://me/x", WATCHED, domains=["repo"], secret="s"),
            "POST",
            ROOT,
            b'{"url":"http://me/x","watched":[{"type":"model","name":"ns/m"}],"domains":["repo"],"secret":"s"}',
        ),
        (webhooks.change("65f0", url="http://me/y"), "POST", f"{ROOT}/65f0", b'{"url":"http://me/y"}'),
        (webhooks.enable("65f0"), "POST", f"{ROOT}/65f0/enable", None),
        (webhooks.disable("65f0"), "POST", f"{ROOT}/65f0/disable", None),
    ],
)
def test_calls_about_webhooks_are_sent_and_read(call: Call[Any], method: str, path: str, body: bytes | None) -> None:
    assert (call.method, call.path, call.body) == (method, path, body)
    found = read(call, b'{"webhook":%b}' % HOOK)
    assert (found.id, found.disabled, found.watched) == ("65f0", True, [WatchedSubject("org", "acme")])
    assert "s3cret" not in repr(found)


def test_all_of_them_and_none() -> None:
    assert [hook.id for hook in read(webhooks.listing(), b"[%b]" % HOOK)] == ["65f0"]
    assert (webhooks.delete("a/b").method, webhooks.delete("a/b").path) == ("DELETE", f"{ROOT}/a%2Fb")
