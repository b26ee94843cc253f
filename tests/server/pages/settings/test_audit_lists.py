from __future__ import annotations

import pytest
from starlette.requests import Request

from entrepot.hub.audit import AuditFilter, AuditRow
from entrepot.server.pages.settings.audit_lists import SHOWN, audit_values, read_filter


def test_a_filter_is_read_from_the_query() -> None:
    request = Request(
        {"type": "http", "headers": [], "query_string": b"actor=%20alice%20&subject=&action=repo.create&x=1"}
    )
    assert read_filter(request) == AuditFilter("alice", "repo.create", None)


@pytest.mark.parametrize(("count", "more"), [(0, 0), (SHOWN, 0), (SHOWN + 1, 2)])
def test_one_row_more_than_shown_is_another_page(count: int, more: int) -> None:
    rows = [AuditRow(SHOWN + 1 - at, 0, "alice", None, "repo.create", "model a/b", "{}", "") for at in range(count)]
    values = audit_values(rows, AuditFilter(actor="alice"))
    assert values["more"] == more
    assert values["fields"] == [("actor", "alice"), ("action", ""), ("subject", "")]
