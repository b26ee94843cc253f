from __future__ import annotations

import httpx2
import pytest

from entrepot.client.calls import Call, nothing
from entrepot.client.retries import pause_after
from entrepot.errors import EntrepotError, HubUnreachable, TlsFailed


def unsent(error: EntrepotError, cause: Exception) -> EntrepotError:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(("method", "is_sent_again"), [("GET", True), ("POST", False)])
def test_a_call_whose_response_is_lost_is_sent_again_only_if_it_is_repeatable(method: str, is_sent_again: bool) -> None:
    error = unsent(HubUnreachable("http://hub", "gone"), httpx2.ReadError("gone"))
    assert (pause_after(error, Call(method, "/api/x", nothing), 0) is not None) is is_sent_again


def test_a_call_that_was_never_sent_is_sent_again_after_growing_pauses() -> None:
    error = unsent(HubUnreachable("http://hub", "refused"), httpx2.ConnectError("refused"))
    pauses = [pause_after(error, Call("POST", "/api/x", nothing), attempt) or 0.0 for attempt in (0, 2, 9)]
    assert 0.1 < pauses[0] < pauses[1] < pauses[2] <= 10.0


def test_a_certificate_that_is_not_trusted_is_not_tried_again() -> None:
    error = unsent(TlsFailed("http://hub", "untrusted"), httpx2.ConnectError("untrusted"))
    assert pause_after(error, Call("GET", "/api/x", nothing), 0) is None
