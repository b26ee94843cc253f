from __future__ import annotations

import msgspec

from entrepot.wire.webhooks import (
    DeliveryEvent,
    DeliveryInfo,
    WatchedSubject,
    WebhookInfo,
    WebhookRequest,
    WebhookResponse,
)

FACTS = WebhookInfo(
    id="ab", watched=[WatchedSubject("user", "alice")], domains=["repo"], disabled=False, url="https://x"
)


def test_a_secret_that_is_not_there_is_not_written() -> None:
    assert msgspec.json.encode(WebhookResponse(FACTS)) == (
        b'{"webhook":{"id":"ab","watched":[{"type":"user","name":"alice"}],"domains":["repo"],'
        b'"disabled":false,"url":"https://x"}}'
    )


def test_a_question_may_say_nothing() -> None:
    assert msgspec.json.decode(b"{}", type=WebhookRequest) == WebhookRequest()
    assert msgspec.json.decode(b'{"jobSourceId":"1"}', type=WebhookRequest).job_source_id == "1"


def test_a_delivery_that_waits_has_no_status() -> None:
    facts = DeliveryInfo(
        id="a",
        state="pending",
        event=DeliveryEvent("update", "repo"),
        repo=WatchedSubject("model", "a/b"),
        attempts=0,
        created_at="t",
        next_attempt_at="u",
    )
    assert msgspec.json.encode(facts) == (
        b'{"id":"a","state":"pending","event":{"action":"update","scope":"repo"},"repo":{"type":"model","name":"a/b"},'
        b'"attempts":0,"createdAt":"t","nextAttemptAt":"u"}'
    )


def test_a_webhook_never_shows_its_secret() -> None:
    found = msgspec.json.decode(b'{"id":"ab","watched":[],"domains":[],"secret":"s3cret"}', type=WebhookInfo)
    assert (found.secret, found.url, found.disabled) == ("s3cret", msgspec.UNSET, False)
    assert "s3cret" not in repr(found)
